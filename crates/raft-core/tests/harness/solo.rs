//! One node among peers that a test speaks for: what it is told, and what it wants done about it.

use raft_core::{
    AppendEntries, AppendEntriesReply, AppendResult, Apply, ClusterId, Config, Entries, EntriesBuf,
    Entry, EntryId, Epoch, Event, Heartbeat, HeartbeatReply, Incarnation, Index, Input, Kind,
    Loaded, LogTime, Message, NodeId, Outcome, Output, Payload, Raft, RequestPreVote,
    RequestPreVoteReply, RequestVote, RequestVoteReply, RoleName, Round, Status, StepError, Term,
    Time, Token, VoteRefusal, Write, WriteToken,
};

use super::disk::Disk;
use super::{id, voters};

/// One node, n1 unless said otherwise.
pub(crate) struct Solo {
    pub(crate) raft: Raft,
    pub(crate) disk: Disk,
    now_us: u64,
    tokens: u64,
    sent: Vec<(NodeId, Message)>,
    /// Units of writing in order, durable or not.
    pub(crate) writes: Vec<Write>,
    pub(crate) applied: Vec<(EntryId, Vec<u8>)>,
    /// Runs handed out and not reported back: their last index and bytes.
    pub(crate) applying: Vec<(Index, u64)>,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) events: Vec<Event>,
}

impl Solo {
    /// n1 of a cluster of this many voters, all connected, nothing stored.
    pub(crate) fn of(size: u64) -> Self {
        Self::open(Loaded::genesis(voters(size)), |_| {})
    }

    /// n1 of three, with a log of one entry for each term given, and a vote file of the last term.
    pub(crate) fn with_log(terms: &[u64]) -> Self {
        Self::open(stored(3, terms), |_| {})
    }

    pub(crate) fn open(loaded: Loaded, configure: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(ClusterId(1), NodeId(1), 42);
        configure(&mut config);
        let (me, peers) = (config.id, loaded.snapshot.membership.clone());
        let mut solo = Self {
            disk: Disk::of(&loaded),
            raft: Raft::open(config, loaded).expect("a state that can be started from"),
            now_us: 1_000_000,
            tokens: 0,
            sent: Vec::new(),
            writes: Vec::new(),
            applied: Vec::new(),
            applying: Vec::new(),
            outcomes: Vec::new(),
            events: Vec::new(),
        };
        solo.step(Input::Tick);
        for peer in peers.members().iter().map(|member| member.id).filter(|peer| *peer != me) {
            solo.connect(peer.0, 1);
        }
        solo
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now_us / 1_000
    }

    pub(crate) fn status(&self) -> Status {
        self.raft.status()
    }

    pub(crate) fn term(&self) -> u64 {
        self.raft.term().0
    }

    pub(crate) fn role(&self) -> RoleName {
        self.raft.role()
    }

    pub(crate) fn commit(&self) -> u64 {
        self.raft.commit_index().0
    }

    /// The vote as it was last given to storage, or loaded.
    pub(crate) fn vote(&self) -> Option<NodeId> {
        self.disk.written.ballot.vote
    }

    /// The ids of its log, as `index@term`.
    pub(crate) fn log_ids(&self) -> Vec<String> {
        self.disk.written.log.iter().map(|record| record.id.to_string()).collect()
    }

    // --- what happens to it ---

    pub(crate) fn step(&mut self, input: Input<'_>) {
        self.try_step(input).unwrap_or_else(|error| panic!("{error}"));
    }

    pub(crate) fn try_step(&mut self, input: Input<'_>) -> Result<(), StepError> {
        let mut out = Output::new();
        let result = self.raft.step(Time(self.now_us), input, &mut out);
        self.raft.check().unwrap_or_else(|what| panic!("{what}"));
        self.sent.extend(out.send.into_iter().map(|envelope| (envelope.to, envelope.message)));
        for write in out.write {
            self.disk.submit(write.clone());
            self.writes.push(write);
        }
        for apply in out.apply {
            let Apply::Entries(run) = apply else { continue };
            self.applied.extend(run.iter().map(|entry| (entry.id, entry.payload.bytes().to_vec())));
            let last = run.last().expect("never an empty run").index;
            self.applying.push((last, run.bytes().len() as u64));
        }
        self.outcomes.extend(out.outcomes);
        self.events.extend(out.events);
        result
    }

    pub(crate) fn connect(&mut self, peer: u64, epoch: u64) {
        let (peer, incarnation) = (NodeId(peer), Incarnation(1));
        self.step(Input::PeerUp { peer, epoch: Epoch(epoch), incarnation });
    }

    /// A message of `term` from a peer, on its first connection.
    pub(crate) fn receive(&mut self, from: u64, term: u64, kind: Kind) {
        self.receive_on(from, 1, term, kind);
    }

    pub(crate) fn receive_on(&mut self, from: u64, epoch: u64, term: u64, kind: Kind) {
        let message = Message { term: Term(term), kind };
        self.step(Input::Message { from: NodeId(from), epoch: Epoch(epoch), message });
    }

    /// Everything written so far is durable.
    pub(crate) fn sync(&mut self) {
        if let Some(token) = self.disk.complete() {
            self.step(Input::Durable(token));
        }
    }

    /// The oldest write is durable.
    pub(crate) fn sync_one(&mut self) -> Option<WriteToken> {
        let token = self.disk.complete_one()?;
        self.step(Input::Durable(token));
        Some(token)
    }

    /// The state machine has applied everything it was given.
    pub(crate) fn finish_applying(&mut self) {
        for (upto, bytes) in std::mem::take(&mut self.applying) {
            self.step(Input::Applied { upto, bytes });
        }
    }

    /// Time passes, with a tick at every deadline on the way.
    pub(crate) fn pass(&mut self, ms: u64) {
        let until = self.now_us + ms * 1_000;
        while self.raft.deadline().0 <= until {
            self.now_us = self.now_us.max(self.raft.deadline().0);
            self.step(Input::Tick);
        }
        self.now_us = until;
    }

    /// Time passes and nothing happens, not even a tick.
    pub(crate) fn sleep(&mut self, ms: u64) {
        self.now_us += ms * 1_000;
    }

    pub(crate) fn sleep_us(&mut self, us: u64) {
        self.now_us += us;
    }

    pub(crate) fn tick(&mut self) {
        self.step(Input::Tick);
    }

    /// A tick if one is due, as a driver ends its turn.
    pub(crate) fn flush(&mut self) {
        if self.raft.deadline().0 <= self.now_us {
            self.step(Input::Tick);
        }
    }

    pub(crate) fn propose(&mut self, command: &str) -> Token {
        self.propose_bytes(command.as_bytes())
    }

    pub(crate) fn propose_bytes(&mut self, payload: &[u8]) -> Token {
        self.tokens += 1;
        let token = Token(self.tokens);
        self.step(Input::Propose { token, payload });
        token
    }

    // --- what it has done ---

    /// What it has sent since the last look.
    pub(crate) fn sent(&mut self) -> Vec<(NodeId, Message)> {
        std::mem::take(&mut self.sent)
    }

    /// What it has sent to one peer since the last look; the rest is dropped.
    pub(crate) fn sent_to(&mut self, peer: u64) -> Vec<Message> {
        let sent = self.sent().into_iter().filter(|(to, _)| *to == NodeId(peer));
        sent.map(|(_, message)| message).collect()
    }

    /// The appends sent to one peer since the last look; the rest is dropped.
    pub(crate) fn appends_to(&mut self, peer: u64) -> Vec<AppendEntries> {
        let kinds = self.sent_to(peer).into_iter().map(|message| message.kind);
        kinds
            .filter_map(|kind| match kind {
                Kind::AppendEntries(append) => Some(append),
                _ => None,
            })
            .collect()
    }

    /// The outcome of one token, if it has one.
    pub(crate) fn outcome(&self, token: Token) -> Option<&raft_core::End> {
        self.outcomes.iter().find(|outcome| outcome.token == token).map(|outcome| &outcome.end)
    }

    // --- shortcuts ---

    /// Nobody is heard until its timer has run out.
    pub(crate) fn time_out(&mut self) {
        self.now_us = self.now_us.max(self.raft.deadline().0);
        self.step(Input::Tick);
    }

    /// Its timer runs out and everybody would vote for it; the election has begun, with its vote durable.
    pub(crate) fn campaign(&mut self) {
        self.time_out();
        let asked: Vec<(NodeId, Round)> = self
            .sent()
            .into_iter()
            .filter_map(|(to, message)| {
                let Kind::RequestPreVote(ask) = message.kind else { return None };
                Some((to, ask.round))
            })
            .collect();
        let term = self.term();
        for (to, round) in asked {
            if self.role() == RoleName::PreCandidate {
                self.receive(to.0, term, pre_vote_granted(round));
            }
        }
        self.sync();
    }

    /// It has won an election by everybody's vote; its first entry is written, durable here, and sent.
    pub(crate) fn lead(&mut self) {
        self.campaign();
        let (me, term) = (self.status().id, self.term());
        let voters: Vec<NodeId> =
            self.status().membership.new_voters().filter(|id| *id != me).collect();
        for voter in voters {
            if self.role() == RoleName::Candidate {
                self.receive(voter.0, term, vote_granted());
            }
        }
        assert_eq!(self.role(), RoleName::Leader, "{}", self.raft.explain());
        self.sync();
    }

    /// A peer acknowledges everything up to `index`.
    pub(crate) fn ack(&mut self, from: u64, index: u64) {
        let term = self.term();
        self.receive(from, term, matched(1, index));
    }

    /// It leads, and everybody has acknowledged its first entry. What it has sent so far is forgotten.
    pub(crate) fn lead_and_settle(&mut self) {
        self.lead();
        let last = self.status().last.index.0;
        let peers: Vec<u64> = self.status().peers.iter().map(|peer| peer.id.0).collect();
        for peer in peers {
            self.ack(peer, last);
        }
        self.finish_applying();
        self.pass(10);
        self.sent();
        self.events.clear();
    }
}

/// What a node of `size` voters has stored whose log holds one command for each term given.
pub(crate) fn stored(size: u64, terms: &[u64]) -> Loaded {
    let term = terms.last().copied().unwrap_or_default();
    let ballot = raft_core::Ballot { term: Term(term), ..raft_core::Ballot::default() };
    Loaded { ballot: Some(ballot), log: vec![run(1, terms)], ..Loaded::genesis(voters(size)) }
}

/// Commands from position `first` on, one for each term.
pub(crate) fn run(first: u64, terms: &[u64]) -> Entries {
    let mut run = EntriesBuf::default();
    for (index, term) in (first..).zip(terms) {
        let command = format!("{index}@{term}");
        let payload = Payload::Command(command.as_bytes());
        run.push(&Entry { id: id(*term, index), time: LogTime(0), payload })
            .expect("terms in order");
    }
    run.take()
}

/// An append on the leader's first connection: entries of these terms behind `previous`.
pub(crate) fn append(previous: EntryId, terms: &[u64], commit: u64) -> Kind {
    append_on(1, previous, terms, commit)
}

pub(crate) fn append_on(epoch: u64, previous: EntryId, terms: &[u64], commit: u64) -> Kind {
    Kind::AppendEntries(AppendEntries {
        epoch: Epoch(epoch),
        previous,
        commit_index: Index(commit),
        entries: run(previous.index.0 + 1, terms),
    })
}

pub(crate) fn heartbeat(round: u64, commit: u64) -> Kind {
    let (epoch, round, commit_index) = (Epoch(1), Round(round), Index(commit));
    Kind::Heartbeat(Heartbeat { epoch, round, commit_index, lease_ms: 0 })
}

pub(crate) fn heartbeat_reply(round: u64) -> Kind {
    let (epoch, round) = (Epoch(1), Round(round));
    Kind::HeartbeatReply(HeartbeatReply { epoch, round, promised: false, busy: false })
}

pub(crate) fn matched(epoch: u64, index: u64) -> Kind {
    let result = AppendResult::Matched(Index(index));
    Kind::AppendEntriesReply(AppendEntriesReply { epoch: Epoch(epoch), result, busy: false })
}

pub(crate) fn conflict(epoch: u64, rejected: EntryId, hint: EntryId) -> Kind {
    let result = AppendResult::Conflict { rejected, hint };
    Kind::AppendEntriesReply(AppendEntriesReply { epoch: Epoch(epoch), result, busy: false })
}

pub(crate) fn request_vote(last: EntryId) -> Kind {
    Kind::RequestVote(RequestVote { last, commit: EntryId::ZERO, transfer: false, priority: 0 })
}

pub(crate) fn request_pre_vote(round: u64, last: EntryId) -> Kind {
    let (round, commit) = (Round(round), EntryId::ZERO);
    Kind::RequestPreVote(RequestPreVote { round, last, commit, priority: 0 })
}

pub(crate) fn vote_granted() -> Kind {
    Kind::RequestVoteReply(RequestVoteReply { refusal: None, commit: EntryId::ZERO })
}

pub(crate) fn vote_refused() -> Kind {
    let refusal = Some(VoteRefusal::AlreadyVoted { vote: NodeId(9) });
    Kind::RequestVoteReply(RequestVoteReply { refusal, commit: EntryId::ZERO })
}

pub(crate) fn pre_vote_granted(round: Round) -> Kind {
    Kind::RequestPreVoteReply(RequestPreVoteReply { round, refusal: None, commit: EntryId::ZERO })
}

pub(crate) fn pre_vote_refused(round: Round) -> Kind {
    let refusal = Some(VoteRefusal::LeaderAlive { leader: NodeId(9) });
    Kind::RequestPreVoteReply(RequestPreVoteReply { round, refusal, commit: EntryId::ZERO })
}
