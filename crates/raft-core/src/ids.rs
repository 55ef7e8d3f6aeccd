//! The numbers of Raft, each a type of its own, so that a term cannot be passed for an index.
//! Arithmetic is spelled out where a number may run out; nothing here wraps.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A member of the cluster. Ids are given once and never reused; zero is nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u64);

/// Which cluster. A node never speaks with a node of another one, whatever the ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClusterId(pub u128);

/// One life of a member's data directory: a random number made with the directory. A member that comes
/// back with another incarnation has lost its disk, and with it what it promised. Zero: not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Incarnation(pub u64);

/// A term of leadership. Zero is before the first election; a leader's term is at least one.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Term(pub u64);

/// A position in the log. Zero is before the first entry.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Index(pub u64);

/// An entry's identity: two logs that hold the same `EntryId` hold the same entry, and agree on every
/// entry before it. Ordered by term, then index: the order in which a vote compares logs.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct EntryId {
    /// The term in which a leader made the entry.
    pub term: Term,
    /// Its position.
    pub index: Index,
}

/// Microseconds on a clock that belongs to the caller: it never goes back, and it goes on while the
/// machine sleeps (`CLOCK_BOOTTIME` in production, a counter in tests). Zero means nothing special.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub u64);

/// Milliseconds of log time: what each entry carries, never decreasing from entry to entry, and the only
/// time that a state machine may look at. It stands still while there is no leader.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct LogTime(pub u64);

/// One side's own count of its connections with one peer. An append carries its sender's, the ack echoes
/// it, and an ack of an earlier connection is dropped. Zero: never connected.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Epoch(pub u64);

/// A numbered question put to all peers at once: a pre-vote, or a leader asking whether it still leads.
/// Answers name the round they belong to; rounds are never reused within one run of a node.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Round(pub u64);

/// The caller's name for a proposal, read, change or transfer. The core only hands it back, exactly once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub u64);

/// Numbers the units of [`Write`](crate::Write). Returning one says that it and all before it are durable.
/// Zero rests on nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WriteToken(pub u64);

impl NodeId {
    /// Zero is nobody: it stands for "none" on disk and never names a member.
    pub const NOBODY: Self = Self(0);
}

impl Incarnation {
    /// The member has not been heard of since it was added.
    pub const UNKNOWN: Self = Self(0);
}

impl Term {
    /// The largest term that is taken from anyone. In it no further election can follow.
    pub const MAX: Self = Self(u64::MAX - 1);

    /// The term after this one, or `None` where terms have run out.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        if self < Self::MAX { self.0.checked_add(1).map(Self) } else { None }
    }
}

impl Index {
    /// Before the first entry.
    pub const ZERO: Self = Self(0);
    /// The largest index that is taken from anyone.
    pub const MAX: Self = Self(u64::MAX - 1);

    /// The position after this one, or `None` where positions have run out.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        self.plus(1)
    }

    /// The position `count` further on, or `None` beyond [`Index::MAX`].
    #[must_use]
    pub fn plus(self, count: u64) -> Option<Self> {
        self.0.checked_add(count).map(Self).filter(|index| *index <= Self::MAX)
    }

    /// The position before this one; zero stays zero.
    #[must_use]
    pub fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// How many positions lie between `earlier` and this one; zero if `earlier` is not earlier.
    #[must_use]
    pub fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl EntryId {
    /// Before the first entry: what an empty log ends with.
    pub const ZERO: Self = Self { term: Term(0), index: Index(0) };

    /// The entry of `term` at `index`.
    #[must_use]
    pub fn new(term: Term, index: Index) -> Self {
        Self { term, index }
    }
}

impl Time {
    /// Further away than any deadline: wake me only for an input.
    pub const NEVER: Self = Self(u64::MAX);

    /// This many milliseconds after zero.
    #[must_use]
    pub fn from_ms(ms: u64) -> Self {
        Self(ms.saturating_mul(1_000))
    }

    /// This time and `ms` milliseconds.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms.saturating_mul(1_000)))
    }
}

impl WriteToken {
    /// Rests on nothing: a message that may leave before any write.
    pub const NONE: Self = Self(0);
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Display for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// `index@term`, as in `42@7`.
impl fmt::Display for EntryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.index, self.term)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_and_indexes_run_out_instead_of_wrapping() {
        assert_eq!(Term(4).next(), Some(Term(5)));
        assert_eq!(Term::MAX.next(), None);
        assert_eq!(Term(u64::MAX).next(), None);
        assert_eq!(Index(4).next(), Some(Index(5)));
        assert_eq!(Index::MAX.next(), None);
        assert_eq!(Index(u64::MAX).plus(7), None);
        assert_eq!(Index::ZERO.previous(), Index::ZERO);
    }

    #[test]
    fn logs_compare_by_last_term_then_by_length() {
        let newer_term = EntryId::new(Term(3), Index(1));
        let longer = EntryId::new(Term(2), Index(900));
        assert!(newer_term > longer);
        assert!(EntryId::new(Term(2), Index(901)) > longer);
    }

    #[test]
    fn never_is_later_than_any_deadline() {
        assert_eq!(Time::NEVER.plus_ms(5), Time::NEVER);
        assert!(Time::from_ms(u64::MAX) <= Time::NEVER);
    }
}
