//! Proofs of `ok` that anybody can check again: an order of operations, in a file.
//!
//! One line an object, the numbers of its operations in an order that explains them; a number is the
//! rank of an operation in the history by invoke, counted from zero. Lines that begin with `#` are
//! for people. Checking takes the trusted core alone.

use std::collections::HashSet;
use std::fmt::Write as _;

use crate::check::{Report, Verdict};
use crate::history::{History, OperationId, Position};
use crate::model::{Model, Timed};
use crate::models::{Counter, ModelKind, Mutex, Set, Store};
use crate::object;
use crate::trusted::{Flaw, replay};

/// The witness of a report, if its verdict is ok.
pub fn write(report: &Report, model: &ModelKind) -> Option<String> {
    if report.verdict != Verdict::Ok {
        return None;
    }
    let mut text =
        format!("# {} operations in {} objects, {model}\n", report.operations, report.objects);
    for order in &report.witness {
        for (at, OperationId(number)) in order.iter().enumerate() {
            let gap = if at == 0 { "" } else { " " };
            write!(text, "{gap}{number}").expect("a string takes every character");
        }
        text.push('\n');
    }
    Some(text)
}

/// Checks a witness against the history it is of; what is wrong with it is a sentence.
pub fn verify(history: &History, model: &ModelKind, text: &str) -> Result<(), String> {
    let mut orders: Vec<Vec<u32>> = Vec::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.starts_with('#')) {
        let order: Result<Vec<u32>, _> = line.split_whitespace().map(str::parse).collect();
        orders.push(order.map_err(|error| format!("line {number}: {error}"))?);
    }
    for object in object::split(history, model) {
        let members: HashSet<u32> = object.members.iter().copied().collect();
        // An object of nothing but unknown operations needs no line.
        let order = orders.iter().find(|order| order.iter().any(|at| members.contains(at)));
        let order = order.cloned().unwrap_or_default();
        let places: Vec<u32> = order
            .iter()
            .map(|at| object.members.binary_search(at).map_err(|_| *at))
            .map(|place| place.map(|place| u32::try_from(place).unwrap_or(u32::MAX)))
            .collect::<Result<_, _>>()
            .map_err(|at| {
                format!("operation {at} is not one of the object in whose order it is")
            })?;
        verify_object(history, model, &object.members, &places).map_err(|flaw| flaw.to_string())?;
    }
    Ok(())
}

fn verify_object(
    history: &History,
    model: &ModelKind,
    members: &[u32],
    order: &[u32],
) -> Result<(), Flaw> {
    match model {
        ModelKind::Mutex => {
            run(history, &Mutex, members, order, |at| history.operations()[at].call)
        }
        ModelKind::Set => {
            run(history, &Set { history }, members, order, |at| history.operations()[at].call)
        }
        ModelKind::Counter => {
            run(history, &Counter { history }, members, order, |at| history.operations()[at].call)
        }
        ModelKind::Register(initial)
        | ModelKind::CasRegister(initial)
        | ModelKind::Kv(initial)
        | ModelKind::MultiRegister(initial) => {
            let store = Store::new(history, initial.clone());
            run(history, &store, members, order, |at| {
                let operation = &history.operations()[at];
                (operation.key, operation.call)
            })
        }
    }
}

fn run<M: Model>(
    history: &History,
    model: &M,
    members: &[u32],
    order: &[u32],
    call: impl Fn(usize) -> M::Call,
) -> Result<(), Flaw> {
    let timed = |at: &u32| {
        let operation = &history.operations()[*at as usize];
        let (invoked, returned): (Position, Position) = (operation.invoked, operation.returned);
        Timed { invoked, returned, call: call(*at as usize) }
    };
    let calls: Vec<Timed<M::Call>> = members.iter().map(timed).collect();
    // The core counts within the object; a reader of the message counts within the history.
    let whole = |at: u32| members.get(at as usize).copied().unwrap_or(at);
    replay(model, &calls, order).map(drop).map_err(|flaw| match flaw {
        Flaw::Stranger(at) => Flaw::Stranger(whole(at)),
        Flaw::Twice(at) => Flaw::Twice(whole(at)),
        Flaw::TooLate(at) => Flaw::TooLate(whole(at)),
        Flaw::Illegal(at) => Flaw::Illegal(whole(at)),
        Flaw::Missing(at) => Flaw::Missing(whole(at)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Options, check};
    use crate::generator::Plan;
    use crate::value::Value;

    #[test]
    fn witness_holds_for_its_history_and_breaks_when_it_is_changed() {
        let history = Plan { keys: 3, ..Plan::new(200, 5, 0, 10) }.history();
        let model = ModelKind::CasRegister(Value::Absent);
        let report = check(&history, &model, &Options::default());
        let text = write(&report, &model).expect("the history is good");

        assert_eq!(verify(&history, &model, &text), Ok(()));
        let line = text.lines().nth(1).expect("one line an object");
        let reversed: Vec<&str> = line.split(' ').rev().collect();
        assert!(verify(&history, &model, &text.replace(line, &reversed.join(" "))).is_err());
        assert!(verify(&history, &model, &text.replace(line, "")).is_err());
        assert!(verify(&history, &model, "1 x").is_err());
    }
}
