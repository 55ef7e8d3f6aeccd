//! The log behind the last snapshot, in memory: runs of encoded entries in order, and the memberships they
//! bring into force. Never reads storage, so it has no storage error.
//!
//! Invariant: the first run follows the snapshot, and each run follows the one before it.

use crate::entries::{Entries, Payload};
use crate::ids::{EntryId, Index, LogTime};
use crate::loaded::OpenError;
use crate::membership::Membership;
use crate::snapshot::SnapshotMeta;

/// The log of one node.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    snapshot: SnapshotMeta,
    runs: Vec<Entries>,
    last: EntryId,
    bytes: u64,
    /// Every membership behind the snapshot, and where it stands: the last is in force, the ones before
    /// come back when an entry is truncated.
    memberships: Vec<(Index, Membership)>,
}

impl Log {
    /// Takes over what was loaded, and checks that it is one log.
    pub(crate) fn load(snapshot: SnapshotMeta, runs: Vec<Entries>) -> Result<Self, OpenError> {
        let mut log = Self {
            last: snapshot.last,
            snapshot,
            runs: Vec::with_capacity(runs.len()),
            bytes: 0,
            memberships: Vec::new(),
        };
        if log.snapshot.membership_index > log.snapshot.last.index {
            return Err(OpenError::Loaded(format!(
                "the snapshot ends at {} and holds a membership of index {}",
                log.snapshot.last, log.snapshot.membership_index
            )));
        }
        let mut time = log.snapshot.time;
        for run in runs {
            time = log.push_loaded(run, time)?;
        }
        Ok(log)
    }

    fn push_loaded(&mut self, run: Entries, time: LogTime) -> Result<LogTime, OpenError> {
        let (Some(first), Some(last), Some(first_time), Some(last_time)) =
            (run.first(), run.last(), run.first_time(), run.last_time())
        else {
            return Ok(time);
        };
        if self.last.index.next() != Some(first.index) || first.term < self.last.term {
            return Err(OpenError::Loaded(format!(
                "entry {first} does not follow {}, the entry before it",
                self.last
            )));
        }
        if first_time < time {
            return Err(OpenError::Loaded(format!(
                "the log time of entry {first} is before that of {}",
                self.last
            )));
        }
        for entry in &run {
            let Payload::Membership(bytes) = entry.payload else { continue };
            let membership = Membership::decode(bytes).map_err(|error| {
                OpenError::Loaded(format!("the membership in entry {}: {error}", entry.id))
            })?;
            self.memberships.push((entry.id.index, membership));
        }
        self.last = last;
        self.bytes = self.bytes.saturating_add(run.bytes().len() as u64);
        self.runs.push(run);
        Ok(last_time)
    }

    /// The last entry; the snapshot's if nothing follows it.
    pub(crate) fn last(&self) -> EntryId {
        self.last
    }

    /// The snapshot's last entry: the one before the first in memory.
    pub(crate) fn snapshot_last(&self) -> EntryId {
        self.snapshot.last
    }

    /// Bytes of entries in memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The membership in force, and where it stands.
    pub(crate) fn membership(&self) -> (Index, &Membership) {
        self.memberships.last().map_or(
            (self.snapshot.membership_index, &self.snapshot.membership),
            |(index, membership)| (*index, membership),
        )
    }
}
