//! Values as clients wrote and read them, each kept once and named by a small number.
//!
//! Two values are equal exactly when their ids are, so the tiers compare numbers and index arrays
//! by them. The table only grows.

use std::fmt;

use crate::hash::FastMap;

/// One value, as the history's format could say it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Nothing there: `nil`, `null`, a missing key.
    Absent,
    /// A whole number.
    Int(i64),
    /// Text; EDN keywords and symbols too.
    Text(Box<str>),
    /// Several values, as a read of a set answers.
    List(Box<[Self]>),
}

impl Value {
    /// Text as a value.
    pub fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// Memory it takes beyond its own slot.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Absent | Self::Int(_) => 0,
            Self::Text(text) => text.len(),
            Self::List(items) => {
                items.iter().map(|item| size_of::<Self>() + item.heap_bytes()).sum()
            }
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("nothing"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::List(items) => {
                f.write_str("[")?;
                for (at, item) in items.iter().enumerate() {
                    let gap = if at == 0 { "" } else { " " };
                    write!(f, "{gap}{item}")?;
                }
                f.write_str("]")
            }
        }
    }
}

/// The number of a value in its [`Values`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ValueId(u32);

impl ValueId {
    /// [`Value::Absent`] has this id in every table.
    pub const ABSENT: Self = Self(0);

    /// Some value that is not absent; for objects whose states are not values.
    pub(crate) const ANY_OTHER: Self = Self(1);

    /// Its place in the table.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// All values of a history.
#[derive(Clone, Debug)]
pub struct Values {
    items: Vec<Value>,
    // Whole numbers are by far the most common: their map needs no heap for a key.
    of_ints: FastMap<i64, u32>,
    of_others: FastMap<Value, u32>,
}

impl Values {
    /// A table with nothing in it but the absent value.
    pub fn new() -> Self {
        let items = vec![Value::Absent];
        Self { items, of_ints: FastMap::default(), of_others: FastMap::default() }
    }

    /// The id of `value`, new if it was never seen.
    pub fn id(&mut self, value: Value) -> ValueId {
        match value {
            Value::Absent => ValueId::ABSENT,
            Value::Int(number) => self.int(number),
            other => {
                if let Some(&id) = self.of_others.get(&other) {
                    return ValueId(id);
                }
                let id = small(self.items.len());
                self.items.push(other.clone());
                self.of_others.insert(other, id);
                ValueId(id)
            }
        }
    }

    /// The id of a whole number.
    pub fn int(&mut self, number: i64) -> ValueId {
        let next = small(self.items.len());
        let id = *self.of_ints.entry(number).or_insert(next);
        if id == next {
            self.items.push(Value::Int(number));
        }
        ValueId(id)
    }

    /// The id of some text.
    pub fn text(&mut self, text: &str) -> ValueId {
        self.id(Value::text(text))
    }

    /// The id of `value` if it is in the table.
    pub fn find(&self, value: &Value) -> Option<ValueId> {
        match value {
            Value::Absent => Some(ValueId::ABSENT),
            Value::Int(number) => self.of_ints.get(number).copied().map(ValueId),
            other => self.of_others.get(other).copied().map(ValueId),
        }
    }

    /// The value behind an id of this table.
    pub fn get(&self, id: ValueId) -> &Value {
        &self.items[id.index()]
    }

    /// An id that no value of this table has.
    pub(crate) fn id_beyond(&self) -> ValueId {
        ValueId(small(self.items.len()))
    }

    /// How many different values there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether only the absent value is in it.
    pub fn is_empty(&self) -> bool {
        self.items.len() == 1
    }
}

impl Default for Values {
    fn default() -> Self {
        Self::new()
    }
}

/// A count that the limits on a history keep below 2^32.
pub(crate) fn small(count: usize) -> u32 {
    u32::try_from(count).expect("a history holds fewer than 2^31 operations and values")
}
