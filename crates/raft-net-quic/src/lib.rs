//! Peers and clients over QUIC, mutually authenticated always.
//!
//! **What it promises.** Whoever speaks has proven who they are: a peer by a certificate of the node
//! authority that names cluster and node, a client by one of the client authority that names its rights.
//! There is no plaintext, no resumption, no early data. A full queue drops or refuses, as the core expects;
//! it never blocks the core, and a flood on the client port does not touch the peer port.
//!
//! **Streams by purpose.** Between two nodes one connection: an ordered stream for log entries; one of
//! higher priority for votes, heartbeats and acks, so that entries never hold them up; and one
//! unidirectional stream per snapshot, of lowest priority. A client has one long-lived stream with request
//! ids, and a stream for each watch or large transfer.
//!
//! Relies on `raft-core` for messages and their bytes. Deliberately absent: any decision about who is a
//! member. An id not heard of yet is accepted, because whose votes and acks count is the core's affair; a
//! node that had been cut off while others were replaced must accept a leader it has never heard of.
//!
//! What stands here now is the contract that the other parts build on. Where a type will have methods, their
//! signatures stand in its comment.

mod endpoint;
mod frame;
mod incoming;
mod peer;
mod refusal;
mod stats;

pub use endpoint::{Endpoint, EndpointConfig, Limits, TlsFiles};
pub use frame::{CLIENT_ALPN, FrameHeader, FrameKind, Hello, PEER_ALPN};
pub use incoming::{ClientId, Incoming, Principal, RequestId, Role, StreamId};
pub use peer::{PeerLink, SendError};
pub use refusal::Refusal;
pub use stats::{PeerStats, Stats};
