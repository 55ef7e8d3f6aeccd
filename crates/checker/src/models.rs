//! The models that come with the checker: keys with values, a mutex, a set, a counter.
//!
//! [`Store`] is the register, the cas-register, the multi-register and the kv store: they differ in
//! which calls occur and in what a key holds before anybody wrote it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::history::{Call, History, KeyId, Step};
use crate::model::Model;
use crate::value::{Value, ValueId};

/// Which model a history is held against, with its initial state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelKind {
    /// One register a key: read and write.
    Register(Value),
    /// One register a key: read, write, cas.
    CasRegister(Value),
    /// A store of keys: put, append, add, get, delete, cas, txn.
    Kv(Value),
    /// Several registers, read and written together.
    MultiRegister(Value),
    /// A lock, free at first.
    Mutex,
    /// A set, empty at first: add, and read of all its elements.
    Set,
    /// A number, zero at first: add, and read.
    Counter,
}

impl ModelKind {
    /// The model of a row of `expected.tsv` or of `--model`: `cas-register(nil)`, `kv`, `mutex`.
    pub fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.split_at(text.find(['(', ' ', ',']).unwrap_or(text.len()));
        match name {
            "register" => Some(Self::Register(initial_of(rest))),
            "cas-register" => Some(Self::CasRegister(initial_of(rest))),
            "multi-register" => Some(Self::MultiRegister(match initial_of(rest) {
                Value::Absent => Value::Int(0),
                value => value,
            })),
            "kv" if text.contains("init \"\"") => Some(Self::Kv(Value::text(""))),
            "kv" if rest.is_empty() => Some(Self::Kv(Value::Absent)),
            "mutex" if rest.is_empty() => Some(Self::Mutex),
            "set" if rest.is_empty() => Some(Self::Set),
            "counter" if rest.is_empty() => Some(Self::Counter),
            _ => None,
        }
    }

    /// The model that a history's calls and format suggest.
    pub fn guess(history: &History, format: crate::read::Format) -> Self {
        use crate::read::Format;
        let calls = || history.operations().iter().map(|operation| operation.call);
        let reads_list = || {
            calls().any(|call| {
                matches!(call, Call::Read(Some(id))
                    if matches!(history.values().get(id), Value::List(_)))
            })
        };
        if calls().any(|call| matches!(call, Call::Acquire | Call::Release)) {
            return Self::Mutex;
        }
        match format {
            Format::JepsenLog => Self::CasRegister(Value::Absent),
            Format::PorcupineKv => Self::Kv(Value::text("")),
            Format::JsonLines => Self::Kv(Value::Absent),
            Format::Edn if calls().any(|call| matches!(call, Call::Add { .. })) => {
                if reads_list() {
                    Self::Set
                } else {
                    Self::Counter
                }
            }
            Format::Edn if calls().any(|call| matches!(call, Call::Transaction { .. })) => {
                Self::MultiRegister(Value::Int(0))
            }
            Format::Edn => Self::CasRegister(Value::Int(0)),
        }
    }

    /// What a key holds before anybody wrote it.
    pub fn initial(&self) -> Value {
        match self {
            Self::Register(value)
            | Self::CasRegister(value)
            | Self::Kv(value)
            | Self::MultiRegister(value) => value.clone(),
            Self::Mutex | Self::Set => Value::Absent,
            Self::Counter => Value::Int(0),
        }
    }
}

impl fmt::Display for ModelKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Register(value) => write!(f, "register({value})"),
            Self::CasRegister(value) => write!(f, "cas-register({value})"),
            Self::Kv(value) => write!(f, "kv({value})"),
            Self::MultiRegister(value) => write!(f, "multi-register({value})"),
            Self::Mutex => f.write_str("mutex"),
            Self::Set => f.write_str("set"),
            Self::Counter => f.write_str("counter"),
        }
    }
}

/// `(nil)`, `(0)`, `(x=0 y=0)`: the value all keys begin with.
fn initial_of(text: &str) -> Value {
    let inner = text.strip_prefix('(').and_then(|rest| rest.split(')').next()).unwrap_or("");
    let first = inner.split_whitespace().next().unwrap_or("");
    let value = first.split('=').next_back().unwrap_or("");
    match value {
        "" | "nil" | "null" => Value::Absent,
        text => text.parse().map_or_else(|_| Value::text(text), Value::Int),
    }
}

/// One register: what tiers 1 and 2 decide, in a form that replays a million calls at once.
#[derive(Debug)]
pub struct Register {
    /// The value at first.
    pub initial: ValueId,
}

impl Model for Register {
    type Call = Call;
    type State = ValueId;

    fn initial(&self) -> ValueId {
        self.initial
    }

    fn step(&self, state: &ValueId, call: &Call) -> Option<ValueId> {
        match *call {
            Call::Read(None) => Some(*state),
            Call::Read(Some(value)) => (value == *state).then_some(*state),
            Call::Write(value) => Some(value),
            Call::Cas { from, to, stored } => match (*state == from, stored) {
                (true, None | Some(true)) => Some(to),
                (false, None | Some(false)) => Some(*state),
                _ => None,
            },
            Call::Delete { removed: None } => Some(ValueId::ABSENT),
            Call::Delete { removed: Some(value) } => (value == *state).then_some(ValueId::ABSENT),
            _ => None,
        }
    }

    fn is_read_only(&self, call: &Call) -> bool {
        matches!(call, Call::Read(_) | Call::Cas { stored: Some(false), .. })
    }
}

/// Keys with values, all of one history.
#[derive(Debug)]
pub struct Store<'a> {
    history: &'a History,
    initial: Value,
}

impl<'a> Store<'a> {
    /// A store whose keys hold `initial` until they are written.
    pub fn new(history: &'a History, initial: Value) -> Self {
        Self { history, initial }
    }

    fn get<'s>(&'s self, state: &'s Cells, key: KeyId) -> &'s Value {
        state.get(&key).map_or(&self.initial, |value| value)
    }

    fn value(&self, id: ValueId) -> &Value {
        self.history.values().get(id)
    }

    fn put(&self, state: &Cells, key: KeyId, value: Value) -> Cells {
        let mut next = state.clone();
        self.set(&mut next, key, value);
        next
    }

    /// Untouched and back at the initial value are the same state.
    fn set(&self, state: &mut Cells, key: KeyId, value: Value) {
        if value == self.initial {
            state.remove(&key);
        } else {
            state.insert(key, Arc::new(value));
        }
    }

    fn appended(&self, old: &Value, piece: ValueId) -> Option<Value> {
        let Value::Text(piece) = self.value(piece) else { return None };
        match old {
            Value::Absent => Some(Value::Text(piece.clone())),
            Value::Text(text) => Some(Value::Text([&**text, &**piece].concat().into())),
            Value::Int(_) | Value::List(_) => None,
        }
    }

    fn added(&self, old: &Value, by: ValueId) -> Option<Value> {
        let Value::Int(by) = self.value(by) else { return None };
        match old {
            Value::Absent => Some(Value::Int(*by)),
            Value::Int(number) => number.checked_add(*by).map(Value::Int),
            Value::Text(_) | Value::List(_) => None,
        }
    }

    fn transact(&self, state: &Cells, steps: &[Step], held: Option<bool>) -> Option<Cells> {
        let holds = steps.iter().all(|step| match *step {
            Step::Expect(key, value) => self.get(state, key) == self.value(value),
            _ => true,
        });
        if held.is_some_and(|held| held != holds) {
            return None;
        }
        let mut next = state.clone();
        if !holds {
            return Some(next);
        }
        for step in steps {
            let key = step.key();
            let old = self.get(&next, key);
            let new = match *step {
                Step::Expect(..) | Step::Read(_, None) => continue,
                Step::Read(_, Some(value)) if old == self.value(value) => continue,
                Step::Read(_, Some(_)) => return None,
                Step::Write(_, value) => self.value(value).clone(),
                Step::Append(_, piece) => self.appended(old, piece)?,
                Step::Add(_, by) => self.added(old, by)?,
                Step::Delete(_) => Value::Absent,
            };
            self.set(&mut next, key, new);
        }
        Some(next)
    }
}

/// The keys that do not hold the initial value.
pub type Cells = BTreeMap<KeyId, Arc<Value>>;

/// A call of the store with the key it is about.
pub type Keyed = (KeyId, Call);

impl Model for Store<'_> {
    type Call = Keyed;
    type State = Cells;

    fn initial(&self) -> Cells {
        Cells::new()
    }

    fn step(&self, state: &Cells, (key, call): &Keyed) -> Option<Cells> {
        let key = *key;
        let old = self.get(state, key);
        match *call {
            Call::Read(None) => Some(state.clone()),
            Call::Read(Some(value)) => (old == self.value(value)).then(|| state.clone()),
            Call::Write(value) => Some(self.put(state, key, self.value(value).clone())),
            Call::Cas { from, to, stored } => match (old == self.value(from), stored) {
                (true, None | Some(true)) => Some(self.put(state, key, self.value(to).clone())),
                (false, None | Some(false)) => Some(state.clone()),
                _ => None,
            },
            Call::Append(piece) => Some(self.put(state, key, self.appended(old, piece)?)),
            Call::Add { by, total } => {
                let new = self.added(old, by)?;
                let fits = total.is_none_or(|total| *self.value(total) == new);
                fits.then(|| self.put(state, key, new))
            }
            Call::Delete { removed } => {
                let fits = removed.is_none_or(|removed| self.value(removed) == old);
                fits.then(|| self.put(state, key, Value::Absent))
            }
            Call::Transaction { steps, held } => {
                self.transact(state, self.history.steps(steps), held)
            }
            Call::Acquire | Call::Release => None,
        }
    }

    fn is_read_only(&self, (_, call): &Keyed) -> bool {
        match *call {
            Call::Read(_) | Call::Cas { stored: Some(false), .. } => true,
            Call::Transaction { held: Some(false), .. } => true,
            Call::Transaction { steps, .. } => {
                let mut steps = self.history.steps(steps).iter();
                steps.all(|step| matches!(step, Step::Read(..) | Step::Expect(..)))
            }
            _ => false,
        }
    }

    fn state_bytes(&self, state: &Cells) -> usize {
        let cells = state.values().map(|value| 64 + value.heap_bytes());
        size_of::<Cells>() + cells.sum::<usize>()
    }
}

/// A lock: acquire is legal when it is free, release when it is held.
#[derive(Debug)]
pub struct Mutex;

impl Model for Mutex {
    type Call = Call;
    type State = bool;

    fn initial(&self) -> bool {
        false
    }

    fn step(&self, is_held: &bool, call: &Call) -> Option<bool> {
        match call {
            Call::Acquire => (!is_held).then_some(true),
            Call::Release => is_held.then_some(false),
            _ => None,
        }
    }
}

/// A set of values.
#[derive(Debug)]
pub struct Set<'a> {
    /// Where the values are.
    pub history: &'a History,
}

impl Model for Set<'_> {
    type Call = Call;
    type State = Arc<BTreeSet<ValueId>>;

    fn initial(&self) -> Self::State {
        Arc::default()
    }

    fn step(&self, state: &Self::State, call: &Call) -> Option<Self::State> {
        match *call {
            Call::Read(None) => Some(Arc::clone(state)),
            Call::Read(Some(read)) => self.holds_exactly(state, read).then(|| Arc::clone(state)),
            Call::Add { by, .. } if state.contains(&by) => Some(Arc::clone(state)),
            Call::Add { by, .. } => {
                let mut next = BTreeSet::clone(state);
                next.insert(by);
                Some(Arc::new(next))
            }
            _ => None,
        }
    }

    fn is_read_only(&self, call: &Call) -> bool {
        matches!(call, Call::Read(_))
    }

    fn state_bytes(&self, state: &Self::State) -> usize {
        64 + state.len() * 8
    }
}

impl Set<'_> {
    fn holds_exactly(&self, state: &BTreeSet<ValueId>, read: ValueId) -> bool {
        let values = self.history.values();
        match values.get(read) {
            Value::Absent => state.is_empty(),
            Value::List(items) => {
                let ids: Option<BTreeSet<ValueId>> =
                    items.iter().map(|item| values.find(item)).collect();
                ids.is_some_and(|ids| ids == *state)
            }
            Value::Int(_) | Value::Text(_) => false,
        }
    }
}

/// A number that grows and shrinks.
#[derive(Debug)]
pub struct Counter<'a> {
    /// Where the values are.
    pub history: &'a History,
}

impl Model for Counter<'_> {
    type Call = Call;
    type State = i64;

    fn initial(&self) -> i64 {
        0
    }

    fn step(&self, state: &i64, call: &Call) -> Option<i64> {
        let number = |id: ValueId| match self.history.values().get(id) {
            Value::Int(number) => Some(*number),
            _ => None,
        };
        match *call {
            Call::Read(None) => Some(*state),
            Call::Read(Some(read)) => (number(read)? == *state).then_some(*state),
            Call::Add { by, total } => {
                let sum = state.checked_add(number(by)?)?;
                match total {
                    Some(total) => (number(total)? == sum).then_some(sum),
                    None => Some(sum),
                }
            }
            _ => None,
        }
    }

    fn is_read_only(&self, call: &Call) -> bool {
        matches!(call, Call::Read(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_of_the_expectation_files_are_known() {
        let parse = |text| ModelKind::parse(text);
        assert_eq!(parse("cas-register(nil)"), Some(ModelKind::CasRegister(Value::Absent)));
        assert_eq!(
            parse("cas-register(0), nil read = wildcard"),
            Some(ModelKind::CasRegister(Value::Int(0)))
        );
        assert_eq!(
            parse("cas-register(null) per key"),
            Some(ModelKind::CasRegister(Value::Absent))
        );
        assert_eq!(parse("multi-register(x=0 y=0)"), Some(ModelKind::MultiRegister(Value::Int(0))));
        assert_eq!(parse("kv get/put/append, init \"\""), Some(ModelKind::Kv(Value::text(""))));
        assert_eq!(parse("mutex"), Some(ModelKind::Mutex));
        assert_eq!(parse("set-full"), None);
        assert_eq!(parse("elle list-append (serializable)"), None);
    }
}
