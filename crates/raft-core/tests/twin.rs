//! W19: the real follower and voter beside one that a first reader of the paper would write. Both are told the
//! same, drawn from histories that fit together, and after each input both must stand the same and have said
//! the same.

mod harness;
mod twin {
    pub(crate) mod history;
    pub(crate) mod reference;
    mod waiting;
}

use std::collections::BTreeMap;

use harness::random::Random;
use harness::solo::{Solo, run};
use harness::voters;
use raft_core::{
    AppendResult, Ballot, Epoch, Input, Kind, Loaded, Message, NodeId, Term, VoteRefusal,
};
use twin::history::{History, PEERS};
use twin::reference::{Item, Twin};

const SEEDS: u64 = 16_000;
const INPUTS: u64 = 60;

/// One input, for both.
#[derive(Clone, Debug)]
enum Act {
    Receive { from: u64, epoch: u64, message: Message },
    SyncOne,
    SyncAll,
    Connect { peer: u64, epoch: u64 },
    Disconnect { peer: u64, epoch: u64 },
    Pass { ms: u64 },
}

/// The two of them.
struct Pair {
    real: Solo,
    twin: Twin,
    /// The number of the last connection with each peer.
    epochs: BTreeMap<u64, u64>,
    /// How often something worth comparing has happened.
    seen: BTreeMap<&'static str, u64>,
}

impl Pair {
    fn born(history: &History, random: &mut Random) -> Self {
        let term = random.below(history.terms());
        let log = &history.reign(term).terms;
        let kept = usize::try_from(random.below(log.len() as u64 + 1)).expect("small");
        let log = &log[..if random.percent(50) { 0 } else { kept }];
        let priority = u8::try_from(random.below(3)).expect("small");
        let term = log.last().copied().unwrap_or_default().max(random.below(term + 1));
        let ballot = Some(Ballot { term: Term(term), ..Ballot::default() });
        let loaded = Loaded { ballot, log: vec![run(1, log)], ..Loaded::genesis(voters(5)) };
        let real = Solo::open(loaded, |config| config.priority = priority);
        let items = stored(&real);
        let twin = Twin::new(term, items, priority, &PEERS, real.now_ms());
        let epochs = PEERS.iter().map(|peer| (*peer, 1)).collect();
        Self { real, twin, epochs, seen: BTreeMap::new() }
    }

    fn drawn(&self, history: &History, random: &mut Random) -> Act {
        let peer = random.pick(&PEERS);
        let epoch = self.epochs[&peer];
        match random.below(100) {
            0..65 => self.message(history, random),
            65..78 if !self.twin.is_durable() => Act::SyncOne,
            78..88 if !self.twin.is_durable() => Act::SyncAll,
            88..91 => Act::Connect { peer, epoch: epoch + 1 },
            91 => Act::Disconnect { peer, epoch },
            92..96 => Act::Pass { ms: 1 + random.below(700) },
            _ => Act::Pass { ms: random.below(20) },
        }
    }

    /// Mostly of terms near its own, or everything would soon be of the last.
    fn message(&self, history: &History, random: &mut Random) -> Act {
        let near = [0, 0, 0, 0, 0, 0, 1, 1, 2];
        let term = self.twin.term.saturating_add(random.pick(&near));
        let term = if random.percent(8) { random.below(term + 1) } else { term };
        let term = term.clamp(1, history.terms());
        let (from, kind) = match random.below(20) {
            0..13 => (History::leader(term), history.word_of_leader(random, term)),
            13..19 => (random.pick(&PEERS), history.question(random, term)),
            _ => (random.pick(&PEERS), history.answer(random, term)),
        };
        let epoch = self.epochs[&from];
        let epoch = if random.percent(5) { epoch - 1 } else { epoch };
        Act::Receive { from, epoch, message: Message { term: Term(term), kind } }
    }

    fn do_both(&mut self, act: &Act) {
        match act {
            Act::Receive { from, epoch, message } => {
                let (from_id, message) = (NodeId(*from), message.clone());
                self.twin.receive(*from, *epoch, &message);
                self.real.step(Input::Message { from: from_id, epoch: Epoch(*epoch), message });
            }
            Act::SyncOne => {
                self.twin.sync_one();
                self.real.sync_one();
            }
            Act::SyncAll => {
                self.twin.sync_all();
                self.real.sync();
            }
            Act::Connect { peer, epoch } => {
                self.epochs.insert(*peer, *epoch);
                self.twin.connect(*peer, *epoch);
                self.real.connect(*peer, *epoch);
            }
            Act::Disconnect { peer, epoch } => {
                self.twin.disconnect(*peer);
                self.real.step(Input::PeerDown { peer: NodeId(*peer), epoch: Epoch(*epoch) });
            }
            Act::Pass { ms } => {
                self.twin.now_ms += ms;
                self.real.sleep(*ms);
            }
        }
    }

    fn compare(&mut self, story: &dyn Fn() -> String) {
        let twin = &mut self.twin;
        assert_eq!(self.real.term(), twin.term, "the term, {}", story());
        assert_eq!(self.real.vote(), twin.vote.map(NodeId), "the vote, {}", story());
        assert_eq!(stored(&self.real), twin.log, "the log, {}", story());
        assert_eq!(self.real.status().last, twin.last(), "the last entry, {}", story());
        assert_eq!(self.real.commit(), twin.commit, "the commit index, {}", story());
        let applied = self.real.applied.iter().map(|(id, command)| (*id, command.clone()));
        let committed = twin.log.iter().take(applied.len()).map(|it| (it.id, it.payload.clone()));
        assert!(applied.eq(committed), "what is applied, {}", story());
        assert_eq!(self.real.applied.len() as u64, twin.commit, "all of it, {}", story());
        let (said, expected) = (self.real.sent(), twin.sent());
        assert_eq!(said, expected, "what was said, {}", story());
        for (_, message) in &said {
            *self.seen.entry(name(&message.kind)).or_default() += 1;
        }
    }
}

fn stored(solo: &Solo) -> Vec<Item> {
    let records = solo.disk.written.log.iter();
    records.map(|it| Item { id: it.id, payload: it.payload.clone() }).collect()
}

/// What an answer says, without its numbers.
fn name(kind: &Kind) -> &'static str {
    let refused = |refusal: Option<VoteRefusal>| match refusal {
        None => "granted",
        Some(VoteRefusal::OldTerm) => "refused: old term",
        Some(VoteRefusal::AlreadyVoted { .. }) => "refused: already voted",
        Some(VoteRefusal::OldLog { .. }) => "refused: old log",
        Some(VoteRefusal::LeaderAlive { .. }) => "refused: leader alive",
        Some(VoteRefusal::LowerPriority) => "refused: lower priority",
        Some(VoteRefusal::StorageFault) => "refused: storage fault",
        Some(_) => "refused: else",
    };
    match kind {
        Kind::RequestVoteReply(reply) => refused(reply.refusal),
        Kind::RequestPreVoteReply(reply) => refused(reply.refusal),
        Kind::AppendEntriesReply(reply) => match reply.result {
            AppendResult::Matched(_) => "matched",
            AppendResult::Conflict { .. } => "conflict",
        },
        Kind::HeartbeatReply(_) => "heartbeat answered",
        _ => "something that no follower says",
    }
}

/// One history, one pair; says how often each thing happened.
fn live(seed: u64) -> BTreeMap<&'static str, u64> {
    let mut random = Random::new(seed);
    let history = History::drawn(&mut random);
    let mut pair = Pair::born(&history, &mut random);
    let mut acts = Vec::new();
    for _ in 0..INPUTS {
        let act = pair.drawn(&history, &mut random);
        acts.push(act);
        let (log, commit) = (pair.twin.log.clone(), pair.twin.commit);
        pair.do_both(acts.last().expect("just drawn"));
        let is_cut = !pair.twin.log.starts_with(&log);
        *pair.seen.entry("log cut").or_default() += u64::from(is_cut);
        *pair.seen.entry("committed").or_default() += u64::from(pair.twin.commit > commit);
        let from = acts.len().saturating_sub(8);
        pair.compare(&|| format!("seed {seed}, after the last of {:#?}", &acts[from..]));
    }
    pair.seen
}

#[test]
fn w19_twin_differential() {
    let mut seen: BTreeMap<&'static str, u64> = BTreeMap::new();
    for seed in 0..SEEDS {
        for (what, count) in live(seed) {
            *seen.entry(what).or_default() += count;
        }
    }
    // Agreement means little where nothing happens.
    for what in [
        "log cut",
        "committed",
        "matched",
        "conflict",
        "heartbeat answered",
        "granted",
        "refused: old term",
        "refused: already voted",
        "refused: old log",
        "refused: leader alive",
        "refused: lower priority",
        "refused: storage fault",
    ] {
        let count = seen.get(what).copied().unwrap_or_default();
        assert!(count >= 50, "{what}: only {count} times in all, of {seen:?}");
    }
    assert!(!seen.contains_key("something that no follower says"), "{seen:?}");
    assert!(!seen.contains_key("refused: else"), "{seen:?}");
}

/// What the twin guards against is seen: each of these is told to one of the two alone.
#[test]
fn w19_a_difference_is_seen() {
    let differs = |act: Act| {
        let mut random = Random::new(7);
        let history = History::drawn(&mut random);
        let mut pair = Pair::born(&history, &mut random);
        let Act::Receive { from, epoch, message } = act else { panic!("a message") };
        pair.real.step(Input::Message { from: NodeId(from), epoch: Epoch(epoch), message });
        let seen = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            pair.compare(&|| String::from("told to one alone"));
        }));
        assert!(seen.is_err(), "both look the same");
    };
    let last = harness::id(20, 90);
    let kinds = [
        harness::solo::append(raft_core::EntryId::ZERO, &[1, 2], 1),
        harness::solo::request_vote(last),
        harness::solo::request_pre_vote(1, last),
        harness::solo::heartbeat(3, 0),
    ];
    for kind in kinds {
        differs(Act::Receive { from: 3, epoch: 1, message: Message { term: Term(30), kind } });
    }
}
