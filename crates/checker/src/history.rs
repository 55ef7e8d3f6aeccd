//! What clients asked, when, and what they were told: the only evidence a verdict rests on.
//!
//! Real time is the order of events: each invoke and each return has its own [`Position`]. Clock
//! times are for people only. An operation without a return stays open for ever: it may have taken
//! effect at any moment after its invoke, or never. Operations that definitely did not happen are
//! kept as well, for the warning when their effect was seen all the same; no tier looks at them.
//!
//! A history is written through a [`Draft`], which refuses what no client can do.

use std::fmt;
use std::num::NonZeroU64;

use crate::hash::FastMap;
use crate::value::{Value, ValueId, Values, small};

/// Operations and what else happened, on one time axis.
#[derive(Clone, Debug, Default)]
pub struct History {
    operations: Vec<Operation>,
    values: Values,
    keys: Vec<Box<str>>,
    transactions: Vec<Box<[Step]>>,
    notes: Vec<Note>,
    events: u32,
}

impl History {
    /// All operations, in the order of their invokes.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// The values that operations name.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// The name of a key.
    pub fn key(&self, key: KeyId) -> &str {
        &self.keys[key.0 as usize]
    }

    /// How many different keys there are.
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// The steps of a transaction.
    pub fn steps(&self, transaction: TransactionId) -> &[Step] {
        &self.transactions[transaction.0 as usize]
    }

    /// Faults, leader changes and whatever else was noted.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// How many events (invokes, returns and notes) there are.
    pub fn events(&self) -> u32 {
        self.events
    }
}

/// The moment of an event: how many events came before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u32);

impl Position {
    /// After everything: the return of an operation that never returned.
    pub const NEVER: Self = Self(u32::MAX);
}

/// The number of a key in its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(pub(crate) u32);

/// The number of a transaction in its history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub(crate) u32);

/// The number of an operation in its history: its rank by invoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub u32);

impl OperationId {
    /// Its place in [`History::operations`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One operation of one client.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Who asked. A process has one operation open at a time.
    pub process: i64,
    /// What it was about. Transactions name their keys themselves and have this one's for display.
    pub key: KeyId,
    /// What was asked, with the answer where there is one.
    pub call: Call,
    /// How it ended.
    pub outcome: Outcome,
    /// When it was asked.
    pub invoked: Position,
    /// When it was answered; [`Position::NEVER`] unless the outcome is ok or fail.
    pub returned: Position,
    /// When it was asked, on the recorder's clock.
    pub invoked_ns: u64,
    /// When the answer, the refusal or the giving up came, on the recorder's clock.
    pub returned_ns: u64,
    /// What the server said about where it put the operation.
    pub hint: Hint,
}

/// How an operation ended, as its client knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Done, and answered.
    Ok,
    /// Definitely not done.
    Fail,
    /// Nobody knows; it may take effect late.
    Info,
}

/// Where the server says an operation took effect. Never trusted: a tier may try it as a guess.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hint {
    /// The log index; for a read, the index it read at.
    pub index: Option<NonZeroU64>,
    /// The revision of the store afterwards; for a read, the one it read at.
    pub revision: Option<NonZeroU64>,
}

/// What was asked, with the answer where there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// Read a key. `None`: the answer is unknown, or says nothing.
    Read(Option<ValueId>),
    /// Store a value.
    Write(ValueId),
    /// Store `to` if the value is `from`.
    Cas {
        /// The value that must be there.
        from: ValueId,
        /// The value to store.
        to: ValueId,
        /// Whether it was there; `None` if nobody knows.
        stored: Option<bool>,
    },
    /// Put text behind the text that is there; an absent key counts as empty.
    Append(ValueId),
    /// Add a whole number to the one that is there; an absent key counts as zero.
    Add {
        /// What to add; an integer.
        by: ValueId,
        /// The sum, if it was told.
        total: Option<ValueId>,
    },
    /// Remove a key.
    Delete {
        /// What it removed, if it was told; absent if the key was.
        removed: Option<ValueId>,
    },
    /// Several steps at once; done only if all its [`Step::Expect`] hold.
    Transaction {
        /// Which steps.
        steps: TransactionId,
        /// Whether its expectations held; `None` if nobody knows.
        held: Option<bool>,
    },
    /// Take a lock that is free.
    Acquire,
    /// Give back a lock that is held.
    Release,
}

/// One step of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// The key must have this value, or no step is done.
    Expect(KeyId, ValueId),
    /// Read; `None` if the answer is unknown.
    Read(KeyId, Option<ValueId>),
    /// Store.
    Write(KeyId, ValueId),
    /// Append text.
    Append(KeyId, ValueId),
    /// Add a whole number.
    Add(KeyId, ValueId),
    /// Remove.
    Delete(KeyId),
}

impl Step {
    /// The key it is about.
    pub fn key(self) -> KeyId {
        match self {
            Self::Expect(key, _)
            | Self::Read(key, _)
            | Self::Write(key, _)
            | Self::Append(key, _)
            | Self::Add(key, _)
            | Self::Delete(key) => key,
        }
    }
}

/// Something beside the operations: a fault that begins or ends, a new leader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its place among the events.
    pub at: Position,
    /// Its time on the recorder's clock.
    pub at_ns: u64,
    /// What kind.
    pub kind: NoteKind,
    /// Words for a person: `kill 2`, `partition 1 | 2 3`, `leader 3 term 7`.
    pub text: Box<str>,
}

/// What a note marks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// A fault begins; it lasts until `FaultEnds` with the same text, or to the end.
    FaultBegins,
    /// The fault of this text ends.
    FaultEnds,
    /// A leader is known from here on.
    Leader,
    /// Anything else.
    Remark,
}

/// A history while it is written, event by event in real-time order.
#[derive(Debug, Default)]
pub struct Draft {
    history: History,
    key_ids: FastMap<Box<str>, KeyId>,
    open: FastMap<i64, OperationId>,
    clock_ns: u64,
}

impl Draft {
    /// A history in which nothing has happened.
    pub fn new() -> Self {
        Self::default()
    }

    /// The id of a value.
    pub fn value(&mut self, value: Value) -> ValueId {
        self.history.values.id(value)
    }

    /// The id of a whole number as a value.
    pub fn int(&mut self, number: i64) -> ValueId {
        self.history.values.int(number)
    }

    /// The id of a key.
    pub fn key(&mut self, name: &str) -> KeyId {
        if let Some(&key) = self.key_ids.get(name) {
            return key;
        }
        let key = KeyId(small(self.history.keys.len()));
        self.history.keys.push(name.into());
        self.key_ids.insert(name.into(), key);
        key
    }

    /// The id of a transaction.
    pub fn transaction(&mut self, steps: &[Step]) -> TransactionId {
        let transaction = TransactionId(small(self.history.transactions.len()));
        self.history.transactions.push(steps.into());
        transaction
    }

    /// What `process` has open.
    pub fn open(&self, process: i64) -> Option<&Operation> {
        self.open.get(&process).map(|id| &self.history.operations[id.index()])
    }

    /// What the history holds so far.
    pub fn so_far(&self) -> &History {
        &self.history
    }

    /// `process` asks for `call` on `key`.
    pub fn invoke(
        &mut self,
        process: i64,
        at_ns: u64,
        key: KeyId,
        call: Call,
    ) -> Result<OperationId, Misuse> {
        if self.open.contains_key(&process) {
            return Err(Misuse::AlreadyOpen(process));
        }
        let invoked = self.next_position(at_ns)?;
        let id = OperationId(small(self.history.operations.len()));
        self.history.operations.push(Operation {
            process,
            key,
            call,
            outcome: Outcome::Info,
            invoked,
            returned: Position::NEVER,
            invoked_ns: self.clock_ns,
            returned_ns: u64::MAX,
            hint: Hint::default(),
        });
        self.open.insert(process, id);
        Ok(id)
    }

    /// `process` is told that its operation was done, with this answer.
    pub fn ok(&mut self, process: i64, at_ns: u64, call: Call, hint: Hint) -> Result<(), Misuse> {
        let id = self.open.remove(&process).ok_or(Misuse::NothingOpen(process))?;
        let returned = self.next_position(at_ns)?;
        let operation = &mut self.history.operations[id.index()];
        operation.call = call;
        operation.outcome = Outcome::Ok;
        operation.returned = returned;
        operation.returned_ns = self.clock_ns;
        operation.hint = hint;
        Ok(())
    }

    /// `process` is told that its operation was not done and will not be.
    pub fn fail(&mut self, process: i64, at_ns: u64) -> Result<(), Misuse> {
        let id = self.open.remove(&process).ok_or(Misuse::NothingOpen(process))?;
        let returned = self.next_position(at_ns)?;
        let operation = &mut self.history.operations[id.index()];
        operation.outcome = Outcome::Fail;
        operation.returned = returned;
        operation.returned_ns = self.clock_ns;
        Ok(())
    }

    /// `process` gives up: its operation stays open for ever. A hint may come from the logs later.
    pub fn info(&mut self, process: i64, at_ns: u64, hint: Hint) -> Result<(), Misuse> {
        let id = self.open.remove(&process).ok_or(Misuse::NothingOpen(process))?;
        self.next_position(at_ns)?;
        let operation = &mut self.history.operations[id.index()];
        operation.returned_ns = self.clock_ns;
        operation.hint = hint;
        Ok(())
    }

    /// Something happened beside the operations.
    pub fn note(&mut self, at_ns: u64, kind: NoteKind, text: &str) -> Result<(), Misuse> {
        let at = self.next_position(at_ns)?;
        self.history.notes.push(Note { at, at_ns: self.clock_ns, kind, text: text.into() });
        Ok(())
    }

    /// Takes `marker` for the absent value, if all that names it are cas that expect it.
    pub(crate) fn take_for_absent(&mut self, marker: i64) {
        let history = &mut self.history;
        let Some(marker) = history.values.find(&Value::Int(marker)) else { return };
        let is_elsewhere = |operation: &Operation| match operation.call {
            Call::Cas { to, .. } => to == marker,
            Call::Read(value) => value == Some(marker),
            Call::Write(value) | Call::Append(value) => value == marker,
            Call::Add { by, total } => by == marker || total == Some(marker),
            Call::Delete { removed } => removed == Some(marker),
            Call::Transaction { .. } => true,
            Call::Acquire | Call::Release => false,
        };
        if history.operations.iter().any(is_elsewhere) {
            return;
        }
        for operation in &mut history.operations {
            if let Call::Cas { from, .. } = &mut operation.call
                && *from == marker
            {
                *from = ValueId::ABSENT;
            }
        }
    }

    /// The history. What is still open stays open for ever.
    pub fn finish(self) -> History {
        self.history
    }

    fn next_position(&mut self, at_ns: u64) -> Result<Position, Misuse> {
        if self.history.events >= EVENTS_MAX {
            return Err(Misuse::TooLong);
        }
        let position = Position(self.history.events);
        self.history.events += 1;
        // Times are for display: one that runs backwards must not turn the picture around.
        self.clock_ns = self.clock_ns.max(at_ns);
        Ok(position)
    }
}

/// What no client can have done, or no checker can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// It asked again before it had an answer.
    AlreadyOpen(i64),
    /// It had an answer to nothing.
    NothingOpen(i64),
    /// More events than positions.
    TooLong,
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlreadyOpen(process) => {
                write!(f, "process {process} invokes while its last operation is still open")
            }
            Self::NothingOpen(process) => {
                write!(f, "process {process} completes an operation that it never invoked")
            }
            Self::TooLong => write!(f, "more than {EVENTS_MAX} events; split the history"),
        }
    }
}

impl std::error::Error for Misuse {}

/// Far below `Position::NEVER`, so that arithmetic on positions cannot meet it.
const EVENTS_MAX: u32 = 1 << 30;
