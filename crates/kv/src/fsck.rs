//! `kv fsck DIR`: what a stopped node's directory holds, what is damaged in it, and what the node would do at
//! its next start. A torn tail is no damage: nobody was told of what is cut away.

use std::path::Path;

use raft_storage::{Damage, DamageKind, Inspection};

use crate::answer::Answer;
use crate::cli::options::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::inspection::{self, ballot, ballot_json, contents, contents_json, look, votes_json};
use crate::json;

/// The report on a directory.
pub fn report(dir: &Path, format: Format) -> Result<Answer, Failure> {
    let seen = look("kv fsck", dir)?;
    let text = match format {
        Format::Table => table(dir, &seen),
        Format::Json => object(dir, &seen),
    };
    Ok(Answer::new(text, if is_clean(&seen) { Exit::Ok } else { Exit::CheckFailed }))
}

/// Also a directory that is whole, but was damaged and has not recovered yet, is not clean.
pub(crate) fn is_clean(seen: &Inspection) -> bool {
    let loaded = &seen.recovered.loaded;
    let is_harmless = |damage: &Damage| damage.kind == DamageKind::TornTail;
    let is_trusted = loaded.suspect_from.is_none() && loaded.ballot.is_some();
    is_trusted && seen.recovered.damage.iter().all(is_harmless)
}

fn table(dir: &Path, seen: &Inspection) -> String {
    let identity = &seen.recovered.identity;
    let loaded = &seen.recovered.loaded;
    let vote = loaded.ballot.as_ref().map_or_else(|| "lost".to_owned(), ballot);
    let mut text = format!(
        "{}: node {} of cluster {}, incarnation {}, format {}\n",
        dir.display(),
        identity.node,
        identity.cluster,
        identity.incarnation,
        identity.format,
    );
    text.push_str(&format!("vote      {vote}\n"));
    text.push_str(&contents(seen));
    text.push_str(&format!("log       {}\n", log_range(seen)));
    text.extend(seen.recovered.damage.iter().map(damage_line));
    text.push_str(&format!("start     {}\n", next_start(seen)));
    text.push_str(if is_clean(seen) { "clean\n" } else { "DAMAGED\n" });
    text
}

fn log_range(seen: &Inspection) -> String {
    let loaded = &seen.recovered.loaded;
    let first = loaded.log.first().and_then(|run| run.first());
    let last = loaded.log.last().and_then(|run| run.last());
    match (first, last) {
        (Some(first), Some(last)) => {
            format!("entries {first} to {last}, committed at least up to {}", loaded.commit_hint)
        }
        _ => "no entries behind the snapshot".to_owned(),
    }
}

fn next_start(seen: &Inspection) -> String {
    let loaded = &seen.recovered.loaded;
    let torn = |damage: &Damage| damage.kind == DamageKind::TornTail;
    let cut = if seen.recovered.damage.iter().any(torn) { "cuts the torn tail and " } else { "" };
    match (&loaded.ballot, loaded.suspect_from) {
        (None, _) => "the node neither votes nor acknowledges, since what it promised is lost; \
                      replace it under a new id"
            .to_owned(),
        (_, Some(index)) => format!(
            "the node recovers from its peers, from index {index} on, before it counts again"
        ),
        (_, None) => format!("the node {cut}goes on from what is here"),
    }
}

fn damage_line(damage: &Damage) -> String {
    let label = if damage.kind == DamageKind::TornTail { "note" } else { "damage" };
    let Damage { file, offset, sentence, .. } = damage;
    format!("{label:<9} {} at byte {offset}: {sentence}\n", file.path().display())
}

fn object(dir: &Path, seen: &Inspection) -> String {
    let identity = &seen.recovered.identity;
    let loaded = &seen.recovered.loaded;
    let whose = json::object(&[
        ("cluster", json::string(&identity.cluster.to_string())),
        ("node", identity.node.0.to_string()),
        ("incarnation", json::string(&identity.incarnation.to_string())),
        ("format", identity.format.to_string()),
    ]);
    let first = loaded.log.first().and_then(|run| run.first());
    let last = loaded.log.last().and_then(|run| run.last());
    let [segments, snapshots] = contents_json(seen);
    let object = json::object(&[
        ("directory", json::string(&dir.display().to_string())),
        ("clean", is_clean(seen).to_string()),
        ("identity", whose),
        ("vote", json::or_null(loaded.ballot.as_ref().map(ballot_json))),
        ("votes", votes_json(seen)),
        segments,
        snapshots,
        ("first", json::or_null(first.as_ref().map(inspection::entry_json))),
        ("last", json::or_null(last.as_ref().map(inspection::entry_json))),
        ("commit_hint", loaded.commit_hint.to_string()),
        ("suspect_from", json::or_null(loaded.suspect_from)),
        ("next_start", json::string(&next_start(seen))),
        ("damage", json::array(seen.recovered.damage.iter().map(damage_json))),
    ]);
    format!("{object}\n")
}

fn damage_json(damage: &Damage) -> String {
    json::object(&[
        ("file", json::string(&damage.file.path().display().to_string())),
        ("offset", damage.offset.to_string()),
        ("kind", json::string(kind(damage.kind))),
        ("suspect_from", json::or_null(damage.suspect_from)),
        ("sentence", json::string(&damage.sentence)),
    ])
}

fn kind(kind: DamageKind) -> &'static str {
    match kind {
        DamageKind::TornTail => "torn-tail",
        DamageKind::Rot => "rot",
        DamageKind::Suspect => "suspect",
        DamageKind::IdentityCopy => "identity-copy",
        DamageKind::VoteCopy => "vote-copy",
        DamageKind::VoteLost => "vote-lost",
        DamageKind::Snapshot => "snapshot",
    }
}
