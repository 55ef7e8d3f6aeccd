//! Random histories of one register, and two searches so plain that they can be believed.
//!
//! Shares nothing with the checker but the history: no tier, no model, no trusted core.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::collections::HashSet;
use std::fmt::Write as _;

use checker::history::{Call, Draft, Hint, History, Operation, Position};
use checker::recorder::write_history;
use checker::value::{Value, ValueId};

/// A small generator of random numbers: one seed, one run.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(crate) fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.place(items.len())]
    }

    pub(crate) fn place(&mut self, count: usize) -> usize {
        usize::try_from(self.below(count as u64)).expect("it is below a usize")
    }

    pub(crate) fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }
}

/// What kind of history to make.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) operations: u64,
    pub(crate) clients: u64,
    /// How many values there are; zero for every write its own.
    pub(crate) values: u64,
    pub(crate) unknown_percent: u64,
    pub(crate) cas_percent: u64,
    pub(crate) corrupted: u64,
    /// How much longer than a step an operation stays open.
    pub(crate) slowness: u64,
}

impl Shape {
    pub(crate) fn random(random: &mut Random, least: u64, most: u64) -> Self {
        Self {
            operations: least + random.below(most - least + 1),
            clients: 2 + random.below(6),
            values: random.pick(&[0, 0, 2, 3, 4]),
            unknown_percent: random.pick(&[0, 0, 5, 15]),
            cas_percent: random.pick(&[0, 15, 40]),
            corrupted: random.below(4),
            slowness: 1 + random.below(6),
        }
    }
}

/// What a client has open.
struct Open {
    asked: Asked,
    /// What the register said, once the operation took effect.
    answer: Option<Answer>,
}

#[derive(Clone, Copy)]
enum Asked {
    Read,
    Write(i64),
    Cas(Option<i64>, i64),
}

#[derive(Clone, Copy)]
enum Answer {
    Value(Option<i64>),
    Done,
    Stored(bool),
}

/// A history of a correct register, with some reads changed afterwards.
pub(crate) fn history(random: &mut Random, shape: &Shape) -> History {
    let mut draft = Draft::new();
    let key = draft.key("k");
    let mut register: Option<i64> = None;
    let mut written = 0;
    let mut recent: Vec<Option<i64>> = vec![None];
    let mut clients: Vec<Option<Open>> = (0..shape.clients).map(|_| None).collect();
    let mut processes: Vec<i64> = (0..shape.clients as i64).collect();
    let mut late: Vec<Asked> = Vec::new();
    let mut left = shape.operations;
    let mut time = 0;
    let corrupt_from = shape.operations - random.below(shape.operations) / 2;
    let mut to_corrupt = shape.corrupted;
    while left > 0 || clients.iter().any(Option::is_some) {
        time += 1;
        if !late.is_empty() && random.percent(10) {
            let asked = late.swap_remove(random.place(late.len()));
            apply(&mut register, asked);
        }
        let client = random.place(clients.len());
        let process = processes[client];
        match &mut clients[client] {
            None if left == 0 => {}
            None => {
                left -= 1;
                let mut fresh = |random: &mut Random| {
                    written += 1;
                    if shape.values == 0 { written } else { random.below(shape.values) as i64 }
                };
                let asked = if random.percent(shape.cas_percent) {
                    let from = random.pick(&recent);
                    Asked::Cas(from, fresh(random))
                } else if random.percent(50) {
                    Asked::Read
                } else {
                    Asked::Write(fresh(random))
                };
                let call = call_of(&mut draft, asked, None);
                draft.invoke(process, time, key, call).expect("the client is free");
                clients[client] = Some(Open { asked, answer: None });
            }
            Some(open) if open.answer.is_none() && random.percent(60) => {
                let answer = apply(&mut register, open.asked);
                if let Asked::Write(value) | Asked::Cas(_, value) = open.asked {
                    recent.push(Some(value));
                    if recent.len() > 4 {
                        recent.remove(0);
                    }
                }
                open.answer = Some(answer);
            }
            Some(open) if random.percent(100 / shape.slowness) => {
                if random.percent(shape.unknown_percent) {
                    if open.answer.is_none() && random.percent(50) {
                        late.push(open.asked);
                    }
                    draft.info(process, time, Hint::default()).expect("the operation is open");
                    processes[client] += 1000;
                    clients[client] = None;
                } else if let Some(mut answer) = open.answer {
                    if let Answer::Value(value) = &mut answer
                        && to_corrupt > 0
                        && left < corrupt_from
                        && random.percent(50)
                    {
                        to_corrupt -= 1;
                        *value = random.pick(&recent);
                    }
                    let call = call_of(&mut draft, open.asked, Some(answer));
                    let hint = Hint::default();
                    draft.ok(process, time, call, hint).expect("the operation is open");
                    clients[client] = None;
                }
            }
            Some(_) => {}
        }
    }
    draft.finish()
}

fn apply(register: &mut Option<i64>, asked: Asked) -> Answer {
    match asked {
        Asked::Read => Answer::Value(*register),
        Asked::Write(value) => {
            *register = Some(value);
            Answer::Done
        }
        Asked::Cas(from, to) => {
            let stored = *register == from;
            if stored {
                *register = Some(to);
            }
            Answer::Stored(stored)
        }
    }
}

fn call_of(draft: &mut Draft, asked: Asked, answer: Option<Answer>) -> Call {
    let mut id = |value: Option<i64>| match value {
        Some(value) => draft.int(value),
        None => ValueId::ABSENT,
    };
    match (asked, answer) {
        (Asked::Read, Some(Answer::Value(value))) => Call::Read(Some(id(value))),
        (Asked::Read, _) => Call::Read(None),
        (Asked::Write(value), _) => Call::Write(id(Some(value))),
        (Asked::Cas(from, to), answer) => {
            let stored = match answer {
                Some(Answer::Stored(stored)) => Some(stored),
                _ => None,
            };
            Call::Cas { from: id(from), to: id(Some(to)), stored }
        }
    }
}

/// The value behind `call`, or `None` if the register could not have answered so.
fn step(register: ValueId, call: &Call) -> Option<ValueId> {
    match *call {
        Call::Read(Some(value)) if value != register => None,
        Call::Read(_) => Some(register),
        Call::Write(value) => Some(value),
        Call::Cas { from, to, stored } => {
            let matches = from == register;
            if stored.is_some_and(|stored| stored != matches) {
                return None;
            }
            Some(if matches { to } else { register })
        }
        _ => None,
    }
}

/// All orders of all choices of unknown operations.
pub(crate) fn brute_force(history: &History) -> bool {
    let operations = history.operations();
    let mut placed = Vec::new();
    permute(operations, &mut placed)
}

fn permute(operations: &[Operation], placed: &mut Vec<usize>) -> bool {
    let known = |at: &usize| operations[*at].returned != Position::NEVER;
    if (0..operations.len()).filter(known).all(|at| placed.contains(&at))
        && is_legal(operations, placed)
    {
        return true;
    }
    for at in 0..operations.len() {
        if placed.contains(&at) {
            continue;
        }
        placed.push(at);
        let found = permute(operations, placed);
        placed.pop();
        if found {
            return true;
        }
    }
    false
}

fn is_legal(operations: &[Operation], placed: &[usize]) -> bool {
    let mut register = ValueId::ABSENT;
    for (rank, at) in placed.iter().enumerate() {
        let behind = &placed[rank + 1..];
        if behind.iter().any(|later| operations[*later].returned < operations[*at].invoked) {
            return false;
        }
        match step(register, &operations[*at].call) {
            Some(next) => register = next,
            None => return false,
        }
    }
    true
}

/// Wing and Gong's search with a memory of where it has been.
pub(crate) fn wing_gong(history: &History) -> bool {
    let operations = history.operations();
    let mut seen: HashSet<(u64, ValueId)> = HashSet::new();
    let known = (0..operations.len()).filter(|at| operations[*at].returned != Position::NEVER);
    let must: u64 = known.map(|at| 1 << at).sum();
    let mut stack = vec![(0u64, ValueId::ABSENT)];
    while let Some((done, register)) = stack.pop() {
        if done & must == must {
            return true;
        }
        if !seen.insert((done, register)) {
            continue;
        }
        let left = (0..operations.len()).filter(|at| done & 1 << at == 0);
        let first = left.clone().map(|at| operations[at].returned).min();
        for at in left {
            if first.is_some_and(|first| operations[at].invoked > first) {
                continue;
            }
            if let Some(next) = step(register, &operations[at].call) {
                stack.push((done | 1 << at, next));
            }
        }
    }
    false
}

/// The history as our own format has it.
pub(crate) fn show(history: &History) -> String {
    let mut bytes = Vec::new();
    write_history(history, &mut bytes).expect("a vector takes every byte");
    let mut text = String::from_utf8(bytes).expect("the format is text");
    writeln!(text, "plain search says {}", wing_gong(history)).expect("a string takes it");
    text
}

/// The values that a history of numbers can hold, as its ids.
pub(crate) fn value_of(history: &History, id: ValueId) -> Option<i64> {
    match history.values().get(id) {
        Value::Int(number) => Some(*number),
        _ => None,
    }
}
