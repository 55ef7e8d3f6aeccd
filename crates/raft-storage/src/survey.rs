//! A look at a whole data directory that changes nothing: what is there, what it adds up to, and what is
//! damaged. Opening goes on from here; `fsck` stops here.

use std::collections::BTreeMap;

use raft_core::{Ballot, EntryId, Index, Loaded, SnapshotId, SnapshotMeta};

use crate::directory::{FORMAT, FileName, Identity};
use crate::disk::{Disk, DiskError};
use crate::identity::COPIES_BYTES;
use crate::recovered::{Damage, DamageKind, OpenError, Recovered};
use crate::replay::Joint;
use crate::report::SegmentContent;
use crate::scan::{End, Scan, Scanned, SegmentFile};
use crate::sector::Seal;
use crate::segments::Used;
use crate::snapshot_store::{SnapshotError, SnapshotFile, check_file};
use crate::vote_file::VoteFile;
use crate::wal::Tail;

/// What a directory holds.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) recovered: Recovered,
    pub(crate) files: BTreeMap<FileName, u64>,
    pub(crate) vote: VoteFile,
    pub(crate) segments: Vec<SegmentFile>,
    pub(crate) tail: Tail,
    pub(crate) used: Vec<Used>,
    pub(crate) last_batch: Option<(u64, std::ops::Range<u64>)>,
    pub(crate) end: End,
    /// What each segment holds, in order.
    pub(crate) contents: Vec<SegmentContent>,
    /// The good snapshots that are kept, the oldest first.
    pub(crate) snapshots: Vec<EntryId>,
    /// What the newest segment's head knows to be suspect.
    pub(crate) marked_from: Option<Index>,
    /// The log on disk does not reach the snapshot.
    pub(crate) is_log_void: bool,
}

/// The newest good snapshot, and what is wrong with the newer ones.
struct Chosen {
    file: SnapshotFile,
    /// The newest that is damaged.
    lost: Option<EntryId>,
}

impl Survey {
    /// Looks at everything.
    pub(crate) fn of(disk: &mut dyn Disk) -> Result<Self, OpenError> {
        let files: BTreeMap<_, _> = disk.list()?.into_iter().collect();
        let mut damage = Vec::new();
        let identity = read_identity(disk, &files, &mut damage)?;
        let vote = read_vote(disk, &files, &identity, &mut damage)?;
        let chosen = choose_snapshot(disk, &files, &identity, &mut damage)?;
        let snapshot = chosen.file.meta.last;
        let numbers = segment_numbers(&files)?;
        let is_fresh = snapshot == EntryId::ZERO && vote.newest().is_none_or(|it| it.sequence <= 1);
        if numbers.is_empty() && !is_fresh {
            return Err(OpenError::Missing(FileName::Segment(1)));
        }
        let segments = Scan::heads(disk, &identity, &numbers)?;
        check_formats(&segments)?;
        let scanned = Scan::new(disk, identity, &segments, snapshot.index).run()?;
        Self::add_up(identity, files, vote, chosen, segments, scanned, damage)
    }

    fn add_up(
        identity: Identity,
        files: BTreeMap<FileName, u64>,
        vote: VoteFile,
        chosen: Chosen,
        segments: Vec<SegmentFile>,
        scanned: Scanned,
        mut damage: Vec<Damage>,
    ) -> Result<Self, OpenError> {
        let snapshot = chosen.file.meta.clone();
        let Scanned { replay, tail, used, contents, last_batch, end } = scanned;
        let (commit_hint, marked_from) = (replay.commit_hint, replay.suspect_from);
        // A snapshot proves nothing: it becomes current before the vote file of the same unit is written.
        let newest_term = replay.newest_term;
        let (log, is_log_void) = match replay.join(snapshot.last) {
            Joint::Follows(log) => (log, false),
            Joint::Void => (Vec::new(), true),
            Joint::Gap(_) if chosen.lost.is_some() => (Vec::new(), true),
            Joint::Gap(first) => return Err(gap(first, &snapshot)),
        };
        let last = log.last().and_then(|run| run.last()).map_or(snapshot.last.index, |id| id.index);
        let commit_hint = commit_hint.min(last);
        let known_good = commit_hint.max(snapshot.last.index);
        let suspect_from = judge_end(end, &tail, known_good, last, &mut damage);
        let lost_from = chosen.lost.filter(|lost| lost.index > last).map(|_| after(last));
        if let Some(entry) = damage.iter_mut().find(|it| it.kind == DamageKind::Snapshot) {
            entry.suspect_from = lost_from;
        }
        let ballot = judge_vote(&vote, newest_term, &mut damage);
        let has_state = snapshot.last != EntryId::ZERO;
        let loaded = Loaded {
            ballot,
            snapshot_bytes: if has_state { chosen.file.id.bytes } else { 0 },
            commit_hint,
            applied: snapshot.last.index,
            log,
            suspect_from: [suspect_from, lost_from, marked_from].into_iter().flatten().min(),
            snapshot,
        };
        let snapshots = kept_snapshots(&files, &damage);
        let snapshot = has_state.then_some(chosen.file);
        let recovered = Recovered { identity, loaded, snapshot, damage };
        let used = used.into();
        Ok(Self {
            recovered,
            files,
            vote,
            segments,
            tail,
            used,
            contents,
            last_batch,
            end,
            snapshots,
            marked_from,
            is_log_void,
        })
    }
}

fn read_identity(
    disk: &mut dyn Disk,
    files: &BTreeMap<FileName, u64>,
    damage: &mut Vec<Damage>,
) -> Result<Identity, OpenError> {
    let file = FileName::Identity;
    let Some(bytes) = read_copies(disk, files, file)? else {
        let has_log = files.keys().any(|file| matches!(file, FileName::Segment(_)));
        return Err(if has_log { OpenError::Missing(file) } else { OpenError::NotMade });
    };
    match Identity::decode(&bytes) {
        Seal::Good(identity) => {
            let copies = Identity::decode_copies(&bytes);
            if copies.iter().any(|copy| copy.good().is_none()) {
                damage.push(Damage {
                    file,
                    offset: 0,
                    kind: DamageKind::IdentityCopy,
                    suspect_from: None,
                    sentence: "one copy of the identity is damaged; the other one is good and is \
                               copied over it, and the disk deserves a look"
                        .to_owned(),
                });
            }
            Ok(identity)
        }
        Seal::Newer(found) => Err(OpenError::NewerFormat { file, found, known: FORMAT }),
        Seal::Blank | Seal::Broken => Err(OpenError::Lost(
            "both copies of the identity are damaged, so nothing says whose data this is"
                .to_owned(),
        )),
    }
}

fn read_vote(
    disk: &mut dyn Disk,
    files: &BTreeMap<FileName, u64>,
    identity: &Identity,
    damage: &mut Vec<Damage>,
) -> Result<VoteFile, OpenError> {
    let file = FileName::Vote;
    let bytes = read_copies(disk, files, file)?.ok_or(OpenError::Missing(file))?;
    let vote = VoteFile::decode(&bytes, identity.incarnation);
    for copy in vote.copies {
        if let Seal::Newer(found) = copy {
            return Err(OpenError::NewerFormat { file, found, known: FORMAT });
        }
    }
    if vote.newest().is_some() {
        damage.extend(vote.broken().map(|offset| {
            Damage {
                file,
                offset,
                kind: DamageKind::VoteCopy,
                suspect_from: None,
                sentence:
                    "one copy of the vote is damaged or was being written; the other one is good \
                       and is copied over it"
                        .to_owned(),
            }
        }));
    }
    Ok(vote)
}

/// The start of a file that holds two copies, as much as there is of it.
fn read_copies(
    disk: &mut dyn Disk,
    files: &BTreeMap<FileName, u64>,
    file: FileName,
) -> Result<Option<bytes::Bytes>, DiskError> {
    let Some(bytes) = files.get(&file) else { return Ok(None) };
    let len = usize::try_from(*bytes).unwrap_or(COPIES_BYTES).min(COPIES_BYTES);
    disk.read(file, 0, len).map(Some)
}

fn choose_snapshot(
    disk: &mut dyn Disk,
    files: &BTreeMap<FileName, u64>,
    identity: &Identity,
    damage: &mut Vec<Damage>,
) -> Result<Chosen, OpenError> {
    let mut lost = None;
    for id in snapshots(files).into_iter().rev() {
        match check_file(disk, identity.cluster, id) {
            Ok(meta) => return Ok(Chosen { file: SnapshotFile { id, meta }, lost }),
            Err(SnapshotError::Disk(error)) => return Err(OpenError::Disk(error)),
            Err(SnapshotError::NewerFormat { found, known }) => {
                let file = FileName::Snapshot(id.last);
                return Err(OpenError::NewerFormat { file, found, known });
            }
            Err(error) => {
                lost = lost.max(Some(id.last));
                damage.push(damaged_snapshot(id, &error));
            }
        }
    }
    match lost {
        Some(_) => Err(OpenError::Lost("no snapshot is undamaged".to_owned())),
        None => Err(OpenError::Missing(FileName::Snapshot(EntryId::ZERO))),
    }
}

fn damaged_snapshot(id: SnapshotId, error: &SnapshotError) -> Damage {
    let offset = match error {
        SnapshotError::Damaged { offset } => *offset,
        SnapshotError::Disk(_)
        | SnapshotError::Gap { .. }
        | SnapshotError::NotFound(_)
        | SnapshotError::NewerFormat { .. } => 0,
    };
    Damage {
        file: FileName::Snapshot(id.last),
        offset,
        kind: DamageKind::Snapshot,
        suspect_from: None,
        sentence: format!(
            "the snapshot of {} is damaged at byte {offset}; an older one and the log take its place",
            id.last
        ),
    }
}

/// All snapshot files, the oldest first.
pub(crate) fn snapshots(files: &BTreeMap<FileName, u64>) -> Vec<SnapshotId> {
    let id = |(file, bytes): (&FileName, &u64)| match file {
        FileName::Snapshot(last) => Some(SnapshotId { last: *last, bytes: *bytes }),
        FileName::Identity
        | FileName::Draft
        | FileName::Vote
        | FileName::Segment(_)
        | FileName::Spare
        | FileName::Staging(_) => None,
    };
    let mut ids: Vec<_> = files.iter().filter_map(id).collect();
    ids.sort_by_key(|id| (id.last.index, id.last.term));
    ids
}

fn kept_snapshots(files: &BTreeMap<FileName, u64>, damage: &[Damage]) -> Vec<EntryId> {
    let is_good = |id: &EntryId| damage.iter().all(|it| it.file != FileName::Snapshot(*id));
    snapshots(files).into_iter().map(|id| id.last).filter(is_good).collect()
}

fn segment_numbers(files: &BTreeMap<FileName, u64>) -> Result<Vec<(u64, u64)>, OpenError> {
    let number = |(file, bytes): (&FileName, &u64)| match file {
        FileName::Segment(number) => Some((*number, *bytes)),
        FileName::Identity
        | FileName::Draft
        | FileName::Vote
        | FileName::Spare
        | FileName::Snapshot(_)
        | FileName::Staging(_) => None,
    };
    let numbers: Vec<_> = files.iter().filter_map(number).collect();
    let pairs = numbers.iter().zip(numbers.iter().skip(1));
    match pairs
        .map(|((a, _), (b, _))| (a.saturating_add(1), *b))
        .find(|(wanted, found)| wanted != found)
    {
        Some((missing, _)) => Err(OpenError::Missing(FileName::Segment(missing))),
        None => Ok(numbers),
    }
}

fn check_formats(segments: &[SegmentFile]) -> Result<(), OpenError> {
    for segment in segments {
        if let Seal::Newer(found) = segment.head {
            let file = FileName::Segment(segment.number);
            return Err(OpenError::NewerFormat { file, found, known: FORMAT });
        }
    }
    Ok(())
}

/// Says what the end of the log means, and from where on it is suspect.
fn judge_end(
    end: End,
    tail: &Tail,
    known_good: Index,
    last: Index,
    damage: &mut Vec<Damage>,
) -> Option<Index> {
    let (kind, suspect_from) = match end {
        End::Clean => return None,
        End::Torn => (DamageKind::TornTail, None),
        // Later batches are lost with it, and they may have replaced anything that was not committed.
        End::Rot | End::Suspect(None) => (DamageKind::Rot, Some(after(known_good))),
        End::Suspect(Some(Index::ZERO)) => (DamageKind::Suspect, Some(after(last))),
        End::Suspect(Some(first)) => (DamageKind::Suspect, Some(first.min(after(last)))),
    };
    let kind = if end == End::Suspect(None) { DamageKind::Suspect } else { kind };
    let (number, offset) = (tail.segment, tail.offset);
    let at = format!("segment {number} at byte {offset}");
    let sentence = match (kind, suspect_from) {
        (DamageKind::TornTail, _) | (_, None) => {
            format!("a write to {at} was cut off; nobody was told of it, and it is cut away")
        }
        (DamageKind::Rot, Some(from)) => format!(
            "{at} is damaged, and a later write proves that it had been synced; entries from {from} on \
             are suspect until a leader has sent them again"
        ),
        (_, Some(from)) => format!(
            "{at} is damaged, and nothing tells a write that was cut off from one that was synced; \
             entries from {from} on are suspect until a leader has sent them again"
        ),
    };
    damage.push(Damage { file: FileName::Segment(number), offset, kind, suspect_from, sentence });
    suspect_from
}

/// Term and vote, unless what this node promised is lost.
fn judge_vote(
    vote: &VoteFile,
    newest_term: raft_core::Term,
    damage: &mut Vec<Damage>,
) -> Option<Ballot> {
    let lost = |sentence: String| Damage {
        file: FileName::Vote,
        offset: 0,
        kind: DamageKind::VoteLost,
        suspect_from: None,
        sentence,
    };
    match vote.newest() {
        Some(newest) if newest.ballot.term >= newest_term => Some(newest.ballot),
        Some(newest) => {
            damage.push(lost(format!(
                "the vote file speaks of term {} and the log of term {newest_term}: it is an older one, and \
                 what this node promised is lost; remove it and add a new node with a new id",
                newest.ballot.term
            )));
            None
        }
        None => {
            damage.push(lost(
                "both copies of the vote are damaged: what this node promised is lost; remove it and \
                 add a new node with a new id"
                    .to_owned(),
            ));
            None
        }
    }
}

fn gap(first: Index, snapshot: &SnapshotMeta) -> OpenError {
    OpenError::Lost(format!(
        "the log begins at {first} and the newest snapshot ends at {}: a snapshot or a segment is missing",
        snapshot.last
    ))
}

fn after(index: Index) -> Index {
    index.next().unwrap_or(Index::MAX)
}
