//! What lies in a node's data directory, by name. Names are values and not paths, so that nothing outside the
//! directory can be named, and a fake disk needs no paths at all.

use raft_core::{ClusterId, EntryId, Incarnation, NodeId, SnapshotId};

/// One file of the data directory.
///
/// ```text
/// fn path(&self) -> PathBuf;                     // relative to the directory
/// fn parse(path: &Path) -> Option<FileName>;     // what it does not know, it leaves alone
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileName {
    /// Whose directory it is. Written once, when it is made.
    Identity,
    /// Term and vote.
    Vote,
    /// A piece of the log; numbers grow by one and are never reused.
    Segment(u64),
    /// A snapshot that is, or has been, current.
    Snapshot(EntryId),
    /// A snapshot on its way in. Not a snapshot until it is renamed.
    Staging(SnapshotId),
}

/// Whose directory it is. A node refuses to open one of another cluster or node; and its peers refuse it if
/// the incarnation is not the one they know, since a disk that was lost took promises with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node.
    pub node: NodeId,
    /// A random number made with the directory.
    pub incarnation: Incarnation,
    /// The version of the files; a newer one than this build knows is refused.
    pub format: u16,
}
