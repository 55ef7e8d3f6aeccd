//! How a leader is found: timeouts, pre-votes, votes, and what a newer term does to everybody.

use crate::contradiction::Contradiction;
use crate::event::{Event, StepDown, VoteRefusal};
use crate::ids::{EntryId, NodeId, Round, Term, Time};
use crate::message::{
    AppendEntriesReply, AppendResult, HeartbeatReply, Kind, Message, RequestPreVote,
    RequestPreVoteReply, RequestVote, RequestVoteReply,
};
use crate::output::{Ballot, Output};
use crate::quorum;
use crate::raft::{Raft, Recovery};
use crate::role::{Candidate, Follower, PreCandidate, Role, Votes};
use crate::trace::Action;

/// What a vote or a pre-vote is judged by.
#[derive(Clone, Copy, Debug)]
struct Candidacy {
    from: NodeId,
    last: EntryId,
    priority: u8,
    /// The leader itself asked for the election.
    transfer: bool,
}

impl Raft {
    /// From T to 2T from now, drawn anew each time, so that two nodes do not go on timing out together.
    pub(crate) fn draw_deadline(&mut self) -> Time {
        let shortest = self.config.election_timeout_ms.saturating_mul(1_000);
        let wait = self.rng.between(shortest, shortest.saturating_mul(2));
        Time(self.now.0.saturating_add(wait))
    }

    /// Nobody was heard for long enough.
    pub(crate) fn time_out(&mut self, out: &mut Output) -> Result<(), Contradiction> {
        if self.may_campaign() {
            return self.start_pre_vote(out);
        }
        let deadline = self.draw_deadline();
        match &mut self.role {
            Role::Follower(follower) => follower.deadline = deadline,
            Role::PreCandidate(_) | Role::Candidate(_) => self.follow_nobody(out),
            Role::Leader(_) => {}
        }
        Ok(())
    }

    /// Whether this node could lead as things stand: a voter with its memory and its disk in order.
    pub(crate) fn may_campaign(&self) -> bool {
        let is_voter = self
            .membership()
            .member(self.config.id)
            .is_some_and(|member| member.standing.votes_in_old() || member.standing.votes_in_new());
        is_voter
            && self.health == Recovery::Done
            && !self.disk_stalled
            && !self.durability.has_failed()
            && self.ballot.term.next().is_some()
    }

    /// Asks whether it would be elected, before it disturbs anybody with a new term. Believes in no leader
    /// any more: two nodes that still did would refuse each other for ever.
    fn start_pre_vote(&mut self, out: &mut Output) -> Result<(), Contradiction> {
        self.has_tried = true;
        self.round = Round(self.round.0.saturating_add(1));
        let mut votes = Votes::default();
        votes.count(self.config.id, None);
        let deadline = self.draw_deadline();
        self.role = Role::PreCandidate(PreCandidate { round: self.round, votes, deadline });
        let term = self.ballot.term.next().unwrap_or(self.ballot.term);
        out.events.push(Event::PreVoteStarted { term });
        for voter in self.other_voters() {
            self.ask_pre_vote(voter, out);
        }
        self.count_pre_votes(out)
    }

    pub(crate) fn ask_pre_vote(&mut self, voter: NodeId, out: &mut Output) {
        let Role::PreCandidate(asking) = &self.role else { return };
        let ask = RequestPreVote {
            round: asking.round,
            last: self.log.last(),
            commit: self.committed_entry(),
            priority: self.config.priority,
        };
        if self.is_voter(voter) && self.link(voter).is_some() {
            self.trace(Action::PreVote, Some(voter), out);
            self.send(voter, Kind::RequestPreVote(ask), out);
        }
    }

    fn count_pre_votes(&mut self, out: &mut Output) -> Result<(), Contradiction> {
        let Role::PreCandidate(asking) = &self.role else { return Ok(()) };
        if quorum::agreed(self.membership(), |id| asking.votes.granted(id)) {
            return self.start_election(false, out);
        }
        if quorum::refused(self.membership(), |id| asking.votes.refused(id)) {
            self.follow_nobody(out);
        }
        Ok(())
    }

    /// Raises the term and votes for itself. The requests leave once that is durable.
    pub(crate) fn start_election(
        &mut self,
        transfer: bool,
        out: &mut Output,
    ) -> Result<(), Contradiction> {
        let Some(term) = self.ballot.term.next() else { return Ok(()) };
        self.set_ballot(term, Some(self.config.id));
        let deadline = self.draw_deadline();
        self.role = Role::Candidate(Candidate { votes: Votes::default(), deadline, transfer });
        self.trace(Action::Timeout, None, out);
        out.events.push(Event::ElectionStarted { term, transfer });
        for voter in self.other_voters() {
            self.ask_vote(voter, out);
        }
        Ok(())
    }

    pub(crate) fn ask_vote(&mut self, voter: NodeId, out: &mut Output) {
        let Role::Candidate(campaign) = &self.role else { return };
        let ask = RequestVote {
            last: self.log.last(),
            commit: self.committed_entry(),
            transfer: campaign.transfer,
            priority: self.config.priority,
        };
        if self.is_voter(voter) && self.link(voter).is_some() {
            self.trace(Action::RequestVote, Some(voter), out);
            self.send(voter, Kind::RequestVote(ask), out);
        }
    }

    /// A candidate's own vote counts like any other: once it is durable.
    pub(crate) fn count_own_vote(&mut self, out: &mut Output) -> Result<(), Contradiction> {
        if !self.durability.is_ballot_durable() {
            return Ok(());
        }
        let id = self.config.id;
        if let Role::Candidate(campaign) = &mut self.role {
            campaign.votes.count(id, None);
        }
        self.count_votes(out)
    }

    fn count_votes(&mut self, out: &mut Output) -> Result<(), Contradiction> {
        let Role::Candidate(campaign) = &self.role else { return Ok(()) };
        // Nobody leads on a vote of its own that a crash could take back, whoever else has voted.
        if !self.durability.is_ballot_durable() {
            return Ok(());
        }
        if quorum::agreed(self.membership(), |id| campaign.votes.granted(id)) {
            let voters: Vec<NodeId> = self.membership().new_voters().collect();
            let votes = voters.iter().filter(|id| campaign.votes.granted(**id)).count();
            let event = Event::Elected { term: self.ballot.term, votes, voters: voters.len() };
            out.events.push(event);
            return self.become_leader(out);
        }
        if quorum::refused(self.membership(), |id| campaign.votes.refused(id)) {
            self.follow_nobody(out);
        }
        Ok(())
    }

    /// Would this node vote for the asker in the next term? Neither side's term or vote changes.
    pub(crate) fn receive_pre_vote(
        &mut self,
        from: NodeId,
        term: Term,
        ask: RequestPreVote,
        out: &mut Output,
    ) -> Result<(), Contradiction> {
        self.trace(Action::HandlePreVoteRequest, Some(from), out);
        let refusal = if term < self.ballot.term {
            Some(VoteRefusal::OldTerm)
        } else {
            self.vote_refusal(Candidacy {
                from,
                last: ask.last,
                priority: ask.priority,
                transfer: false,
            })
        };
        if let Some(why) = refusal {
            let term = term.next().unwrap_or(term);
            out.events.push(Event::VoteRefused { term, to: from, why });
        }
        // A refusal teaches this node's term, or a node with the longest log and an old term would be
        // refused for ever.
        let commit = self.committed_entry();
        let reply = RequestPreVoteReply { round: ask.round, refusal, commit };
        self.send(from, Kind::RequestPreVoteReply(reply), out);
        self.learn_commit(ask.commit, out)
    }

    pub(crate) fn receive_pre_vote_reply(
        &mut self,
        from: NodeId,
        term: Term,
        reply: RequestPreVoteReply,
        out: &mut Output,
    ) -> Result<(), Contradiction> {
        if term > self.ballot.term && reply.refusal.is_some() {
            self.adopt_term(term, from, out);
            return Ok(());
        }
        let is_voter = self.is_voter(from);
        let Role::PreCandidate(asking) = &mut self.role else { return Ok(()) };
        if asking.round != reply.round || !is_voter {
            self.trace(Action::DropStaleResponse, Some(from), out);
            return Ok(());
        }
        asking.votes.count(from, reply.refusal);
        self.trace(Action::HandlePreVoteResponse, Some(from), out);
        self.count_pre_votes(out)?;
        self.learn_commit(reply.commit, out)
    }

    /// A candidate of this term asks for this node's vote.
    pub(crate) fn receive_vote(
        &mut self,
        from: NodeId,
        ask: RequestVote,
        out: &mut Output,
    ) -> Result<(), Contradiction> {
        let refusal = match self.ballot.vote {
            Some(vote) if vote != from => Some(VoteRefusal::AlreadyVoted { vote }),
            Some(_) => None,
            None => self.vote_refusal(Candidacy {
                from,
                last: ask.last,
                priority: ask.priority,
                transfer: ask.transfer,
            }),
        };
        let term = self.ballot.term;
        match refusal {
            None => self.grant(from, out),
            Some(why) => out.events.push(Event::VoteRefused { term, to: from, why }),
        }
        self.trace(Action::HandleRequestVoteRequest, Some(from), out);
        let reply = RequestVoteReply { refusal, commit: self.committed_entry() };
        self.send(from, Kind::RequestVoteReply(reply), out);
        self.learn_commit(ask.commit, out)
    }

    // The vote must be durable before anyone hears of it, or a restart could vote twice: the reply rests on
    // the ballot, as every message does.
    fn grant(&mut self, to: NodeId, out: &mut Output) {
        let term = self.ballot.term;
        if self.ballot.vote.is_none() {
            self.set_ballot(term, Some(to));
            out.events.push(Event::VoteGranted { term, to });
        }
        let deadline = self.draw_deadline();
        match &mut self.role {
            Role::Follower(follower) => follower.deadline = deadline,
            // It would only disturb whom it has just voted for.
            Role::PreCandidate(_) => self.follow_nobody(out),
            Role::Candidate(_) | Role::Leader(_) => {}
        }
    }

    pub(crate) fn receive_vote_reply(
        &mut self,
        from: NodeId,
        reply: RequestVoteReply,
        out: &mut Output,
    ) -> Result<(), Contradiction> {
        let is_voter = self.is_voter(from);
        if let Role::Candidate(campaign) = &mut self.role
            && is_voter
        {
            campaign.votes.count(from, reply.refusal);
            self.trace(Action::HandleRequestVoteResponse, Some(from), out);
            self.count_votes(out)?;
        }
        self.learn_commit(reply.commit, out)
    }

    /// Why a candidate is refused, whatever the term; `None` if it is not.
    fn vote_refusal(&self, candidacy: Candidacy) -> Option<VoteRefusal> {
        let Candidacy { from, last: theirs, priority, transfer } = candidacy;
        let ours = self.log.last();
        if self.durability.has_failed() || self.disk_stalled {
            return Some(VoteRefusal::StorageFault);
        }
        if let Recovery::Underway { vote_term } = self.health
            && theirs.term <= vote_term
        {
            return Some(VoteRefusal::Recovering);
        }
        if theirs < ours {
            return Some(VoteRefusal::OldLog { theirs, ours });
        }
        if let Some(leader) = self.live_rival(from)
            && !transfer
        {
            return Some(VoteRefusal::LeaderAlive { leader });
        }
        // Between equal logs the higher priority goes first, once: a node that has tried and not been
        // elected stands in nobody's way.
        let is_first = theirs == ours && priority < self.config.priority && !transfer;
        (is_first && !self.has_tried && self.may_campaign()).then_some(VoteRefusal::LowerPriority)
    }

    /// A live leader that is not the candidate itself: nobody holds on to a leader against its own wish.
    fn live_rival(&self, candidate: NodeId) -> Option<NodeId> {
        self.live_leader().filter(|leader| *leader != candidate)
    }

    /// The leader that was heard within the shortest election timeout; a leader hears itself.
    fn live_leader(&self) -> Option<NodeId> {
        match &self.role {
            Role::Leader(_) => Some(self.config.id),
            Role::Follower(Follower { leader: Some(following), .. }) => {
                let silent_at = following.heard.plus_ms(self.config.election_timeout_ms);
                (self.now < silent_at).then_some(following.id)
            }
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => None,
        }
    }

    /// A candidate of a newer term that a live leader's follower has not missed is not listened to, its term
    /// included: it has been away, or is being removed.
    pub(crate) fn is_disturbance(
        &mut self,
        from: NodeId,
        message: &Message,
        out: &mut Output,
    ) -> bool {
        let (Kind::RequestVote(ask), Some(leader)) = (&message.kind, self.live_rival(from)) else {
            return false;
        };
        if ask.transfer {
            return false;
        }
        let why = VoteRefusal::LeaderAlive { leader };
        out.events.push(Event::VoteRefused { term: message.term, to: from, why });
        true
    }

    /// Somebody is in a newer term: the vote is free again, and whoever led or campaigned does not any more.
    pub(crate) fn adopt_term(&mut self, term: Term, from: NodeId, out: &mut Output) {
        let refused = crate::outcome::Refused::NotLeader { leader: None };
        self.step_down(StepDown::NewerTerm { term, from }, &refused, out);
        self.set_ballot(term, None);
        if let Role::Follower(follower) = &mut self.role {
            follower.leader = None;
        } else {
            let deadline = self.draw_deadline();
            self.role = Role::Follower(Follower { leader: None, deadline });
        }
        self.trace(Action::UpdateTerm, Some(from), out);
    }

    /// A message of an older term. Whoever asks is answered, so that it learns the newer one.
    pub(crate) fn answer_stale(&mut self, from: NodeId, message: &Message, out: &mut Output) {
        match &message.kind {
            Kind::RequestVote(_) => {
                let refusal = Some(VoteRefusal::OldTerm);
                let reply = RequestVoteReply { refusal, commit: self.committed_entry() };
                self.send(from, Kind::RequestVoteReply(reply), out);
            }
            Kind::AppendEntries(append) => {
                let (rejected, hint) = (append.previous, EntryId::ZERO);
                let result = AppendResult::Conflict { rejected, hint };
                let reply = AppendEntriesReply { epoch: append.epoch, result, busy: false };
                self.send(from, Kind::AppendEntriesReply(reply), out);
            }
            Kind::Heartbeat(beat) => {
                let (epoch, round) = (beat.epoch, beat.round);
                let reply = HeartbeatReply { epoch, round, promised: false, busy: false };
                self.send(from, Kind::HeartbeatReply(reply), out);
            }
            Kind::RequestPreVote(_)
            | Kind::RequestPreVoteReply(_)
            | Kind::RequestVoteReply(_)
            | Kind::AppendEntriesReply(_)
            | Kind::HeartbeatReply(_)
            | Kind::Commit(_)
            | Kind::InstallSnapshot(_)
            | Kind::InstallSnapshotReply(_)
            | Kind::TimeoutNow(_)
            | Kind::ReadIndex(_)
            | Kind::ReadIndexReply(_) => self.trace(Action::DropStaleResponse, Some(from), out),
        }
    }

    /// A follower of nobody, with a new deadline; leadership, if there was any, has been given up already.
    pub(crate) fn follow_nobody(&mut self, out: &mut Output) {
        let deadline = self.draw_deadline();
        self.role = Role::Follower(Follower { leader: None, deadline });
        self.trace(Action::StepDownToFollower, None, out);
    }

    /// Gives leadership up, if there is any.
    pub(crate) fn step_down(
        &mut self,
        cause: StepDown,
        refused: &crate::outcome::Refused,
        out: &mut Output,
    ) {
        if !matches!(self.role, Role::Leader(_)) {
            return;
        }
        let give_up_at = self.now.plus_ms(self.config.election_timeout_ms.saturating_mul(2));
        let last = self.log.last().index;
        self.waiting.orphan(last, refused, give_up_at, &mut out.outcomes);
        out.events.push(Event::SteppedDown { term: self.ballot.term, cause });
        self.follow_nobody(out);
    }

    /// Takes a new term or vote. What was to be said in an old term is of no use to anybody.
    fn set_ballot(&mut self, term: Term, vote: Option<NodeId>) {
        if term != self.ballot.term {
            self.durability.forget_held();
        }
        self.ballot = Ballot { term, vote, ..self.ballot };
        self.durability.stage_ballot(self.ballot);
    }

    /// A voter of either half, as far as this node knows. Answers of others are never counted.
    pub(crate) fn is_voter(&self, id: NodeId) -> bool {
        self.membership()
            .member(id)
            .is_some_and(|member| member.standing.votes_in_old() || member.standing.votes_in_new())
    }

    fn other_voters(&self) -> Vec<NodeId> {
        let members = self.membership().members().iter();
        members
            .map(|member| member.id)
            .filter(|id| *id != self.config.id && self.is_voter(*id))
            .collect()
    }

    /// The last committed entry, as votes carry it.
    fn committed_entry(&self) -> EntryId {
        let term = self.log.term_at(self.commit).unwrap_or(Term(0));
        if term == Term(0) { EntryId::ZERO } else { EntryId::new(term, self.commit) }
    }

    /// A peer knows this entry to be committed. Whoever holds the same entry holds all before it.
    fn learn_commit(&mut self, entry: EntryId, out: &mut Output) -> Result<(), Contradiction> {
        if entry.index > self.commit && self.log.holds(entry) {
            self.commit_to(entry.index, out)?;
            let action = match self.role {
                Role::Leader(_) => Action::AdvanceCommitIndex,
                Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => {
                    Action::FollowerAdvanceCommitIndex
                }
            };
            self.trace(action, None, out);
        }
        Ok(())
    }
}
