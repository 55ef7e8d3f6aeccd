//! What a node is in its term, each role with only the state that it needs: a follower has no votes to
//! forget, and a candidate no leader to believe in.
//!
//! ```text
//!                     pre-votes of a majority        votes of a majority
//!   Follower ──► PreCandidate ──────────► Candidate ──────────► Leader
//!      ▲   timeout     │                      │                    │
//!      └───────────────┴──────────────────────┴────────────────────┘
//!        a newer term, a leader of this term, a majority that refuses or is gone
//! ```

use std::collections::BTreeMap;

use crate::entries::EntriesBuf;
use crate::event::VoteRefusal;
use crate::ids::{Epoch, Index, LogTime, NodeId, Round, Time};
use crate::progress::Progress;

/// A node's role and its state.
#[derive(Clone, Debug)]
pub(crate) enum Role {
    Follower(Follower),
    PreCandidate(PreCandidate),
    Candidate(Candidate),
    Leader(Box<Leader>),
}

/// Follows, or waits to hear from a leader.
#[derive(Clone, Debug)]
pub(crate) struct Follower {
    /// Whom it follows in this term.
    pub(crate) leader: Option<Following>,
    /// When it asks for a pre-vote.
    pub(crate) deadline: Time,
}

/// A leader as its follower sees it.
#[derive(Clone, Debug)]
pub(crate) struct Following {
    pub(crate) id: NodeId,
    /// The leader's number for its connection with this node, as its appends carry it.
    pub(crate) epoch: Epoch,
    /// When it was last heard.
    pub(crate) heard: Time,
    /// Its appends on this connection have matched up to here.
    pub(crate) matched: Index,
    /// It has said that this much is committed. Remembered, because it may be more than is here yet.
    pub(crate) commit: Index,
    /// An append waits for its answer.
    pub(crate) owed: bool,
    /// The last answer.
    pub(crate) acked: Index,
    /// What a recovering member must hold durably to be an ordinary one: the first commit index that an append
    /// on this connection carried, if it proves to be of the leader's own term. By then the leader had committed
    /// everything that this node can have acknowledged before it restarted.
    pub(crate) repair_goal: Option<Index>,
}

/// Asks whether it would be elected. Believes in no leader.
#[derive(Clone, Debug)]
pub(crate) struct PreCandidate {
    pub(crate) round: Round,
    pub(crate) votes: Votes,
    pub(crate) deadline: Time,
}

/// Campaigns in its term.
#[derive(Clone, Debug)]
pub(crate) struct Candidate {
    pub(crate) votes: Votes,
    pub(crate) deadline: Time,
    /// The old leader asked for this election.
    pub(crate) transfer: bool,
}

/// Who has answered, and why not if not. An answer is never changed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Votes(BTreeMap<NodeId, Option<VoteRefusal>>);

/// Leads its term.
#[derive(Clone, Debug)]
pub(crate) struct Leader {
    /// Every other member, in order of id.
    pub(crate) peers: Vec<Progress>,
    /// The first entry of this term: nothing is committed by counting before it is.
    pub(crate) own_term_start: Index,
    /// Proposals taken and not yet in the log. They get there together, at the next flush.
    pub(crate) open: EntriesBuf,
    /// When they do: at once, once there are any.
    pub(crate) flush_at: Option<Time>,
    pub(crate) heartbeat_at: Time,
    pub(crate) round: Round,
    /// When a commit that no append has carried is told on its own.
    pub(crate) notice_at: Option<Time>,
    pub(crate) clock: LogClock,
}

/// The log's time, as a leader goes on with it: the last entry's, and what its own clock has measured since.
#[derive(Clone, Debug)]
pub(crate) struct LogClock {
    time: LogTime,
    at: Time,
}

impl Votes {
    /// Takes an answer, the first of each.
    pub(crate) fn count(&mut self, from: NodeId, refusal: Option<VoteRefusal>) {
        self.0.entry(from).or_insert(refusal);
    }

    pub(crate) fn granted(&self, id: NodeId) -> bool {
        self.0.get(&id) == Some(&None)
    }

    pub(crate) fn refused(&self, id: NodeId) -> bool {
        matches!(self.0.get(&id), Some(Some(_)))
    }

    /// Who refused, and why.
    pub(crate) fn refusals(&self) -> impl Iterator<Item = (NodeId, VoteRefusal)> {
        self.0.iter().filter_map(|(id, refusal)| Some((*id, (*refusal)?)))
    }
}

impl Leader {
    pub(crate) fn peer(&self, id: NodeId) -> Option<&Progress> {
        let at = self.peers.binary_search_by_key(&id, |peer| peer.id).ok()?;
        self.peers.get(at)
    }

    pub(crate) fn peer_mut(&mut self, id: NodeId) -> Option<&mut Progress> {
        let at = self.peers.binary_search_by_key(&id, |peer| peer.id).ok()?;
        self.peers.get_mut(at)
    }
}

impl LogClock {
    pub(crate) fn new(time: LogTime, at: Time) -> Self {
        Self { time, at }
    }

    /// Log time now, without taking it.
    pub(crate) fn read(&self, now: Time) -> LogTime {
        LogTime(self.time.0.saturating_add(self.elapsed_ms(now)))
    }

    /// Log time now. Whole milliseconds are taken off the clock, so that none are lost between two entries.
    pub(crate) fn stamp(&mut self, now: Time) -> LogTime {
        let ms = self.elapsed_ms(now);
        self.time = LogTime(self.time.0.saturating_add(ms));
        self.at = self.at.plus_ms(ms);
        self.time
    }

    fn elapsed_ms(&self, now: Time) -> u64 {
        now.0.saturating_sub(self.at.0).div_euclid(1_000)
    }
}
