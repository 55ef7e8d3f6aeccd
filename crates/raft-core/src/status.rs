//! What a node knows of itself and its peers, for people and metrics. A copy, never newer than the node;
//! nothing decides by it.

use std::fmt;

use crate::contradiction::Contradiction;
use crate::ids::{EntryId, Index, LogTime, NodeId, Term, Time};
use crate::membership::{Membership, Standing};

/// A node at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// This node.
    pub id: NodeId,
    /// Its term.
    pub term: Term,
    /// What it is in that term.
    pub role: RoleName,
    /// Who leads that term, as far as it knows.
    pub leader: Option<NodeId>,
    /// The last entry of its log.
    pub last: EntryId,
    /// Its log is durable up to here.
    pub durable: Index,
    /// Known to be committed up to here.
    pub commit: Index,
    /// Reported as applied up to here.
    pub applied: Index,
    /// The last entry of its current snapshot.
    pub snapshot: EntryId,
    /// Bytes of entries in memory.
    pub log_bytes: u64,
    /// The membership in force.
    pub membership: Membership,
    /// Where that membership stands in the log.
    pub membership_index: Index,
    /// The newest membership that is committed: the one before, while a change is under way.
    pub committed_membership: Membership,
    /// The last entry's log time.
    pub log_time: LogTime,
    /// Proposals that it has taken and that have no outcome yet.
    pub waiting: usize,
    /// How it sees each other member; at a leader only, else empty.
    pub peers: Vec<PeerStatus>,
    /// What keeps it from being an ordinary member.
    pub health: Health,
}

/// What a node is in its term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RoleName {
    /// Follows, or waits to hear from a leader.
    Follower,
    /// Asks whether it would be elected.
    PreCandidate,
    /// Campaigns.
    Candidate,
    /// Leads.
    Leader,
}

/// What keeps a node from being an ordinary member.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Nothing.
    Good,
    /// Its log is suspect from here on, and is being repaired by a leader.
    Recovering {
        /// The first suspect index.
        from: Index,
    },
    /// What it promised is lost: it takes no part any more and must be replaced under a new id.
    PromiseLost,
    /// A write is overdue.
    DiskStalled,
    /// A write has failed.
    DiskFailed,
    /// It met a contradiction.
    Poisoned(Contradiction),
}

/// How a leader sees one peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStatus {
    /// Who.
    pub id: NodeId,
    /// What it may do.
    pub standing: Standing,
    /// Its log is known to agree, and to be durable, up to here.
    pub matched: Index,
    /// The next entry to send.
    pub next: Index,
    /// How it is being served.
    pub state: PeerState,
    /// Bytes streamed and not answered; a single probe is not counted.
    pub inflight_bytes: u64,
    /// When it was last heard.
    pub heard: Option<Time>,
    /// Whether a connection is up.
    pub connected: bool,
}

/// How a leader serves a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerState {
    /// Looking for the point where the logs agree, one append at a time.
    Probe,
    /// Streaming entries.
    Replicate,
    /// Waiting for a snapshot to arrive.
    Snapshot {
        /// The snapshot's last entry.
        last: EntryId,
    },
}

/// Why a node does not make progress, in words. A field is `None` where there is nothing to explain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// Why there is no leader.
    pub no_leader: Option<String>,
    /// Why entries are not being committed.
    pub not_committing: Option<String>,
    /// Why a transfer has not happened yet.
    pub transfer_waits: Option<String>,
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Follower => "follower",
            Self::PreCandidate => "pre-candidate",
            Self::Candidate => "candidate",
            Self::Leader => "leader",
        })
    }
}

/// One sentence a line, or a line that says there is nothing to explain.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sentences: Vec<&str> = [&self.no_leader, &self.not_committing, &self.transfer_waits]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        if sentences.is_empty() {
            return f.write_str("nothing is in the way");
        }
        f.write_str(&sentences.join("\n"))
    }
}
