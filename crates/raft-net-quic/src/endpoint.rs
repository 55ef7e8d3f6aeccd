//! A node's two sockets: one for peers and one for clients, each with its own authority, limits and buffers,
//! so that what happens on one cannot starve the other.

use std::net::SocketAddr;
use std::path::PathBuf;

use raft_core::{ClusterId, Incarnation, NodeId};

/// Both sockets of a node, and everything that comes in on them.
///
/// ```text
/// fn bind(config: EndpointConfig) -> Result<(Endpoint, Receiver<Incoming>), BindError>;
///     // Reads keys and certificates; refuses key files that others may read. Must be called on a runtime.
/// fn peer(&self, id: NodeId, contact: &[u8]) -> PeerLink;
///     // A link that dials, and dials again with jitter, until it is dropped. Of two connections dialled at
///     // once the one from the lower id stays once both are up.
/// fn forget(&self, removed: &Membership);
///     // From now on refuses what the committed membership has removed.
/// fn reload(&self) -> Result<(), TlsError>;
///     // New certificates and authorities for new handshakes; connections that are up stay up.
/// fn stats(&self) -> Stats;
/// async fn close(self);
///     // Tells everyone to go elsewhere, and waits until that has left.
/// ```
#[derive(Debug)]
pub struct Endpoint {
    _private: (),
}

/// Everything an endpoint is made from.
///
/// ```text
/// fn check(&self) -> Result<(), ConfigError>;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointConfig {
    /// The cluster that peers must belong to.
    pub cluster: ClusterId,
    /// This node; its certificate must say the same.
    pub node: NodeId,
    /// This life of its data directory, told to peers in the hello.
    pub incarnation: Incarnation,
    /// Where peers connect.
    pub peer_address: SocketAddr,
    /// Where clients connect.
    pub client_address: SocketAddr,
    /// Keys, certificates and authorities.
    pub tls: TlsFiles,
    /// How much of everything.
    pub limits: Limits,
}

/// Where keys, certificates and authorities lie. Watched, so that they may be replaced while running. Key
/// files must be readable by their owner only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// This node's certificate, signed by the node authority, with what leads up to it.
    pub node_certificate: PathBuf,
    /// Its key.
    pub node_key: PathBuf,
    /// The authorities that sign nodes; two generations while one replaces the other.
    pub node_authorities: PathBuf,
    /// The authorities that sign clients; trusted on the client socket only.
    pub client_authorities: PathBuf,
}

/// Bounds. Above one, the newcomer is refused and counted; nobody already served is dropped for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Handshakes under way, per socket. From half of it on, addresses must prove that they are theirs.
    pub handshakes_max: usize,
    /// How long a handshake may take.
    pub handshake_timeout_ms: u64,
    /// Connections of clients, all together.
    pub client_connections_max: usize,
    /// Connections of one client identity.
    pub connections_per_client_max: usize,
    /// Connections from one address.
    pub connections_per_address_max: usize,
    /// Streams of one client at once.
    pub client_streams_max: u32,
    /// Bytes received from one client connection and not taken yet.
    pub client_window_bytes: u32,
    /// Bytes received from a peer and not taken yet.
    pub peer_window_bytes: u32,
    /// Messages waiting to leave for one peer; above it the oldest that may be lost are dropped.
    pub peer_queue_messages_max: usize,
    /// Bytes waiting to leave for one peer.
    pub peer_queue_bytes_max: usize,
}
