//! Plain counters; whoever renders metrics reads them. No registry, no names.

use std::collections::BTreeMap;

use raft_core::NodeId;

/// Both sockets of a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Each peer a link exists for.
    pub peers: BTreeMap<NodeId, PeerStats>,
    /// Clients connected now.
    pub clients: u64,
    /// Connections refused or ended, by reason.
    pub refusals: BTreeMap<&'static str, u64>,
    /// Changes of a client's address that its connection survived.
    pub migrations: u64,
    /// Days until the first of this node's certificates and authorities expires.
    pub days_to_expiry: Option<i64>,
}

/// One peer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerStats {
    /// Whether a connection is up.
    pub connected: bool,
    /// Connections so far.
    pub connections: u64,
    /// Bytes sent and received.
    pub bytes: (u64, u64),
    /// Frames sent and received.
    pub frames: (u64, u64),
    /// Messages dropped because the queue was full or no connection was up.
    pub dropped: u64,
    /// Packets lost on the way, as QUIC sees it.
    pub packets_lost: u64,
    /// Smoothed round trip in microseconds.
    pub rtt_us: Option<u64>,
}
