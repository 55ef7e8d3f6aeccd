//! One peer as the transport sees it: what is waiting to leave, and whether a connection is up.

use raft_core::{Epoch, NodeId};

/// A link to one peer. Keeps dialling until dropped; of an address it is told anew it takes the newest.
///
/// ```text
/// fn send(&self, message: &Message) -> Result<(), SendError>;
///     // Queues it on the stream of its kind. Never waits.
/// fn send_snapshot(&self, install: &InstallSnapshot, bytes: impl Stream<Item = Bytes>) -> Result<(), SendError>;
///     // On a stream of its own, of lowest priority; a later one for the same peer ends it.
/// fn room(&self) -> usize;
///     // Bytes that can be queued for the log stream now.
/// fn redirect(&self, contact: &[u8]);
///     // The peer has moved: identity is its certificate, never its address.
/// fn stats(&self) -> PeerStats;
/// ```
#[derive(Debug)]
pub struct PeerLink {
    _private: (),
}

/// Why a message was not queued. The core expects messages to be lost: none of these is retried by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// No connection is up.
    Down(NodeId),
    /// The queue is full. Votes, heartbeats and acks have a queue of their own.
    Full(NodeId),
    /// The message was made for a connection that has been replaced.
    OldEpoch {
        /// The present one.
        present: Epoch,
    },
}
