//! Making, opening and looking at a data directory. Opening repairs what can be repaired, and makes durable what
//! it tells: after it, nothing that was found depends on luck any more.

use bytes::Bytes;
use raft_core::{Ballot, ClusterId, Membership, NodeId, SnapshotMeta};

use crate::batch::BATCH_BYTES_LONGEST;
use crate::directory::{FileName, Identity};
use crate::disk::{Disk, DiskError, Operation};
use crate::recovered::{DamageKind, OpenError, Recovered};
use crate::scan::End;
use crate::sector::{SECTOR_BYTES, Seal, is_zero, round_up};
use crate::segment::{Begin, SEGMENT_HEAD_BYTES, SegmentHead};
use crate::segments::{Found, Segments, Used, prepare};
use crate::snapshot_store::{SnapshotStore, write_genesis};
use crate::survey::Survey;
use crate::vote_file::{Vote, VoteFile};
use crate::wal::{Resume, Tail, Wal};
use crate::wal_config::WalConfig;

/// Whose directory the configuration speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expected {
    /// The cluster.
    pub cluster: ClusterId,
    /// The node.
    pub node: NodeId,
}

/// Makes the directory of a node: of one of a cluster's first members with the first membership, of one that
/// waits to be added with [`Membership::none`]. The identity comes last, so that a directory is made or not.
///
/// # Errors
/// There is data in it, or the disk refuses.
pub fn create(
    disk: &mut dyn Disk,
    identity: &Identity,
    membership: Membership,
) -> Result<(), OpenError> {
    let files = disk.list()?;
    let is_made = |file: &FileName| matches!(file, FileName::Identity | FileName::Segment(_));
    if files.iter().any(|(file, _)| is_made(file)) {
        return Err(OpenError::AlreadyMade);
    }
    disk.perform(Operation::Create { file: FileName::Vote, bytes: VoteFile::BYTES })?;
    let vote = Vote { sequence: 1, ballot: Ballot::default() };
    disk.perform_all(vote.operations(identity.incarnation))?;
    write_genesis(disk, identity.cluster, &SnapshotMeta::genesis(membership))?;
    // All that a directory needs has a durable name before it has an identity.
    let identity = identity.encode();
    let file = FileName::Draft;
    disk.perform_all(vec![
        Operation::SyncDirectory,
        Operation::Create { file, bytes: identity.len() as u64 },
        Operation::Write { file, offset: 0, bytes: identity },
        Operation::Sync(file),
        Operation::Rename { from: file, to: FileName::Identity },
        Operation::SyncDirectory,
    ])?;
    Ok(())
}

/// Opens a directory for a node to go on from.
///
/// # Errors
/// A sentence about what to do. Nothing has then been changed that a later attempt needs.
pub fn open(
    disk: &mut dyn Disk,
    expected: Expected,
    config: WalConfig,
) -> Result<(Recovered, Wal, SnapshotStore), OpenError> {
    config.check().map_err(OpenError::Config)?;
    let survey = Survey::of(disk)?;
    check_owner(&survey.recovered.identity, expected)?;
    repair_copies(disk, &survey)?;
    sweep(disk, &survey)?;
    let (tail, segments) = repair_log(disk, &survey, &config)?;
    // What a killed process left in memory only, and this node is about to rely on.
    disk.perform(Operation::SyncDirectory)?;
    let recovered = survey.recovered;
    let loaded = &recovered.loaded;
    let last = loaded.log.last().and_then(|run| run.last());
    let resume = Resume {
        identity: recovered.identity,
        tail,
        segments,
        vote_sequence: survey.vote.newest().map_or(0, |vote| vote.sequence),
        last_index: last.unwrap_or(loaded.snapshot.last).index,
        commit_index: loaded.commit_hint,
        suspect_from: loaded.suspect_from,
        owes_reset: survey.is_log_void.then_some(loaded.snapshot.last),
    };
    let snapshots = SnapshotStore::new(recovered.identity.cluster, recovered.snapshot.clone());
    Ok((recovered, Wal::resume(config, resume), snapshots))
}

fn check_owner(identity: &Identity, expected: Expected) -> Result<(), OpenError> {
    if identity.cluster != expected.cluster {
        return Err(OpenError::ForeignCluster {
            found: identity.cluster,
            expected: expected.cluster,
        });
    }
    if identity.node != expected.node {
        return Err(OpenError::ForeignNode { found: identity.node, expected: expected.node });
    }
    Ok(())
}

/// Brings both copies of identity and vote to the same content. The good or newer copy is only ever written
/// over with what it says already.
fn repair_copies(disk: &mut dyn Disk, survey: &Survey) -> Result<(), DiskError> {
    let identity = &survey.recovered.identity;
    let kinds = survey.recovered.damage.iter().map(|damage| damage.kind);
    if kinds.into_iter().any(|kind| kind == DamageKind::IdentityCopy) {
        let bytes = identity.encode();
        disk.perform(Operation::Write { file: FileName::Identity, offset: 0, bytes })?;
        disk.perform(Operation::Sync(FileName::Identity))?;
    }
    match survey.vote.newest() {
        Some(vote) => disk.perform_all(vote.operations(identity.incarnation)),
        None => Ok(()),
    }
}

/// What never became anything.
fn sweep(disk: &mut dyn Disk, survey: &Survey) -> Result<(), DiskError> {
    let leftovers =
        survey.files.keys().filter(|file| matches!(file, FileName::Staging(_) | FileName::Draft));
    leftovers.copied().try_for_each(|file| disk.perform(Operation::Remove(file)).map(drop))
}

/// Makes the end of the log a place to go on from: a torn tail is filled with zeros again, and behind damage a
/// new segment begins that says so.
fn repair_log(
    disk: &mut dyn Disk,
    survey: &Survey,
    config: &WalConfig,
) -> Result<(Tail, Segments), DiskError> {
    rewrite_last_batch(disk, survey)?;
    let (tail, used) = if needs_cut(survey) {
        begin_cut(disk, survey, config)?
    } else {
        if survey.end == End::Torn {
            clear_torn(disk, survey)?;
        }
        (survey.tail, survey.used.clone())
    };
    let next_number = tail.segment.saturating_add(1);
    let is_next = |file: &&crate::scan::SegmentFile| {
        file.number == next_number && file.head == Seal::Blank && file.bytes == config.segment_bytes
    };
    let mut prepared = survey.segments.iter().find(is_next).map(|file| file.bytes);
    let mut has_spare = survey.files.contains_key(&FileName::Spare);
    if survey.segments.is_empty() && tail.segment == 0 {
        disk.perform_all(prepare(next_number, config.segment_bytes))?;
        prepared = Some(config.segment_bytes);
        has_spare = false;
    }
    let snapshots = survey.snapshots.clone();
    let found = Found { used: used.into(), next_number, prepared, has_spare, snapshots };
    Ok((tail, Segments::new(config.segment_bytes, found)))
}

/// There is damage that no segment's head tells of yet.
fn needs_cut(survey: &Survey) -> bool {
    let is_news = survey.recovered.loaded.suspect_from != survey.marked_from;
    is_news || matches!(survey.end, End::Rot | End::Suspect(_))
}

/// The last batch may have been read from memory while the platter lacks it: after a process was killed before
/// its sync, or after a sync that failed and cannot be repeated. Writing the same bytes again makes it dirty
/// again, so that the sync means something.
fn rewrite_last_batch(disk: &mut dyn Disk, survey: &Survey) -> Result<(), DiskError> {
    let Some((segment, range)) = &survey.last_batch else { return Ok(()) };
    let file = FileName::Segment(*segment);
    let len = usize::try_from(range.end - range.start).map_err(|_| DiskError::BeyondEnd)?;
    let bytes = disk.read(file, range.start, len)?;
    disk.perform(Operation::Write { file, offset: range.start, bytes })?;
    disk.perform(Operation::Sync(file)).map(drop)
}

/// A torn write lies in one longest batch from where it began: here, or at the start of the next segment if it
/// did not fit here.
fn clear_torn(disk: &mut dyn Disk, survey: &Survey) -> Result<(), DiskError> {
    let tail = &survey.tail;
    let here = survey.segments.iter().find(|file| file.number == tail.segment);
    let next = survey.segments.iter().find(|file| file.number == tail.segment.saturating_add(1));
    let places = [here.map(|file| (file, tail.offset)), next.map(|file| (file, 0))];
    for (file, from) in places.into_iter().flatten() {
        let window = (SEGMENT_HEAD_BYTES + BATCH_BYTES_LONGEST) as u64;
        let len = file.bytes.saturating_sub(from).min(window);
        let name = FileName::Segment(file.number);
        if len == 0 {
            continue;
        }
        let bytes = disk.read(name, from, usize::try_from(len).unwrap_or(0))?;
        let dirty = bytes.chunks(SECTOR_BYTES).rposition(|sector| !is_zero(sector));
        if let Some(dirty) = dirty {
            let end = bytes.len().min((dirty + 1) * SECTOR_BYTES);
            let bytes = Bytes::from(vec![0; end]);
            disk.perform(Operation::Write { file: name, offset: from, bytes })?;
            disk.perform(Operation::Sync(name))?;
        }
    }
    Ok(())
}

/// Begins a segment whose head says that what lies behind the last good batch is void, and from where on the
/// log is suspect. Durable before the node does anything.
fn begin_cut(
    disk: &mut dyn Disk,
    survey: &Survey,
    config: &WalConfig,
) -> Result<(Tail, Vec<Used>), DiskError> {
    let identity = &survey.recovered.identity;
    let number = survey.segments.last().map_or(1, |file| file.number.saturating_add(1));
    let head = SegmentHead {
        begin: Begin::Cut,
        number,
        bytes: config.segment_bytes,
        previous: survey.tail.link,
        suspect_from: survey.recovered.loaded.suspect_from,
    };
    disk.perform_all(prepare(number, config.segment_bytes))?;
    let file = FileName::Segment(number);
    let bytes = Bytes::copy_from_slice(&head.encode(identity));
    disk.perform(Operation::Write { file, offset: 0, bytes })?;
    disk.perform(Operation::Sync(file))?;
    let mut used = survey.used.clone();
    let void = |used: &[Used]| {
        used.last().map_or((0, Default::default()), |it| (it.number, it.last_index))
    };
    let (last_used, last_index) = void(&used);
    let numbers = survey.segments.iter().map(|file| file.number);
    used.extend(numbers.filter(|it| *it > last_used).map(|number| Used { number, last_index }));
    used.push(Used { number, last_index: Default::default() });
    let offset = round_up(SEGMENT_HEAD_BYTES, SECTOR_BYTES) as u64;
    Ok((Tail { segment: number, bytes: config.segment_bytes, offset, link: head.previous }, used))
}
