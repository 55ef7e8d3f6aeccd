//! Why somebody was not let in, or was shown the door: one reason each, counted, and told to the other side
//! as far as that is safe.

use raft_core::{ClusterId, Incarnation, NodeId};

/// Why a connection was refused or ended by this side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The certificate is not signed by an authority trusted on this socket.
    UnknownAuthority,
    /// The certificate is not valid yet, or no more.
    Expired,
    /// A client's certificate on the peer socket, or a node's on the client socket.
    WrongPurpose,
    /// The certificate names no cluster, node or role that could be read.
    NoIdentity,
    /// It speaks another version of the protocol, or none.
    Protocol,
    /// Another cluster.
    Cluster {
        /// The one it belongs to.
        found: ClusterId,
    },
    /// Not the node that was dialled, or the hello says another than the certificate.
    Node {
        /// By certificate.
        found: NodeId,
        /// Expected.
        expected: NodeId,
    },
    /// The committed membership has removed it.
    Removed(NodeId),
    /// A second incarnation of a member: its disk was lost, and with it what it promised.
    SecondIncarnation {
        /// Who.
        node: NodeId,
        /// The one that counts.
        known: Incarnation,
    },
    /// A bound of `Limits`.
    Limit(&'static str),
    /// The handshake took too long.
    Slow,
    /// A frame that breaks the format.
    Garbage(&'static str),
    /// This node is stopping.
    Stopping,
}
