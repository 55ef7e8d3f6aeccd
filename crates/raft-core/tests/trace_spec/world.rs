//! A small random world of real nodes that listens to their transitions, and holds each against the
//! specification as it comes.

use std::collections::BTreeMap;

use raft_core::{
    Apply, ClusterId, Config, Epoch, Incarnation, Input, Loaded, NodeId, Output, Raft, Time, Token,
    WriteToken,
};

use super::super::harness::disk::Disk;
use super::super::harness::network::Network;
use super::super::harness::random::Random;
use super::super::harness::voters;
use super::line::Line;
use super::spec::Spec;

struct Host {
    raft: Option<Raft>,
    disk: Disk,
    writes_due: Vec<(u64, WriteToken)>,
    epochs: BTreeMap<NodeId, Epoch>,
    starts: u64,
}

/// The world.
pub(crate) struct World {
    seed: u64,
    hosts: BTreeMap<NodeId, Host>,
    network: Network,
    random: Random,
    now: u64,
    tokens: u64,
    loss_percent: u64,
    out: Output,
    spec: Spec,
    /// Everything that has happened, as text.
    pub(crate) lines: Vec<String>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let size = random.pick(&[1, 2, 3, 3, 3, 4, 5]);
        let loss_percent = if random.percent(40) { 0 } else { random.below(30) };
        let disk = Disk::of(&Loaded::genesis(voters(size)));
        let host = |id| {
            let (disk, epochs) = (disk.clone(), BTreeMap::new());
            (NodeId(id), Host { raft: None, disk, writes_due: Vec::new(), epochs, starts: 0 })
        };
        Self {
            seed,
            hosts: (1..=size).map(host).collect(),
            network: Network::default(),
            random,
            now: 1_000_000,
            tokens: 0,
            loss_percent,
            out: Output::tracing(),
            spec: Spec::of(usize::try_from(size).expect("small")),
            lines: Vec::new(),
        }
    }

    /// Lives for so many troubles, with some time between them.
    pub(crate) fn live(&mut self, troubles: u64) {
        for id in self.ids() {
            self.start(id);
        }
        for _ in 0..troubles {
            let id = NodeId(1 + self.random.below(self.hosts.len() as u64));
            match self.random.below(20) {
                0 if self.hosts[&id].raft.is_some() => self.crash(id),
                0..3 if self.hosts[&id].raft.is_none() => self.start(id),
                3 | 4 => self.reconnect(id),
                5 => self.cut_or_mend(id),
                6..14 => self.propose(),
                _ => {}
            }
            let ms = 1 + self.random.below(120);
            self.run_for(ms);
        }
    }

    fn ids(&self) -> Vec<NodeId> {
        self.hosts.keys().copied().collect()
    }

    fn host(&mut self, id: NodeId) -> &mut Host {
        self.hosts.get_mut(&id).expect("a known node")
    }

    // --- troubles ---

    fn start(&mut self, id: NodeId) {
        let seed = self.seed * 1_000 + id.0;
        let host = self.host(id);
        host.starts += 1;
        let config = Config::new(ClusterId(1), id, seed + (host.starts << 32));
        host.raft = Some(Raft::open(config, host.disk.durable.loaded()).expect("its own disk"));
        self.step(id, Input::Tick);
        self.reconnect(id);
    }

    fn crash(&mut self, id: NodeId) {
        let units = usize::try_from(self.random.below(3)).expect("small");
        let records =
            self.random.percent(50).then(|| usize::try_from(self.random.below(3)).expect("small"));
        let host = self.host(id);
        host.disk.crash(units, records);
        host.writes_due.clear();
        host.raft = None;
        for other in self.ids() {
            self.network.lose_between(id, other);
            let epoch = self.epoch(other, id);
            if other != id {
                self.step(other, Input::PeerDown { peer: id, epoch });
            }
        }
    }

    /// All its connections break and come back, but for some that do not come back yet.
    fn reconnect(&mut self, id: NodeId) {
        for other in self.ids().into_iter().filter(|other| *other != id) {
            self.network.lose_between(id, other);
            for (here, there) in [(id, other), (other, id)] {
                let epoch = self.epoch(here, there);
                self.step(here, Input::PeerDown { peer: there, epoch });
            }
            if self.hosts[&other].raft.is_none() || self.random.percent(10) {
                continue;
            }
            for (here, there) in [(id, other), (other, id)] {
                self.host(here).epochs.entry(there).or_default().0 += 1;
            }
            for (here, there) in [(id, other), (other, id)] {
                let epoch = self.epoch(here, there);
                let incarnation = Incarnation(1);
                self.step(here, Input::PeerUp { peer: there, epoch, incarnation });
            }
        }
    }

    fn cut_or_mend(&mut self, id: NodeId) {
        let ids = self.ids();
        let is_cut = self.random.percent(50);
        for other in ids {
            if is_cut {
                self.network.cut(id, other);
            } else {
                self.network.mend(id, other);
                self.network.mend(other, id);
            }
        }
    }

    fn propose(&mut self) {
        for id in self.ids() {
            let leads = |raft: &Raft| raft.leader() == Some(id);
            if self.hosts[&id].raft.as_ref().is_some_and(leads) {
                for _ in 0..=self.random.below(3) {
                    self.tokens += 1;
                    let token = Token(self.tokens);
                    self.step(id, Input::Propose { token, payload: b"x" });
                }
            }
        }
    }

    fn epoch(&self, here: NodeId, there: NodeId) -> Epoch {
        self.hosts[&here].epochs.get(&there).copied().unwrap_or_default()
    }

    // --- time ---

    fn run_for(&mut self, ms: u64) {
        let until = self.now + ms * 1_000;
        while let Some(at) = self.next_event().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.happen();
        }
        self.now = until;
    }

    fn next_event(&self) -> Option<u64> {
        let hosts = self.hosts.values().flat_map(|host| {
            let tick = host.raft.as_ref().map(|raft| raft.deadline().0);
            [tick, host.writes_due.first().map(|(due, _)| *due)].into_iter().flatten()
        });
        hosts.chain(self.network.next_due()).min()
    }

    fn happen(&mut self) {
        if let Some(flight) = self.network.arrived(self.now) {
            let (from, epoch, message) = (flight.from, flight.epoch, flight.message());
            return self.step(flight.to, Input::Message { from, epoch, message });
        }
        for id in self.ids() {
            let now = self.now;
            let host = self.host(id);
            if host.writes_due.first().is_some_and(|(due, _)| *due <= now) {
                let (_, token) = host.writes_due.remove(0);
                assert_eq!(host.disk.complete_one(), Some(token), "writes finish in order");
                return self.step(id, Input::Durable(token));
            }
            if host.raft.as_ref().is_some_and(|raft| raft.deadline().0 <= now) {
                return self.step(id, Input::Tick);
            }
        }
    }

    // --- the driver ---

    fn step(&mut self, id: NodeId, input: Input<'_>) {
        let mut out = std::mem::replace(&mut self.out, Output::tracing());
        let now = Time(self.now);
        let Some(raft) = self.host(id).raft.as_mut() else {
            self.out = out;
            return;
        };
        raft.step(now, input, &mut out).unwrap_or_else(|error| panic!("{id}: {error}"));
        for trace in out.trace.as_ref().expect("it traces") {
            self.hold_against(trace.to_string());
        }
        self.shows_in_its_last_line(id);
        self.carry_out(id, &out);
        let applied: Vec<_> = out.apply.drain(..).collect();
        out.clear();
        self.out = out;
        for apply in applied {
            let Apply::Entries(run) = apply else { continue };
            let (upto, bytes) = (run.last().expect("never empty").index, run.bytes().len() as u64);
            self.step(id, Input::Applied { upto, bytes });
        }
    }

    fn hold_against(&mut self, text: String) {
        self.lines.push(text);
        let text = self.lines.last().expect("just pushed");
        let verdict = Line::read(text).and_then(|line| self.spec.take(&line));
        if let Err(what) = verdict {
            let from = self.lines.len().saturating_sub(12);
            panic!("seed {}: {what}, after\n{}", self.seed, self.lines[from..].join("\n"));
        }
    }

    /// No transition goes without a line: what a node is, its last line says.
    fn shows_in_its_last_line(&self, id: NodeId) {
        let Some(raft) = &self.hosts[&id].raft else { return };
        let unlike = self.spec.differs(id.0, &raft.status());
        assert_eq!(unlike, None, "seed {}: {id} has changed without a line", self.seed);
    }

    fn carry_out(&mut self, id: NodeId, out: &Output) {
        for envelope in &out.send {
            let (from, to) = (id, envelope.to);
            if self.network.is_cut(from, to) || self.random.percent(self.loss_percent) {
                continue;
            }
            let due = self.now + 100 + self.random.below(5_000);
            let overtakes = self.random.percent(10);
            let epoch = self.epoch(to, from);
            self.network.send(from, epoch, envelope, due, overtakes);
        }
        for write in &out.write {
            let due = self.now + 50 + self.random.below(8_000);
            let host = self.host(id);
            let due = host.writes_due.last().map_or(due, |(last, _)| due.max(*last));
            host.writes_due.push((due, write.token));
            host.disk.submit(write.clone());
        }
    }
}
