//! `kv log DIR`: the log that a stopped node would start from, entry by entry, or what it has promised.
//!
//! Lists what recovery would load, and not what a segment may hold beside that: entries that were replaced
//! or lie at or before the snapshot are gone for the node too.

use std::ops::Range;
use std::path::Path;

use raft_core::{Entry, Payload};
use raft_storage::Inspection;

use crate::answer::Answer;
use crate::cli::options::Format;
use crate::failure::Failure;
use crate::inspection::{contents, contents_json, look, votes, votes_json};
use crate::{fsck, json};

/// Which entries are listed. Without any condition all are, and the files before them.
#[derive(Clone, Debug)]
pub struct Filter {
    /// From an index up to another, which is not included.
    pub range: Option<Range<u64>>,
    /// Of one term.
    pub term: Option<u64>,
}

/// The entries of a directory.
pub fn entries(dir: &Path, filter: &Filter, format: Format) -> Result<Answer, Failure> {
    let seen = look("kv log", dir)?;
    let runs = seen.recovered.loaded.log.iter();
    let entries = runs.flatten().filter(|entry| filter.takes(entry));
    let text = match format {
        Format::Table => {
            let head = if filter.is_empty() { contents(&seen) } else { String::new() };
            let lines: String = entries.map(|entry| line(&entry)).collect();
            format!("{head}{lines}{}", damage_note(dir, &seen))
        }
        Format::Json => {
            let entries = json::array(entries.map(|entry| entry_json(&entry)));
            let mut members = vec![("entries", entries)];
            if filter.is_empty() {
                members.extend(contents_json(&seen));
            }
            format!("{}\n", json::object(&members))
        }
    };
    Ok(text.into())
}

/// What the node has promised, as both copies of its vote file say.
pub fn promises(dir: &Path, format: Format) -> Result<Answer, Failure> {
    let seen = look("kv log", dir)?;
    let text = match format {
        Format::Table => votes(&seen),
        Format::Json => format!("{}\n", json::object(&[("votes", votes_json(&seen))])),
    };
    Ok(text.into())
}

impl Filter {
    fn is_empty(&self) -> bool {
        self.range.is_none() && self.term.is_none()
    }

    fn takes(&self, entry: &Entry<'_>) -> bool {
        let is_in_range = self.range.as_ref().is_none_or(|range| range.contains(&entry.id.index.0));
        is_in_range && self.term.is_none_or(|term| term == entry.id.term.0)
    }
}

fn line(entry: &Entry<'_>) -> String {
    let Entry { id, payload, .. } = entry;
    format!("{id}  {:<10}  {} bytes\n", kind(*payload), payload.bytes().len())
}

fn entry_json(entry: &Entry<'_>) -> String {
    json::object(&[
        ("index", entry.id.index.to_string()),
        ("term", entry.id.term.to_string()),
        ("kind", json::string(kind(entry.payload))),
        ("bytes", entry.payload.bytes().len().to_string()),
    ])
}

fn kind(payload: Payload<'_>) -> &'static str {
    match payload {
        Payload::Empty => "empty",
        Payload::Command(_) => "command",
        Payload::Membership(_) => "membership",
    }
}

fn damage_note(dir: &Path, seen: &Inspection) -> String {
    if fsck::is_clean(seen) {
        return String::new();
    }
    format!("damaged; `kv fsck {}` says where, and what it means\n", dir.display())
}
