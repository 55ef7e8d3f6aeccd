//! What becomes of a token: every proposal, read, change and transfer that the core takes is answered
//! exactly once, as done, as refused for a reason, or as unknown.

use std::fmt;

use crate::ids::{EntryId, Index, NodeId, Term, Token};

/// The one answer to a token of a proposal, change or transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The caller's name for what was asked.
    pub token: Token,
    /// What became of it.
    pub end: End,
}

/// How a proposal, change or transfer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Done: committed as this entry. For a change, the entry is the one after which nothing is joint.
    Committed(EntryId),
    /// Done: this one leads.
    Transferred {
        /// The new leader.
        to: NodeId,
        /// Its term.
        term: Term,
    },
    /// It has no effect, now or later, and this is why.
    Refused(Refused),
    /// It may take effect later, or never: nobody here will learn which.
    Unknown(Unknown),
}

/// The one answer to a token of a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOutcome {
    /// The caller's name for the read.
    pub token: Token,
    /// Once the state machine has applied this far, its state answers the read; or why there is no answer.
    pub index: Result<Index, Refused>,
}

/// Why something was refused. It has no effect, now or later, so trying again is safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// This node does not lead.
    NotLeader {
        /// Who does, as far as it knows.
        leader: Option<NodeId>,
    },
    /// This node leads, and is handing over.
    Transferring {
        /// To whom.
        to: NodeId,
    },
    /// A bound is reached; an event says when it is worth trying again.
    Busy(Bound),
    /// Larger than an entry may be.
    TooLarge {
        /// Its size as an entry.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// The leader has not committed an entry of its own term yet.
    NotYetCommitted,
    /// Another change of members is under way.
    ChangeUnderWay {
        /// Where it stands in the log.
        index: Index,
    },
    /// Another membership has come into force since the wish was made.
    ChangedMeanwhile {
        /// Where it stands in the log.
        index: Index,
    },
    /// The membership wanted cannot be reached from the present one; the sentence says which rule it
    /// breaks, with the arithmetic.
    BadChange(String),
    /// The change would leave too few members that can be heard.
    LosesQuorum {
        /// Voters of the new membership that answer.
        answering: usize,
        /// Voters needed.
        needed: usize,
    },
    /// No such voter, so leadership cannot go there.
    NotVoter(NodeId),
    /// The transfer was given up before its target was told, so it will not happen.
    TransferEnded(TransferEnd),
    /// At its position another leader's entry is committed.
    Overwritten {
        /// That entry.
        by: EntryId,
    },
    /// This node could not confirm in time that it still leads.
    Unconfirmed,
    /// This node's disk has failed or stalled.
    StorageFault,
    /// This node's memory of its log or its votes is damaged; it is being repaired or must be replaced.
    Recovering,
    /// This node is stopping.
    Stopped,
    /// A contradiction was met; the node does nothing any more.
    Poisoned,
}

/// Why an outcome is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// This node no longer leads; the entry is in its log and may be in others.
    SteppedDown {
        /// The term it led.
        term: Term,
    },
    /// A snapshot covers the position, so whose entry stood there cannot be seen any more.
    Covered {
        /// The last entry of the snapshot.
        by: EntryId,
    },
    /// The target of a transfer was told to campaign, and has not taken over in time. It still may.
    TransferLate {
        /// The target.
        to: NodeId,
    },
    /// The node stopped with the entry in its log.
    Stopped,
    /// The disk failed with the entry on its way there.
    StorageFault,
    /// A contradiction was met.
    Poisoned,
}

/// A bound that proposals run against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// `uncommitted_bytes_max`: too much is waiting for a quorum.
    Uncommitted,
    /// `apply_bytes_max`: the state machine is behind.
    Apply,
    /// `log_bytes_max`: entries in memory, until a snapshot frees them.
    Log,
    /// Followers say that they cannot keep up.
    Followers,
    /// Reads waiting for their round.
    Reads,
}

/// Why a transfer was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferEnd {
    /// The target did not take over within an election timeout.
    TimedOut,
    /// Another target was asked for.
    Replaced,
    /// It was called back.
    CalledBack,
    /// The target is no longer a voter.
    TargetLeft,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLeader { leader: Some(leader) } => {
                write!(f, "this node does not lead; {leader} does")
            }
            Self::NotLeader { leader: None } => {
                f.write_str("this node does not lead, and knows of no leader")
            }
            Self::Transferring { to } => write!(f, "leadership is being handed to {to}"),
            Self::Busy(bound) => write!(f, "busy: {bound}"),
            Self::TooLarge { bytes, max } => {
                write!(f, "an entry of {bytes} bytes is above the limit of {max}")
            }
            Self::NotYetCommitted => {
                f.write_str("the leader has not committed an entry of its own term yet")
            }
            Self::ChangeUnderWay { index } => {
                write!(f, "the change of members at index {index} is not finished")
            }
            Self::ChangedMeanwhile { index } => write!(
                f,
                "another membership has come into force at index {index}; look at it and ask again"
            ),
            Self::BadChange(sentence) => f.write_str(sentence),
            Self::LosesQuorum { answering, needed } => write!(
                f,
                "of the new voters {answering} answer and {needed} are needed: the change would lose \
                 the quorum"
            ),
            Self::NotVoter(id) => write!(f, "{id} is not a voter"),
            Self::TransferEnded(end) => write!(f, "the transfer was given up: {end}"),
            Self::Overwritten { by } => write!(f, "another leader's entry {by} is committed there"),
            Self::Unconfirmed => f.write_str("no quorum confirmed in time that this node leads"),
            Self::StorageFault => f.write_str("this node's disk has failed or stalled"),
            Self::Recovering => {
                f.write_str("this node's log or vote is damaged and not repaired yet")
            }
            Self::Stopped => f.write_str("this node is stopping"),
            Self::Poisoned => {
                f.write_str("this node met a contradiction and does nothing any more")
            }
        }
    }
}

impl std::error::Error for Refused {}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SteppedDown { term } => {
                write!(f, "leadership of term {term} was lost before the entry was committed")
            }
            Self::Covered { by } => write!(f, "a snapshot up to {by} covers the position"),
            Self::TransferLate { to } => {
                write!(f, "{to} was told to campaign and has not taken over; it still may")
            }
            Self::Stopped => f.write_str("the node stopped before the entry was committed"),
            Self::StorageFault => f.write_str("the disk failed before the entry was committed"),
            Self::Poisoned => {
                f.write_str("the node met a contradiction before the entry was committed")
            }
        }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uncommitted => "too many bytes wait for a quorum",
            Self::Apply => "the state machine is behind",
            Self::Log => "the log in memory is full until a snapshot is taken",
            Self::Followers => "followers cannot keep up",
            Self::Reads => "too many reads wait for their round",
        })
    }
}

impl fmt::Display for TransferEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "the target did not take over within an election timeout",
            Self::Replaced => "another target was asked for",
            Self::CalledBack => "it was called back",
            Self::TargetLeft => "the target is no longer a voter",
        })
    }
}
