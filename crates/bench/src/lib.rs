//! Load, benchmarks, and the comparison with other systems that anyone can run again.
//!
//! Here will stand the closed-loop load generator behind `kv bench`, the criterion benches of core, log,
//! transport, machine and checker, and the skeleton that shows the ceiling of the machine. Peers are
//! measured from a workspace of their own, `crates/bench/peers`, so that they never enter our lock file.
//!
//! Every benchmark also runs tiny, as a test, so that it cannot rot.
