//! What happened inside, for whoever writes logs, counts, or shows it to a person. Nothing depends on
//! anyone reading them: what must be done stands in the other fields of the output.

use serde::{Deserialize, Serialize};

use crate::contradiction::Contradiction;
use crate::ids::{EntryId, Incarnation, Index, NodeId, Term};
use crate::membership::Standing;
use crate::outcome::Bound;

/// One thing worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// This node asks whether it would be elected.
    PreVoteStarted {
        /// The term it would campaign in.
        term: Term,
    },
    /// This node campaigns.
    ElectionStarted {
        /// In this term.
        term: Term,
        /// At the old leader's wish.
        transfer: bool,
    },
    /// This node gives its vote. The candidate hears of it once it is durable.
    VoteGranted {
        /// In this term.
        term: Term,
        /// To this candidate.
        to: NodeId,
    },
    /// This node refused its vote, or a pre-vote.
    VoteRefused {
        /// In this term.
        term: Term,
        /// To this candidate.
        to: NodeId,
        /// For this reason.
        why: VoteRefusal,
    },
    /// This node leads.
    Elected {
        /// In this term.
        term: Term,
        /// By this many votes, its own included.
        votes: usize,
        /// Of this many voters.
        voters: usize,
    },
    /// This node follows a leader it did not follow before.
    Following {
        /// In this term.
        term: Term,
        /// This leader.
        leader: NodeId,
    },
    /// This node led and does not any more.
    SteppedDown {
        /// The term it led.
        term: Term,
        /// Why.
        cause: StepDown,
    },
    /// A membership came into force, or the one before came back because its entry was truncated.
    MembershipInForce {
        /// Where it stands in the log.
        index: Index,
        /// Whether a change of votes is under way.
        joint: bool,
        /// Whether it is the one before, back again.
        rolled_back: bool,
    },
    /// A member's standing has changed and the change is committed.
    StandingChanged {
        /// Who.
        member: NodeId,
        /// What it is now; `None` if it was removed.
        standing: Option<Standing>,
    },
    /// A snapshot became current; the log before it is gone.
    SnapshotCurrent {
        /// Its last entry.
        last: EntryId,
    },
    /// Entries that no quorum held were replaced by another leader's.
    Truncated {
        /// From this index on.
        from: Index,
        /// How many.
        entries: u64,
    },
    /// A peer needs a snapshot.
    SnapshotStarted {
        /// Who.
        peer: NodeId,
        /// The snapshot's last entry.
        last: EntryId,
    },
    /// A bound that refused proposals has room again.
    Resumed(Bound),
    /// A write has been waiting for an election timeout: a leader steps down, nobody campaigns.
    DiskStalled,
    /// The stalled write is done.
    DiskResumed,
    /// A message was dropped: it breaks a rule that holds in any state, or comes from someone whose word
    /// does not count.
    MessageRefused {
        /// From whom.
        from: NodeId,
        /// Which rule.
        why: &'static str,
    },
    /// A member appeared with another incarnation than the one that counts.
    IncarnationRefused {
        /// Who.
        member: NodeId,
        /// What it said.
        incarnation: Incarnation,
    },
    /// This node's log is repaired; it is an ordinary member again.
    Recovered {
        /// Durable up to here.
        index: Index,
    },
    /// A contradiction was met. The node votes, acknowledges and writes no more; queries still work.
    Poisoned(Contradiction),
}

/// Why a vote was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VoteRefusal {
    /// The term asked for is behind.
    OldTerm,
    /// The vote of this term is given.
    AlreadyVoted {
        /// To this one.
        vote: NodeId,
    },
    /// The candidate's log lacks entries that this node holds.
    OldLog {
        /// The candidate's last entry.
        theirs: EntryId,
        /// This node's.
        ours: EntryId,
    },
    /// A leader was heard within the election timeout.
    LeaderAlive {
        /// This leader.
        leader: NodeId,
    },
    /// The logs are equal and this node's priority is higher.
    LowerPriority,
    /// This node's log is damaged, and the candidate's log might lack what it has lost.
    Recovering,
    /// This node restarted within a lease it may have granted.
    LeasePending,
    /// What this node promised is lost; it never votes again.
    PromiseLost,
    /// This node's disk has failed or stalled.
    StorageFault,
}

/// Why leadership ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepDown {
    /// Somebody is in a newer term.
    NewerTerm {
        /// That term.
        term: Term,
        /// Heard from this peer.
        from: NodeId,
    },
    /// No quorum answered for an election timeout.
    QuorumLost {
        /// Voters that answered, this node included.
        answering: usize,
        /// Voters needed.
        needed: usize,
    },
    /// A membership without this node is committed.
    Removed,
    /// This node's disk stalled for an election timeout, or failed.
    StorageFault,
    /// The node is stopping.
    Stopped,
}
