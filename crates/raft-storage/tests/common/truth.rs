//! What a node would know if disks never lost anything: term and vote, snapshot, and the log behind it.

use raft_core::{Ballot, Entries, EntryId, Loaded, LogBehind, Write};

/// One entry: where it stands, and what it says.
pub(crate) type Line = (EntryId, Vec<u8>);

/// The state after some units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Truth {
    pub(crate) ballot: Ballot,
    pub(crate) snapshot: EntryId,
    pub(crate) log: Vec<Line>,
}

impl Truth {
    /// What was loaded, in the same words.
    pub(crate) fn of(loaded: &Loaded) -> Self {
        Self {
            ballot: loaded.ballot.unwrap_or_default(),
            snapshot: loaded.snapshot.last,
            log: loaded.log.iter().flat_map(lines).collect(),
        }
    }

    /// The last entry.
    pub(crate) fn last(&self) -> EntryId {
        self.log.last().map_or(self.snapshot, |(id, _)| *id)
    }

    /// Carries out a unit.
    pub(crate) fn apply(&mut self, unit: &Write) {
        self.ballot = unit.ballot.unwrap_or(self.ballot);
        if let Some(snapshot) = &unit.snapshot {
            if snapshot.log == LogBehind::Discarded {
                self.log.clear();
            }
            self.begin_at(snapshot.meta.last);
        }
        if let Some(first) = unit.entries.first() {
            self.log.retain(|(id, _)| id.index < first.index);
            self.log.extend(lines(&unit.entries));
        }
    }

    /// The snapshot is current and nothing else of its unit has happened: what of the log is left.
    pub(crate) fn renamed(&self, unit: &Write) -> Option<Self> {
        let last = unit.snapshot.as_ref()?.meta.last;
        let mut truth = self.clone();
        if !self.log.iter().any(|(id, _)| *id == last) {
            truth.log.clear();
        }
        truth.begin_at(last);
        Some(truth)
    }

    fn begin_at(&mut self, snapshot: EntryId) {
        self.snapshot = snapshot;
        self.log.retain(|(id, _)| id.index > snapshot.index);
    }

    /// The same snapshot and the same entries.
    pub(crate) fn has_log_of(&self, other: &Self) -> bool {
        self.snapshot == other.snapshot && self.log == other.log
    }
}

/// The entries of a run.
pub(crate) fn lines(entries: &Entries) -> Vec<Line> {
    entries.iter().map(|entry| (entry.id, entry.payload.bytes().to_vec())).collect()
}
