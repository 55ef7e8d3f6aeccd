//! A disk that remembers apart what was written and what is durable. A crash keeps what is durable and any
//! prefix of the rest, in the order in which a unit is carried out.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

use raft_core::{
    Ballot, EntriesBuf, Entry, EntryId, Index, Loaded, LogTime, Payload, SnapshotMeta, Write,
    WriteToken,
};

/// One stored entry, owned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Record {
    pub(crate) id: EntryId,
    pub(crate) time: LogTime,
    pub(crate) kind: u8,
    pub(crate) payload: Vec<u8>,
    /// A hash of this entry and all before it: two logs that hold the same id must hold the same hash.
    pub(crate) chain: u64,
}

/// What a restart would find.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) ballot: Ballot,
    pub(crate) snapshot: SnapshotMeta,
    pub(crate) log: Vec<Record>,
    pub(crate) commit: Index,
}

/// The disk of one node.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    pub(crate) durable: Stored,
    /// Everything that was submitted, as if all of it were durable.
    pub(crate) written: Stored,
    pub(crate) pending: VecDeque<Write>,
}

impl Stored {
    pub(crate) fn last(&self) -> EntryId {
        self.log.last().map_or(self.snapshot.last, |record| record.id)
    }

    pub(crate) fn record(&self, index: Index) -> Option<&Record> {
        self.log.iter().find(|record| record.id.index == index)
    }

    pub(crate) fn holds(&self, id: EntryId) -> bool {
        id == self.snapshot.last || self.record(id.index).is_some_and(|record| record.id == id)
    }

    fn apply(&mut self, write: &Write, records_max: usize) {
        if let Some(ballot) = write.ballot {
            self.ballot = ballot;
        }
        for entry in write.entries.iter().take(records_max) {
            self.put(&entry);
        }
        if records_max >= usize::try_from(write.entries.len()).expect("a run fits") {
            self.commit = self.commit.max(write.commit_index);
        }
    }

    // Append-only: a record with a lower index replaces everything from there on.
    fn put(&mut self, entry: &Entry<'_>) {
        self.log.retain(|record| record.id.index < entry.id.index);
        assert_eq!(self.last().index.next(), Some(entry.id.index), "a record leaves a hole");
        let (kind, payload) = match entry.payload {
            Payload::Empty => (1, Vec::new()),
            Payload::Command(bytes) => (2, bytes.to_vec()),
            Payload::Membership(bytes) => (3, bytes.to_vec()),
        };
        let mut hasher = DefaultHasher::new();
        let before = self.log.last().map_or(0, |record| record.chain);
        (before, entry.id, kind, &payload).hash(&mut hasher);
        let chain = hasher.finish();
        self.log.push(Record { id: entry.id, time: entry.time, kind, payload, chain });
    }

    /// What storage would hand to a node that starts.
    pub(crate) fn loaded(&self) -> Loaded {
        let mut run = EntriesBuf::default();
        for record in &self.log {
            let payload = match record.kind {
                1 => Payload::Empty,
                2 => Payload::Command(&record.payload),
                _ => Payload::Membership(&record.payload),
            };
            run.push(&Entry { id: record.id, time: record.time, payload }).expect("one log");
        }
        Loaded {
            ballot: Some(self.ballot),
            snapshot: self.snapshot.clone(),
            snapshot_bytes: 0,
            log: vec![run.take()],
            commit_hint: self.commit,
            applied: self.snapshot.last.index,
            suspect_from: None,
        }
    }
}

impl Disk {
    /// A disk that holds what a node would load.
    pub(crate) fn of(loaded: &Loaded) -> Self {
        let mut stored = Stored {
            ballot: loaded.ballot.unwrap_or_default(),
            snapshot: loaded.snapshot.clone(),
            log: Vec::new(),
            commit: loaded.commit_hint,
        };
        for entry in loaded.log.iter().flatten() {
            stored.put(&entry);
        }
        Self { durable: stored.clone(), written: stored, pending: VecDeque::new() }
    }

    pub(crate) fn submit(&mut self, write: Write) {
        self.written.apply(&write, usize::MAX);
        self.pending.push_back(write);
    }

    /// Makes the oldest unit durable.
    pub(crate) fn complete_one(&mut self) -> Option<WriteToken> {
        let write = self.pending.pop_front()?;
        self.durable.apply(&write, usize::MAX);
        Some(write.token)
    }

    /// Makes every unit durable, and says the last.
    pub(crate) fn complete(&mut self) -> Option<WriteToken> {
        std::iter::from_fn(|| self.complete_one()).last()
    }

    /// Power is gone: of what was not durable, `units` units are there whole, and of the next one its ballot
    /// and `records` records.
    pub(crate) fn crash(&mut self, units: usize, records: Option<usize>) {
        let pending = std::mem::take(&mut self.pending);
        for (at, write) in pending.iter().enumerate() {
            match records {
                _ if at < units => self.durable.apply(write, usize::MAX),
                Some(records) if at == units => self.durable.apply(write, records),
                _ => break,
            }
        }
        self.written = self.durable.clone();
    }
}
