//! A directory as a person wants to see it: what each segment holds, both copies of the vote, the snapshots, and
//! everything that is wrong. For a stopped node's data; writes nothing.

use std::path::Path;

use raft_core::{Ballot, EntryId};

use crate::batch::Record;
use crate::data_directory::DataDirectory;
use crate::directory::FileName;
use crate::disk::Disk;
use crate::recovered::{Damage, DamageKind, OpenError, Recovered};
use crate::snapshot_store::check_file;
use crate::survey::{Survey, snapshots};
use crate::wal_config::SyncMode;

/// All that can be said about a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// What the node would start from, and all damage, that of older snapshots included.
    pub recovered: Recovered,
    /// In order of number.
    pub segments: Vec<SegmentContent>,
    /// Both copies as they are; `None` is a damaged one.
    pub votes: [Option<Ballot>; 2],
    /// The last entry of each good snapshot, the oldest first.
    pub snapshots: Vec<EntryId>,
}

/// What one segment holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SegmentContent {
    /// Its number.
    pub number: u64,
    /// The size of its file.
    pub file_bytes: u64,
    /// Good batches in it.
    pub batches: u64,
    /// What they take, whole sectors.
    pub batch_bytes: u64,
    /// The entry of the lowest index, and of those the first written.
    pub first: Option<EntryId>,
    /// The entry of the highest index, and of those the last written.
    pub last: Option<EntryId>,
}

/// Looks at a data directory that no process has open: all of `kv fsck`, and what `kv log` lists.
///
/// # Errors
/// Why the node could not start from it at all.
pub fn fsck(path: &Path) -> Result<Inspection, OpenError> {
    let directory = DataDirectory::look_at(path)?;
    inspect(&mut directory.disk(SyncMode::Fdatasync))
}

/// Looks at a directory and changes nothing, also if it is damaged.
///
/// # Errors
/// Why the node could not start from it at all.
pub fn inspect(disk: &mut dyn Disk) -> Result<Inspection, OpenError> {
    let mut survey = Survey::of(disk)?;
    let damage = check_older_snapshots(disk, &survey);
    survey.snapshots.retain(|last| damage.iter().all(|it| it.file != FileName::Snapshot(*last)));
    survey.recovered.damage.extend(damage);
    Ok(Inspection {
        votes: survey.vote.copies.map(|copy| copy.good().map(|vote| vote.ballot)),
        recovered: survey.recovered,
        segments: survey.contents,
        snapshots: survey.snapshots,
    })
}

/// A start reads the newest good one only; whoever looks wants to know of the others as well.
fn check_older_snapshots(disk: &mut dyn Disk, survey: &Survey) -> Vec<Damage> {
    let chosen = survey.recovered.loaded.snapshot.last;
    let cluster = survey.recovered.identity.cluster;
    let older = snapshots(&survey.files).into_iter().filter(|id| id.last.index < chosen.index);
    let damaged =
        older.filter_map(|id| check_file(disk, cluster, id).err().map(|error| (id, error)));
    damaged
        .map(|(id, error)| Damage {
            file: FileName::Snapshot(id.last),
            offset: 0,
            kind: DamageKind::Snapshot,
            suspect_from: None,
            sentence: format!(
                "the older snapshot of {} cannot stand in for the newer one: {error}",
                id.last
            ),
        })
        .collect()
}

impl SegmentContent {
    pub(crate) fn empty(number: u64, file_bytes: u64) -> Self {
        Self { number, file_bytes, batches: 0, batch_bytes: 0, first: None, last: None }
    }

    pub(crate) fn add(&mut self, bytes: usize, records: &[Record]) {
        self.batches += 1;
        self.batch_bytes += bytes as u64;
        for record in records {
            let Record::Entries(entries) = record else { continue };
            let (Some(first), Some(last)) = (entries.first(), entries.last()) else { continue };
            if self.first.is_none_or(|known| first.index < known.index) {
                self.first = Some(first);
            }
            if self.last.is_none_or(|known| last.index >= known.index) {
                self.last = Some(last);
            }
        }
    }
}
