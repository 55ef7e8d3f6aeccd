//! A world small enough to be looked at from all sides: three real nodes, their disks, and the messages under
//! way. Cheap to copy, since an action changes one node.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use bytes::Bytes;
use raft_core::{
    AppendResult, ClusterId, Config, EntryId, Epoch, Incarnation, Index, Input, Kind, Loaded,
    Message, NodeId, Output, Raft, RequestPreVoteReply, RoleName, Term, Time, Token,
};

use super::super::harness::disk::Disk;
use super::super::harness::voters;

/// How far a world may go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) nodes: u64,
    pub(crate) elections: u8,
    pub(crate) proposals: u8,
    pub(crate) crashes: u8,
    /// Elections, and appends with their answers, are one action each, and disks finish at once.
    pub(crate) atomic: bool,
    pub(crate) states_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            nodes: 3,
            elections: 0,
            proposals: 0,
            crashes: 0,
            atomic: false,
            states_max: 3_000_000,
        }
    }
}

/// One thing that may happen.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// A node campaigns, and these hear of it and answer.
    Elect { candidate: NodeId, hear: Vec<NodeId> },
    /// A node's timer runs out, and it campaigns.
    TimeOut(NodeId),
    /// The leader takes a command.
    Propose(NodeId),
    /// A message arrives, and so does the answer to it, or that is lost.
    Exchange { parcel: Parcel, is_answered: bool },
    /// A message arrives.
    Deliver(Parcel),
    /// The oldest write of a node becomes durable.
    Sync(NodeId),
    /// A node dies with this many of its writes done, and starts again.
    Crash(NodeId, usize),
}

/// A message under way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Parcel {
    to: NodeId,
    from: NodeId,
    term: Term,
    bytes: Bytes,
}

/// A node and its disk.
#[derive(Clone)]
struct Host {
    raft: Raft,
    disk: Disk,
    now: Time,
    epochs: BTreeMap<NodeId, Epoch>,
}

/// One state.
#[derive(Clone)]
pub(crate) struct World {
    bounds: Bounds,
    hosts: Vec<Rc<Host>>,
    parcels: BTreeSet<Parcel>,
    /// What was ever committed, and in which term it was said.
    committed: BTreeMap<Index, (EntryId, Term)>,
    leaders: BTreeMap<Term, NodeId>,
    votes: BTreeMap<(NodeId, Term), NodeId>,
}

type Verdict = Result<(), String>;

impl World {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let mut world = Self {
            bounds,
            hosts: Vec::new(),
            parcels: BTreeSet::new(),
            committed: BTreeMap::new(),
            leaders: BTreeMap::new(),
            votes: BTreeMap::new(),
        };
        for id in 1..=bounds.nodes {
            let loaded = Loaded::genesis(voters(bounds.nodes));
            let disk = Disk::of(&loaded);
            let raft = Raft::open(config(NodeId(id)), loaded).expect("a new cluster");
            world.hosts.push(Rc::new(Host { raft, disk, now: Time(1), epochs: BTreeMap::new() }));
        }
        for id in world.ids() {
            world.start(id).expect("nothing has happened yet");
        }
        world
    }

    fn ids(&self) -> Vec<NodeId> {
        (1..=self.bounds.nodes).map(NodeId).collect()
    }

    fn host(&self, id: NodeId) -> &Host {
        &self.hosts[slot(id)]
    }

    fn host_mut(&mut self, id: NodeId) -> &mut Host {
        Rc::make_mut(&mut self.hosts[slot(id)])
    }

    /// A node begins, with a connection to everybody.
    fn start(&mut self, id: NodeId) -> Verdict {
        self.step(id, Input::Tick)?;
        for peer in self.ids().into_iter().filter(|peer| *peer != id) {
            self.up(id, peer)?;
        }
        Ok(())
    }

    fn up(&mut self, id: NodeId, peer: NodeId) -> Verdict {
        let epoch = self.host_mut(id).epochs.entry(peer).or_default();
        epoch.0 += 1;
        let (epoch, incarnation) = (*epoch, Incarnation(1));
        self.step(id, Input::PeerUp { peer, epoch, incarnation })
    }

    /// What may happen next.
    pub(crate) fn actions(&self) -> Vec<Action> {
        let mut actions = Vec::new();
        for id in self.ids() {
            let host = self.host(id);
            if self.bounds.elections > 0 && self.may_be_first(id) {
                self.elections(id, &mut actions);
            }
            if self.bounds.proposals > 0 && host.raft.role() == RoleName::Leader {
                actions.push(Action::Propose(id));
            }
            if !host.disk.pending.is_empty() {
                actions.push(Action::Sync(id));
            }
            if self.bounds.crashes > 0 {
                actions.extend((0..=host.disk.pending.len()).map(|units| Action::Crash(id, units)));
            }
        }
        for parcel in self.parcels.iter().cloned() {
            if self.bounds.atomic {
                let exchange =
                    |is_answered| Action::Exchange { parcel: parcel.clone(), is_answered };
                actions.extend([true, false].map(exchange));
            } else {
                actions.push(Action::Deliver(parcel));
            }
        }
        actions
    }

    /// Nodes differ in nothing but their names, so it may as well be n1 that campaigns first.
    fn may_be_first(&self, id: NodeId) -> bool {
        id == NodeId(1) || self.host(NodeId(1)).raft.term() > Term(0)
    }

    fn elections(&self, candidate: NodeId, actions: &mut Vec<Action>) {
        if !self.bounds.atomic {
            return actions.push(Action::TimeOut(candidate));
        }
        let others: Vec<NodeId> = self.ids().into_iter().filter(|id| *id != candidate).collect();
        let heard = subsets(&others).into_iter().filter(|hear| !hear.is_empty());
        actions.extend(heard.map(|hear| Action::Elect { candidate, hear }));
    }

    /// The world after an action, and whether everything still holds in it.
    pub(crate) fn after(&self, action: &Action) -> (Self, Verdict) {
        let mut world = self.clone();
        let verdict = world.act(action);
        world.lose_stale();
        (world, verdict)
    }

    /// A message of an older term than its receiver's changes nothing there: it may as well be lost.
    fn lose_stale(&mut self) {
        let terms: Vec<Term> = self.hosts.iter().map(|host| host.raft.term()).collect();
        self.parcels.retain(|parcel| parcel.term >= terms[slot(parcel.to)]);
    }

    fn act(&mut self, action: &Action) -> Verdict {
        match action {
            Action::Elect { candidate, hear } => self.elect(*candidate, hear),
            Action::TimeOut(id) => {
                self.bounds.elections -= 1;
                self.campaign(*id)
            }
            Action::Propose(id) => {
                self.bounds.proposals -= 1;
                let token = Token(u64::from(self.bounds.proposals));
                self.step(*id, Input::Propose { token, payload: b"x" })?;
                self.step(*id, Input::Tick)
            }
            Action::Deliver(parcel) => {
                self.parcels.remove(parcel);
                self.deliver(parcel)
            }
            Action::Exchange { parcel, is_answered } => self.exchange(parcel, *is_answered),
            Action::Sync(id) => self.sync(*id),
            Action::Crash(id, units) => self.crash(*id, *units),
        }
    }

    fn elect(&mut self, candidate: NodeId, hear: &[NodeId]) -> Verdict {
        self.bounds.elections -= 1;
        self.campaign(candidate)?;
        for parcel in self.take_votes() {
            if hear.contains(&parcel.to) {
                self.deliver(&parcel)?;
            }
        }
        for parcel in self.take_votes() {
            self.deliver(&parcel)?;
        }
        Ok(())
    }

    /// Within a term it makes no difference to anybody when an ack arrives, and after it the ack is stale: so
    /// it arrives at once or never.
    fn exchange(&mut self, parcel: &Parcel, is_answered: bool) -> Verdict {
        self.parcels.remove(parcel);
        let before = self.parcels.clone();
        self.deliver(parcel)?;
        let answers: Vec<Parcel> = self.parcels.difference(&before).cloned().collect();
        self.parcels = before;
        for answer in answers.iter().filter(|_| is_answered) {
            self.deliver(answer)?;
        }
        Ok(())
    }

    /// Requests for votes and their answers.
    fn take_votes(&mut self) -> Vec<Parcel> {
        let is_vote = |parcel: &Parcel| {
            matches!(parcel.message().kind, Kind::RequestVote(_) | Kind::RequestVoteReply(_))
        };
        let votes: Vec<Parcel> =
            self.parcels.iter().filter(|parcel| is_vote(parcel)).cloned().collect();
        votes.iter().for_each(|parcel| {
            self.parcels.remove(parcel);
        });
        votes
    }

    /// The node's timer runs out, and everybody would vote for it. A leader has heard nobody for long enough.
    fn campaign(&mut self, id: NodeId) -> Verdict {
        if self.host(id).raft.role() == RoleName::Leader {
            let host = self.host_mut(id);
            host.now = host.now.plus_ms(10_000);
            self.step(id, Input::Tick)?;
        }
        let host = self.host_mut(id);
        host.now = host.now.max(host.raft.deadline());
        let round = self.step_for_round(id)?;
        let Some(round) = round else { return Ok(()) };
        let term = self.host(id).raft.term();
        for voter in self.ids().into_iter().filter(|voter| *voter != id) {
            if self.host(id).raft.role() == RoleName::PreCandidate {
                let reply = RequestPreVoteReply { round, refusal: None, commit: EntryId::ZERO };
                let message = Message { term, kind: Kind::RequestPreVoteReply(reply) };
                self.receive(id, voter, message)?;
            }
        }
        Ok(())
    }

    fn step_for_round(&mut self, id: NodeId) -> Result<Option<raft_core::Round>, String> {
        let mut out = Output::new();
        let host = self.host_mut(id);
        let now = host.now;
        host.raft.step(now, Input::Tick, &mut out).map_err(|error| error.to_string())?;
        Ok(out.send.iter().find_map(|envelope| match envelope.message.kind {
            Kind::RequestPreVote(ask) => Some(ask.round),
            _ => None,
        }))
    }

    fn sync(&mut self, id: NodeId) -> Verdict {
        match self.host_mut(id).disk.complete_one() {
            Some(token) => self.step(id, Input::Durable(token)),
            None => Ok(()),
        }
    }

    fn crash(&mut self, id: NodeId, units: usize) -> Verdict {
        self.bounds.crashes -= 1;
        let host = self.host_mut(id);
        host.disk.crash(units, None);
        host.raft = Raft::open(config(id), host.disk.durable.loaded())
            .map_err(|error| error.to_string())?;
        self.parcels.retain(|parcel| parcel.from != id && parcel.to != id);
        for peer in self.ids().into_iter().filter(|peer| *peer != id) {
            self.up(peer, id)?;
        }
        self.start(id)
    }

    fn deliver(&mut self, parcel: &Parcel) -> Verdict {
        self.receive(parcel.to, parcel.from, parcel.message())
    }

    fn receive(&mut self, to: NodeId, from: NodeId, message: Message) -> Verdict {
        let epoch = self.host(to).epochs[&from];
        self.step(to, Input::Message { from, epoch, message })
    }

    fn step(&mut self, id: NodeId, input: Input<'_>) -> Verdict {
        let mut out = Output::new();
        let host = self.host_mut(id);
        let now = host.now;
        host.raft.step(now, input, &mut out).map_err(|error| error.to_string())?;
        out.write.drain(..).for_each(|write| host.disk.submit(write));
        for envelope in out.send {
            self.say(id, envelope.to, envelope.message)?;
        }
        self.judge(id)?;
        if self.bounds.atomic && !self.host(id).disk.pending.is_empty() {
            return self.sync(id);
        }
        Ok(())
    }

    fn say(&mut self, from: NodeId, to: NodeId, mut message: Message) -> Verdict {
        let ballot = self.host(from).disk.durable.ballot;
        match &mut message.kind {
            Kind::RequestPreVote(_) | Kind::RequestPreVoteReply(_) => return Ok(()),
            Kind::Heartbeat(_) | Kind::HeartbeatReply(_) | Kind::Commit(_) => return Ok(()),
            Kind::RequestVote(ask) => {
                // Nobody is held back by a leader it has heard: time does not pass here.
                ask.transfer = true;
                self.vote(from, message.term, from)?;
            }
            Kind::RequestVoteReply(reply) if reply.refusal.is_none() => {
                if ballot.vote != Some(to) || ballot.term != message.term {
                    return Err(format!("W10: the vote of {from} for {to} is not durable"));
                }
                self.vote(from, message.term, to)?;
            }
            Kind::AppendEntriesReply(reply) => {
                if let AppendResult::Matched(index) = reply.result
                    && self.host(from).disk.durable.last().index < index
                {
                    return Err(format!("W10: {from} acknowledges {index} too early"));
                }
            }
            _ => {}
        }
        // Without replication there is nothing to learn from it about votes.
        if !self.bounds.atomic
            && !matches!(message.kind, Kind::RequestVote(_) | Kind::RequestVoteReply(_))
        {
            return Ok(());
        }
        let term = message.term;
        let mut bytes = Vec::new();
        let tail = message.encode(&mut bytes).map_err(|error| error.to_string())?;
        bytes.extend_from_slice(&tail);
        self.parcels.insert(Parcel { to, from, term, bytes: bytes.into() });
        Ok(())
    }

    fn vote(&mut self, from: NodeId, term: Term, to: NodeId) -> Verdict {
        match *self.votes.entry((from, term)).or_insert(to) {
            cast if cast == to => Ok(()),
            cast => Err(format!("S2: {from} votes for {cast} and for {to} in term {term}")),
        }
    }

    /// W01, W04 and W05, after a step of `id`.
    fn judge(&mut self, id: NodeId) -> Verdict {
        let host = &self.hosts[slot(id)];
        let (term, log) = (host.raft.term(), &host.disk.written);
        if host.raft.role() == RoleName::Leader && self.leaders.get(&term) != Some(&id) {
            if let Some(other) = self.leaders.insert(term, id) {
                return Err(format!("W01: {other} and {id} both lead term {term}"));
            }
            let lacking =
                self.committed.values().find(|(entry, by)| *by < term && !log.holds(*entry));
            if let Some((entry, _)) = lacking {
                return Err(format!(
                    "W04: {id} leads term {term} without {entry}, which is committed"
                ));
            }
        }
        for record in log.log.iter().filter(|record| record.id.index <= host.raft.commit_index()) {
            let (known, _) = *self.committed.entry(record.id.index).or_insert((record.id, term));
            if known != record.id {
                return Err(format!("W05: {id} commits {} where {known} is committed", record.id));
            }
        }
        Ok(())
    }

    /// What decides how the world goes on, and what the judge remembers.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        for host in &self.hosts {
            host.raft.hash_state(&mut hasher);
            // Where disks finish at once, they hold what the nodes hold.
            if !self.bounds.atomic {
                let durable = &host.disk.durable;
                (durable.ballot.term, durable.ballot.vote, durable.last()).hash(&mut hasher);
                host.disk.pending.len().hash(&mut hasher);
                self.votes.hash(&mut hasher);
            }
        }
        self.parcels.hash(&mut hasher);
        (&self.committed, &self.leaders).hash(&mut hasher);
        (self.bounds.elections, self.bounds.proposals, self.bounds.crashes).hash(&mut hasher);
        hasher.finish()
    }
}

impl Parcel {
    fn message(&self) -> Message {
        Message::decode(&self.bytes).expect("what a node sends can be read")
    }
}

impl fmt::Display for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message();
        write!(f, "{} → {} in term {}: ", self.from, self.to, message.term)?;
        match &message.kind {
            Kind::AppendEntries(append) => {
                let ids: Vec<String> =
                    append.entries.iter().map(|entry| entry.id.to_string()).collect();
                write!(
                    f,
                    "append [{}] behind {}, commit {}",
                    ids.join(" "),
                    append.previous,
                    append.commit_index
                )
            }
            Kind::RequestVote(ask) => write!(f, "vote for me, my log ends at {}", ask.last),
            Kind::RequestVoteReply(reply) => match reply.refusal {
                None => f.write_str("you have my vote"),
                Some(why) => write!(f, "no: {why:?}"),
            },
            other => write!(f, "{other:?}"),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elect { candidate, hear } => {
                let names: Vec<String> = hear.iter().map(ToString::to_string).collect();
                write!(f, "{candidate} campaigns and is heard by {}", names.join(" and "))
            }
            Self::Exchange { parcel, is_answered } => {
                let answer = if *is_answered { "answered" } else { "the answer is lost" };
                write!(f, "{parcel}; {answer}")
            }
            Self::TimeOut(id) => write!(f, "{id} campaigns"),
            Self::Propose(id) => write!(f, "{id} takes a command"),
            Self::Deliver(parcel) => {
                write!(f, "{parcel}")
            }
            Self::Sync(id) => write!(f, "{id}: the oldest write is durable"),
            Self::Crash(id, units) => {
                write!(f, "{id} dies with {units} of its writes done, and starts again")
            }
        }
    }
}

fn slot(id: NodeId) -> usize {
    usize::try_from(id.0).expect("a small id") - 1
}

fn config(id: NodeId) -> Config {
    // One byte: so every append carries one entry.
    let append_bytes_max = 1;
    Config { append_bytes_max, ..Config::new(ClusterId(1), id, id.0) }
}

fn subsets(of: &[NodeId]) -> Vec<Vec<NodeId>> {
    (0..1_usize << of.len())
        .map(|bits| {
            of.iter().enumerate().filter(|(at, _)| bits >> at & 1 == 1).map(|(_, id)| *id).collect()
        })
        .collect()
}
