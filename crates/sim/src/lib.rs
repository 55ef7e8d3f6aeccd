//! The whole store in a deterministic world that one number replays, bit for bit.
//!
//! Here will stand the virtual network, disk and clock, the fault plan as data, the omniscient observer of
//! the safety invariants, the liveness phase, replay and shrinking, and the runner of the mutants. A node in
//! the world is the production `Replica` over the production `Wal`; breaking a line of either is visible here.
//!
//! Relies on `raft-core`, `raft-storage`, `kv-core` and `checker` without features. Deliberately absent:
//! tokio, quinn and rustls (the tidy test looks), and any Raft, log, codec or session code of its own.
