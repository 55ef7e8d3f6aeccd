//! What a leader does besides sending entries: taking proposals, heartbeats, making sure it is still heard,
//! and deciding what is committed.

use crate::contradiction::Contradiction;
use crate::entries::{ENTRY_HEADER_BYTES, EntriesBuf, Entry, Payload};
use crate::event::StepDown;
use crate::ids::{EntryId, Index, LogTime, NodeId, Round, Time, Token};
use crate::message::{Heartbeat, HeartbeatReply, Kind};
use crate::outcome::Refused;
use crate::output::Output;
use crate::progress::Progress;
use crate::quorum;
use crate::raft::{Raft, Recovery};
use crate::role::{Follower, Leader, LogClock, Role};
use crate::trace::Action;

impl Raft {
    /// A majority has voted for this node. Its first act is an empty entry: only once an entry of its own
    /// term is committed is anything before it known to be.
    pub(crate) fn become_leader(&mut self, out: &mut Output) -> Result<(), Contradiction> {
        let last = self.log.last();
        let own_term_start = last.index.next().ok_or_else(out_of_positions)?;
        let (id, now) = (self.config.id, self.now);
        let peers = self.membership().members().iter().filter(|member| member.id != id);
        let peers = peers.map(|it| Progress::new(it.id, it.standing, last.index, now)).collect();
        self.role = Role::Leader(Box::new(Leader {
            peers,
            own_term_start,
            open: EntriesBuf::default(),
            flush_at: None,
            heartbeat_at: now,
            round: self.round,
            notice_at: None,
            clock: LogClock::new(self.log.last_time(), now),
        }));
        self.has_tried = false;
        self.trace(Action::BecomeLeader, None, out);
        self.append_own(Payload::Empty)?;
        self.flush(out)?;
        self.beat(out);
        Ok(())
    }

    /// Takes a proposal, or says why not. It gets its place in the log at once, and leaves with the others.
    pub(crate) fn propose(
        &mut self,
        token: Token,
        payload: Payload<'_>,
        out: &mut Output,
    ) -> Result<(), Contradiction> {
        let bytes = payload.bytes().len().saturating_add(ENTRY_HEADER_BYTES);
        if let Some(why) = self.proposal_refusal(bytes) {
            Self::refuse(token, why, out);
            return Ok(());
        }
        let id = self.append_own(payload)?;
        self.waiting.add(id, token, bytes as u64);
        self.trace(Action::ClientRequest, None, out);
        let Role::Leader(leader) = &mut self.role else { return Ok(()) };
        leader.flush_at = Some(leader.flush_at.unwrap_or(self.now));
        if leader.open.byte_len() >= self.config.append_bytes_max {
            return self.flush(out);
        }
        Ok(())
    }

    fn proposal_refusal(&mut self, bytes: usize) -> Option<Refused> {
        if !matches!(self.role, Role::Leader(_)) {
            return Some(match self.health {
                _ if self.durability.has_failed() => Refused::StorageFault,
                Recovery::PromiseLost => Refused::Recovering,
                Recovery::Done | Recovery::Underway { .. } => {
                    Refused::NotLeader { leader: self.leader() }
                }
            });
        }
        if bytes > self.config.entry_bytes_max {
            let (bytes, max) = (bytes as u64, self.config.entry_bytes_max as u64);
            return Some(Refused::TooLarge { bytes, max });
        }
        self.full_bound(bytes as u64).map(|bound| {
            self.pressure.refused(bound, bytes as u64);
            Refused::Busy(bound)
        })
    }

    /// Who leads, as far as this node knows.
    #[must_use]
    pub fn leader(&self) -> Option<NodeId> {
        match &self.role {
            Role::Leader(_) => Some(self.config.id),
            Role::Follower(Follower { leader, .. }) => {
                leader.as_ref().map(|following| following.id)
            }
            Role::PreCandidate(_) | Role::Candidate(_) => None,
        }
    }

    /// Puts an entry of this leader behind all others, into the open run.
    fn append_own(&mut self, payload: Payload<'_>) -> Result<EntryId, Contradiction> {
        let (term, last, now) = (self.ballot.term, self.log.last().index, self.now);
        let Role::Leader(leader) = &mut self.role else {
            return Err(Contradiction::new("a node that does not lead makes an entry"));
        };
        let behind = leader.open.last().map_or(last, |last| last.index);
        let id = EntryId::new(term, behind.next().ok_or_else(out_of_positions)?);
        let time: LogTime = leader.clock.stamp(now);
        leader.open.push(&Entry { id, time, payload })?;
        Ok(id)
    }

    /// Moves the open run into the log, sends it, and gives it to storage: in parallel, for this node's disk
    /// is one vote like any other.
    pub(crate) fn flush(&mut self, out: &mut Output) -> Result<(), Contradiction> {
        let Role::Leader(leader) = &mut self.role else { return Ok(()) };
        leader.flush_at = None;
        let run = leader.open.take();
        self.durability.stage_entries(&run, self.now, self.commit, out);
        self.log.append(run)?;
        self.send_all(out);
        Ok(())
    }

    pub(crate) fn leader_deadline(&self, leader: &Leader) -> Time {
        let quorum_lost_at = self.quorum_heard(leader).plus_ms(self.config.election_timeout_ms);
        [leader.flush_at, leader.notice_at]
            .into_iter()
            .flatten()
            .fold(leader.heartbeat_at.min(quorum_lost_at), Time::min)
    }

    pub(crate) fn leader_tick(&mut self, out: &mut Output) -> Result<(), Contradiction> {
        self.check_quorum(out);
        let Role::Leader(leader) = &self.role else { return Ok(()) };
        let is_due = |at: Option<Time>| at.is_some_and(|at| at <= self.now);
        let (flush, notice) = (is_due(leader.flush_at), is_due(leader.notice_at));
        let beat = leader.heartbeat_at <= self.now;
        if flush {
            self.flush(out)?;
        }
        if beat {
            self.beat(out);
        }
        if notice {
            self.tell_commit(out);
        }
        Ok(())
    }

    /// The time at or after which a quorum was heard; a leader hears itself always.
    fn quorum_heard(&self, leader: &Leader) -> Time {
        quorum::time(self.membership(), |id| {
            leader
                .peer(id)
                .map_or(if id == self.config.id { self.now } else { Time(0) }, |peer| peer.heard)
        })
    }

    /// A leader that no quorum has answered for an election timeout does not lead, whatever it believes.
    fn check_quorum(&mut self, out: &mut Output) {
        let Role::Leader(leader) = &self.role else { return };
        let timeout_ms = self.config.election_timeout_ms;
        if self.quorum_heard(leader).plus_ms(timeout_ms) > self.now {
            return;
        }
        let voters = self.membership().new_voters().collect::<Vec<_>>();
        let is_heard = |id: &&NodeId| {
            leader.peer(**id).is_none_or(|peer| peer.heard.plus_ms(timeout_ms) > self.now)
        };
        let answering = voters.iter().filter(is_heard).count();
        let needed = quorum::majority(voters.len());
        self.trace(Action::CheckQuorum, None, out);
        let refused = Refused::NotLeader { leader: None };
        self.step_down(StepDown::QuorumLost { answering, needed }, &refused, out);
    }

    /// A heartbeat to everybody, in a round of its own.
    pub(crate) fn beat(&mut self, out: &mut Output) {
        self.round = Round(self.round.0.saturating_add(1));
        let (round, commit) = (self.round, self.commit);
        let Role::Leader(leader) = &mut self.role else { return };
        leader.round = round;
        leader.heartbeat_at = self.now.plus_ms(self.config.heartbeat_interval_ms);
        let peers: Vec<(NodeId, Index)> =
            leader.peers.iter().map(|peer| (peer.id, peer.matched.min(commit))).collect();
        for (peer, commit_index) in peers {
            self.beat_one(peer, commit_index, out);
        }
    }

    pub(crate) fn beat_one(&mut self, peer: NodeId, commit_index: Index, out: &mut Output) {
        let Some(epoch) = self.link(peer) else { return };
        let beat = Heartbeat { epoch, round: self.round, commit_index, lease_ms: 0 };
        self.trace(Action::Heartbeat, Some(peer), out);
        self.send(peer, Kind::Heartbeat(beat), out);
    }

    pub(crate) fn receive_heartbeat_reply(
        &mut self,
        from: NodeId,
        reply: HeartbeatReply,
        out: &mut Output,
    ) {
        let (epoch, now) = (self.link(from), self.now);
        let Role::Leader(leader) = &mut self.role else { return };
        let Some(peer) = leader.peer_mut(from).filter(|_| epoch == Some(reply.epoch)) else {
            self.trace(Action::DropStaleResponse, Some(from), out);
            return;
        };
        peer.heard = now;
        peer.busy = reply.busy;
        let should_ask = peer.heartbeat_answered();
        self.trace(Action::HandleHeartbeatResponse, Some(from), out);
        if should_ask {
            self.ask_where_it_is(from, out);
        } else {
            self.send_entries(from, out);
        }
    }

    /// Commits what a quorum holds durably, this node's disk among them, if it is of this leader's term or
    /// stands before something that is.
    pub(crate) fn advance_commit(&mut self, out: &mut Output) -> Result<(), Contradiction> {
        let Role::Leader(leader) = &self.role else { return Ok(()) };
        let durable = self.durability.durable();
        let held = quorum::index(self.membership(), |id| {
            let unheard = if id == self.config.id { durable } else { Index::ZERO };
            leader.peer(id).map_or(unheard, |peer| peer.matched)
        });
        // An entry of an earlier term on a majority may still be replaced; counting proves nothing of it.
        if held <= self.commit || held < leader.own_term_start {
            return Ok(());
        }
        self.commit_to(held, out)?;
        self.trace(Action::AdvanceCommitIndex, None, out);
        let notice_at = self.now.plus_ms(self.config.commit_notice_ms);
        if let Role::Leader(leader) = &mut self.role {
            leader.notice_at = Some(leader.notice_at.unwrap_or(notice_at));
        }
        Ok(())
    }
}

fn out_of_positions() -> Contradiction {
    Contradiction::new("the log has run out of positions")
}
