//! A cluster on which nothing happens by itself: no message arrives, no disk completes and no timer runs out
//! unless a command says so. What the nodes do about it stands in `acts.rs`. The judge watches.

use std::collections::BTreeMap;

use raft_core::{
    Ballot, ClusterId, Config, Epoch, Incarnation, Input, Kind, Loaded, Membership, NodeId, Raft,
    RoleName, Term, Time, Token,
};

use super::notes::Notes;
use super::words;
use crate::harness::disk::Disk;
use crate::harness::judge::Judge;
use crate::harness::network::{Flight, Network};
use crate::harness::solo::run;
use crate::harness::voters;

/// What a node starts with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Given {
    /// The term of each entry of its log.
    pub(crate) terms: Vec<u64>,
    /// The term of its vote file.
    pub(crate) term: u64,
}

/// One node; `None` while it is down.
#[derive(Default)]
pub(super) struct Actor {
    pub(super) raft: Option<Raft>,
    epochs: BTreeMap<NodeId, Epoch>,
    starts: u64,
}

/// All nodes, their disks, and what is under way between them.
pub(crate) struct Stage {
    pub(super) actors: BTreeMap<NodeId, Actor>,
    pub(super) disks: BTreeMap<NodeId, Disk>,
    pub(super) network: Network,
    pub(super) judge: Judge,
    pub(super) membership: Membership,
    pub(super) now: u64,
    pub(super) requests: BTreeMap<Token, String>,
    pub(super) one_entry_an_append: bool,
    pub(super) notes: Notes,
}

impl Stage {
    /// n1 to nN, all voters, connected, with these logs.
    pub(crate) fn new(
        size: u64,
        given: &BTreeMap<NodeId, Given>,
        one_entry_an_append: bool,
    ) -> Self {
        let mut stage = Self {
            actors: BTreeMap::new(),
            disks: BTreeMap::new(),
            network: Network::default(),
            judge: Judge::default(),
            membership: voters(size),
            now: 1_000_000,
            requests: BTreeMap::new(),
            one_entry_an_append,
            notes: Notes::default(),
        };
        for id in (1..=size).map(NodeId) {
            let given = given.get(&id).cloned().unwrap_or_default();
            let term = given.term.max(given.terms.last().copied().unwrap_or_default());
            let ballot = Some(Ballot { term: Term(term), ..Ballot::default() });
            let log = vec![run(1, &given.terms)];
            let loaded = Loaded { ballot, log, ..Loaded::genesis(stage.membership.clone()) };
            stage.disks.insert(id, Disk::of(&loaded));
            stage.actors.insert(id, Actor::default());
            stage.start(id);
        }
        stage
    }

    pub(crate) fn ids(&self) -> Vec<NodeId> {
        self.actors.keys().copied().collect()
    }

    pub(super) fn raft(&self, id: NodeId) -> Option<&Raft> {
        self.actors[&id].raft.as_ref()
    }

    pub(crate) fn leads(&self, id: NodeId) -> bool {
        self.raft(id).is_some_and(|raft| raft.role() == RoleName::Leader)
    }

    /// Messages and writes are left out from here on, or told again.
    pub(crate) fn be_brief(&mut self, is_brief: bool) {
        self.notes.is_brief = is_brief;
    }

    /// The lines since the last look.
    pub(crate) fn take_lines(&mut self) -> Vec<String> {
        self.notes.cause = None;
        std::mem::take(&mut self.notes.lines)
    }

    // --- what commands do ---

    /// Everything under way arrives for which this holds; what comes of it stays under way.
    pub(crate) fn deliver(&mut self, chosen: impl Fn(&Flight) -> bool) {
        for flight in self.take(chosen) {
            self.arrive(&flight);
        }
    }

    /// Everything under way is lost for which this holds.
    pub(crate) fn drop(&mut self, chosen: impl Fn(&Flight) -> bool) {
        for flight in self.take(chosen) {
            self.lost(&flight);
        }
    }

    fn take(&mut self, chosen: impl Fn(&Flight) -> bool) -> Vec<Flight> {
        let (chosen, others) = self.network.take_all().into_iter().partition(|it| chosen(it));
        for flight in others {
            self.network.put(flight, 0, false);
        }
        chosen
    }

    fn lost(&mut self, flight: &Flight) {
        let kind = words::kind(&flight.message().kind);
        self.notes.cause(format!("{}'s {kind} to {} is lost", flight.from, flight.to), true);
    }

    fn arrive(&mut self, flight: &Flight) {
        let Flight { from, to, epoch, .. } = *flight;
        let message = flight.message();
        let words = format!("{to} receives {from}'s {}", words::kind(&message.kind));
        match &message.kind {
            Kind::Heartbeat(_) => self.notes.beat(from, to),
            Kind::HeartbeatReply(_) => self.notes.beat_answered(to, from),
            _ => {}
        }
        self.notes.cause(words, !self.notes.is_counted(&message.kind));
        self.step(to, Input::Message { from, epoch, message });
    }

    /// Everything arrives and every disk completes, and what comes of it too, until nothing is left. Timers
    /// stand still, but for a leader's that have something to send.
    pub(crate) fn settle(&mut self) {
        for _ in 0..1_000 {
            let before = self.network.flights().count();
            self.deliver(|_| true);
            let mut is_idle = before == 0;
            for id in self.ids() {
                is_idle &= !self.sync(id, usize::MAX);
                is_idle &= !(self.leads(id) && self.tick_if_due(id));
            }
            if is_idle {
                return;
            }
        }
        panic!("the cluster does not come to rest");
    }

    /// The oldest writes of a node become durable, one by one. Says whether there were any.
    pub(crate) fn sync(&mut self, id: NodeId, count: usize) -> bool {
        let mut any = false;
        for _ in 0..count {
            let disk = self.disks.get_mut(&id).expect("a known node");
            let Some(token) = disk.complete_one() else { break };
            any = true;
            self.notes.cause(format!("{id}'s write {} is durable", token.0), true);
            self.step(id, Input::Durable(token));
        }
        any
    }

    /// The node's next timer runs out, whenever that is. Nobody else's does.
    pub(crate) fn tick(&mut self, id: NodeId) {
        let Some(deadline) = self.raft(id).map(Raft::deadline) else {
            return self.notes.cause(format!("{id} is down"), true);
        };
        if deadline == Time::NEVER {
            return self.notes.cause(format!("{id} has no timer"), true);
        }
        self.now = self.now.max(deadline.0);
        self.tick_now(id);
    }

    fn tick_now(&mut self, id: NodeId) {
        let is_counted = self.notes.beats.is_some() && self.leads(id);
        self.notes.cause(format!("{id}'s timer runs out"), !is_counted);
        self.step(id, Input::Tick);
    }

    // As a driver ends its turn.
    fn tick_if_due(&mut self, id: NodeId) -> bool {
        let is_due = self.raft(id).is_some_and(|raft| raft.deadline().0 <= self.now);
        if is_due {
            self.step(id, Input::Tick);
        }
        is_due
    }

    /// Time passes, and these nodes' timers run out on the way. Messages and disks wait.
    pub(crate) fn advance(&mut self, ms: u64, of: &[NodeId]) {
        let until = self.now + ms * 1_000;
        while let Some((at, id)) = self.next_timer(of).filter(|(at, _)| *at <= until) {
            self.now = self.now.max(at);
            self.tick_now(id);
        }
        self.now = until;
    }

    /// The first timer of anybody runs out.
    pub(crate) fn wait(&mut self) {
        let ids = self.ids();
        if let Some((at, id)) = self.next_timer(&ids) {
            self.now = self.now.max(at);
            self.tick_now(id);
        }
    }

    fn next_timer(&self, of: &[NodeId]) -> Option<(u64, NodeId)> {
        let deadlines = of.iter().filter_map(|id| Some((self.raft(*id)?.deadline().0, *id)));
        deadlines.filter(|(at, _)| *at != Time::NEVER.0).min()
    }

    /// Time passes and everything happens at once when it can. Heartbeats are counted.
    pub(crate) fn run(&mut self, ms: u64) {
        let until = self.now + ms * 1_000;
        let ids = self.ids();
        self.notes.beats = Some(BTreeMap::new());
        self.settle();
        while let Some((at, id)) = self.next_timer(&ids).filter(|(at, _)| *at <= until) {
            self.now = self.now.max(at);
            self.tick_now(id);
            self.settle();
        }
        self.now = until;
        self.notes.cause = None;
        for ((from, to), (sent, answered)) in self.notes.beats.take().unwrap_or_default() {
            let words = format!("{from} -> {to}: {sent} heartbeats, {answered} answers");
            self.notes.story(words);
        }
    }

    /// A client asks a node for a write; the node sends it at once.
    pub(crate) fn propose(&mut self, id: NodeId, command: &str) {
        let token = Token(self.requests.len() as u64 + 1);
        self.requests.insert(token, command.into());
        self.judge.asked(token, id);
        self.notes.cause(format!("a client asks {id} for \"{command}\""), true);
        self.step(id, Input::Propose { token, payload: command.as_bytes() });
        self.tick_if_due(id);
    }

    /// Nothing passes between the sides any more, and what was on its way between them is lost.
    pub(crate) fn cut(&mut self, sides: &[Vec<NodeId>]) {
        let side = |id: NodeId| sides.iter().position(|side| side.contains(&id));
        let ids = self.ids();
        for (a, b) in ids.iter().flat_map(|a| ids.iter().map(move |b| (*a, *b))) {
            if side(a) != side(b) {
                self.network.cut(a, b);
            }
        }
        self.drop(|flight| side(flight.from) != side(flight.to));
    }

    /// Everything that was cut is connected anew.
    pub(crate) fn heal(&mut self) {
        let ids = self.ids();
        for (a, b) in ids.iter().flat_map(|a| ids.iter().map(move |b| (*a, *b))) {
            if a < b && self.network.is_cut(a, b) {
                self.network.mend(a, b);
                self.network.mend(b, a);
                self.reconnect(a, b);
            }
        }
    }

    /// The connection of two nodes breaks, with all that is on it, and comes back.
    pub(crate) fn reconnect(&mut self, a: NodeId, b: NodeId) {
        self.drop(|flight| [(a, b), (b, a)].contains(&(flight.from, flight.to)));
        self.notes.cause(format!("{a} and {b} have a new connection"), true);
        for (here, there) in [(a, b), (b, a)] {
            let epoch = self.epoch(here, there);
            if self.raft(here).is_some() {
                self.step(here, Input::PeerDown { peer: there, epoch });
            }
        }
        self.connect(a, b);
    }

    fn connect(&mut self, a: NodeId, b: NodeId) {
        if self.raft(a).is_none() || self.raft(b).is_none() || self.network.is_cut(a, b) {
            return;
        }
        for (here, there) in [(a, b), (b, a)] {
            let actor = self.actors.get_mut(&here).expect("a known node");
            actor.epochs.entry(there).or_default().0 += 1;
        }
        for (here, there) in [(a, b), (b, a)] {
            let epoch = self.epoch(here, there);
            let incarnation = Incarnation(1);
            self.step(here, Input::PeerUp { peer: there, epoch, incarnation });
        }
    }

    pub(super) fn epoch(&self, here: NodeId, there: NodeId) -> Epoch {
        self.actors[&here].epochs.get(&there).copied().unwrap_or_default()
    }

    /// The node is gone, with all that was not durable and all that was on its way to it or from it.
    pub(crate) fn crash(&mut self, id: NodeId) {
        let disk = self.disks.get_mut(&id).expect("a known node");
        let lost: Vec<String> = disk
            .pending
            .iter()
            .map(|write| format!("write {} ({})", write.token.0, words::write(write)))
            .collect();
        disk.crash(0, None);
        self.actors.get_mut(&id).expect("a known node").raft = None;
        self.judge.forget(id);
        self.notes.story(format!("{id} is down"));
        for write in lost {
            self.notes.story(format!("{id} loses {write}"));
        }
        self.drop(|flight| flight.from == id || flight.to == id);
        for other in self.ids().into_iter().filter(|other| *other != id) {
            let epoch = self.epoch(other, id);
            if self.raft(other).is_some_and(|raft| raft.deadline() != Time::NEVER) {
                self.step(other, Input::PeerDown { peer: id, epoch });
            }
        }
    }

    /// The node starts from its disk, and is connected with everybody it can reach.
    pub(crate) fn restart(&mut self, id: NodeId) {
        self.start(id);
        let stored = &self.disks[&id].durable;
        let vote = stored.ballot.vote.map_or("no vote".into(), |vote| format!("vote {vote}"));
        let found = format!("term {}, {vote}, log {}", stored.ballot.term, words::log(&stored.log));
        self.notes.story(format!("{id} is up again, and finds {found}"));
    }

    fn start(&mut self, id: NodeId) {
        let loaded = self.disks[&id].durable.loaded();
        let actor = self.actors.get_mut(&id).expect("a known node");
        actor.starts += 1;
        let mut config = Config::new(ClusterId(1), id, id.0 * 1_000 + actor.starts);
        if self.one_entry_an_append {
            config.append_bytes_max = 1;
        }
        actor.raft = Some(Raft::open(config, loaded).expect("its own disk"));
        self.step(id, Input::Tick);
        for other in self.ids().into_iter().filter(|other| *other != id) {
            self.connect(id, other);
        }
    }

    /// The node is told to stop; it stays in memory, so that one could see it speak.
    pub(crate) fn stop(&mut self, id: NodeId) {
        self.notes.cause(format!("{id} is told to stop"), true);
        self.step(id, Input::Stop);
    }
}
