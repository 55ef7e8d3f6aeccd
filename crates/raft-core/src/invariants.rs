//! What must hold of a node after each step, alone and compared with before the step. The cheap part runs in
//! production too; [`Raft::check`] looks at everything, for tests and simulation.

use crate::contradiction::Contradiction;
use crate::ids::{Index, NodeId, Term, WriteToken};
use crate::raft::Raft;
use crate::role::Role;

/// What of a node may only move in one direction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks {
    term: Term,
    vote: Option<NodeId>,
    commit: Index,
    applied: Index,
    handed_out: Index,
    returned: WriteToken,
    /// The end of the log, if the node leads.
    led_last: Option<Index>,
}

impl Marks {
    pub(crate) fn of(raft: &Raft) -> Self {
        Self {
            term: raft.ballot.term,
            vote: raft.ballot.vote,
            commit: raft.commit,
            applied: raft.applied,
            handed_out: raft.handed_out,
            returned: raft.durability.returned(),
            led_last: matches!(raft.role, Role::Leader(_)).then(|| raft.log.last().index),
        }
    }
}

impl Raft {
    /// What every step holds to, in a few comparisons.
    pub(crate) fn check_step(&self, before: &Marks) -> Result<(), Contradiction> {
        let now = Marks::of(self);
        holds(now.term >= before.term, "the term has gone back")?;
        let keeps_vote = now.term > before.term || before.vote.is_none() || now.vote == before.vote;
        holds(keeps_vote, "a vote has changed within its term")?;
        holds(now.commit >= before.commit, "the commit index has gone back")?;
        holds(now.applied >= before.applied, "the applied index has gone back")?;
        holds(now.handed_out >= before.handed_out, "an entry would be applied twice")?;
        holds(now.returned >= before.returned, "a write has become undone")?;
        if now.term == before.term
            && let (Some(was), Some(is)) = (before.led_last, now.led_last)
        {
            holds(is >= was, "a leader has cut its own log")?;
        }
        self.check_order()
    }

    fn check_order(&self) -> Result<(), Contradiction> {
        let (first, last) = (self.log.snapshot_last().index, self.log.last());
        holds(first <= self.applied, "the state machine is behind the snapshot")?;
        holds(self.applied <= self.handed_out, "more is applied than was handed out")?;
        holds(self.handed_out <= self.commit, "more is handed out than is committed")?;
        holds(self.commit <= last.index, "more is committed than the log holds")?;
        holds(self.durability.durable() <= last.index, "more is durable than the log holds")?;
        holds(last.term <= self.ballot.term, "the log holds an entry of a term not seen yet")?;
        if matches!(self.role, Role::Leader(_) | Role::Candidate(_)) {
            let is_own = self.ballot.vote == Some(self.config.id);
            holds(is_own, "a node campaigns or leads without its own vote")?;
        }
        if let Role::Leader(leader) = &self.role {
            holds(
                self.durability.is_ballot_durable(),
                "a node leads on a vote that is not durable",
            )?;
            holds(leader.own_term_start <= last.index, "a leader has no entry of its own term")?;
        }
        Ok(())
    }

    /// Everything that must hold of a node, looked at in full.
    ///
    /// # Errors
    /// The first thing that does not hold.
    pub fn check(&self) -> Result<(), Contradiction> {
        self.check_order()?;
        self.log.check()?;
        let last = self.log.last().index;
        self.durability.check(last).map_err(Contradiction::new)?;
        if let Role::Leader(leader) = &self.role {
            for peer in &leader.peers {
                peer.check(last).map_err(Contradiction::new)?;
            }
            let is_ordered = leader.peers.is_sorted_by(|a, b| a.id < b.id);
            holds(is_ordered, "a leader's peers are out of order")?;
        }
        Ok(())
    }
}

fn holds(condition: bool, otherwise: &'static str) -> Result<(), Contradiction> {
    if condition { Ok(()) } else { Err(Contradiction::new(otherwise)) }
}
