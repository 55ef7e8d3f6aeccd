//! One node of a Raft cluster as a value: its state, the way in for every input, and the commit index. What
//! it does in each role stands in the files of the roles.

use std::collections::BTreeMap;
use std::fmt;

use crate::config::Config;
use crate::contradiction::Contradiction;
use crate::durability::Durability;
use crate::entries::Payload;
use crate::event::Event;
use crate::ids::{Index, NodeId, Round, Term, Time, Token, WriteToken};
use crate::input::{Input, ReadLevel};
use crate::invariants::Marks;
use crate::links::Link;
use crate::log::Log;
use crate::membership::Membership;
use crate::message::{Kind, Message};
use crate::outcome::{ReadOutcome, Refused, Unknown};
use crate::output::{Apply, Ballot, Envelope, Output};
use crate::pressure::Pressure;
use crate::rng::Rng;
use crate::role::{Follower, Role};
use crate::trace::Action;
use crate::waiting::Waiting;

/// One node.
///
/// Invariant: `snapshot <= applied <= handed_out <= commit <= last`.
#[derive(Clone, Debug)]
pub struct Raft {
    pub(crate) config: Config,
    /// The latest time that was told; it never goes back.
    pub(crate) now: Time,
    pub(crate) ballot: Ballot,
    pub(crate) log: Log,
    pub(crate) durability: Durability,
    pub(crate) role: Role,
    pub(crate) links: BTreeMap<NodeId, Link>,
    pub(crate) commit: Index,
    /// Given to the state machine.
    pub(crate) handed_out: Index,
    /// Reported back by the state machine.
    pub(crate) applied: Index,
    pub(crate) apply_bytes: u64,
    pub(crate) waiting: Waiting,
    pub(crate) pressure: Pressure,
    pub(crate) rng: Rng,
    pub(crate) round: Round,
    /// This node has asked for a pre-vote since it last heard a leader, so its priority has had its chance.
    pub(crate) has_tried: bool,
    pub(crate) health: Recovery,
    pub(crate) disk_stalled: bool,
    pub(crate) is_started: bool,
    pub(crate) is_stopped: bool,
    pub(crate) poison: Option<Contradiction>,
}

/// What keeps a node from counting, since it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Recovery {
    /// Nothing.
    Done,
    /// Its log was suspect. Whatever it has lost is of terms up to that of its vote file then.
    Underway { vote_term: Term },
    /// What it promised is lost: it never counts again.
    PromiseLost,
}

/// Why a step was refused. The node is as it was before, but for the time it was told; or it is poisoned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StepError {
    /// This input needs a part of the algorithm that is not built yet.
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

impl From<Contradiction> for StepError {
    fn from(what: Contradiction) -> Self {
        Self::Poisoned(what)
    }
}

impl Raft {
    /// Takes one input at time `now`, and appends to `out` what is to be done about it.
    ///
    /// Proposals are gathered: they leave with the next tick, and [`deadline`](Self::deadline) is already
    /// past when some are waiting. So whoever drains all that has happened, and then ticks if the deadline
    /// has passed, sends them as one batch. A time before one that was told earlier counts as that one.
    ///
    /// What is in `out` counts also when an error is returned: a node that is poisoned still answers whoever
    /// waits.
    ///
    /// # Errors
    /// Whatever is wrong with the input, or the node; the node is unchanged, or poisoned.
    pub fn step(&mut self, now: Time, input: Input<'_>, out: &mut Output) -> Result<(), StepError> {
        if let Some(what) = &self.poison {
            return Err(StepError::Poisoned(what.clone()));
        }
        if self.is_stopped {
            return Err(StepError::Stopped);
        }
        self.begin(now, out);
        let (before, mark) = (Marks::of(self), out.mark());
        let result = self
            .take(input, out)
            .and_then(|()| Ok(self.finish(out)?))
            .and_then(|()| Ok(self.check_step(&before)?));
        if let Err(StepError::Poisoned(what)) = &result {
            // Nothing of this step may be said or written: it rests on something that is not so.
            out.rewind(mark);
            self.poison(what.clone(), out);
        }
        result
    }

    fn begin(&mut self, now: Time, out: &mut Output) {
        self.now = self.now.max(now);
        if !self.is_started {
            self.is_started = true;
            let deadline = self.draw_deadline();
            self.role = Role::Follower(Follower { leader: None, deadline });
            // Before anything is appended, or a second crash would hide what is missing.
            if let Recovery::Underway { vote_term } = self.health {
                self.ballot.recovering = Some(vote_term);
                self.durability.stage_ballot(self.ballot);
            }
            self.trace(Action::Restart, None, out);
        }
    }

    fn take(&mut self, input: Input<'_>, out: &mut Output) -> Result<(), StepError> {
        match input {
            Input::Tick => Ok(self.tick(out)?),
            Input::Message { from, epoch, message } => Ok(self.receive(from, epoch, message, out)?),
            Input::PeerUp { peer, epoch, incarnation } => {
                self.peer_up(peer, epoch, incarnation, out)
            }
            Input::PeerDown { peer, epoch } => {
                self.peer_down(peer, epoch);
                Ok(())
            }
            Input::Propose { token, payload } => {
                Ok(self.propose(token, Payload::Command(payload), out)?)
            }
            Input::ProposeEmpty { token } => Ok(self.propose(token, Payload::Empty, out)?),
            Input::Read { token, level: ReadLevel::Stale } => {
                out.reads.push(ReadOutcome { token, index: Ok(self.applied) });
                Ok(())
            }
            Input::Durable(token) => self.durable(token, out),
            Input::WriteFailed => {
                self.write_failed(out);
                Ok(())
            }
            Input::Applied { upto, bytes } => self.applied(upto, bytes),
            Input::Stop => {
                self.stop(out);
                Ok(())
            }
            Input::Read { level: ReadLevel::Linearizable | ReadLevel::Lease, .. }
            | Input::Change { .. }
            | Input::Transfer { .. }
            | Input::SnapshotReady { .. }
            | Input::SnapshotChunk { .. }
            | Input::SnapshotDamaged { .. }
            | Input::SnapshotFailed { .. }
            | Input::SnapshotNotSent { .. } => Err(StepError::NotBuilt),
        }
    }

    /// What every step ends with, whatever came in.
    fn finish(&mut self, out: &mut Output) -> Result<(), Contradiction> {
        self.durability.issue(self.now, self.commit, out);
        self.durability.release(out);
        self.acknowledge(out);
        self.hand_out(out);
        self.relieve(out);
        Ok(())
    }

    fn tick(&mut self, out: &mut Output) -> Result<(), Contradiction> {
        if self.waiting.give_up_at().is_some_and(|at| at <= self.now) {
            self.waiting.expire(&mut out.outcomes);
        }
        self.watch_disk(out);
        match &self.role {
            Role::Leader(_) => self.leader_tick(out),
            Role::Follower(Follower { deadline, .. }) if *deadline > self.now => Ok(()),
            Role::PreCandidate(asking) if asking.deadline > self.now => Ok(()),
            Role::Candidate(campaign) if campaign.deadline > self.now => Ok(()),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => self.time_out(out),
        }
    }

    /// When the next [`Input::Tick`] is due; in the past if something waits to be flushed.
    #[must_use]
    pub fn deadline(&self) -> Time {
        if self.poison.is_some() || self.is_stopped {
            return Time::NEVER;
        }
        // The core has not been told the time yet: the first tick is due at once.
        if !self.is_started {
            return Time::default();
        }
        let role = match &self.role {
            Role::Follower(follower) => follower.deadline,
            Role::PreCandidate(asking) => asking.deadline,
            Role::Candidate(campaign) => campaign.deadline,
            Role::Leader(leader) => self.leader_deadline(leader),
        };
        let give_up = self.waiting.give_up_at().unwrap_or(Time::NEVER);
        role.min(give_up).min(self.disk_deadline())
    }

    /// Handles a message: from whom it may come, what its term means, and then the function of its kind.
    fn receive(
        &mut self,
        from: NodeId,
        epoch: crate::ids::Epoch,
        message: Message,
        out: &mut Output,
    ) -> Result<(), Contradiction> {
        if self.health == Recovery::PromiseLost || !self.is_linked(from, epoch) {
            return Ok(());
        }
        if let Err(nonsense) = message.check() {
            out.events.push(Event::MessageRefused { from, why: nonsense.0 });
            return Ok(());
        }
        // A pre-vote is of no term: it asks about the next one, and its round says what an answer is to.
        if let Kind::RequestPreVote(ask) = message.kind {
            return self.receive_pre_vote(from, message.term, ask, out);
        }
        if let Kind::RequestPreVoteReply(reply) = message.kind {
            return self.receive_pre_vote_reply(from, message.term, reply, out);
        }
        if message.term > self.ballot.term {
            if self.is_disturbance(from, &message, out) {
                return Ok(());
            }
            self.adopt_term(message.term, from, out);
        }
        if message.term < self.ballot.term {
            self.answer_stale(from, &message, out);
            return Ok(());
        }
        self.dispatch(from, message, out)
    }

    fn dispatch(
        &mut self,
        from: NodeId,
        message: Message,
        out: &mut Output,
    ) -> Result<(), Contradiction> {
        match message.kind {
            Kind::RequestPreVote(_) | Kind::RequestPreVoteReply(_) => {}
            Kind::RequestVote(ask) => return self.receive_vote(from, ask, out),
            Kind::RequestVoteReply(reply) => return self.receive_vote_reply(from, reply, out),
            Kind::AppendEntries(append) => return self.receive_append(from, &append, out),
            Kind::AppendEntriesReply(reply) => return self.receive_append_reply(from, reply, out),
            Kind::Heartbeat(beat) => return self.receive_heartbeat(from, beat, out),
            Kind::HeartbeatReply(reply) => self.receive_heartbeat_reply(from, reply, out),
            Kind::Commit(notice) => return self.receive_commit(from, notice, out),
            Kind::InstallSnapshot(_)
            | Kind::InstallSnapshotReply(_)
            | Kind::TimeoutNow(_)
            | Kind::ReadIndex(_)
            | Kind::ReadIndexReply(_) => {
                let why = "this kind of message belongs to a part that is not built yet";
                out.events.push(Event::MessageRefused { from, why });
            }
        }
        Ok(())
    }

    /// Sends a message of this term, once the term is durable: a peer must not learn of a term, a vote or a
    /// refusal that a crash could take back.
    pub(crate) fn send(&mut self, to: NodeId, kind: Kind, out: &mut Output) {
        let message = Message { term: self.ballot.term, kind };
        let rests_on = self.durability.ballot_token();
        let Some(epoch) = self.link(to) else { return };
        self.durability.send(Envelope { to, epoch, rests_on, message }, out);
    }

    fn durable(&mut self, token: WriteToken, out: &mut Output) -> Result<(), StepError> {
        if self.durability.returned_with(token).map_err(StepError::Misuse)? {
            self.trace(Action::PersistState, None, out);
            self.watch_disk(out);
            self.durably_changed(out)?;
        }
        Ok(())
    }

    fn durably_changed(&mut self, out: &mut Output) -> Result<(), Contradiction> {
        match &self.role {
            Role::Candidate(_) => self.count_own_vote(out),
            Role::Leader(_) => self.advance_commit(out),
            Role::Follower(_) => self.recover(out),
            Role::PreCandidate(_) => Ok(()),
        }
    }

    /// Everything up to `index` is committed.
    pub(crate) fn commit_to(
        &mut self,
        index: Index,
        out: &mut Output,
    ) -> Result<(), Contradiction> {
        if index <= self.commit {
            return Ok(());
        }
        if index > self.log.last().index {
            return Err(Contradiction::new(format!(
                "index {index} is committed, and the log ends at {}",
                self.log.last()
            )));
        }
        self.commit = index;
        let log = &self.log;
        self.waiting.committed(index, |index| log.term_at(index), &mut out.outcomes);
        Ok(())
    }

    /// Hands committed entries to the state machine, as many as it has room for and at least one run.
    fn hand_out(&mut self, out: &mut Output) {
        while self.handed_out < self.commit && self.apply_room() > 0 {
            let Some(from) = self.handed_out.next() else { return };
            let run = self.log.share(from, self.commit, self.apply_room());
            let Some(last) = run.last() else { return };
            // An entry above the bound goes once nothing else is out.
            if self.apply_bytes > 0 && run.bytes().len() > self.apply_room() {
                return;
            }
            self.handed_out = last.index;
            self.apply_bytes = self.apply_bytes.saturating_add(run.bytes().len() as u64);
            out.apply.push(Apply::Entries(run));
        }
    }

    fn apply_room(&self) -> usize {
        let used = usize::try_from(self.apply_bytes).unwrap_or(usize::MAX);
        self.config.apply_bytes_max.saturating_sub(used)
    }

    fn applied(&mut self, upto: Index, bytes: u64) -> Result<(), StepError> {
        if upto < self.applied || upto > self.handed_out {
            return Err(StepError::Misuse(
                "an index was reported applied that goes back, or was never handed out",
            ));
        }
        let left = self
            .apply_bytes
            .checked_sub(bytes)
            .ok_or(StepError::Misuse("more bytes were reported applied than were handed out"))?;
        if upto == self.handed_out && left > 0 {
            return Err(StepError::Misuse(
                "everything is applied, and fewer bytes than were handed out",
            ));
        }
        self.applied = upto;
        self.apply_bytes = left;
        Ok(())
    }

    fn stop(&mut self, out: &mut Output) {
        self.step_down(crate::event::StepDown::Stopped, &Refused::Stopped, out);
        self.waiting.give_up(Unknown::Stopped, &mut out.outcomes);
        self.durability.forget_held();
        self.is_stopped = true;
    }

    fn poison(&mut self, what: Contradiction, out: &mut Output) {
        self.waiting.give_up(Unknown::Poisoned, &mut out.outcomes);
        self.durability.forget_held();
        self.trace(Action::Poison, None, out);
        out.events.push(Event::Poisoned(what.clone()));
        self.poison = Some(what);
    }

    /// The membership in force.
    pub(crate) fn membership(&self) -> &Membership {
        self.log.membership().1
    }

    pub(crate) fn poisoned(&self) -> Option<&Contradiction> {
        self.poison.as_ref()
    }

    /// The outcome of something refused.
    pub(crate) fn refuse(token: Token, why: Refused, out: &mut Output) {
        let end = crate::outcome::End::Refused(why);
        out.outcomes.push(crate::outcome::Outcome { token, end });
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBuilt => f.write_str("this part of the algorithm is not built yet"),
            Self::Misuse(sentence) => f.write_str(sentence),
            Self::Poisoned(what) => write!(f, "the node does nothing any more: {what}"),
            Self::Stopped => f.write_str("the node has stopped"),
        }
    }
}

impl std::error::Error for StepError {}
