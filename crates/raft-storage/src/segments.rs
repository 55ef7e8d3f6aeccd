//! Which segments and snapshots there are, which one is ready to be written next, and which are no longer
//! needed. Hands out the work on them as chores, so that no write ever waits for a file to be made or removed.
//!
//! A segment goes when all its entries lie at or below the *older* of the two kept snapshots: if the newer one
//! rots, the older one and the log still hold everything.

use std::collections::VecDeque;

use raft_core::{EntryId, Index};

use crate::directory::FileName;
use crate::disk::{DiskError, Operation};

/// Snapshots that are kept.
const SNAPSHOTS_KEPT: usize = 2;

/// Work in the background: operations to be carried out in this order, each after the one before has
/// completed. The first failure ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chore {
    /// What to do.
    pub operations: Vec<Operation>,
}

/// The files of one log.
#[derive(Debug)]
pub(crate) struct Segments {
    segment_bytes: u64,
    /// In order of number; the last one is being written.
    used: VecDeque<Used>,
    next_number: u64,
    /// The next segment is there, filled with zeros and durably named: its size.
    prepared: Option<u64>,
    has_spare: bool,
    /// There was no room for the next segment. Not asked for again before it is needed, or a full disk would be
    /// filled over and over.
    had_no_room: bool,
    /// The oldest first.
    snapshots: Vec<EntryId>,
    dropped: Vec<EntryId>,
    under_way: Option<Task>,
}

/// A segment that has been written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) number: u64,
    /// The highest index of any entry in it.
    pub(crate) last_index: Index,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Prepare,
    Retire,
    Forget,
}

/// What opening found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) used: VecDeque<Used>,
    pub(crate) next_number: u64,
    pub(crate) prepared: Option<u64>,
    pub(crate) has_spare: bool,
    pub(crate) snapshots: Vec<EntryId>,
}

impl Segments {
    pub(crate) fn new(segment_bytes: u64, found: Found) -> Self {
        Self {
            segment_bytes,
            used: found.used,
            next_number: found.next_number,
            prepared: found.prepared,
            has_spare: found.has_spare,
            had_no_room: false,
            snapshots: found.snapshots,
            dropped: Vec::new(),
            under_way: None,
        }
    }

    /// The number of the segment that comes next.
    pub(crate) fn next_number(&self) -> u64 {
        self.next_number
    }

    /// Whether somebody is working on the files right now.
    pub(crate) fn is_busy(&self) -> bool {
        self.under_way.is_some()
    }

    /// Begins the next segment with room for `bytes`: its size, and what must be done before it is written,
    /// which is nothing if it was prepared.
    pub(crate) fn begin(&mut self, bytes: u64) -> (u64, Vec<Operation>) {
        let number = self.next_number;
        let (size, operations) = match self.prepared.take() {
            Some(size) if size >= bytes => (size, Vec::new()),
            Some(_) | None => {
                let size = self.segment_bytes.max(bytes);
                self.has_spare = false;
                (size, prepare(number, size))
            }
        };
        self.had_no_room = false;
        self.used.push_back(Used { number, last_index: Index::ZERO });
        self.next_number = self.next_number.saturating_add(1);
        (size, operations)
    }

    /// An entry of this index is in the segment that is being written.
    pub(crate) fn hold(&mut self, index: Index) {
        if let Some(used) = self.used.back_mut() {
            used.last_index = used.last_index.max(index);
        }
    }

    /// A snapshot has durably become current.
    pub(crate) fn add_snapshot(&mut self, last: EntryId) {
        self.snapshots.retain(|other| *other != last);
        self.snapshots.push(last);
        let surplus = self.snapshots.len().saturating_sub(SNAPSHOTS_KEPT);
        self.dropped.extend(self.snapshots.drain(..surplus));
    }

    /// The next thing to do, if nobody is at work.
    pub(crate) fn next_chore(&mut self) -> Option<Chore> {
        if self.under_way.is_some() {
            return None;
        }
        let (task, operations) = self.next_task()?;
        self.under_way = Some(task);
        Some(Chore { operations })
    }

    fn next_task(&self) -> Option<(Task, Vec<Operation>)> {
        if self.prepared.is_none() && !self.had_no_room {
            return Some((Task::Prepare, prepare(self.next_number, self.segment_bytes)));
        }
        if let Some(snapshot) = self.dropped.first() {
            return Some((Task::Forget, forget(*snapshot)));
        }
        self.first_unneeded().map(|number| (Task::Retire, retire(number, self.has_spare)))
    }

    /// What was handed out has come to an end. A full disk is no reason to stop: the segment is made when it
    /// is needed, and if there is still no room then, that write fails.
    pub(crate) fn chore_done(&mut self, result: Result<(), DiskError>) -> Result<(), DiskError> {
        let Some(task) = self.under_way.take() else { return Ok(()) };
        match (result, task) {
            (Ok(()), Task::Prepare) => {
                self.prepared = Some(self.segment_bytes);
                self.has_spare = false;
            }
            (Ok(()), Task::Retire) => {
                self.used.pop_front();
                self.has_spare = true;
            }
            (Ok(()), Task::Forget) => drop(self.dropped.remove(0)),
            (Err(DiskError::NoSpace), Task::Prepare) => self.had_no_room = true,
            (Err(error), _) => return Err(error),
        }
        Ok(())
    }

    // Only from the front: what is left is a suffix of the chain.
    fn first_unneeded(&self) -> Option<u64> {
        let oldest = self.snapshots.first()?;
        let first = self.used.front()?;
        (self.used.len() > 1 && first.last_index <= oldest.index).then_some(first.number)
    }
}

/// Makes a segment beside, under a name that is never read, so that a segment is there as a whole or not at
/// all: of full size, zeros from end to end.
pub(crate) fn prepare(number: u64, bytes: u64) -> Vec<Operation> {
    vec![
        Operation::Create { file: FileName::Spare, bytes },
        Operation::Sync(FileName::Spare),
        Operation::Rename { from: FileName::Spare, to: FileName::Segment(number) },
        Operation::SyncDirectory,
    ]
}

/// Takes a segment away, or keeps its blocks for the next one. Its name is durably gone before anything is
/// written over it, and before the next one goes: a crash leaves no gap in the numbers.
fn retire(number: u64, has_spare: bool) -> Vec<Operation> {
    let from = FileName::Segment(number);
    let go = if has_spare {
        Operation::Remove(from)
    } else {
        Operation::Rename { from, to: FileName::Spare }
    };
    vec![go, Operation::SyncDirectory]
}

fn forget(snapshot: EntryId) -> Vec<Operation> {
    vec![Operation::Remove(FileName::Snapshot(snapshot)), Operation::SyncDirectory]
}
