//! How bytes on a stream fall into frames: a length, a kind, a version, and what the kind says. The length is
//! held against the kind's limit before any memory is taken.
//!
//! ```text
//!   0          4      5         7
//!   ├──────────┼──────┼─────────┼─────────┤
//!   │ length   │ kind │ version │ payload │
//!   │ u32      │ u8   │ u16     │         │        length counts kind, version and payload
//!   └──────────┴──────┴─────────┴─────────┘
//! ```

use raft_core::{ClusterId, Incarnation, NodeId};

/// Between nodes. The number is the protocol's version: a node that speaks another one is refused in the
/// handshake, with a reason.
pub const PEER_ALPN: &[u8] = b"quorate-peer/1";
/// Between client and node.
pub const CLIENT_ALPN: &[u8] = b"quorate-client/1";

/// The first seven bytes of a frame.
///
/// ```text
/// fn decode(bytes: &[u8; 7]) -> Result<FrameHeader, FrameError>;   // refuses what is above its kind's limit
/// fn encode(&self) -> [u8; 7];
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Bytes that follow the length.
    pub length: u32,
    /// What the payload is.
    pub kind: FrameKind,
    /// The version of the payload.
    pub version: u16,
}

/// What a frame's payload is.
///
/// ```text
/// fn bytes_max(self) -> usize;   // raft_core::frame_bytes_max for the core's kinds
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// 1 to 63: a message of the core, which encodes kind and version itself.
    Raft(u8),
    /// 64: who I am, first thing in both directions between peers.
    Hello,
    /// 65: bytes of a snapshot.
    SnapshotChunk,
    /// 128: a client's request, with its id.
    Request,
    /// 129: the answer to it.
    Response,
    /// 130: one of many answers on a stream of its own, as a watch or a range gives.
    Item,
}

/// Who a peer says it is, beyond what its certificate proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Must equal the certificate's.
    pub cluster: ClusterId,
    /// Must equal the certificate's.
    pub node: NodeId,
    /// Must be the one the membership knows, if it knows one.
    pub incarnation: Incarnation,
}
