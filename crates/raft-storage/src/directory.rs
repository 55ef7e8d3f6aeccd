//! What lies in a node's data directory, by name. Names are values and not paths, so that nothing outside the
//! directory can be named, and a fake disk needs no paths at all.

use std::path::{Path, PathBuf};

use raft_core::{ClusterId, EntryId, Incarnation, Index, NodeId, SnapshotId, Term};

/// One file of the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileName {
    /// Whose directory it is. Written once, when it is made.
    Identity,
    /// The identity before it is renamed: without the other name the directory is not made yet.
    Draft,
    /// Term and vote.
    Vote,
    /// A piece of the log; numbers grow by one and are never reused.
    Segment(u64),
    /// A segment while it is filled with zeros. Never read: it may hold anything.
    Spare,
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

/// The version of the files that this build writes, and the newest it reads.
pub const FORMAT: u16 = 1;

impl FileName {
    /// Where the file lies, relative to the data directory.
    #[must_use]
    pub fn path(self) -> PathBuf {
        match self {
            Self::Identity => PathBuf::from("identity"),
            Self::Draft => PathBuf::from("identity.draft"),
            Self::Vote => PathBuf::from("vote"),
            Self::Segment(number) => PathBuf::from(format!("{LOG}/{number:020}.seg")),
            Self::Spare => PathBuf::from(format!("{LOG}/spare")),
            Self::Snapshot(last) => PathBuf::from(format!("{SNAPSHOT}/{}", position(last))),
            Self::Staging(id) => {
                PathBuf::from(format!("{STAGING}/{}-{:020}", position(id.last), id.bytes))
            }
        }
    }

    /// The file that lies there; `None` for what is not ours, which is left alone.
    #[must_use]
    pub fn parse(path: &Path) -> Option<Self> {
        let name = Self::parse_text(path.to_str()?)?;
        // A number has more than one spelling; only the one that we write is ours.
        (name.path() == path).then_some(name)
    }

    /// The folder it lies in, relative to the data directory; empty for the directory itself.
    #[must_use]
    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Identity | Self::Draft | Self::Vote => "",
            Self::Segment(_) | Self::Spare => LOG,
            Self::Snapshot(_) => SNAPSHOT,
            Self::Staging(_) => STAGING,
        }
    }

    fn parse_text(path: &str) -> Option<Self> {
        match path.split_once('/') {
            None => match path {
                "identity" => Some(Self::Identity),
                "identity.draft" => Some(Self::Draft),
                "vote" => Some(Self::Vote),
                _ => None,
            },
            Some((LOG, "spare")) => Some(Self::Spare),
            Some((LOG, name)) => name.strip_suffix(".seg")?.parse().ok().map(Self::Segment),
            Some((SNAPSHOT, name)) => parse_position(name).map(Self::Snapshot),
            Some((STAGING, name)) => {
                let (last, bytes) = name.rsplit_once('-')?;
                let (last, bytes) = (parse_position(last)?, bytes.parse().ok()?);
                Some(Self::Staging(SnapshotId { last, bytes }))
            }
            Some(_) => None,
        }
    }
}

/// The folders of a data directory.
pub(crate) const FOLDERS: [&str; 3] = [LOG, SNAPSHOT, STAGING];

const LOG: &str = "log";
const SNAPSHOT: &str = "snapshot";
const STAGING: &str = "staging";

// Padded, so that a listing is in the order of the log.
fn position(id: EntryId) -> String {
    format!("{:020}-{:020}", id.index.0, id.term.0)
}

fn parse_position(text: &str) -> Option<EntryId> {
    let (index, term) = text.split_once('-')?;
    Some(EntryId::new(Term(term.parse().ok()?), Index(index.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_back_from_its_path() {
        let last = EntryId::new(Term(3), Index(41));
        let names = [
            FileName::Identity,
            FileName::Draft,
            FileName::Vote,
            FileName::Segment(7),
            FileName::Segment(u64::MAX),
            FileName::Spare,
            FileName::Snapshot(last),
            FileName::Staging(SnapshotId { last, bytes: 9 }),
        ];
        for name in names {
            assert_eq!(FileName::parse(&name.path()), Some(name));
        }
    }

    #[test]
    fn what_is_not_ours_has_no_name() {
        for path in
            ["LOCK", "log/7.seg", "log/+0000000000000000007.seg", "snapshot/x", "a/b", "vote/x"]
        {
            assert_eq!(FileName::parse(Path::new(path)), None, "{path}");
        }
    }
}
