//! Histories of a correct store in virtual time, good or with one wrong read: what the checker's speed
//! is measured on.
//!
//! Each client thinks (exponential, mean 0.05 ms), asks, and is answered after 0.1 ms and an exponential
//! time of mean 0.9 ms; the effect lies at a uniform point between. With the chance of an unknown
//! outcome the client gives up at 5 ms and goes on as a new process; half of these took effect in time,
//! a quarter up to 50 ms later, a quarter never. Half of the operations read, a tenth are cas from a
//! value that the client remembers, the rest write.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::history::{Call, Draft, Hint, History, KeyId};
use crate::value::ValueId;

/// What history to make. One plan is one history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// How many operations.
    pub operations: usize,
    /// How many clients, always busy.
    pub clients: usize,
    /// How many keys, each as likely as the others.
    pub keys: usize,
    /// How many values there are; zero for every written value its own.
    pub values: u32,
    /// Share of operations with unknown outcome.
    pub unknown_percent: u32,
    /// Where there is a read that no correct store answers so.
    pub wrong: Option<Wrong>,
    /// One seed, one history.
    pub seed: u64,
}

/// Where the wrong read is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Behind a twentieth of the operations.
    Start,
    /// Behind half of them.
    Middle,
    /// The very last operation.
    End,
}

impl Plan {
    /// A good history with these numbers, and seed one.
    pub fn new(operations: usize, clients: usize, values: u32, unknown_percent: u32) -> Self {
        Self { operations, clients, keys: 1, values, unknown_percent, wrong: None, seed: 1 }
    }

    /// Makes the history.
    pub fn history(&self) -> History {
        World::new(*self).run()
    }
}

/// What happens at a moment; the client's place, or the key and what is done to it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Ask(usize),
    Effect(usize),
    Late { key: usize, asked: Asked },
    Answer(usize),
    GiveUp(usize),
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Asked {
    Read,
    Write(ValueId),
    Cas(ValueId, ValueId),
}

#[derive(Clone, Copy)]
struct Client {
    process: i64,
    key: usize,
    asked: Asked,
    /// What was read, and whether a cas stored.
    answer: (ValueId, bool),
    remembered: ValueId,
}

struct World {
    plan: Plan,
    random: Random,
    draft: Draft,
    keys: Vec<KeyId>,
    registers: Vec<ValueId>,
    clients: Vec<Client>,
    queue: BinaryHeap<Reverse<(u64, u64, Event)>>,
    queued: u64,
    asked: usize,
    processes: i64,
    written: i64,
    /// Per key: a value known to be written and, later, known to be replaced.
    stale: Vec<Stale>,
}

/// How far a key has come in having a value that is certainly gone.
#[derive(Clone, Copy)]
enum Stale {
    Nothing,
    Written(ValueId),
    Gone(ValueId),
}

impl World {
    fn new(plan: Plan) -> Self {
        let mut draft = Draft::new();
        let keys: Vec<KeyId> = (0..plan.keys).map(|key| draft.key(&format!("k{key}"))).collect();
        let idle = Client {
            process: 0,
            key: 0,
            asked: Asked::Read,
            answer: (ValueId::ABSENT, false),
            remembered: ValueId::ABSENT,
        };
        let mut processes = -1;
        let mut client = || {
            processes += 1;
            Client { process: processes, ..idle }
        };
        let clients: Vec<Client> = (0..plan.clients).map(|_| client()).collect();
        let mut world = Self {
            plan,
            random: Random::new(plan.seed),
            draft,
            registers: vec![ValueId::ABSENT; keys.len()],
            stale: vec![Stale::Nothing; keys.len()],
            keys,
            clients,
            queue: BinaryHeap::new(),
            queued: 0,
            asked: 0,
            processes,
            written: 0,
        };
        for client in 0..plan.clients {
            let think = world.random.exponential(THINK_NS);
            world.at(think, Event::Ask(client));
        }
        world
    }

    fn run(mut self) -> History {
        let wrong_at = match self.plan.wrong {
            Some(Wrong::Start) => self.plan.operations / 20,
            Some(Wrong::Middle) => self.plan.operations / 2,
            Some(Wrong::End) | None => usize::MAX,
        };
        let mut is_wrong_due = self.plan.wrong.is_some();
        let mut end = 0;
        while let Some(Reverse((now, _, event))) = self.queue.pop() {
            end = now;
            self.happen(now, event);
            if is_wrong_due && self.asked > wrong_at && self.plan.values == 0 {
                is_wrong_due = !self.read_stale(now);
            }
        }
        if is_wrong_due {
            let is_done = self.plan.values == 0 && self.read_stale(end);
            if !is_done {
                self.read_two_values(end);
            }
        }
        self.draft.finish()
    }

    fn at(&mut self, time: u64, event: Event) {
        self.queued += 1;
        self.queue.push(Reverse((time, self.queued, event)));
    }

    fn happen(&mut self, now: u64, event: Event) {
        match event {
            Event::Ask(client) => self.ask(now, client),
            Event::Effect(client) => {
                let Client { key, asked, .. } = self.clients[client];
                self.clients[client].answer = self.apply(key, asked);
            }
            Event::Late { key, asked } => {
                self.apply(key, asked);
            }
            Event::Answer(client) => self.answer(now, client),
            Event::GiveUp(client) => {
                let process = self.clients[client].process;
                accepted(self.draft.info(process, now, Hint::default()));
                self.processes += 1;
                self.clients[client].process = self.processes;
                self.think(now, client);
            }
        }
    }

    fn ask(&mut self, now: u64, client: usize) {
        if self.asked == self.plan.operations {
            return;
        }
        self.asked += 1;
        let key = self.random.below(self.plan.keys);
        let asked = match self.random.below(10) {
            0..5 => Asked::Read,
            5..9 => Asked::Write(self.fresh()),
            _ => Asked::Cas(self.clients[client].remembered, self.fresh()),
        };
        self.clients[client].key = key;
        self.clients[client].asked = asked;
        let call = match asked {
            Asked::Read => Call::Read(None),
            Asked::Write(value) => Call::Write(value),
            Asked::Cas(from, to) => Call::Cas { from, to, stored: None },
        };
        let process = self.clients[client].process;
        accepted(self.draft.invoke(process, now, self.keys[key], call));
        if self.random.below(100) < self.plan.unknown_percent as usize {
            match self.random.below(4) {
                0 | 1 => {
                    let effect = now + self.random.below_ns(GIVE_UP_NS);
                    self.at(effect, Event::Effect(client));
                }
                2 => {
                    let effect = now + GIVE_UP_NS + self.random.below_ns(LATE_NS);
                    self.at(effect, Event::Late { key, asked });
                }
                _ => {}
            }
            self.at(now + GIVE_UP_NS, Event::GiveUp(client));
        } else {
            let latency = LEAST_NS + self.random.exponential(MORE_NS);
            let effect = now + self.random.below_ns(latency);
            self.at(effect, Event::Effect(client));
            self.at(now + latency, Event::Answer(client));
        }
    }

    fn fresh(&mut self) -> ValueId {
        let number = if self.plan.values == 0 {
            self.written += 1;
            self.written
        } else {
            let value = self.random.below(self.plan.values as usize);
            i64::try_from(value).unwrap_or(0)
        };
        self.draft.int(number)
    }

    fn apply(&mut self, key: usize, asked: Asked) -> (ValueId, bool) {
        let register = &mut self.registers[key];
        match asked {
            Asked::Read => (*register, true),
            Asked::Write(value) => {
                *register = value;
                (value, true)
            }
            Asked::Cas(from, to) => {
                let is_stored = *register == from;
                if is_stored {
                    *register = to;
                }
                (*register, is_stored)
            }
        }
    }

    fn answer(&mut self, now: u64, client: usize) {
        let Client { process, key, asked, answer: (value, is_stored), .. } = self.clients[client];
        let call = match asked {
            Asked::Read => {
                self.clients[client].remembered = value;
                Call::Read(Some(value))
            }
            Asked::Write(value) => {
                self.note_written(key, value);
                Call::Write(value)
            }
            Asked::Cas(from, to) => Call::Cas { from, to, stored: Some(is_stored) },
        };
        accepted(self.draft.ok(process, now, call, Hint::default()));
        self.think(now, client);
    }

    /// Two known writes far enough apart make the first one's value stale.
    fn note_written(&mut self, key: usize, value: ValueId) {
        self.stale[key] = match self.stale[key] {
            Stale::Nothing => Stale::Written(value),
            // The open operations of all clients have long ended when a hundred more were asked.
            Stale::Written(first) if self.asked.is_multiple_of(100) => Stale::Gone(first),
            as_before => as_before,
        };
    }

    fn think(&mut self, now: u64, client: usize) {
        let think = self.random.exponential(THINK_NS);
        self.at(now + think, Event::Ask(client));
    }

    /// One read of a value that is certainly gone, if there is one.
    fn read_stale(&mut self, now: u64) -> bool {
        let gone = (0..self.stale.len()).find_map(|key| match self.stale[key] {
            Stale::Gone(value) => Some((key, value)),
            _ => None,
        });
        let Some((key, value)) = gone else { return false };
        self.read(now, key, value);
        true
    }

    /// Two reads one after the other that differ, with nothing between them.
    fn read_two_values(&mut self, now: u64) {
        let value = self.registers[0];
        let mut other = self.draft.int(0);
        if other == value {
            other = self.draft.int(1);
        }
        self.read(now, 0, value);
        self.read(now, 0, other);
    }

    fn read(&mut self, now: u64, key: usize, value: ValueId) {
        self.processes += 1;
        let process = self.processes;
        accepted(self.draft.invoke(process, now, self.keys[key], Call::Read(None)));
        accepted(self.draft.ok(process, now + 1, Call::Read(Some(value)), Hint::default()));
    }
}

/// The world asks and answers in turn, so the draft has no reason to refuse but its own limit.
fn accepted<T>(taken: Result<T, crate::history::Misuse>) {
    debug_assert!(taken.is_ok(), "a client asks only after its answer");
}

/// A small generator of random numbers.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.below_ns(bound as u64)).unwrap_or(0)
    }

    fn below_ns(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound.max(1)
    }

    /// Exponential with this mean.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "times of some milliseconds in nanoseconds fit every type involved"
    )]
    fn exponential(&mut self, mean_ns: u64) -> u64 {
        let uniform = ((self.next() >> 11) + 1) as f64 / (1u64 << 53) as f64;
        (-uniform.ln() * mean_ns as f64) as u64
    }
}

const THINK_NS: u64 = 50_000;
const LEAST_NS: u64 = 100_000;
const MORE_NS: u64 = 900_000;
const GIVE_UP_NS: u64 = 5_000_000;
const LATE_NS: u64 = 50_000_000;
