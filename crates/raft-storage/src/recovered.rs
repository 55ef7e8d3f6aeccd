//! What opening a data directory finds: the state to start from, and in so many words what is damaged.

use raft_core::{ClusterId, Index, Loaded, NodeId};

use crate::directory::{FileName, Identity};
use crate::disk::DiskError;
use crate::snapshot_store::SnapshotFile;

/// A directory that could be opened, perhaps as that of a member that recovers.
///
/// ```text
/// fn open(disk: &mut impl Disk, expected: Expected) -> Result<(Recovered, Wal, SnapshotStore), OpenError>;
///     // `Expected` names the cluster and node the configuration speaks of.
/// fn inspect(disk: &mut impl Disk) -> Result<Recovered, OpenError>;
///     // Read-only, for `kv fsck` and `kv log`; changes nothing, also on a damaged directory.
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Whose directory it is.
    pub identity: Identity,
    /// The state to start from, with `ballot` and `suspect_from` as the damage demands.
    pub loaded: Loaded,
    /// The snapshot that the state begins from, if there is one.
    pub snapshot: Option<SnapshotFile>,
    /// Everything found damaged or cut, in the order of the files. Empty on a good day.
    pub damage: Vec<Damage>,
}

/// One place where the files are not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where.
    pub file: FileName,
    /// The first byte that is wrong.
    pub offset: u64,
    /// What it means.
    pub kind: DamageKind,
    /// From this index on entries may be missing or wrong; `None` if no entry is concerned.
    pub suspect_from: Option<Index>,
    /// What was found, what follows from it, and what to do: a sentence for a person.
    pub sentence: String,
}

/// What a damaged place means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamageKind {
    /// The end of a write that was cut off and that nobody was told of. Cut away, and no harm done.
    TornTail,
    /// Bytes that had been synced have changed. The member recovers from its peers.
    Rot,
    /// It may be the one or the other, so it is treated as rot.
    Suspect,
    /// One copy of the vote file; the other was good.
    VoteCopy,
    /// Both copies of the vote file, or a vote file older than the log: what was promised is lost.
    VoteLost,
    /// A snapshot; an older one, or the log, takes its place.
    Snapshot,
}

/// Why a directory is not opened. Each is a sentence about what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// Another process has it open.
    Locked {
        /// Which.
        pid: u32,
    },
    /// It belongs to another cluster.
    ForeignCluster {
        /// To this one.
        found: ClusterId,
        /// The configuration names this one.
        expected: ClusterId,
    },
    /// It belongs to another node of the cluster.
    ForeignNode {
        /// To this one.
        found: NodeId,
        /// The configuration names this one.
        expected: NodeId,
    },
    /// Written by a newer version of this program.
    NewerFormat {
        /// Where.
        file: FileName,
        /// The version it names.
        found: u16,
        /// The newest this build reads.
        known: u16,
    },
    /// Others than its owner may read or write it.
    TooOpen {
        /// Its mode; it must be 0700.
        mode: u32,
    },
    /// A file that must be there is not.
    Missing(FileName),
    /// Nothing that could be started from is left; the node must be replaced under a new id.
    Lost(String),
    /// The disk refused.
    Disk(DiskError),
}
