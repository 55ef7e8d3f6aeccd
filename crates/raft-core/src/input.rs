//! All that can happen to a node, as one enum. Whoever drives a node turns the world into these, in the order
//! in which it happened; nothing else reaches the core.

use crate::ids::{Epoch, Incarnation, Index, NodeId, Token, WriteToken};
use crate::membership::Membership;
use crate::message::Message;
use crate::snapshot::SnapshotId;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input<'a> {
    /// [`Raft::deadline`](crate::Raft::deadline) has passed. Early ticks do nothing.
    Tick,
    /// A peer said something.
    Message {
        /// Who: proven by the connection it came on.
        from: NodeId,
        /// This side's number for that connection.
        epoch: Epoch,
        /// What.
        message: Message,
    },
    /// A connection with a peer is up. Nothing of an earlier one is taken any more.
    PeerUp {
        /// Who.
        peer: NodeId,
        /// This side's number for the connection; it grows with every one.
        epoch: Epoch,
        /// The life of the peer's data directory, as it said when it connected.
        incarnation: Incarnation,
    },
    /// That connection is gone.
    PeerDown {
        /// Who.
        peer: NodeId,
        /// The connection that is gone; of an earlier one it says nothing new.
        epoch: Epoch,
    },
    /// A client wants this command in the log, an empty one too. It is buffered and leaves with the next flush, together with
    /// whatever else came meanwhile.
    Propose {
        /// The caller's name for it.
        token: Token,
        /// The command. It is copied, once.
        payload: &'a [u8],
    },
    /// A client wants to read.
    Read {
        /// The caller's name for it.
        token: Token,
        /// How fresh the answer must be.
        level: ReadLevel,
    },
    /// The leader's driver wants log time to move on although nothing was proposed: an empty entry.
    ProposeEmpty {
        /// The caller's name for it.
        token: Token,
    },
    /// An operator wants other members.
    Change {
        /// The caller's name for it.
        token: Token,
        /// Where the membership stands in the log that the wish was made from. If another has come into
        /// force meanwhile, the change is refused: it would undo what somebody else has just done.
        based_on: Index,
        /// The membership wanted in the end. Not joint: the way there is the core's affair. A member
        /// already known keeps its incarnation where this leaves it open.
        membership: Membership,
    },
    /// An operator wants another leader.
    Transfer {
        /// The caller's name for it.
        token: Token,
        /// Who shall lead.
        to: NodeId,
    },
    /// This unit of `Output::write`, and all before it, are durable.
    Durable(WriteToken),
    /// A write or a sync failed. Final: what the disk kept is unknown, so nothing durable is ever promised
    /// again.
    WriteFailed,
    /// The state machine has applied everything up to here.
    Applied {
        /// The last index applied.
        upto: Index,
        /// How many bytes of `Output::apply` that finishes.
        bytes: u64,
    },
    /// The snapshot asked for by `Apply::TakeSnapshot` at this index is staged and synced; it becomes current by the write that the core
    /// answers with.
    SnapshotReady {
        /// The index of its `SnapshotMeta`.
        index: Index,
        /// Its size.
        bytes: u64,
    },
    /// More of a snapshot under transfer is staged here.
    SnapshotChunk {
        /// Who sends it.
        from: NodeId,
        /// Which snapshot.
        id: SnapshotId,
        /// Where the chunk begins. What is staged never has a hole.
        offset: u64,
        /// Its length.
        len: u64,
    },
    /// A snapshot under transfer is staged here whole and fails its checksum: it has been dropped, and the
    /// transfer begins again.
    SnapshotDamaged {
        /// Who sent it.
        from: NodeId,
        /// Which snapshot.
        id: SnapshotId,
    },
    /// The snapshot asked for at this index could not be taken: the disk is full, say. Asked for again
    /// later.
    SnapshotFailed {
        /// The index of its `SnapshotMeta`.
        index: Index,
    },
    /// The bytes of a transfer could not be sent. A hint: a deadline of the core's finds it out too.
    SnapshotNotSent {
        /// To whom.
        to: NodeId,
    },
    /// The node is stopping. Every token still waiting gets its outcome, and nothing leaves any more.
    Stop,
}

/// How fresh a read must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadLevel {
    /// Linearizable, confirmed by a round of heartbeats, at a leader or through one.
    Linearizable,
    /// Linearizable by the leader's lease where one is configured and running, else as above.
    Lease,
    /// Whatever this node has applied, at once. May be arbitrarily old.
    Stale,
}
