//! The replicated key-value service as one synchronous value, still without I/O.
//!
//! Here will stand the MVCC machine with etcd's revision semantics, sessions that make a retry apply
//! once, leases that expire by log time, watches that replay, and `Replica`: Raft, machine, sessions and
//! waiting clients behind one call, `handle(now, Event, &mut Effects)`. Production drives it from a tokio
//! loop, simulation from a virtual world; the code is the same.
//!
//! Relies on `raft-core` only. Deliberately absent: async, clocks, randomness, sockets, files, logging.
//! Whatever decides an outcome comes from replicated state, and what happened is in what is returned.

#![cfg_attr(
    not(test),
    deny(
        clippy::disallowed_macros,
        clippy::disallowed_methods,
        clippy::disallowed_types,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
        clippy::wildcard_enum_match_arm,
    )
)]
