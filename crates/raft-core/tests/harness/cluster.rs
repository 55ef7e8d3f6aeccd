//! A cluster of real nodes: their disks, the network between them, one clock, and the judge. Everything that
//! happens, happens because a scenario says so or because virtual time has come to it.

use std::collections::BTreeMap;

use raft_core::{
    Apply, ClusterId, Config, End, EntryId, Envelope, Epoch, Event, Incarnation, Index, Input,
    Kind, Loaded, Membership, Message, NodeId, Output, Raft, RoleName, Status, StepError, Time,
    Token, WriteToken,
};

use super::disk::{Disk, Record};
use super::judge::Judge;
use super::network::{Flight, Network};
use super::random::Random;
use super::{ELECTION_TIMEOUT_MS, voters};

/// How the world behaves. Times in microseconds.
#[derive(Clone, Debug)]
pub(crate) struct Weather {
    pub(crate) latency_us: (u64, u64),
    pub(crate) disk_us: (u64, u64),
    pub(crate) apply_us: (u64, u64),
    /// Messages may be lost, doubled, or overtake each other, in so many of a hundred cases.
    pub(crate) drop_percent: u64,
    pub(crate) double_percent: u64,
    pub(crate) overtake_percent: u64,
    /// Looks at everything of a node after each step; costs time.
    pub(crate) check_all: bool,
}

/// One node and what surrounds it.
pub(crate) struct Host {
    pub(crate) config: Config,
    /// `None` while it is down.
    pub(crate) raft: Option<Raft>,
    pub(crate) is_paused: bool,
    /// Its disk does not answer.
    pub(crate) is_disk_stuck: bool,
    /// What its state machine has applied.
    pub(crate) applied: Vec<(EntryId, Vec<u8>)>,
    pub(crate) events: Vec<Event>,
    outcomes: Vec<(Token, End)>,
    writes_due: Vec<(u64, WriteToken)>,
    applies_due: Vec<(u64, Index, u64)>,
    epochs: BTreeMap<NodeId, Epoch>,
    starts: u64,
    /// How fast its clock runs, in parts per million of the true one, and what it showed at the start.
    clock_ppm: u64,
    clock_offset: u64,
}

/// The world.
pub(crate) struct Cluster {
    pub(crate) hosts: BTreeMap<NodeId, Host>,
    pub(crate) disks: BTreeMap<NodeId, Disk>,
    pub(crate) network: Network,
    pub(crate) judge: Judge,
    pub(crate) weather: Weather,
    pub(crate) membership: Membership,
    pub(crate) random: Random,
    pub(crate) steps: u64,
    now: u64,
    tokens: u64,
    out: Output,
    /// A scenario hands messages over itself.
    pub(crate) is_manual: bool,
}

impl Default for Weather {
    fn default() -> Self {
        Self {
            latency_us: (1_000, 1_000),
            disk_us: (500, 500),
            apply_us: (0, 0),
            drop_percent: 0,
            double_percent: 0,
            overtake_percent: 0,
            check_all: true,
        }
    }
}

impl Cluster {
    /// n1 to nN, all voters, connected, nothing decided yet.
    pub(crate) fn of(size: u64) -> Self {
        Self::with(voters(size), |_| {})
    }

    /// A cluster with these members, each with a configuration of its own.
    pub(crate) fn with(membership: Membership, configure: impl Fn(&mut Config)) -> Self {
        Self::loaded(membership.clone(), 1, configure, |_| Loaded::genesis(membership.clone()))
    }

    /// A cluster whose nodes start from what `loaded` says.
    pub(crate) fn loaded(
        membership: Membership,
        seed: u64,
        configure: impl Fn(&mut Config),
        loaded: impl Fn(NodeId) -> Loaded,
    ) -> Self {
        let mut cluster = Self {
            hosts: BTreeMap::new(),
            disks: BTreeMap::new(),
            network: Network::default(),
            judge: Judge::default(),
            weather: Weather::default(),
            membership,
            random: Random::new(seed),
            steps: 0,
            now: 1_000_000,
            tokens: 0,
            out: Output::new(),
            is_manual: false,
        };
        for id in cluster.membership.members().iter().map(|member| member.id).collect::<Vec<_>>() {
            let mut config = Config::new(ClusterId(1), id, seed.wrapping_mul(1_000) + id.0);
            configure(&mut config);
            cluster.disks.insert(id, Disk::of(&loaded(id)));
            cluster.hosts.insert(id, Host::new(config));
            cluster.start_with(id, loaded(id));
        }
        cluster
    }

    pub(crate) fn ids(&self) -> Vec<NodeId> {
        self.hosts.keys().copied().collect()
    }

    pub(crate) fn now_ms(&self) -> u64 {
        self.now / 1_000
    }

    pub(crate) fn is_up(&self, id: u64) -> bool {
        self.hosts[&NodeId(id)].raft.is_some()
    }

    pub(crate) fn raft(&self, id: u64) -> &Raft {
        self.hosts[&NodeId(id)].raft.as_ref().expect("the scenario knows that it is up")
    }

    pub(crate) fn status(&self, id: u64) -> Status {
        self.raft(id).status()
    }

    /// The leader of the highest term, if one leads and is up.
    pub(crate) fn leader(&self) -> Option<NodeId> {
        let leads = |host: &Host| {
            host.raft.as_ref().filter(|raft| raft.role() == RoleName::Leader).map(Raft::term)
        };
        let leading = self.hosts.iter().filter_map(|(id, host)| Some((leads(host)?, *id)));
        leading.max().map(|(_, id)| id)
    }

    pub(crate) fn role(&self, id: u64) -> RoleName {
        self.raft(id).role()
    }

    pub(crate) fn commit(&self, id: u64) -> u64 {
        self.raft(id).commit_index().0
    }

    /// A node's log as it was written, without the snapshot's part.
    pub(crate) fn log(&self, id: u64) -> &[Record] {
        &self.disks[&NodeId(id)].written.log
    }

    /// The ids in a node's log, as `index@term`.
    pub(crate) fn log_ids(&self, id: u64) -> Vec<String> {
        self.log(id).iter().map(|record| record.id.to_string()).collect()
    }

    /// The commands that a node's state machine has applied.
    pub(crate) fn applied(&self, id: u64) -> Vec<String> {
        let applied = self.hosts[&NodeId(id)].applied.iter();
        let commands = applied.filter(|(_, command)| !command.is_empty());
        commands.map(|(_, command)| String::from_utf8_lossy(command).into_owned()).collect()
    }

    pub(crate) fn events(&self, id: u64) -> &[Event] {
        &self.hosts[&NodeId(id)].events
    }

    // --- what a scenario does ---

    /// Lets the election of this node happen: the others do not get impatient meanwhile.
    pub(crate) fn elect(mut self, id: u64) -> Self {
        self.make_leader(id);
        self
    }

    pub(crate) fn make_leader(&mut self, id: u64) {
        let others: Vec<u64> =
            self.ids().into_iter().map(|it| it.0).filter(|it| *it != id).collect();
        for _ in 0..200 {
            // Old leaders are forgotten first, then only this node's timer is allowed to run out.
            self.run_until_leaderless_or(id);
            if self.leader() == Some(NodeId(id)) {
                self.run_for(HEARTBEATS_TO_SETTLE_MS);
                return;
            }
            let deadline = self.true_time(NodeId(id), self.raft(id).deadline());
            self.run_to_without(deadline + 30_000, &others);
        }
        panic!("n{id} cannot be elected: {}", self.raft(id).explain());
    }

    fn run_until_leaderless_or(&mut self, id: u64) {
        if self.leader().is_some_and(|leader| leader != NodeId(id)) {
            self.run_for(10);
        }
    }

    /// Runs on, without ticks of these nodes' election timers.
    fn run_to_without(&mut self, until: u64, silent: &[u64]) {
        while let Some(at) = self.next_event(silent).filter(|at| *at <= until) {
            self.happen(at, silent);
        }
        self.now = self.now.max(until);
    }

    /// Proposes a command at a node.
    pub(crate) fn propose(&mut self, id: u64, command: &str) -> Token {
        self.tokens += 1;
        let token = Token(self.tokens);
        self.judge.asked(token, NodeId(id));
        self.step(id, Input::Propose { token, payload: command.as_bytes() });
        token
    }

    /// Proposes at the leader and runs until everybody has applied it.
    pub(crate) fn write(&mut self, command: &str) -> Token {
        let leader = self.leader().expect("a leader to write to");
        let token = self.propose(leader.0, command);
        self.run_for(HEARTBEATS_TO_SETTLE_MS);
        token
    }

    pub(crate) fn outcome(&self, token: Token) -> Option<&End> {
        self.judge.outcome(token)
    }

    pub(crate) fn is_committed(&self, token: Token) -> bool {
        matches!(self.outcome(token), Some(End::Committed(_)))
    }

    /// Nothing passes between this node and the others, in either direction; connections stay.
    pub(crate) fn isolate(&mut self, id: u64) {
        for other in self.ids() {
            self.network.cut(NodeId(id), other);
            self.network.cut(other, NodeId(id));
        }
    }

    /// What this node says is not heard.
    pub(crate) fn mute(&mut self, id: u64) {
        for other in self.ids() {
            self.network.cut(NodeId(id), other);
        }
    }

    /// This node hears nothing.
    pub(crate) fn deafen(&mut self, id: u64) {
        for other in self.ids() {
            self.network.cut(other, NodeId(id));
        }
    }

    /// Nothing passes between the two sides.
    pub(crate) fn partition(&mut self, a: &[u64], b: &[u64]) {
        for (a, b) in a.iter().flat_map(|a| b.iter().map(move |b| (*a, *b))) {
            self.network.cut(NodeId(a), NodeId(b));
            self.network.cut(NodeId(b), NodeId(a));
        }
    }

    /// Every cut link works again. Connections that were cut are made anew.
    pub(crate) fn heal(&mut self) {
        let ids = self.ids();
        for (a, b) in ids.iter().flat_map(|a| ids.iter().map(move |b| (*a, *b))) {
            let was_cut = self.network.is_cut(a, b) || self.network.is_cut(b, a);
            self.network.mend(a, b);
            self.network.mend(b, a);
            if a < b && was_cut {
                self.reconnect(a.0, b.0);
            }
        }
    }

    /// The connection between two nodes breaks, with all that is on it, and comes back.
    pub(crate) fn reconnect(&mut self, a: u64, b: u64) {
        self.disconnect(a, b);
        self.connect(a, b);
    }

    pub(crate) fn disconnect(&mut self, a: u64, b: u64) {
        self.network.lose_between(NodeId(a), NodeId(b));
        for (here, there) in [(a, b), (b, a)] {
            let epoch = self.epoch(here, there);
            if self.is_up(here) {
                self.step(here, Input::PeerDown { peer: NodeId(there), epoch });
            }
        }
    }

    pub(crate) fn connect(&mut self, a: u64, b: u64) {
        if !self.is_up(a) || !self.is_up(b) {
            return;
        }
        for (here, there) in [(a, b), (b, a)] {
            let host = self.hosts.get_mut(&NodeId(here)).expect("a known node");
            let epoch = host.epochs.entry(NodeId(there)).or_default();
            epoch.0 += 1;
        }
        for (here, there) in [(a, b), (b, a)] {
            let epoch = self.epoch(here, there);
            let incarnation = Incarnation(1);
            self.step(here, Input::PeerUp { peer: NodeId(there), epoch, incarnation });
        }
    }

    fn epoch(&self, here: u64, there: u64) -> Epoch {
        self.hosts[&NodeId(here)].epochs.get(&NodeId(there)).copied().unwrap_or_default()
    }

    /// The node is gone, and of what was not durable nothing is left.
    pub(crate) fn crash(&mut self, id: u64) {
        self.crash_keeping(id, 0, None);
    }

    /// The node is gone; some of what was written and not durable is there all the same.
    pub(crate) fn crash_keeping(&mut self, id: u64, units: usize, records: Option<usize>) {
        let node = NodeId(id);
        self.disks.get_mut(&node).expect("a known node").crash(units, records);
        let host = self.hosts.get_mut(&node).expect("a known node");
        host.raft = None;
        host.writes_due.clear();
        host.applies_due.clear();
        host.is_paused = false;
        self.judge.forget(node);
        for other in self.ids().into_iter().filter(|other| *other != node) {
            self.network.lose_between(node, other);
            let epoch = self.epoch(other.0, id);
            if self.is_up(other.0) {
                self.step(other.0, Input::PeerDown { peer: node, epoch });
            }
        }
    }

    /// The node starts again from its disk.
    pub(crate) fn restart(&mut self, id: u64) {
        let loaded = self.disks[&NodeId(id)].durable.loaded();
        self.start_with(NodeId(id), loaded);
    }

    /// The node starts from what it is given.
    pub(crate) fn start_with(&mut self, id: NodeId, loaded: Loaded) {
        let host = self.hosts.get_mut(&id).expect("a known node");
        host.starts += 1;
        let seed = host.config.seed.wrapping_add(host.starts << 32);
        let config = Config { seed, ..host.config.clone() };
        host.applied.retain(|(applied, _)| applied.index <= loaded.applied);
        host.raft = Some(Raft::open(config, loaded).expect("its own disk"));
        self.step(id.0, Input::Tick);
        for other in self.ids().into_iter().filter(|other| *other != id) {
            self.connect(id.0, other.0);
        }
    }

    /// Whether the node has crashed since the world began.
    pub(crate) fn was_restarted(&self, id: u64) -> bool {
        self.hosts[&NodeId(id)].starts > 1
    }

    pub(crate) fn pause(&mut self, id: u64) {
        self.hosts.get_mut(&NodeId(id)).expect("a known node").is_paused = true;
    }

    pub(crate) fn resume(&mut self, id: u64) {
        self.hosts.get_mut(&NodeId(id)).expect("a known node").is_paused = false;
    }

    /// The node's disk takes writes and does not finish them.
    pub(crate) fn stick_disk(&mut self, id: u64) {
        self.hosts.get_mut(&NodeId(id)).expect("a known node").is_disk_stuck = true;
    }

    pub(crate) fn free_disk(&mut self, id: u64) {
        self.hosts.get_mut(&NodeId(id)).expect("a known node").is_disk_stuck = false;
    }

    /// The node's clock runs at this many parts per million of true time.
    pub(crate) fn set_clock(&mut self, id: u64, ppm: u64) {
        let now = self.now;
        let host = self.hosts.get_mut(&NodeId(id)).expect("a known node");
        let shown = host.local(now);
        host.clock_ppm = ppm;
        host.clock_offset = 0;
        host.clock_offset = shown.saturating_sub(host.local(now));
    }

    // --- time ---

    pub(crate) fn run_for(&mut self, ms: u64) {
        let until = self.now + ms * 1_000;
        while let Some(at) = self.next_event(&[]).filter(|at| *at <= until) {
            self.happen(at, &[]);
        }
        self.now = until;
    }

    /// Runs until something holds; says whether it does within `ms`.
    pub(crate) fn run_until(&mut self, ms: u64, holds: impl Fn(&Self) -> bool) -> bool {
        let until = self.now + ms * 1_000;
        while !holds(self) {
            let Some(at) = self.next_event(&[]).filter(|at| *at <= until) else { return false };
            self.happen(at, &[]);
        }
        true
    }

    fn next_event(&self, silent: &[u64]) -> Option<u64> {
        let network = if self.is_manual { None } else { self.network.next_due() };
        let hosts = self.hosts.iter().flat_map(|(id, host)| {
            let tick = host.tick_due(self.now).filter(|_| !self.is_silent(*id, silent));
            let writes = host.writes_due.first().map(|(at, _)| *at).filter(|_| !host.is_disk_stuck);
            let applies = host.applies_due.first().map(|(at, _, _)| *at);
            [tick, writes, applies].into_iter().flatten().filter(|_| !host.is_paused)
        });
        hosts.chain(network).min().map(|at| at.max(self.now))
    }

    // A leader always ticks; of the others, the silenced do not.
    fn is_silent(&self, id: NodeId, silent: &[u64]) -> bool {
        silent.contains(&id.0)
            && self.hosts[&id].raft.as_ref().is_some_and(|raft| raft.role() != RoleName::Leader)
    }

    /// One thing happens at this time.
    fn happen(&mut self, at: u64, silent: &[u64]) {
        self.now = at;
        if !self.is_manual
            && let Some(flight) = self.network.arrived(at)
        {
            return self.deliver(&flight);
        }
        for id in self.ids() {
            let host = self.hosts.get_mut(&id).expect("a known node");
            if host.is_paused || host.raft.is_none() {
                continue;
            }
            if !host.is_disk_stuck && host.writes_due.first().is_some_and(|(due, _)| *due <= at) {
                return self.complete_write(id.0);
            }
            if host.applies_due.first().is_some_and(|(due, _, _)| *due <= at) {
                let (_, upto, bytes) = host.applies_due.remove(0);
                return self.step(id.0, Input::Applied { upto, bytes });
            }
            if host.tick_due(at).is_some_and(|due| due <= at) && !self.is_silent(id, silent) {
                return self.step(id.0, Input::Tick);
            }
        }
    }

    /// The oldest write of a node becomes durable.
    pub(crate) fn complete_write(&mut self, id: u64) {
        let host = self.hosts.get_mut(&NodeId(id)).expect("a known node");
        if !host.writes_due.is_empty() {
            host.writes_due.remove(0);
        }
        let token = self.disks.get_mut(&NodeId(id)).and_then(Disk::complete_one);
        if let Some(token) = token {
            self.step(id, Input::Durable(token));
        }
    }

    pub(crate) fn deliver(&mut self, flight: &Flight) {
        let host = &self.hosts[&flight.to];
        if host.is_paused {
            // It waits in the socket's buffer.
            return self.network.put(flight.clone(), self.now + 1_000, false);
        }
        if host.raft.is_some() {
            let Flight { from, epoch, .. } = *flight;
            self.step(flight.to.0, Input::Message { from, epoch, message: flight.message() });
        }
    }

    /// Hands a message to a node as if this peer had sent it on the present connection.
    pub(crate) fn receive(&mut self, id: u64, from: u64, message: Message) {
        let epoch = self.epoch(id, from);
        self.step(id, Input::Message { from: NodeId(from), epoch, message });
    }

    /// In manual mode: hands over everything that is under way, and what comes of it, until nothing is left.
    pub(crate) fn settle(&mut self) {
        for _ in 0..10_000 {
            let flights = self.network.take_all();
            let mut idle = flights.is_empty();
            for flight in flights {
                self.deliver(&flight);
            }
            for id in self.ids() {
                while self.is_up(id.0)
                    && !self.disks[&id].pending.is_empty()
                    && !self.hosts[&id].is_disk_stuck
                {
                    self.complete_write(id.0);
                    idle = false;
                }
                let flush = self.hosts[&id].raft.as_ref().is_some_and(|raft| {
                    raft.role() == RoleName::Leader
                        && raft.deadline() <= self.hosts[&id].time(self.now)
                });
                if flush {
                    self.step(id.0, Input::Tick);
                    idle = false;
                }
            }
            if idle {
                return;
            }
        }
        panic!("the cluster does not come to rest");
    }

    // --- the driver ---

    pub(crate) fn step(&mut self, id: u64, input: Input<'_>) {
        self.try_step(id, input).unwrap_or_else(|error| panic!("n{id}: {error}"));
    }

    pub(crate) fn try_step(&mut self, id: u64, input: Input<'_>) -> Result<(), StepError> {
        self.steps += 1;
        let node = NodeId(id);
        let now = self.hosts[&node].time(self.now);
        let mut out = std::mem::take(&mut self.out);
        let host = self.hosts.get_mut(&node).expect("a known node");
        let raft = host.raft.as_mut().expect("only nodes that are up are stepped");
        let result = raft.step(now, input, &mut out);
        if self.weather.check_all {
            raft.check().unwrap_or_else(|what| panic!("n{id}: {what}"));
        }
        self.carry_out(node, &mut out);
        out.clear();
        self.out = out;
        if let Some(raft) = &self.hosts[&node].raft {
            self.judge.look(node, raft, &self.disks, &self.membership);
        }
        for (token, end) in
            std::mem::take(&mut self.hosts.get_mut(&node).expect("known").pending_outcomes())
        {
            self.judge.answered(token, end);
        }
        result
    }

    fn carry_out(&mut self, node: NodeId, out: &mut Output) {
        for envelope in out.send.drain(..) {
            self.judge.sent(node, &envelope, &self.disks[&node].durable);
            self.send(node, &envelope);
        }
        let disk = self.disks.get_mut(&node).expect("a known node");
        let host = self.hosts.get_mut(&node).expect("a known node");
        for write in out.write.drain(..) {
            let due = self.now + spread(&mut self.random, self.weather.disk_us);
            let due = host.writes_due.last().map_or(due, |(last, _)| due.max(*last));
            host.writes_due.push((due, write.token));
            let from = write.entries.first().map(|first| first.index);
            self.judge.overwritten(node, &disk.written, &write.entries);
            disk.submit(write);
            if let Some(from) = from {
                self.judge.written(node, &disk.written, from);
            }
        }
        for apply in out.apply.drain(..) {
            let Apply::Entries(run) = apply else { continue };
            for entry in &run {
                let expected =
                    host.applied.last().map_or(entry.id.index, |(last, _)| Index(last.index.0 + 1));
                assert_eq!(entry.id.index, expected, "{node} applies out of order");
                host.applied.push((entry.id, entry.payload.bytes().to_vec()));
            }
            let upto = run.last().expect("never an empty run").index;
            let due = self.now + spread(&mut self.random, self.weather.apply_us);
            let due = host.applies_due.last().map_or(due, |(last, _, _)| due.max(*last));
            host.applies_due.push((due, upto, run.bytes().len() as u64));
        }
        host.outcomes.extend(out.outcomes.drain(..).map(|outcome| (outcome.token, outcome.end)));
        host.events.append(&mut out.events);
    }

    fn send(&mut self, from: NodeId, envelope: &Envelope) {
        if self.network.is_cut(from, envelope.to) || self.random.percent(self.weather.drop_percent)
        {
            return;
        }
        // On the receiver's side the connection has a number of its own.
        let epoch = self.epoch(envelope.to.0, from.0);
        let copies = 1 + u64::from(self.random.percent(self.weather.double_percent));
        for _ in 0..copies {
            let overtakes = self.random.percent(self.weather.overtake_percent);
            let due = self.now + spread(&mut self.random, self.weather.latency_us);
            self.network.send(from, epoch, envelope, due, overtakes);
        }
    }

    fn true_time(&self, id: NodeId, local: Time) -> u64 {
        self.hosts[&id].true_time(local)
    }

    /// Everybody who is up agrees: one leader, and the same log and state everywhere.
    pub(crate) fn assert_converged(&self) {
        let leader = self.leader().expect("a leader");
        let log = self.log_ids(leader.0);
        let commit = self.commit(leader.0);
        for id in self.ids().into_iter().filter(|id| self.is_up(id.0)) {
            assert_eq!(self.log_ids(id.0), log, "{id} has the leader's log");
            assert_eq!(self.commit(id.0), commit, "{id} has committed as much");
            assert_eq!(self.applied(id.0), self.applied(leader.0), "{id} has the leader's state");
            assert_eq!(self.raft(id.0).leader(), Some(leader), "{id} follows the leader");
        }
    }

    /// Messages of one kind that are under way.
    pub(crate) fn under_way(&self, of: impl Fn(&Kind) -> bool) -> usize {
        self.network.flights().filter(|flight| of(&flight.message().kind)).count()
    }
}

/// After this long without new proposals everybody has heard and applied everything.
const HEARTBEATS_TO_SETTLE_MS: u64 = 120;

fn spread(random: &mut Random, (low, high): (u64, u64)) -> u64 {
    low + random.below(high.saturating_sub(low) + 1)
}

impl Host {
    fn new(config: Config) -> Self {
        Self {
            config,
            raft: None,
            is_paused: false,
            is_disk_stuck: false,
            applied: Vec::new(),
            events: Vec::new(),
            outcomes: Vec::new(),
            writes_due: Vec::new(),
            applies_due: Vec::new(),
            epochs: BTreeMap::new(),
            starts: 0,
            clock_ppm: 1_000_000,
            clock_offset: 0,
        }
    }

    fn pending_outcomes(&mut self) -> Vec<(Token, End)> {
        std::mem::take(&mut self.outcomes)
    }

    fn local(&self, now: u64) -> u64 {
        self.clock_offset
            + u64::try_from(u128::from(now) * u128::from(self.clock_ppm) / 1_000_000).expect("fits")
    }

    pub(crate) fn time(&self, now: u64) -> Time {
        Time(self.local(now))
    }

    fn true_time(&self, local: Time) -> u64 {
        let shown = u128::from(local.0.saturating_sub(self.clock_offset)) * 1_000_000;
        u64::try_from(shown.div_ceil(u128::from(self.clock_ppm))).unwrap_or(u64::MAX)
    }

    fn tick_due(&self, now: u64) -> Option<u64> {
        let deadline = self.raft.as_ref()?.deadline();
        (deadline != Time::NEVER).then(|| self.true_time(deadline).max(now))
    }
}

/// T, in virtual time.
pub(crate) fn election_timeouts(count: u64) -> u64 {
    ELECTION_TIMEOUT_MS * count
}
