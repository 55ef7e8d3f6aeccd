//! A running node and its client: what turns the synchronous `Replica` of `kv-core` into a server.
//!
//! Here will stand the event loop (one current-thread runtime, one thread for the log), the server that
//! turns client streams into events and effects into answers, the client library with sessions and
//! retries, configuration, metrics and health. Async is for waiting, not for deciding: every decision is
//! taken by `kv-core` and `raft-core`; this crate carries events in and effects out.
//!
//! Relies on `kv-core`, `raft-core`, `raft-storage` and `raft-net-quic`. Deliberately absent: any rule of
//! the protocol or of the key-value model.
