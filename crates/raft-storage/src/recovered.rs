//! What opening a data directory finds: the state to start from, and in so many words what is damaged.

use std::fmt;

use raft_core::{ClusterId, Index, Loaded, NodeId};

use crate::directory::{FileName, Identity};
use crate::disk::DiskError;
use crate::snapshot_store::SnapshotFile;
use crate::wal_config::ConfigError;

/// A directory that could be opened, perhaps as that of a member that recovers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// Whose directory it is.
    pub identity: Identity,
    /// The state to start from, with `ballot` and `suspect_from` as the damage demands.
    pub loaded: Loaded,
    /// The snapshot that the state begins from, if there is one.
    pub snapshot: Option<SnapshotFile>,
    /// Everything found damaged or cut, in the order it was found. Empty on a good day.
    pub damage: Vec<Damage>,
}

/// One place where the files are not what was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where.
    pub file: FileName,
    /// The first byte of the part that is wrong.
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
    /// One copy of the identity; the other was good.
    IdentityCopy,
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
    /// A number of the configuration does not fit.
    Config(ConfigError),
    /// There is no data in it: it is to be made first.
    NotMade,
    /// There is data in it: it is not made again.
    AlreadyMade,
    /// Another process has it open.
    Locked {
        /// Which; zero if it has not said so yet.
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

impl From<DiskError> for OpenError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => write!(f, "the configuration does not fit: {error}"),
            Self::NotMade => f.write_str("the directory holds no data of a node; make it first"),
            Self::AlreadyMade => f.write_str(
                "the directory holds data of a node already; open it, or choose another one",
            ),
            Self::Locked { pid: 0 } => {
                f.write_str("another process has the directory open; stop it first")
            }
            Self::Locked { pid } => {
                write!(f, "process {pid} has the directory open; stop it first")
            }
            Self::ForeignCluster { found, expected } => write!(
                f,
                "the directory belongs to cluster {found}, and the configuration names {expected}; \
                 correct the one that is wrong"
            ),
            Self::ForeignNode { found, expected } => write!(
                f,
                "the directory belongs to {found}, and the configuration names {expected}; correct \
                 the one that is wrong"
            ),
            Self::NewerFormat { file, found, known } => write!(
                f,
                "{} is of format {found}, this build reads up to {known}; update it",
                file.path().display()
            ),
            Self::TooOpen { mode } => write!(
                f,
                "others may read or write the directory (mode {mode:04o}); set it to 0700"
            ),
            Self::Missing(file) => write!(
                f,
                "{} is missing and cannot be done without; put it back, or remove this node and add a \
                 new one with a new id",
                file.path().display()
            ),
            Self::Lost(what) => {
                write!(f, "{what}; remove this node and add a new one with a new id")
            }
            Self::Disk(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for OpenError {}
