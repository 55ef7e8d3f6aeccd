//! A follower and voter as the paper's Figure 2 has it: a plain list of entries, searched from end to end each
//! time, and no cleverness. What the paper leaves open is decided here as this project decides it: pre-votes,
//! stickiness, hints, connections, and that nothing is said before what it rests on is on disk.

use super::waiting::with;
use raft_core::{
    AppendEntries, AppendResult, EntryId, Epoch, HeartbeatReply, Kind, Message, NodeId, Payload,
    RequestPreVoteReply, RequestVoteReply, VoteRefusal,
};

/// What an entry says, and its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) id: EntryId,
    pub(crate) payload: Vec<u8>,
}

/// One unit on its way to disk: where its entries begin, and what they are.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) token: u64,
    pub(super) issued_ms: u64,
    pub(super) entries: Vec<Item>,
}

/// What it knows of its leader.
#[derive(Clone, Debug)]
pub(super) struct Following {
    pub(super) id: u64,
    pub(super) epoch: Epoch,
    pub(super) heard_ms: u64,
    pub(super) matched: u64,
    pub(super) commit: u64,
    pub(super) acked: u64,
    pub(super) owed: bool,
}

/// One node, n1. It is never told that its time is up, so it never campaigns.
#[derive(Clone, Debug)]
pub(crate) struct Twin {
    pub(crate) term: u64,
    pub(crate) vote: Option<u64>,
    pub(crate) log: Vec<Item>,
    pub(crate) commit: u64,
    pub(crate) now_ms: u64,
    priority: u8,
    pub(super) following: Option<Following>,
    /// The connection with each peer, if one is up.
    pub(super) links: Vec<(u64, Option<u64>)>,
    /// The log as it is on disk, and what is to be written next.
    pub(super) disk: Vec<Item>,
    pub(super) units: Vec<Unit>,
    pub(super) tokens: u64,
    pub(super) returned: u64,
    /// The unit that holds term and vote.
    pub(super) ballot_token: u64,
    pub(super) ballot_changed: bool,
    pub(super) new_entries: Vec<Item>,
    pub(super) disk_stalled: bool,
    pub(super) held: Vec<(u64, u64, Message)>,
    pub(super) sent: Vec<(u64, Message)>,
}

const ELECTION_TIMEOUT_MS: u64 = 300;

impl Twin {
    pub(crate) fn new(term: u64, log: Vec<Item>, priority: u8, peers: &[u64], now_ms: u64) -> Self {
        Self {
            term,
            vote: None,
            disk: log.clone(),
            log,
            commit: 0,
            now_ms,
            priority,
            following: None,
            links: peers.iter().map(|peer| (*peer, Some(1))).collect(),
            units: Vec::new(),
            tokens: 0,
            returned: 0,
            ballot_token: 0,
            ballot_changed: false,
            new_entries: Vec::new(),
            disk_stalled: false,
            held: Vec::new(),
            sent: Vec::new(),
        }
    }

    pub(crate) fn last(&self) -> EntryId {
        self.log.last().map_or(EntryId::ZERO, |item| item.id)
    }

    pub(crate) fn is_durable(&self) -> bool {
        self.units.is_empty()
    }

    /// What it has sent since the last look.
    pub(crate) fn sent(&mut self) -> Vec<(NodeId, Message)> {
        self.sent.drain(..).map(|(to, message)| (NodeId(to), message)).collect()
    }

    // --- what happens to it ---

    pub(crate) fn connect(&mut self, peer: u64, epoch: u64) {
        self.held.retain(|(to, _, _)| *to != peer);
        self.set_link(peer, Some(epoch));
        self.finish();
    }

    pub(crate) fn disconnect(&mut self, peer: u64) {
        self.set_link(peer, None);
        self.finish();
    }

    fn set_link(&mut self, peer: u64, epoch: Option<u64>) {
        for (id, link) in &mut self.links {
            if *id == peer {
                *link = epoch;
            }
        }
    }

    /// Its oldest unit is on disk.
    pub(crate) fn sync_one(&mut self) {
        let unit = self.units.remove(0);
        self.disk = with(&self.disk, &unit.entries);
        self.returned = unit.token;
        self.watch_disk();
        self.finish();
    }

    /// All its units are on disk, as one piece of news.
    pub(crate) fn sync_all(&mut self) {
        for unit in std::mem::take(&mut self.units) {
            self.disk = with(&self.disk, &unit.entries);
            self.returned = unit.token;
        }
        self.watch_disk();
        self.finish();
    }

    // A disk that lets a unit wait for two election timeouts has stalled; it is looked at when it reports.
    fn watch_disk(&mut self) {
        let oldest = self.units.first();
        self.disk_stalled =
            oldest.is_some_and(|unit| unit.issued_ms + 2 * ELECTION_TIMEOUT_MS <= self.now_ms);
    }

    pub(crate) fn receive(&mut self, from: u64, epoch: u64, message: &Message) {
        if self.links.contains(&(from, Some(epoch))) {
            self.take(from, message.term.0, &message.kind);
        }
        self.finish();
    }

    fn take(&mut self, from: u64, term: u64, kind: &Kind) {
        match kind {
            Kind::RequestPreVote(ask) => return self.pre_vote(from, term, ask),
            // It has asked nobody; only what a refusal says of the term counts.
            Kind::RequestPreVoteReply(reply) => {
                if reply.refusal.is_some() && term > self.term {
                    self.adopt(term);
                }
                return;
            }
            _ => {}
        }
        if term > self.term {
            if let Kind::RequestVote(ask) = kind
                && self.live_leader().is_some_and(|leader| leader != from)
                && !ask.transfer
            {
                return;
            }
            self.adopt(term);
        }
        if term < self.term {
            return self.answer_old(from, kind);
        }
        match kind {
            Kind::RequestVote(ask) => {
                let refusal = match self.vote {
                    Some(vote) if vote == from => None,
                    Some(vote) => Some(VoteRefusal::AlreadyVoted { vote: NodeId(vote) }),
                    None => self.refusal(from, ask.last, ask.priority, ask.transfer),
                };
                if refusal.is_none() && self.vote.is_none() {
                    self.vote = Some(from);
                    self.ballot_changed = true;
                }
                let commit = self.committed();
                self.send(from, Kind::RequestVoteReply(RequestVoteReply { refusal, commit }));
                self.learn(ask.commit);
            }
            Kind::RequestVoteReply(reply) => self.learn(reply.commit),
            Kind::AppendEntries(append) => self.append(from, append),
            Kind::Heartbeat(beat) if self.heeds(from, beat.epoch) => {
                let (epoch, round) = (beat.epoch, beat.round);
                let reply = HeartbeatReply { epoch, round, promised: false, busy: false };
                self.send(from, Kind::HeartbeatReply(reply));
                self.commit_to(beat.commit_index.0);
            }
            Kind::Commit(notice) if self.heeds(from, notice.epoch) => {
                self.commit_to(notice.commit_index.0);
            }
            _ => {}
        }
    }

    fn adopt(&mut self, term: u64) {
        (self.term, self.vote, self.following) = (term, None, None);
        self.ballot_changed = true;
        self.held.clear();
    }

    fn answer_old(&mut self, from: u64, kind: &Kind) {
        match kind {
            Kind::RequestVote(_) => {
                let (refusal, commit) = (Some(VoteRefusal::OldTerm), self.committed());
                self.send(from, Kind::RequestVoteReply(RequestVoteReply { refusal, commit }));
            }
            Kind::AppendEntries(append) => {
                let (rejected, hint) = (append.previous, EntryId::ZERO);
                self.answer(from, append.epoch, AppendResult::Conflict { rejected, hint });
            }
            Kind::Heartbeat(beat) => {
                let (epoch, round) = (beat.epoch, beat.round);
                let reply = HeartbeatReply { epoch, round, promised: false, busy: false };
                self.send(from, Kind::HeartbeatReply(reply));
            }
            _ => {}
        }
    }

    // --- votes ---

    fn pre_vote(&mut self, from: u64, term: u64, ask: &raft_core::RequestPreVote) {
        let refusal = if term < self.term {
            Some(VoteRefusal::OldTerm)
        } else {
            self.refusal(from, ask.last, ask.priority, false)
        };
        let (round, commit) = (ask.round, self.committed());
        let reply = RequestPreVoteReply { round, refusal, commit };
        self.send(from, Kind::RequestPreVoteReply(reply));
        self.learn(ask.commit);
    }

    fn refusal(
        &self,
        from: u64,
        theirs: EntryId,
        priority: u8,
        transfer: bool,
    ) -> Option<VoteRefusal> {
        let ours = self.last();
        if self.disk_stalled {
            return Some(VoteRefusal::StorageFault);
        }
        let is_behind =
            theirs.term < ours.term || (theirs.term == ours.term && theirs.index < ours.index);
        if is_behind {
            return Some(VoteRefusal::OldLog { theirs, ours });
        }
        match self.live_leader() {
            Some(leader) if leader != from && !transfer => {
                return Some(VoteRefusal::LeaderAlive { leader: NodeId(leader) });
            }
            _ => {}
        }
        let goes_first = theirs == ours && priority < self.priority && !transfer;
        goes_first.then_some(VoteRefusal::LowerPriority)
    }

    fn live_leader(&self) -> Option<u64> {
        let following = self.following.as_ref()?;
        (self.now_ms < following.heard_ms + ELECTION_TIMEOUT_MS).then_some(following.id)
    }

    // --- the log ---

    /// Whether this leader's word counts, on this connection of its own.
    fn heeds(&mut self, from: u64, epoch: Epoch) -> bool {
        match &self.following {
            Some(following) if following.id != from || following.epoch > epoch => return false,
            Some(following) if following.epoch == epoch => {}
            _ => {
                self.following = Some(Following {
                    id: from,
                    epoch,
                    heard_ms: 0,
                    matched: 0,
                    commit: 0,
                    acked: 0,
                    owed: false,
                });
            }
        }
        let now_ms = self.now_ms;
        if let Some(following) = &mut self.following {
            following.heard_ms = now_ms;
        }
        true
    }

    fn append(&mut self, from: u64, append: &AppendEntries) {
        if !self.heeds(from, append.epoch) {
            return;
        }
        let previous = append.previous;
        let items = items(append);
        if !self.holds(previous) {
            // What is committed here is in every later leader's log: this one is not heard any more.
            let is_foreign =
                previous.index.0 <= self.commit || previous.term < self.committed().term;
            if !is_foreign {
                let hint = self.last_at_or_below(previous);
                let result = AppendResult::Conflict { rejected: previous, hint };
                self.answer(from, append.epoch, result);
            }
            return;
        }
        if items.iter().any(|item| item.id.index.0 <= self.commit && !self.holds(item.id)) {
            return;
        }
        // Figure 2, AppendEntries, 3 and 4.
        for item in &items {
            if !self.holds(item.id) {
                self.log.retain(|kept| kept.id.index < item.id.index);
                self.log.push(item.clone());
                self.new_entries.push(item.clone());
            }
        }
        let reached = items.last().map_or(previous, |item| item.id).index.0;
        if let Some(following) = &mut self.following {
            following.matched = following.matched.max(reached);
            following.owed = true;
        }
        self.commit_to(append.commit_index.0);
    }

    fn holds(&self, id: EntryId) -> bool {
        id == EntryId::ZERO || self.log.iter().any(|item| item.id == id)
    }

    fn last_at_or_below(&self, above: EntryId) -> EntryId {
        let fits = |id: &EntryId| id.index <= above.index && id.term <= above.term;
        self.log.iter().map(|item| item.id).rfind(fits).unwrap_or(EntryId::ZERO)
    }

    fn commit_to(&mut self, leader_commit: u64) {
        if let Some(following) = &mut self.following {
            following.commit = following.commit.max(leader_commit);
            self.commit = self.commit.max(following.commit.min(following.matched));
        }
    }

    /// Somebody knows this entry to be committed.
    fn learn(&mut self, id: EntryId) {
        if self.holds(id) {
            self.commit = self.commit.max(id.index.0);
        }
    }

    fn committed(&self) -> EntryId {
        let at = self.log.iter().find(|item| item.id.index.0 == self.commit);
        at.map_or(EntryId::ZERO, |item| item.id)
    }
}

fn items(append: &AppendEntries) -> Vec<Item> {
    let item = |entry: raft_core::Entry<'_>| {
        let Payload::Command(payload) = entry.payload else { panic!("only commands are sent") };
        Item { id: entry.id, payload: payload.to_vec() }
    };
    append.entries.iter().map(item).collect()
}
