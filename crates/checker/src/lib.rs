//! Judges what clients saw: histories, models, and a linearizability verdict that explains itself.
//!
//! A history comes from [`read`] or [`recorder`]; [`check::check`] holds it against a model of
//! [`models`], and [`check::check_model`] against one of your own. Four tiers look for a verdict, the
//! fastest first: the server's own order as a guess, zones of unique values (`zones`), the frontier of
//! a register (`frontier`), a search for any model (`search`). None is believed: [`trusted`] replays
//! every order, and proves again what is small enough.
//!
//! Relies on no crate of ours, so that a judge never shares a bug with the accused. An operation whose
//! outcome is unknown stays open to the end of the history: it may have happened at any moment, or
//! never.

mod append;
pub mod check;
pub mod expect;
pub mod explain;
mod frontier;
pub mod generator;
pub mod guarantees;
mod hash;
pub mod history;
pub mod judge;
pub mod limits;
mod misses;
pub mod model;
pub mod models;
mod object;
pub mod page;
pub mod read;
pub mod recorder;
mod register;
mod search;
mod shrink;
mod trail;
pub mod trusted;
pub mod value;
pub mod witness;
mod zones;
