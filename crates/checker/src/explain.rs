//! Who is guilty of a bad history and why, in words that a person can check against the log.

use std::fmt::Write as _;
use std::time::Duration;

use crate::check::initial_id;
use crate::hash::FastSet;
use crate::history::{Call, History, KeyId, Operation, OperationId, Outcome, Position};
use crate::model::{Model, Timed};
use crate::models::{self, Counter, ModelKind, Set, Store};
use crate::register::{Numbers, Register};
use crate::shrink;
use crate::trusted;
use crate::value::ValueId;
use crate::zones::ClashKind;

/// Why no order explains a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The two to four operations that contradict each other.
    pub guilty: Vec<OperationId>,
    /// The operations without which the guilty ones would prove nothing: the writes of the values
    /// they saw, the cas that tie them.
    pub ties: Vec<OperationId>,
    /// One sentence.
    pub sentence: String,
    /// What trying all orders of the guilty and their ties said.
    pub proof: Proof,
    cause: Cause,
}

/// Whether a bad verdict was proved a second time, by trying all orders of what suffices for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// No order explains them.
    Again,
    /// There are too many for that, or there was no time.
    NotTried,
    /// Some order explains them: the checker is at fault.
    Refuted,
}

impl Proof {
    pub(crate) fn of(is_explained: Option<bool>) -> Self {
        match is_explained {
            Some(false) => Self::Again,
            Some(true) => Self::Refuted,
            None => Self::NotTried,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Cause {
    Clash(ClashKind),
    DeadEnd { at: OperationId, members: Vec<u32> },
}

impl Explanation {
    pub(crate) fn of_clash(
        kind: ClashKind,
        guilty: Vec<OperationId>,
        ties: Vec<OperationId>,
    ) -> Self {
        let cause = Cause::Clash(kind);
        Self { guilty, ties, sentence: String::new(), proof: Proof::NotTried, cause }
    }

    pub(crate) fn of_dead_end(at: OperationId, members: &[u32]) -> Self {
        let cause = Cause::DeadEnd { at, members: members.to_vec() };
        let (guilty, ties) = (vec![at], Vec::new());
        Self { guilty, ties, sentence: String::new(), proof: Proof::NotTried, cause }
    }
}

/// The explanation with its sentence and, if `time` allows, its second proof.
pub(crate) fn complete(
    history: &History,
    model: &ModelKind,
    explanation: &Explanation,
    time: Duration,
) -> Explanation {
    let mut whole = explanation.clone();
    match &explanation.cause {
        Cause::Clash(kind) => {
            let mut places: Vec<u32> =
                whole.guilty.iter().chain(&whole.ties).map(|id| id.0).collect();
            places.sort_unstable();
            places.dedup();
            if !time.is_zero() {
                whole.proof = Proof::of(reprove(history, model, &places, Position::NEVER));
            }
            if *kind == ClashKind::NeverWritten {
                // That nothing made a value rests on everything, and everything is no picture.
                whole.ties.clear();
            }
            whole.sentence = sentence_of_clash(history, model, *kind, &whole.guilty);
        }
        Cause::DeadEnd { at, members } => {
            let end = history.operations()[at.index()].returned;
            let core = shrink_dead_end(history, model, *at, members, time);
            if !time.is_zero() {
                whole.proof = Proof::of(reprove(history, model, &core, end));
            }
            (whole.guilty, whole.ties) = guilty_of(history, *at, &core);
            whole.sentence = sentence_of_dead_end(history, *at, &whole, core.len());
        }
    }
    whole
}

/// Tries all orders of these operations, with what returned behind `end` left open.
fn reprove(history: &History, model: &ModelKind, places: &[u32], end: Position) -> Option<bool> {
    if places.len() > trusted::EXHAUST_MAX {
        return None;
    }
    let plain = |_: KeyId, call: Call| call;
    match model {
        ModelKind::Mutex => exhaust(history, &models::Mutex, places, end, plain),
        ModelKind::Set => exhaust(history, &Set { history }, places, end, plain),
        ModelKind::Counter => exhaust(history, &Counter { history }, places, end, plain),
        ModelKind::Register(initial)
        | ModelKind::CasRegister(initial)
        | ModelKind::Kv(initial)
        | ModelKind::MultiRegister(initial) => {
            let store = Store::new(history, initial.clone());
            exhaust(history, &store, places, end, |key, call| (key, call))
        }
    }
}

fn exhaust<M: Model>(
    history: &History,
    model: &M,
    places: &[u32],
    end: Position,
    call: impl Fn(KeyId, Call) -> M::Call,
) -> Option<bool> {
    let operations = places.iter().map(|at| &history.operations()[*at as usize]);
    let calls: Vec<Timed<M::Call>> = operations
        .map(|operation| Timed {
            invoked: operation.invoked,
            returned: if operation.returned > end { Position::NEVER } else { operation.returned },
            call: call(operation.key, operation.call),
        })
        .collect();
    trusted::exhaust(model, &[model.initial()], &calls)
}

/// The operations up to a dead end that suffice to be bad.
fn shrink_dead_end(
    history: &History,
    model: &ModelKind,
    at: OperationId,
    members: &[u32],
    time: Duration,
) -> Vec<u32> {
    let operations: Vec<Operation> =
        members.iter().map(|at| history.operations()[*at as usize]).collect();
    let initial = model.initial();
    let id =
        if *model == ModelKind::Mutex { ValueId::ABSENT } else { initial_id(history, &initial) };
    // Texts go the general way: without the reads that say what an append did, it is another history.
    let register = Register::of(operations.iter().copied(), id, &mut Numbers::default());
    let place = members.iter().position(|member| *member == at.0).unwrap_or(0);
    if let Some(register) = register {
        let touch = register.touches.iter().position(|touch| touch.source as usize == place);
        let touch = u32::try_from(touch.unwrap_or(0)).unwrap_or(0);
        let core = shrink::register(&register, touch, time);
        let source = |at: &u32| members[register.touches[*at as usize].source as usize];
        return core.iter().map(source).collect();
    }
    let place = u32::try_from(place).unwrap_or(0);
    let core = match model {
        ModelKind::Mutex => shrink_calls(&models::Mutex, &operations, place, time, |o| o.call),
        ModelKind::Set => shrink_calls(&Set { history }, &operations, place, time, |o| o.call),
        ModelKind::Counter => {
            shrink_calls(&Counter { history }, &operations, place, time, |o| o.call)
        }
        _ => {
            let store = Store::new(history, initial);
            shrink_calls(&store, &operations, place, time, |o| (o.key, o.call))
        }
    };
    core.iter().map(|at| members[*at as usize]).collect()
}

fn shrink_calls<M: Model>(
    model: &M,
    operations: &[Operation],
    at: u32,
    time: Duration,
    call: impl Fn(&Operation) -> M::Call,
) -> Vec<u32> {
    let calls: Vec<Timed<M::Call>> = operations
        .iter()
        .map(|operation| Timed {
            invoked: operation.invoked,
            returned: operation.returned,
            call: call(operation),
        })
        .collect();
    shrink::any_model(model, &calls, at, time).0
}

/// Of what suffices to be bad, at most four to look at first: the dead end, and the nearest others.
fn guilty_of(
    history: &History,
    at: OperationId,
    core: &[u32],
) -> (Vec<OperationId>, Vec<OperationId>) {
    let dead_end = &history.operations()[at.index()];
    let mut others: Vec<u32> = core.iter().copied().filter(|other| *other != at.0).collect();
    let distance = |other: &u32| {
        let operation = &history.operations()[*other as usize];
        dead_end.invoked.0.abs_diff(operation.invoked.0)
    };
    others.sort_by_key(distance);
    let mut guilty: Vec<OperationId> = std::iter::once(at)
        .chain(others.iter().take(GUILTY_MAX - 1).copied().map(OperationId))
        .collect();
    guilty.sort_unstable();
    let ties = others.iter().skip(GUILTY_MAX - 1).copied().map(OperationId).collect();
    (guilty, ties)
}

/// More than four operations at once are no picture.
const GUILTY_MAX: usize = 4;

fn sentence_of_clash(
    history: &History,
    model: &ModelKind,
    kind: ClashKind,
    guilty: &[OperationId],
) -> String {
    let say = |at: usize| guilty.get(at).map_or(String::new(), |id| describe(history, *id));
    match kind {
        ClashKind::NeverWritten => format!(
            "{}, but nothing that may have happened put that value there.",
            capital(&say(0))
        ),
        ClashKind::TakenTwice => format!(
            "{} and {} both succeeded, but the value that both replaced was there only once.",
            capital(&say(0)),
            say(1)
        ),
        ClashKind::Circle => {
            let each: Vec<String> = guilty.iter().map(|id| describe(history, *id)).collect();
            let each = each.join(", ");
            format!("{}: each needs the value that another of them stored.", capital(&each))
        }
        ClashKind::OutOfOrder => format!(
            "{} had ended before {} began, yet it rests on a later value.",
            capital(&say(1)),
            say(0)
        ),
        ClashKind::BothFirst => sentence_of_both_first(history, model, guilty),
    }
}

fn sentence_of_both_first(history: &History, model: &ModelKind, guilty: &[OperationId]) -> String {
    let mut by_value: Vec<(String, Vec<OperationId>)> = Vec::new();
    for id in guilty {
        let value = value_shown(history, &history.operations()[id.index()]);
        match by_value.iter_mut().find(|(shown, _)| *shown == value) {
            Some((_, ids)) => ids.push(*id),
            None => by_value.push((value, vec![*id])),
        }
    }
    // The operation that came last is the one that a reader takes for wrong.
    let last = guilty.iter().max_by_key(|id| history.operations()[id.index()].invoked);
    let Some(last) = last else { return String::new() };
    let wrong = &history.operations()[last.index()];
    let before = guilty.iter().filter(|id| {
        let operation = &history.operations()[id.index()];
        operation.returned < wrong.invoked
            && value_shown(history, operation) != value_shown(history, wrong)
    });
    let before = before.max_by_key(|id| history.operations()[id.index()].returned);
    let own = value_shown(history, wrong);
    match before {
        Some(before) => {
            let other = value_shown(history, &history.operations()[before.index()]);
            let anchor = guilty
                .iter()
                .filter(|id| value_shown(history, &history.operations()[id.index()]) == own)
                .min_by_key(|id| history.operations()[id.index()].returned);
            let because = match anchor.filter(|id| *id != last) {
                Some(anchor) => {
                    format!("{own} was there by the end of {}", describe(history, *anchor))
                }
                None if own == model.initial().to_string() => {
                    format!("{own} was there only before anything was written")
                }
                None => format!("{own} was stored earlier and never again"),
            };
            format!(
                "{}, but {} had ended by then, and {because}: {other} cannot have come both \
                 before and after it.",
                capital(&describe(history, *last)),
                describe(history, *before),
            )
        }
        None => format!(
            "{} contradicts the others: two values would each have to be there before the other.",
            capital(&describe(history, *last))
        ),
    }
}

fn sentence_of_dead_end(
    history: &History,
    at: OperationId,
    explanation: &Explanation,
    core: usize,
) -> String {
    let mut text = capital(&describe(history, at));
    let others: Vec<String> = explanation
        .guilty
        .iter()
        .filter(|id| **id != at)
        .map(|id| describe(history, *id))
        .collect();
    let more = core.saturating_sub(explanation.guilty.len());
    // A string takes every character.
    let _ = if others.is_empty() {
        write!(text, ": no order of what had been asked by then allows that.")
    } else if more == 0 {
        write!(text, ": together with {}, no order allows that.", others.join(", "))
    } else {
        let others = others.join(", ");
        write!(text, ": together with {others} and {more} operations before, no order allows that.")
    };
    text
}

/// What a person should know beside the verdict: effects of what was recorded as not done.
pub(crate) fn warnings(history: &History, model: &ModelKind) -> Vec<String> {
    let initial = model.initial();
    let stored = |operation: &Operation| match operation.call {
        Call::Write(value) | Call::Append(value) | Call::Cas { to: value, .. } => Some(value),
        _ => None,
    };
    let mut failed: Vec<(KeyId, ValueId, OperationId)> = Vec::new();
    for (at, operation) in (0..).zip(history.operations()) {
        if operation.outcome == Outcome::Fail
            && let Some(value) = stored(operation)
            && *history.values().get(value) != initial
        {
            failed.push((operation.key, value, OperationId(at)));
        }
    }
    failed.sort_unstable();
    // A value that somebody else stored as well proves nothing.
    let others = history.operations().iter().filter(|operation| operation.outcome != Outcome::Fail);
    let others: FastSet<(KeyId, ValueId)> =
        others.filter_map(|operation| Some((operation.key, stored(operation)?))).collect();
    failed.retain(|(key, value, _)| !others.contains(&(*key, *value)));
    let mut warnings = Vec::new();
    for (at, operation) in (0..).zip(history.operations()) {
        let Call::Read(Some(value)) = operation.call else { continue };
        let found = failed.binary_search_by_key(&(operation.key, value), |(k, v, _)| (*k, *v));
        if let Ok(found) = found
            && warnings.len() < WARNINGS_MAX
        {
            let (_, _, id) = failed.remove(found);
            warnings.push(format!(
                "{} was recorded as failed, but {}: if a failure may have happened, record it as info.",
                capital(&describe(history, id)),
                describe(history, OperationId(at)),
            ));
        }
    }
    warnings
}

/// A list that is read to its end.
const WARNINGS_MAX: usize = 10;

/// `process 3 read 7 of "k0" at 12.031 s`.
pub fn describe(history: &History, id: OperationId) -> String {
    let operation = &history.operations()[id.index()];
    let key = match history.key(operation.key) {
        "register" => String::new(),
        key => format!(" of {key:?}"),
    };
    let value = |id: ValueId| show(history, id);
    let what = match operation.call {
        Call::Read(Some(read)) => format!("read {}{key}", value(read)),
        Call::Read(None) => format!("read{key}"),
        Call::Write(stored) => format!("wrote {}{key}", value(stored)),
        Call::Cas { from, to, stored: Some(false) } => {
            format!("did not find {}{key} to replace by {}", value(from), value(to))
        }
        Call::Cas { from, to, .. } => format!("replaced {}{key} by {}", value(from), value(to)),
        Call::Append(piece) => format!("appended {}{key}", value(piece)),
        Call::Add { by, total: Some(total) } => {
            format!("added {} for {}{key}", value(by), value(total))
        }
        Call::Add { by, total: None } => format!("added {}{key}", value(by)),
        Call::Delete { removed: Some(removed) } => format!("deleted {}{key}", value(removed)),
        Call::Delete { removed: None } => format!("deleted the value{key}"),
        Call::Transaction { .. } => "did a transaction".to_owned(),
        Call::Acquire => format!("took the lock{key}"),
        Call::Release => format!("gave the lock{key} back"),
    };
    let when = match operation.outcome {
        Outcome::Info => ", outcome unknown".to_owned(),
        Outcome::Ok | Outcome::Fail if operation.returned_ns == 0 => String::new(),
        Outcome::Ok | Outcome::Fail => format!(" at {}", seconds(operation.returned_ns)),
    };
    format!("process {} {what}{when}", operation.process)
}

fn value_shown(history: &History, operation: &Operation) -> String {
    match operation.call {
        Call::Read(Some(value)) | Call::Write(value) | Call::Cas { to: value, .. } => {
            show(history, value)
        }
        Call::Append(piece) => show(history, piece),
        _ => String::new(),
    }
}

pub(crate) fn show(history: &History, id: ValueId) -> String {
    let shown = history.values().get(id).to_string();
    match shown.char_indices().nth(SHOWN_MAX) {
        // The end of a long text is what changed last.
        Some(_) => {
            let tail: Vec<char> = shown.chars().rev().take(SHOWN_MAX).collect();
            format!("…{}", tail.into_iter().rev().collect::<String>())
        }
        None => shown,
    }
}

fn seconds(ns: u64) -> String {
    let us = ns / 1000;
    format!("{}.{:06} s", us / 1_000_000, us % 1_000_000)
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

/// Letters of a value within a sentence.
const SHOWN_MAX: usize = 40;
