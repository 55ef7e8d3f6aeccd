//! The trusted core: what a verdict rests on, small enough to be read in one go.
//!
//! [`replay`] accepts an order only if it is a legal run of the model that contradicts no real time;
//! every `ok` goes through it. [`exhaust`] tries all orders of a small history; every `bad` that can be
//! shrunk to that size goes through it. Neither shares a rule with the tiers.

use std::collections::HashSet;
use std::fmt;

use crate::history::Position;
use crate::model::{Model, Timed};

/// Whether `order`, a list of places in `calls`, proves that the calls are linearizable.
pub fn replay<M: Model>(
    model: &M,
    calls: &[Timed<M::Call>],
    order: &[u32],
) -> Result<M::State, Flaw> {
    let mut is_placed = vec![false; calls.len()];
    let mut state = model.initial();
    let mut latest_invoke = None;
    for &at in order {
        let call = calls.get(at as usize).ok_or(Flaw::Stranger(at))?;
        if std::mem::replace(&mut is_placed[at as usize], true) {
            return Err(Flaw::Twice(at));
        }
        // Whatever was answered before an earlier one of the order was even asked is too late here.
        if latest_invoke.is_some_and(|latest| call.returned < latest) {
            return Err(Flaw::TooLate(at));
        }
        latest_invoke = latest_invoke.max(Some(call.invoked));
        state = model.step(&state, &call.call).ok_or(Flaw::Illegal(at))?;
    }
    match (0..).zip(calls).find(|(at, call)| call.is_known() && !is_placed[*at as usize]) {
        Some((at, _)) => Err(Flaw::Missing(at)),
        None => Ok(state),
    }
}

/// What is wrong with an order; the number is a place in the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It names a call that is not there.
    Stranger(u32),
    /// It names a call twice.
    Twice(u32),
    /// It puts a call behind one that was asked only after it was answered.
    TooLate(u32),
    /// The model could not have answered so there.
    Illegal(u32),
    /// It leaves out a call that was answered.
    Missing(u32),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stranger(at) => write!(f, "the order names operation {at}, which is not there"),
            Self::Twice(at) => write!(f, "the order names operation {at} twice"),
            Self::TooLate(at) => write!(
                f,
                "the order puts operation {at} behind one that was invoked after it returned"
            ),
            Self::Illegal(at) => {
                write!(f, "in this order operation {at} could not have had its answer")
            }
            Self::Missing(at) => write!(f, "the order leaves out operation {at}"),
        }
    }
}

/// Whether any order at all, from any of `starts`, explains `calls`; `None` if there are too many.
pub fn exhaust<M: Model>(model: &M, starts: &[M::State], calls: &[Timed<M::Call>]) -> Option<bool> {
    if calls.len() > EXHAUST_MAX {
        return None;
    }
    let known = (0..).zip(calls).filter(|(_, call)| call.is_known());
    let must: u32 = known.map(|(at, _): (u32, _)| 1 << at).sum();
    let mut seen = HashSet::new();
    let mut stack: Vec<(u32, M::State)> = starts.iter().map(|state| (0, state.clone())).collect();
    while let Some((done, state)) = stack.pop() {
        if done & must == must {
            return Some(true);
        }
        if !seen.insert((done, state.clone())) {
            continue;
        }
        let left = |at: &u32| done & (1 << at) == 0;
        let places = 0..u32::try_from(calls.len()).unwrap_or(0);
        let first_return = places.clone().filter(left).map(|at| calls[at as usize].returned).min();
        let first_return = first_return.unwrap_or(Position::NEVER);
        for at in places.filter(left) {
            let call = &calls[at as usize];
            // Nothing can be done before an operation that had ended when it was asked.
            if call.invoked <= first_return
                && let Some(next) = model.step(&state, &call.call)
            {
                stack.push((done | 1 << at, next));
            }
        }
    }
    Some(false)
}

/// The most calls that [`exhaust`] takes: their subsets are counted in 32 bits, and searched in seconds.
pub const EXHAUST_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Call;
    use crate::models::Register;
    use crate::value::ValueId;

    const MODEL: Register = Register { initial: ValueId::ABSENT };

    fn timed(invoked: u32, returned: u32, call: Call) -> Timed<Call> {
        Timed { invoked: Position(invoked), returned: Position(returned), call }
    }

    fn write_then_read_nothing(read_at: u32) -> [Timed<Call>; 2] {
        let one = crate::value::Values::new().int(1);
        [
            timed(0, 3, Call::Write(one)),
            timed(read_at, read_at + 1, Call::Read(Some(ValueId::ABSENT))),
        ]
    }

    #[test]
    fn read_beside_a_write_may_come_first_and_one_behind_it_may_not() {
        let beside = write_then_read_nothing(1);
        let behind = write_then_read_nothing(4);

        assert_eq!(replay(&MODEL, &beside, &[0, 1]), Err(Flaw::Illegal(1)));
        assert!(replay(&MODEL, &beside, &[1, 0]).is_ok());
        assert_eq!(replay(&MODEL, &behind, &[1, 0]), Err(Flaw::TooLate(0)));
        assert_eq!(exhaust(&MODEL, &[ValueId::ABSENT], &beside), Some(true));
        assert_eq!(exhaust(&MODEL, &[ValueId::ABSENT], &behind), Some(false));
    }

    #[test]
    fn order_that_hides_an_operation_is_no_proof() {
        let calls = write_then_read_nothing(4);
        assert_eq!(replay(&MODEL, &calls, &[1]), Err(Flaw::Missing(0)));
        assert_eq!(replay(&MODEL, &calls, &[0, 0]), Err(Flaw::Twice(0)));
        assert_eq!(replay(&MODEL, &calls, &[0, 2]), Err(Flaw::Stranger(2)));
    }
}
