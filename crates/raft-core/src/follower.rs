//! What a follower does: takes entries that match, refuses those that do not, and acknowledges what is on its
//! disk and proven to agree with the present leader. A recovering member is repaired here too.

use crate::contradiction::Contradiction;
use crate::entries::Entries;
use crate::event::Event;
use crate::ids::{EntryId, Epoch, Index, NodeId};
use crate::message::{
    AppendEntries, AppendEntriesReply, AppendResult, Commit, Heartbeat, HeartbeatReply, Kind,
};
use crate::output::Output;
use crate::raft::{Raft, Recovery};
use crate::role::{Follower, Following, Role};
use crate::trace::Action;

/// What an append means for this log.
enum Fit {
    /// It agrees as far as it reaches; these of its entries are new, behind what is kept.
    Agrees { keep: Index, new: Entries },
    /// Its previous entry is not here; agreement may be sought at the hint.
    Conflict { hint: EntryId },
    /// It cannot come from a leader of this cluster, and this is why.
    Nonsense(&'static str),
}

impl Raft {
    pub(crate) fn receive_append(
        &mut self,
        from: NodeId,
        append: &AppendEntries,
        out: &mut Output,
    ) -> Result<(), Contradiction> {
        if !self.heed(from, append.epoch, out) {
            return Ok(());
        }
        let fit = self.fit(append);
        if let Fit::Agrees { keep, new } = &fit {
            self.take_entries(*keep, new, out)?;
        }
        self.trace(Action::HandleAppendEntriesRequest, Some(from), out);
        match fit {
            Fit::Agrees { .. } => {
                let reached =
                    append.entries.last().map_or(append.previous.index, |last| last.index);
                self.matched(reached, append.commit_index, out)
            }
            Fit::Conflict { hint } => {
                let result = AppendResult::Conflict { rejected: append.previous, hint };
                self.reply_append(from, append.epoch, result, out);
                Ok(())
            }
            Fit::Nonsense(why) => {
                out.events.push(Event::MessageRefused { from, why });
                Ok(())
            }
        }
    }

    /// Takes `from` as the leader of this term, and itself as its follower. A same-term vote stays as it is.
    /// Says no to what cannot be: two leaders in one term, or a connection the leader has replaced.
    fn heed(&mut self, from: NodeId, epoch: Epoch, out: &mut Output) -> bool {
        let known = match &self.role {
            Role::Follower(Follower { leader: Some(following), .. }) => {
                Some((following.id, following.epoch))
            }
            Role::Leader(_) => Some((self.config.id, Epoch::default())),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => None,
        };
        if known.is_some_and(|(leader, _)| leader != from) {
            let why = "it speaks as the leader of a term that has another one";
            out.events.push(Event::MessageRefused { from, why });
            return false;
        }
        if known.is_some_and(|(_, present)| present > epoch) {
            self.trace(Action::DropStaleResponse, Some(from), out);
            return false;
        }
        self.has_tried = false;
        if known != Some((from, epoch)) {
            self.follow(from, epoch, known.is_none(), out);
        }
        let (now, deadline) = (self.now, self.draw_deadline());
        if let Role::Follower(Follower { leader: Some(following), deadline: timer }) =
            &mut self.role
        {
            following.heard = now;
            *timer = deadline;
        }
        true
    }

    /// Begins to follow a leader, or follows the same one on a new connection: nothing is proven to match on
    /// it yet.
    fn follow(&mut self, leader: NodeId, epoch: Epoch, is_new: bool, out: &mut Output) {
        let following = Following {
            id: leader,
            epoch,
            heard: self.now,
            matched: Index::ZERO,
            commit: Index::ZERO,
            owed: false,
            acked: Index::ZERO,
            repair_goal: None,
        };
        let campaigned = matches!(self.role, Role::PreCandidate(_) | Role::Candidate(_));
        self.role = Role::Follower(Follower { leader: Some(following), deadline: self.now });
        if campaigned {
            self.trace(Action::StepDownToFollower, None, out);
        }
        if is_new {
            out.events.push(Event::Following { term: self.ballot.term, leader });
        }
    }

    /// Compares an append with the log.
    fn fit(&self, append: &AppendEntries) -> Fit {
        let (previous, base) = (append.previous, self.log.snapshot_last());
        // What the snapshot covers is committed, and so agrees with any leader.
        let is_covered = previous.index < base.index;
        if !is_covered && !self.log.holds(previous) {
            let commit_term = self.log.term_at(self.commit).unwrap_or_default();
            if previous.index <= self.commit || previous.term < commit_term {
                return Fit::Nonsense("its previous entry differs from committed ones");
            }
            return Fit::Conflict { hint: self.log.last_not_above(previous) };
        }
        if is_covered && append.entries.iter().any(|it| it.id.index == base.index && it.id != base)
        {
            return Fit::Nonsense("its entries differ from the snapshot");
        }
        let entries = append.entries.starting_at(base.index.next().unwrap_or(base.index));
        if entries.last().is_none_or(|last| last.index <= base.index) {
            return Fit::Agrees { keep: self.log.last().index, new: Entries::empty() };
        }
        self.fit_behind_snapshot(&entries)
    }

    /// Compares entries of which the first has its place right behind what agrees.
    fn fit_behind_snapshot(&self, entries: &Entries) -> Fit {
        let last = self.log.last().index;
        let overlapping = entries.iter().take_while(|entry| entry.id.index <= last);
        let differs = overlapping.map(|entry| entry.id).find(|id| !self.log.holds(*id));
        if differs.is_some_and(|at| at.index <= self.commit) {
            return Fit::Nonsense("its entries differ from committed ones");
        }
        if differs.is_some_and(|at| at.index <= self.proven()) {
            return Fit::Nonsense("its entries differ from what it has sent before");
        }
        // A message that ends early proves nothing about what follows it here.
        let keep = differs.map_or(last, |at| at.index.previous());
        let ends_early = entries.last().is_some_and(|end| end.index <= keep);
        let new = match keep.next() {
            Some(from) if !ends_early => entries.starting_at(from),
            _ => Entries::empty(),
        };
        if new.first_time().is_some_and(|time| time < self.log.time_at(keep)) {
            return Fit::Nonsense("its entries go back in log time");
        }
        Fit::Agrees { keep, new }
    }

    /// How far the present leader has proven on this connection that the logs agree.
    fn proven(&self) -> Index {
        match &self.role {
            Role::Follower(Follower { leader: Some(following), .. }) => following.matched,
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) | Role::Leader(_) => {
                Index::ZERO
            }
        }
    }

    /// Puts new entries behind `keep`. What stood there was never committed, and is replaced.
    fn take_entries(
        &mut self,
        keep: Index,
        new: &Entries,
        out: &mut Output,
    ) -> Result<(), Contradiction> {
        if new.is_empty() {
            return Ok(());
        }
        if keep < self.log.last().index {
            let from = keep.next().unwrap_or(keep);
            let entries = self.log.truncate(from)?;
            self.durability.truncated(from);
            out.events.push(Event::Truncated { from, entries });
        }
        let run = new.copied();
        self.durability.stage_entries(&run, self.now, self.commit, out);
        self.log.append(run)
    }

    /// The log is proven to agree with the leader's up to `reached`.
    fn matched(
        &mut self,
        reached: Index,
        commit: Index,
        out: &mut Output,
    ) -> Result<(), Contradiction> {
        if let Role::Follower(Follower { leader: Some(following), .. }) = &mut self.role {
            following.matched = following.matched.max(reached);
            following.owed = true;
            following.repair_goal = following.repair_goal.or(Some(commit));
        }
        self.follow_commit(commit, out)
    }

    /// Takes over the leader's commit index, as far as the logs are proven to agree. The rest is remembered:
    /// the leader may not say it again.
    fn follow_commit(&mut self, commit: Index, out: &mut Output) -> Result<(), Contradiction> {
        let Role::Follower(Follower { leader: Some(following), .. }) = &mut self.role else {
            return Ok(());
        };
        following.commit = following.commit.max(commit);
        let proven = following.commit.min(following.matched);
        if proven > self.commit {
            self.commit_to(proven, out)?;
            self.trace(Action::FollowerAdvanceCommitIndex, None, out);
        }
        self.recover(out)
    }

    pub(crate) fn receive_heartbeat(
        &mut self,
        from: NodeId,
        beat: Heartbeat,
        out: &mut Output,
    ) -> Result<(), Contradiction> {
        if !self.heed(from, beat.epoch, out) {
            return Ok(());
        }
        self.trace(Action::HandleHeartbeatRequest, Some(from), out);
        let busy = self.is_busy();
        let (epoch, round) = (beat.epoch, beat.round);
        let reply = HeartbeatReply { epoch, round, promised: false, busy };
        self.send(from, Kind::HeartbeatReply(reply), out);
        self.follow_commit(beat.commit_index, out)
    }

    pub(crate) fn receive_commit(
        &mut self,
        from: NodeId,
        notice: Commit,
        out: &mut Output,
    ) -> Result<(), Contradiction> {
        if self.heed(from, notice.epoch, out) {
            self.follow_commit(notice.commit_index, out)?;
        }
        Ok(())
    }

    /// Acknowledges the smaller of what is durable and what has matched: an answer to each append once all of
    /// it is there, and news of progress meanwhile.
    pub(crate) fn acknowledge(&mut self, out: &mut Output) {
        let durable = self.durability.durable();
        if self.durability.has_failed() {
            return;
        }
        let Role::Follower(Follower { leader: Some(following), .. }) = &mut self.role else {
            return;
        };
        let ack = durable.min(following.matched);
        let is_complete = ack == following.matched;
        if !following.owed || !(is_complete || ack > following.acked) {
            return;
        }
        following.acked = ack;
        following.owed = !is_complete;
        let (to, epoch) = (following.id, following.epoch);
        self.reply_append(to, epoch, AppendResult::Matched(ack), out);
    }

    fn reply_append(&mut self, to: NodeId, epoch: Epoch, result: AppendResult, out: &mut Output) {
        let busy = self.is_busy();
        self.send(to, Kind::AppendEntriesReply(AppendEntriesReply { epoch, result, busy }), out);
    }

    /// A recovering member is an ordinary one again once it durably holds its leader's log up to a commit
    /// index whose entry is of that leader's own term: everything it may have lost stands before that.
    pub(crate) fn recover(&mut self, out: &mut Output) -> Result<(), Contradiction> {
        let Role::Follower(Follower { leader: Some(following), .. }) = &self.role else {
            return Ok(());
        };
        if !matches!(self.health, Recovery::Underway { .. }) {
            return Ok(());
        }
        let Some(goal) = following.repair_goal else { return Ok(()) };
        let held = following.matched.min(self.durability.durable());
        match self.log.term_at(goal) {
            Some(term) if term == self.ballot.term && goal <= held => {
                self.health = Recovery::Done;
                self.ballot.recovering = None;
                self.durability.stage_ballot(self.ballot);
                out.events.push(Event::Recovered { index: goal });
            }
            // Of an earlier term it may lag behind what was committed then; a later append says more.
            Some(term) if term != self.ballot.term => self.forget_repair_goal(),
            Some(_) | None => {}
        }
        Ok(())
    }

    fn forget_repair_goal(&mut self) {
        if let Role::Follower(Follower { leader: Some(following), .. }) = &mut self.role {
            following.repair_goal = None;
        }
    }
}
