//! The log as its records add up to it, read from the oldest to the newest: later records replace earlier ones
//! from their first index on. Keeps nothing that the snapshot makes unnecessary.

use std::collections::VecDeque;

use raft_core::{Entries, EntryId, Index, Term};

use crate::batch::Record;

/// What the records so far add up to.
#[derive(Debug)]
pub(crate) struct Replay {
    /// Entries below this one are in the snapshot.
    floor: Index,
    runs: VecDeque<Entries>,
    /// The entry before the first, if a record says which it is.
    base: Option<EntryId>,
    pub(crate) commit_hint: Index,
    pub(crate) suspect_from: Option<Index>,
    /// The newest term of any entry, also of those that were replaced.
    pub(crate) newest_term: Term,
}

/// How the log relates to a snapshot.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Joint {
    /// These entries follow it.
    Follows(Vec<Entries>),
    /// The log ends at or before it, or holds another entry in its place: none of it counts.
    Void,
    /// The log begins later: entries from here on are missing.
    Gap(Index),
}

impl Replay {
    pub(crate) fn new(floor: Index) -> Self {
        Self {
            floor,
            runs: VecDeque::new(),
            base: None,
            commit_hint: Index::ZERO,
            suspect_from: None,
            newest_term: Term::default(),
        }
    }

    /// The last index so far; `None` if nothing is known.
    pub(crate) fn last(&self) -> Option<Index> {
        self.runs.back().and_then(Entries::last).or(self.base).map(|id| id.index)
    }

    /// Takes a record that a good batch held.
    pub(crate) fn apply(&mut self, record: Record) -> Result<(), &'static str> {
        match record {
            Record::Entries(entries) => self.append(entries),
            Record::Reset(behind) => {
                self.runs.clear();
                self.base = Some(behind);
                Ok(())
            }
            Record::Told => {
                self.suspect_from = None;
                Ok(())
            }
        }
    }

    fn append(&mut self, entries: Entries) -> Result<(), &'static str> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Ok(()) };
        self.truncate(first.index);
        if self.last().is_some_and(|end| end != first.index.previous()) {
            return Err("a record leaves a gap in the log, or goes back behind its beginning");
        }
        self.newest_term = self.newest_term.max(last.term);
        self.runs.push_back(entries);
        self.trim();
        Ok(())
    }

    fn truncate(&mut self, from: Index) {
        while let Some(run) = self.runs.back() {
            if run.last().is_some_and(|last| last.index < from) {
                return;
            }
            let (before, _) = run.split(from);
            self.runs.pop_back();
            if !before.is_empty() {
                self.runs.push_back(before);
                return;
            }
        }
    }

    // The run that holds the snapshot's last entry stays: its term is compared.
    fn trim(&mut self) {
        let is_below = |run: &Entries| run.last().is_some_and(|last| last.index < self.floor);
        while self.runs.len() > 1 && self.runs.front().is_some_and(is_below) {
            self.runs.pop_front();
            self.base = None;
        }
    }

    /// The log behind a snapshot, at or above the floor.
    pub(crate) fn join(self, snapshot: EntryId) -> Joint {
        let Some(first) = self.runs.front().and_then(Entries::first) else {
            return match self.base {
                Some(base) if base.index > snapshot.index => Joint::Gap(snapshot.index),
                Some(base) if base == snapshot => Joint::Follows(Vec::new()),
                None if snapshot == EntryId::ZERO => Joint::Follows(Vec::new()),
                Some(_) | None => Joint::Void,
            };
        };
        if first.index.previous() > snapshot.index {
            return Joint::Gap(first.index);
        }
        let before = match self.term_at(snapshot.index) {
            Some(term) => Some(EntryId::new(term, snapshot.index)),
            None => self.base,
        };
        let is_reached = self.last().is_some_and(|last| last >= snapshot.index);
        if !is_reached || before.is_some_and(|before| before != snapshot) {
            return Joint::Void;
        }
        let next = snapshot.index.next().unwrap_or(Index::MAX);
        let behind = self.runs.into_iter().map(|run| match run.first() {
            Some(first) if first.index >= next => run,
            Some(_) | None => run.split(next).1,
        });
        Joint::Follows(behind.filter(|run| !run.is_empty()).collect())
    }

    fn term_at(&self, index: Index) -> Option<Term> {
        let holds = |run: &&Entries| {
            run.first().is_some_and(|first| first.index <= index)
                && run.last().is_some_and(|last| index <= last.index)
        };
        let run = self.runs.iter().find(holds)?;
        run.iter().find(|entry| entry.id.index == index).map(|entry| entry.id.term)
    }
}

#[cfg(test)]
mod tests {
    use raft_core::{EntriesBuf, Entry, LogTime, Payload};

    use super::*;

    fn run(term: u64, indexes: std::ops::RangeInclusive<u64>) -> Record {
        let mut buf = EntriesBuf::default();
        for index in indexes {
            let id = EntryId::new(Term(term), Index(index));
            buf.push(&Entry { id, time: LogTime(0), payload: Payload::Empty }).expect("it follows");
        }
        Record::Entries(buf.take())
    }

    fn replayed(floor: u64, records: Vec<Record>) -> Replay {
        let mut replay = Replay::new(Index(floor));
        for record in records {
            replay.apply(record).expect("it follows");
        }
        replay
    }

    fn ids(joint: Joint) -> Vec<String> {
        let Joint::Follows(runs) = joint else { panic!("{joint:?}") };
        runs.iter().flatten().map(|entry| entry.id.to_string()).collect()
    }

    #[test]
    fn a_later_record_replaces_what_it_covers() {
        let replay = replayed(0, vec![run(1, 1..=4), run(1, 5..=6), run(2, 3..=4)]);
        assert_eq!(ids(replay.join(EntryId::ZERO)), ["1@1", "2@1", "3@2", "4@2"]);
    }

    #[test]
    fn a_log_that_differs_from_the_snapshot_is_void() {
        let snapshot = EntryId::new(Term(2), Index(3));
        let same = replayed(3, vec![run(1, 1..=2), run(2, 3..=5)]);
        assert_eq!(ids(same.join(snapshot)), ["4@2", "5@2"]);
        assert_eq!(replayed(3, vec![run(1, 1..=5)]).join(snapshot), Joint::Void);
        assert_eq!(replayed(3, vec![run(1, 1..=2)]).join(snapshot), Joint::Void);
        assert_eq!(replayed(3, vec![]).join(snapshot), Joint::Void);
    }

    #[test]
    fn a_log_that_begins_behind_the_snapshot_has_a_gap() {
        let snapshot = EntryId::new(Term(1), Index(3));
        assert_eq!(replayed(3, vec![run(1, 5..=6)]).join(snapshot), Joint::Gap(Index(5)));
        assert_eq!(ids(replayed(3, vec![run(1, 4..=5)]).join(snapshot)), ["4@1", "5@1"]);
    }

    #[test]
    fn behind_a_reset_nothing_of_before_counts() {
        let base = EntryId::new(Term(5), Index(10));
        let records = || vec![run(1, 1..=20), Record::Reset(base), run(6, 11..=12)];
        assert_eq!(ids(replayed(10, records()).join(base)), ["11@6", "12@6"]);
        let older = EntryId::new(Term(1), Index(4));
        assert_eq!(replayed(4, records()).join(older), Joint::Gap(Index(11)));
        let mut replay = replayed(10, records());
        assert!(replay.apply(run(6, 9..=9)).is_err());
    }
}
