//! Everything that comes in, as one enum: what a node's event loop takes from the transport.

use bytes::Bytes;
use raft_core::{Epoch, Incarnation, Message, NodeId, SnapshotId};

/// One thing that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A connection with a peer is up; nothing of an earlier one follows.
    PeerUp {
        /// Who, by certificate.
        peer: NodeId,
        /// This side's number for the connection.
        epoch: Epoch,
        /// The life of its data directory, by hello.
        incarnation: Incarnation,
    },
    /// That connection is gone, with whatever had not arrived.
    PeerDown {
        /// Who.
        peer: NodeId,
        /// The connection that is gone.
        epoch: Epoch,
    },
    /// A peer said something. On one stream in order; between streams in any.
    Message {
        /// Who, by certificate.
        from: NodeId,
        /// The connection it came on.
        epoch: Epoch,
        /// What, decoded and checked.
        message: Message,
    },
    /// Bytes of a snapshot, behind the message that announced it.
    SnapshotChunk {
        /// Who, by certificate.
        from: NodeId,
        /// The connection it came on.
        epoch: Epoch,
        /// Which snapshot.
        id: SnapshotId,
        /// Where the bytes begin.
        offset: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// A client has connected.
    ClientUp {
        /// This node's number for the connection.
        client: ClientId,
        /// Who it is and what it may do, by certificate.
        principal: Principal,
    },
    /// A client is gone; what it waited for is nobody's any more.
    ClientDown {
        /// Which.
        client: ClientId,
    },
    /// A client asks for something. Reading stops, and with it the client, while the node is over its bounds.
    Request {
        /// Which client.
        client: ClientId,
        /// The stream to answer on.
        stream: StreamId,
        /// The client's number for the request.
        request: RequestId,
        /// What it asks; the service decodes it.
        payload: Bytes,
    },
    /// A client has given a stream up: a watch or transfer ends.
    StreamGone {
        /// Which client.
        client: ClientId,
        /// Which stream.
        stream: StreamId,
    },
}

/// A connection with a client, by this node's count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientId(pub u64);

/// A stream of a client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId(pub u64);

/// A client's number for a request; answers carry it, in any order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RequestId(pub u64);

/// Who a client is and what it may do, as its certificate says. Whether that allows a request is decided by
/// the service, in one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Its name, for logs.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The prefixes it may do it under; none: everywhere.
    pub prefixes: Vec<Bytes>,
}

/// What a client may do, each including the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Read and watch.
    Read,
    /// Write.
    Write,
    /// Change members, move leadership, take and restore snapshots.
    Admin,
}
