//! What a snapshot stands for, and what names its bytes. The bytes themselves never pass through the core:
//! storage stages them, the transport streams them, and the core says which ones count.

use crate::ids::{EntryId, Index, LogTime};
use crate::membership::Membership;

/// The point in the log that a snapshot replaces. The core supplies it, so that no state machine can save
/// a membership or a position that is not the one its state belongs to.
///
/// The log of a new cluster begins behind such a point at index zero, which holds the first membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotMeta {
    /// The last entry that the state includes.
    pub last: EntryId,
    /// That entry's log time.
    pub time: LogTime,
    /// The membership in force at that entry.
    pub membership: Membership,
    /// Where that membership stood in the log; zero for the one a cluster began with.
    pub membership_index: Index,
}

/// Names the bytes of one snapshot. State is byte-identical on every member at the same position, so a
/// transfer may be resumed from another sender; the checksum over the whole is the last word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotId {
    /// The last entry that the state includes.
    pub last: EntryId,
    /// The size of the file.
    pub bytes: u64,
}

impl SnapshotMeta {
    /// Before any entry: what a new cluster, or with [`Membership::none`] a node that waits to be added,
    /// begins from.
    #[must_use]
    pub fn genesis(membership: Membership) -> Self {
        Self {
            last: EntryId::ZERO,
            time: LogTime::default(),
            membership,
            membership_index: Index::ZERO,
        }
    }
}
