//! One register as tiers 1 and 2 see it: values are small numbers, and every operation reads, writes
//! or both.
//!
//! Built from the operations on one key. What says nothing (a read without an answer) is left out.
//! An object that is more than a register gives `None` and goes to the tier for any model.

use crate::hash::FastMap;
use crate::history::{Call, Operation, Position};
use crate::value::ValueId;

/// What an operation did to the register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// It saw this value.
    Read(u32),
    /// It stored this value, whatever was there.
    Write(u32),
    /// It saw the first and stored the second. If unknown, it may also have found something else and
    /// done nothing.
    Cas(u32, u32),
    /// It saw that this value was not there.
    Miss(u32),
}

/// One operation on the register.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Touch {
    pub(crate) invoked: u32,
    pub(crate) returned: u32,
    pub(crate) kind: Kind,
    /// Its place among the object's operations.
    pub(crate) source: u32,
}

impl Touch {
    pub(crate) fn is_known(&self) -> bool {
        self.returned != NEVER
    }

    /// The value it leaves there, if it stores one.
    pub(crate) fn stored(&self) -> Option<u32> {
        match self.kind {
            Kind::Write(value) | Kind::Cas(_, value) => Some(value),
            Kind::Read(_) | Kind::Miss(_) => None,
        }
    }
}

pub(crate) const NEVER: u32 = Position::NEVER.0;

/// One register with all that was done to it, sorted by invoke.
#[derive(Clone, Debug)]
pub(crate) struct Register {
    pub(crate) initial: u32,
    /// How many values there are; they are numbered from zero.
    pub(crate) values: u32,
    pub(crate) touches: Vec<Touch>,
    /// Whether its cas are appends, of which only reads say what they did.
    pub(crate) is_inferred: bool,
    /// Whether it is one of several that the operations may mean: it can prove ok, never bad.
    pub(crate) is_guess: bool,
}

impl Register {
    /// The register behind `operations`, if they are those of a register.
    pub(crate) fn of(
        operations: impl Iterator<Item = Operation>,
        initial: ValueId,
        numbers: &mut Numbers,
    ) -> Option<Self> {
        numbers.clear();
        let initial = numbers.of(initial);
        let mut touches = Vec::with_capacity(operations.size_hint().0);
        for (source, operation) in (0..).zip(operations) {
            let Some(kind) = kind_of(&operation, numbers)? else { continue };
            let (invoked, returned) = (operation.invoked.0, operation.returned.0);
            touches.push(Touch { invoked, returned, kind, source });
        }
        let values = numbers.count();
        Some(Self { initial, values, touches, is_inferred: false, is_guess: false })
    }
}

/// What an operation did; the inner `None` if it says nothing, the outer if no register does so.
fn kind_of(operation: &Operation, numbers: &mut Numbers) -> Option<Option<Kind>> {
    let is_known = operation.returned != Position::NEVER;
    let kind = match operation.call {
        Call::Read(None) => return Some(None),
        Call::Read(_) if !is_known => return Some(None),
        Call::Read(Some(value)) => Kind::Read(numbers.of(value)),
        Call::Write(value) => Kind::Write(numbers.of(value)),
        Call::Cas { from, stored: Some(false), .. } if is_known => Kind::Miss(numbers.of(from)),
        Call::Cas { stored: None, .. } if is_known => return None,
        Call::Cas { from, to, .. } => Kind::Cas(numbers.of(from), numbers.of(to)),
        Call::Delete { removed: Some(value) } if value == ValueId::ABSENT => {
            Kind::Read(numbers.of(ValueId::ABSENT))
        }
        Call::Delete { removed: Some(value) } => {
            Kind::Cas(numbers.of(value), numbers.of(ValueId::ABSENT))
        }
        Call::Delete { removed: None } => Kind::Write(numbers.of(ValueId::ABSENT)),
        // A lock is a register that is free or held.
        Call::Acquire => Kind::Cas(numbers.of(FREE), numbers.of(HELD)),
        Call::Release => Kind::Cas(numbers.of(HELD), numbers.of(FREE)),
        Call::Append(_) | Call::Add { .. } | Call::Transaction { .. } => return None,
    };
    Some(Some(kind))
}

/// A free lock, as a value.
pub(crate) const FREE: ValueId = ValueId::ABSENT;
/// A held lock: no object mixes locks and values, so any id but that of the absent value will do.
const HELD: ValueId = ValueId::ANY_OTHER;

/// A history's values renumbered from zero for one object; kept from object to object.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    /// Indexed by value; which object gave the number, and the number.
    of_value: Vec<(u32, u32)>,
    object: u32,
    count: u32,
}

impl Numbers {
    /// Forgets the last object.
    fn clear(&mut self) {
        self.object += 1;
        self.count = 0;
    }

    fn of(&mut self, value: ValueId) -> u32 {
        let at = value.index();
        if at >= self.of_value.len() {
            self.of_value.resize((at + 1).next_power_of_two(), (0, 0));
        }
        let slot = &mut self.of_value[at];
        if slot.0 != self.object {
            *slot = (self.object, self.count);
            self.count += 1;
        }
        slot.1
    }

    fn count(&self) -> u32 {
        self.count
    }
}

/// Renumbers the values of some touches from zero, for a stretch cut out of a register.
pub(crate) fn renumber(touches: &mut [Touch], extra: &mut [u32]) -> u32 {
    let mut numbers: FastMap<u32, u32> = FastMap::default();
    let mut number = |value: &mut u32| {
        let next = u32::try_from(numbers.len()).unwrap_or(NEVER);
        *value = *numbers.entry(*value).or_insert(next);
    };
    extra.iter_mut().for_each(&mut number);
    for touch in touches {
        match &mut touch.kind {
            Kind::Read(value) | Kind::Write(value) | Kind::Miss(value) => number(value),
            Kind::Cas(from, to) => {
                number(from);
                number(to);
            }
        }
    }
    u32::try_from(numbers.len()).unwrap_or(NEVER)
}
