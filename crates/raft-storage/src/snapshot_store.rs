//! Snapshots as files: staged beside, checked as they come and as a whole, made current by a rename inside a
//! unit of writing. Neither writing nor reading one holds the whole of it in memory.

use raft_core::{SnapshotId, SnapshotMeta};

use crate::disk::DiskError;

/// The snapshots of one node. The two newest are kept, so that a damaged one does not take the state with it.
///
/// ```text
/// fn stage(&mut self, meta: &SnapshotMeta, chunk: Bytes) -> Result<(), SnapshotError>;
///     // Made here: appends the next bytes of the state.
/// fn finish(&mut self, meta: &SnapshotMeta) -> Result<SnapshotFile, SnapshotError>;
///     // Writes the trailer and syncs. Not current yet: that is a unit's work.
/// fn receive(&mut self, id: SnapshotId, offset: u64, chunk: Bytes) -> Result<u64, SnapshotError>;
///     // From a peer: refuses a chunk that leaves a hole; says how much is staged now.
/// fn verify(&mut self, id: SnapshotId) -> Result<SnapshotMeta, SnapshotError>;
///     // All of it is staged: holds every checksum, and reads what it stands for.
/// fn read(&self, id: SnapshotId, offset: u64, len: usize) -> Result<Bytes, SnapshotError>;
///     // For a transfer, or to restore the state.
/// fn current(&self) -> Option<&SnapshotFile>;
/// ```
#[derive(Debug)]
pub struct SnapshotStore {
    _private: (),
}

/// A snapshot that is complete on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFile {
    /// What names its bytes.
    pub id: SnapshotId,
    /// What it stands for.
    pub meta: SnapshotMeta,
}

/// Why a snapshot could not be written, received or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// The disk refused.
    Disk(DiskError),
    /// A chunk begins behind what is staged; the transfer goes on from there.
    Gap {
        /// How much is staged.
        staged: u64,
    },
    /// A checksum does not hold: what is staged is worthless and has been dropped.
    Damaged {
        /// The first byte of the chunk that is wrong.
        offset: u64,
    },
    /// No snapshot of that name is there.
    NotFound(SnapshotId),
    /// Written by a newer version of this program.
    NewerFormat {
        /// The version it names.
        found: u16,
        /// The newest this build reads.
        known: u16,
    },
}
