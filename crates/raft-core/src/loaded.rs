//! What a node finds when it starts: the durable state as storage recovered it, and what storage could not
//! vouch for. Checked and repaired once, in [`Raft::open`](crate::Raft::open).

use std::fmt;

use crate::config::ConfigError;
use crate::entries::Entries;
use crate::ids::Index;
use crate::membership::Membership;
use crate::output::Ballot;
use crate::snapshot::SnapshotMeta;

/// The durable state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Term and vote. `None` if both copies of the vote file are damaged: what this node promised is lost,
    /// and that is not an empty vote. It then never votes, campaigns or acknowledges again under this id.
    pub ballot: Option<Ballot>,
    /// The newest good snapshot, or the genesis.
    pub snapshot: SnapshotMeta,
    /// The size of that snapshot's file, by which it is offered to peers. Zero for the genesis.
    pub snapshot_bytes: u64,
    /// The log behind the snapshot, in order and without a gap.
    pub log: Vec<Entries>,
    /// The newest commit index found in the log. A hint: it may lag behind, and it is clamped to the log.
    pub commit_hint: Index,
    /// How far the state machine has applied already; at least the snapshot.
    pub applied: Index,
    /// From this index on the log may lack or misrepresent acknowledged entries. Whatever `log` still holds
    /// of them is dropped, and the node recovers from its peers before it counts again.
    pub suspect_from: Option<Index>,
}

/// Why a node does not open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The configuration does not fit itself.
    Config(ConfigError),
    /// What was loaded cannot have been written by this program; the sentence says what is wrong with it.
    Loaded(String),
}

impl Loaded {
    /// A node of a new cluster, with the membership the cluster begins with. With [`Membership::none`], a
    /// node that waits to be added to a cluster.
    #[must_use]
    pub fn genesis(membership: Membership) -> Self {
        Self {
            ballot: Some(Ballot::default()),
            snapshot: SnapshotMeta::genesis(membership),
            snapshot_bytes: 0,
            log: Vec::new(),
            commit_hint: Index::ZERO,
            applied: Index::ZERO,
            suspect_from: None,
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(error) => write!(f, "the configuration does not fit: {error}"),
            Self::Loaded(sentence) => write!(f, "the stored state cannot be used: {sentence}"),
        }
    }
}

impl std::error::Error for OpenError {}

impl From<ConfigError> for OpenError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}
