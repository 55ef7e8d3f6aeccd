//! A stopped node's data directory in words and in JSON: the parts that `kv fsck` and `kv log` both show.

use std::path::Path;

use raft_core::{Ballot, EntryId};
use raft_storage::{Inspection, OpenError, SegmentContent};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::{explain, json};

/// Looks at the directory and writes nothing. `command` is who asks, as the user typed it.
pub fn look(command: &str, dir: &Path) -> Result<Inspection, Failure> {
    raft_storage::fsck(dir).map_err(|error| Failure {
        id: Some(explain::DATA_NOT_OPENED),
        message: format!("{command}: {}: {error}", dir.display()),
        exit: match error {
            OpenError::NotMade => Exit::NotFound,
            // Nothing to start from is left: the worst damage there is.
            OpenError::Missing(_) | OpenError::Lost(_) => Exit::CheckFailed,
            _ => Exit::Other,
        },
    })
}

/// Segments and snapshots, a line each.
pub fn contents(seen: &Inspection) -> String {
    let segments = seen.segments.iter().map(segment_line);
    let snapshots = seen.snapshots.iter().map(|last| {
        if *last == EntryId::ZERO {
            "snapshot  the state before the first entry\n".to_owned()
        } else {
            format!("snapshot  up to {last}\n")
        }
    });
    segments.chain(snapshots).collect()
}

/// The same as members of an object.
pub fn contents_json(seen: &Inspection) -> [(&'static str, String); 2] {
    [
        ("segments", json::array(seen.segments.iter().map(segment_json))),
        ("snapshots", json::array(seen.snapshots.iter().map(entry_json))),
    ]
}

/// Both copies of the vote file, a line each.
pub fn votes(seen: &Inspection) -> String {
    let line = |(at, vote): (usize, &Option<Ballot>)| {
        let said = vote.as_ref().map_or_else(|| "damaged or not written".to_owned(), ballot);
        format!("vote copy {at}  {said}\n")
    };
    (1..).zip(&seen.votes).map(line).collect()
}

/// Both copies of the vote file; `null` is a copy that cannot be read.
pub fn votes_json(seen: &Inspection) -> String {
    json::array(seen.votes.iter().map(|vote| json::or_null(vote.as_ref().map(ballot_json))))
}

/// `term 3, vote for n2`.
pub fn ballot(ballot: &Ballot) -> String {
    let vote =
        ballot.vote.map_or_else(|| "no vote given".to_owned(), |to| format!("vote for {to}"));
    let recovering = ballot.recovering.map(|term| format!(", recovering since term {term}"));
    format!("term {}, {vote}{}", ballot.term, recovering.unwrap_or_default())
}

/// `{"term":3,"vote":2,"recovering":null}`.
pub fn ballot_json(ballot: &Ballot) -> String {
    json::object(&[
        ("term", ballot.term.to_string()),
        ("vote", json::or_null(ballot.vote.map(|node| node.0))),
        ("recovering", json::or_null(ballot.recovering)),
    ])
}

/// `{"index":42,"term":7}`.
pub fn entry_json(id: &EntryId) -> String {
    json::object(&[("index", id.index.to_string()), ("term", id.term.to_string())])
}

fn segment_line(segment: &SegmentContent) -> String {
    let SegmentContent { number, file_bytes, batches, batch_bytes, first, last } = segment;
    let range = match (first, last) {
        (Some(first), Some(last)) => format!("entries {first} to {last}"),
        _ => "no entries".to_owned(),
    };
    format!("segment {number}  {range}, {batches} batches in {batch_bytes} of {file_bytes} bytes\n")
}

fn segment_json(segment: &SegmentContent) -> String {
    json::object(&[
        ("number", segment.number.to_string()),
        ("file_bytes", segment.file_bytes.to_string()),
        ("batches", segment.batches.to_string()),
        ("batch_bytes", segment.batch_bytes.to_string()),
        ("first", json::or_null(segment.first.as_ref().map(entry_json))),
        ("last", json::or_null(segment.last.as_ref().map(entry_json))),
    ])
}
