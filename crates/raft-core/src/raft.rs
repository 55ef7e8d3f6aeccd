//! One node of a Raft cluster as a value. It is opened from what storage recovered, stepped with what
//! happened, and asked when it wants to be woken.

use std::fmt;

use crate::config::Config;
use crate::contradiction::Contradiction;
use crate::ids::{Index, NodeId, Term, Time};
use crate::input::Input;
use crate::loaded::{Loaded, OpenError};
use crate::log::Log;
use crate::membership::{Membership, Standing};
use crate::output::{Ballot, Output};
use crate::status::{Explanation, Health, RoleName, Status};

/// One node.
///
/// Invariant: `snapshot <= applied <= commit <= last`.
#[derive(Debug)]
pub struct Raft {
    config: Config,
    ballot: Ballot,
    log: Log,
    commit: Index,
    applied: Index,
    suspect_from: Option<Index>,
    promise_lost: bool,
    deadline: Time,
}

/// Why a step was refused. The node is as it was before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepError {
    /// The algorithm behind this contract is not built yet.
    NotBuilt,
    /// The driver reported what cannot be: a write never asked for, an index never handed out, a
    /// connection that goes back. The sentence says which.
    Misuse(&'static str),
    /// A contradiction was met, in this step or an earlier one. The node votes, acknowledges and writes no
    /// more; [`Raft::status`] and [`Raft::explain`] still work.
    Poisoned(Contradiction),
    /// [`Input::Stop`] was taken.
    Stopped,
}

impl Raft {
    /// A follower with the state that was loaded, checked and repaired: the commit index is raised to what
    /// is applied and clamped to the log, and a node whose promises are lost, or older than its own log,
    /// takes no part any more.
    ///
    /// # Errors
    /// Numbers that do not fit, or a state that this program cannot have written.
    pub fn open(config: Config, loaded: Loaded) -> Result<Self, OpenError> {
        config.check()?;
        let log = Log::load(loaded.snapshot, loaded.log)?;
        let (first, last) = (log.snapshot_last(), log.last());
        check_applied(loaded.applied, first.index, last.index)?;
        let ballot = loaded.ballot.unwrap_or_default();
        if ballot.term > Term::MAX || last.term > Term::MAX {
            return Err(OpenError::Loaded(format!(
                "term {} leaves no room for another election",
                ballot.term.max(last.term)
            )));
        }
        // A log entry proves that its term was once in the vote file. A vote file behind it is an old one,
        // and what was promised since is lost as surely as if the file were gone.
        let promise_lost = loaded.ballot.is_none() || last.term > ballot.term;
        Ok(Self {
            ballot: Ballot { term: ballot.term.max(last.term), ..ballot },
            commit: loaded.commit_hint.max(loaded.applied).min(last.index),
            applied: loaded.applied,
            suspect_from: loaded.suspect_from,
            promise_lost,
            // The core has not been told the time yet: the first tick is due at once.
            deadline: Time::default(),
            config,
            log,
        })
    }

    /// Takes one input at time `now`, and appends to `out` what is to be done about it.
    ///
    /// Proposals and reads are gathered: they leave with the next tick, and [`deadline`](Self::deadline) is
    /// already past when some are waiting. So whoever drains all that has happened, and then ticks if the
    /// deadline has passed, sends them as one batch.
    ///
    /// # Errors
    /// Whatever is wrong with the input, or the node; the node is unchanged, or poisoned.
    pub fn step(
        &mut self,
        _now: Time,
        _input: Input<'_>,
        _out: &mut Output,
    ) -> Result<(), StepError> {
        Err(StepError::NotBuilt)
    }

    /// When the next [`Input::Tick`] is due; in the past if something waits to be flushed.
    #[must_use]
    pub fn deadline(&self) -> Time {
        self.deadline
    }

    /// This node at this moment.
    #[must_use]
    pub fn status(&self) -> Status {
        let (membership_index, membership) = self.log.membership();
        Status {
            id: self.config.id,
            term: self.ballot.term,
            role: RoleName::Follower,
            leader: None,
            last: self.log.last(),
            durable: self.log.last().index,
            commit: self.commit,
            applied: self.applied,
            snapshot: self.log.snapshot_last(),
            log_bytes: self.log.bytes(),
            membership: membership.clone(),
            membership_index,
            peers: Vec::new(),
            health: self.health(),
        }
    }

    /// Why there is no leader, why nothing commits, why a transfer waits: in words, for a person.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        Explanation {
            no_leader: Some(self.explain_no_leader()),
            not_committing: self.explain_not_committing(),
            transfer_waits: None,
        }
    }

    fn health(&self) -> Health {
        match (self.promise_lost, self.suspect_from) {
            (true, _) => Health::PromiseLost,
            (false, Some(from)) => Health::Recovering { from },
            (false, None) => Health::Good,
        }
    }

    fn explain_no_leader(&self) -> String {
        let (id, term) = (self.config.id, self.ballot.term);
        let (_, membership) = self.log.membership();
        if self.promise_lost {
            return format!(
                "{id} has lost what it promised in or before term {term}: it takes no part any more; \
                 remove it and add a new member with a new id"
            );
        }
        if let Some(from) = self.suspect_from {
            return format!(
                "{id} does not campaign: its log is suspect from index {from} on, until a leader has \
                 repaired it"
            );
        }
        if membership.is_removed(id) {
            return format!(
                "{id} has been removed from the cluster, and its id is never used again"
            );
        }
        match membership.member(id).map(|member| member.standing) {
            None if membership.members().is_empty() => {
                format!("{id} belongs to no cluster yet: it waits to be added by a leader")
            }
            None => format!("{id} is not a member as far as it knows: it waits to be added"),
            Some(Standing::Learner | Standing::Promotable) => {
                format!("{id} is a learner and does not campaign; it has not heard from a leader")
            }
            Some(_) => self.explain_silence(membership),
        }
    }

    fn explain_silence(&self, membership: &Membership) -> String {
        let halves = if membership.is_joint() {
            format!(
                "{} of the old half and {} of the new",
                majority_of(membership.old_voters()),
                majority_of(membership.new_voters())
            )
        } else {
            majority_of(membership.new_voters())
        };
        format!(
            "{} has started in term {} and has not heard from a leader; to be elected it needs the votes \
             of {halves}",
            self.config.id, self.ballot.term
        )
    }

    fn explain_not_committing(&self) -> Option<String> {
        let last = self.log.last().index;
        (last > self.commit).then(|| {
            format!(
                "entries {} to {last} are in the log of {} and not known to be committed: only a leader \
                 that commits an entry of its own term can tell",
                self.commit.next().unwrap_or(last),
                self.config.id
            )
        })
    }
}

fn check_applied(applied: Index, first: Index, last: Index) -> Result<(), OpenError> {
    if applied < first || applied > last {
        return Err(OpenError::Loaded(format!(
            "the state machine has applied {applied}, and the log goes from {first} to {last}"
        )));
    }
    Ok(())
}

fn majority_of(voters: impl Iterator<Item = NodeId>) -> String {
    let count = voters.count();
    format!("{} of {count} voters", count.div_euclid(2).saturating_add(1))
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBuilt => f.write_str("the algorithm is not built yet"),
            Self::Misuse(sentence) => f.write_str(sentence),
            Self::Poisoned(what) => write!(f, "the node does nothing any more: {what}"),
            Self::Stopped => f.write_str("the node has stopped"),
        }
    }
}

impl std::error::Error for StepError {}
