//! The `kv` command as scripts and people meet it: the real binary, its arguments, its two output
//! streams and its exit code.

mod check;
mod contract;
mod data_directory;
mod expect;
mod explain;
mod help;
mod json;
mod not_built;
mod support;
mod usage;
