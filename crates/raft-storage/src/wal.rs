//! The write-ahead log as a plain value: units go in, batches of disk operations come out, results go back in.
//! It never touches a disk itself, so draining, capping and laying out a batch run under simulation.

use std::collections::VecDeque;
use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use raft_core::{
    Ballot, Contradiction, Entries, EntryId, Index, LogBehind, SnapshotWrite, Time, Write,
    WriteToken,
};

use crate::batch::{BATCH_HEADER_BYTES, BatchBuf, Place, RECORD_HEADER_BYTES, RESET_BYTES};
use crate::directory::{FileName, Identity};
use crate::disk::{DiskError, Operation};
use crate::sector::round_up;
use crate::segment::{Begin, Link, SEGMENT_HEAD_BYTES, SegmentHead};
use crate::segments::{Chore, Segments};
use crate::vote_file::Vote;
use crate::wal_config::WalConfig;

/// The log of one node, open for appending. After a failed write or sync it accepts nothing more, because what
/// the disk kept is unknown.
///
/// ```text
///   append ──► queue ──► next_batch ──► the driver's disk ──► done ──► durable
///                            │
///                            └── after a moment of idleness: an empty batch, as proof of the last one
/// ```
///
/// A unit is carried out in the order *snapshot, vote file, log records*, and recovery accepts every prefix of
/// that. The log is only ever appended to: a suffix that another leader replaced is overwritten by later records
/// with lower indexes, so Raft never breaks the chain of checksums.
///
/// Invariant: `durable <= upto of the batch under way <= accepted`.
#[derive(Debug)]
pub struct Wal {
    config: WalConfig,
    identity: Identity,
    queue: VecDeque<Write>,
    accepted: WriteToken,
    durable: WriteToken,
    /// Taken from the queue, waiting for a segment that is being prepared.
    draft: Option<Draft>,
    under_way: Option<UnderWay>,
    failure: Option<DiskError>,
    tail: Tail,
    segments: Segments,
    vote_sequence: u64,
    /// The last index of the log once everything in the queue is written.
    last_index: Index,
    commit_index: Index,
    suspect_from: Option<Index>,
    /// The log on disk does not reach the snapshot: what comes next begins behind it.
    owes_reset: Option<EntryId>,
    proof: Proof,
}

/// Where the next batch goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tail {
    pub(crate) segment: u64,
    /// The segment's size.
    pub(crate) bytes: u64,
    pub(crate) offset: u64,
    pub(crate) link: Link,
}

/// Whether a later batch shows that the last one was synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Proof {
    There,
    Missing,
    DueAt(Time),
}

/// What one sync makes durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its number in the log; grows by one. Of a batch without log records, the one before.
    pub number: u64,
    /// To be carried out in this order, each after the one before has completed. The first failure ends it.
    pub operations: Vec<Operation>,
    /// The last unit in it; of an empty batch, the last one before it.
    pub upto: WriteToken,
}

/// Why the log takes no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// A write or a sync failed, now or earlier. The node stops and says so; it may be started again on the
    /// same directory, where recovery sees what is really there.
    Poisoned(DiskError),
    /// A unit does not follow the one before it: a fault of this program, found before anything was written.
    Contradiction(Contradiction),
}

/// Units that go into one batch.
#[derive(Debug, Default)]
struct Draft {
    upto: WriteToken,
    snapshot: Option<SnapshotWrite>,
    ballot: Option<Ballot>,
    parts: Vec<Part>,
    bytes: usize,
}

#[derive(Debug)]
enum Part {
    Entries(Entries),
    Reset(EntryId),
    Told,
}

#[derive(Debug)]
struct UnderWay {
    upto: WriteToken,
    snapshot: Option<EntryId>,
}

/// What opening found, for a log to go on from.
#[derive(Debug)]
pub(crate) struct Resume {
    pub(crate) identity: Identity,
    pub(crate) tail: Tail,
    pub(crate) segments: Segments,
    pub(crate) vote_sequence: u64,
    pub(crate) last_index: Index,
    pub(crate) commit_index: Index,
    pub(crate) suspect_from: Option<Index>,
    pub(crate) owes_reset: Option<EntryId>,
}

impl Wal {
    pub(crate) fn resume(config: WalConfig, resume: Resume) -> Self {
        let has_batches = resume.tail.link.number > 0;
        Self {
            config,
            identity: resume.identity,
            queue: VecDeque::new(),
            accepted: WriteToken::NONE,
            durable: WriteToken::NONE,
            draft: None,
            under_way: None,
            failure: None,
            tail: resume.tail,
            segments: resume.segments,
            vote_sequence: resume.vote_sequence,
            last_index: resume.last_index,
            commit_index: resume.commit_index,
            suspect_from: resume.suspect_from,
            owes_reset: resume.owes_reset,
            proof: if has_batches { Proof::Missing } else { Proof::There },
        }
    }

    /// Queues a unit. Order is kept.
    ///
    /// # Errors
    /// The log has failed, or the unit does not follow the one before; then nothing is queued.
    pub fn append(&mut self, unit: Write) -> Result<(), WriteError> {
        self.check_sound()?;
        self.check_follows(&unit)?;
        self.accepted = unit.token;
        if let Some(snapshot) = &unit.snapshot
            && snapshot.log == LogBehind::Discarded
        {
            self.last_index = snapshot.meta.last.index;
        }
        if let Some(last) = unit.entries.last() {
            self.last_index = last.index;
        }
        self.queue.push_back(unit);
        Ok(())
    }

    /// What to write and sync next: everything queued up to the cap, or an empty batch after a moment of
    /// idleness. `None` while a batch is under way, while the next segment is being prepared, and once the
    /// log has failed.
    pub fn next_batch(&mut self, now: Time) -> Option<Batch> {
        if self.under_way.is_some() || self.failure.is_some() {
            return None;
        }
        let draft = match self.draft.take() {
            Some(draft) => draft,
            None if self.queue.is_empty() => return self.idle_batch(now),
            None => self.gather(),
        };
        if draft.parts.is_empty() {
            return Some(self.batch_without_records(draft));
        }
        if !self.has_room(&draft) {
            self.draft = Some(draft);
            return None;
        }
        self.proof = Proof::Missing;
        Some(self.lay_out(draft))
    }

    /// The batch under way has come to an end; says up to which unit all is durable.
    ///
    /// # Errors
    /// The failure, which is final.
    pub fn done(&mut self, result: Result<(), DiskError>) -> Result<WriteToken, WriteError> {
        let under_way = self.under_way.take();
        self.fail_on(result)?;
        if let Some(under_way) = under_way {
            self.durable = self.durable.max(under_way.upto);
            if let Some(last) = under_way.snapshot {
                self.segments.add_snapshot(last);
            }
        }
        Ok(self.durable)
    }

    /// Work on files that no write waits for: the next segment, and what is no longer needed. One at a time.
    pub fn next_chore(&mut self) -> Option<Chore> {
        if self.failure.is_some() { None } else { self.segments.next_chore() }
    }

    /// The chore that was handed out has come to an end.
    ///
    /// # Errors
    /// A failure that is final for the log as a whole.
    pub fn chore_done(&mut self, result: Result<(), DiskError>) -> Result<(), WriteError> {
        let result = self.segments.chore_done(result);
        self.fail_on(result)
    }

    /// When [`next_batch`](Self::next_batch) has something to say though nothing was appended.
    #[must_use]
    pub fn deadline(&self) -> Time {
        let is_waiting = self.draft.is_some() && self.segments.is_busy();
        if self.under_way.is_some() || self.failure.is_some() || is_waiting {
            return Time::NEVER;
        }
        if self.draft.is_some() || !self.queue.is_empty() {
            return Time::default();
        }
        match self.proof {
            Proof::There => Time::NEVER,
            Proof::Missing => Time::default(),
            Proof::DueAt(time) => time,
        }
    }

    /// Whether everything that was queued is durable.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.draft.is_none() && self.under_way.is_none()
    }

    /// Up to which unit all is durable.
    #[must_use]
    pub fn durable(&self) -> WriteToken {
        self.durable
    }

    fn fail_on(&mut self, result: Result<(), DiskError>) -> Result<(), WriteError> {
        if let Err(error) = result {
            self.failure.get_or_insert(error);
        }
        self.check_sound()
    }

    fn check_sound(&self) -> Result<(), WriteError> {
        match &self.failure {
            Some(error) => Err(WriteError::Poisoned(error.clone())),
            None => Ok(()),
        }
    }

    fn check_follows(&self, unit: &Write) -> Result<(), WriteError> {
        if unit.token <= self.accepted {
            return contradiction(format!(
                "write {} comes behind write {}",
                unit.token.0, self.accepted.0
            ));
        }
        let behind = match &unit.snapshot {
            Some(snapshot) if snapshot.log == LogBehind::Discarded => snapshot.meta.last.index,
            Some(_) | None => self.last_index,
        };
        match unit.entries.first() {
            Some(first) if first.index.previous() > behind => contradiction(format!(
                "entry {first} leaves a gap in the log, which ends at {behind}"
            )),
            Some(_) | None => Ok(()),
        }
    }

    /// Units from the queue, as many as fit into one batch and at least one. A snapshot begins a batch, so that
    /// nothing before it is later than it.
    fn gather(&mut self) -> Draft {
        let mut draft = Draft { upto: self.durable, ..Draft::default() };
        let mut is_first = true;
        while let Some(unit) = self.queue.front() {
            let room = self.config.batch_bytes_max.saturating_sub(draft.bytes);
            let fits = unit.entries.bytes().len() + RECORD_HEADER_BYTES + RESET_BYTES <= room;
            if !is_first && (!fits || unit.snapshot.is_some()) {
                break;
            }
            let Some(unit) = self.queue.pop_front() else { break };
            is_first = false;
            if fits {
                draft.upto = unit.token;
                self.take(&mut draft, unit);
            } else {
                let (unit, rest) = split(unit, room);
                draft.upto = if rest.is_some() { draft.upto } else { unit.token };
                self.take(&mut draft, unit);
                if let Some(rest) = rest {
                    self.queue.push_front(rest);
                }
                break;
            }
        }
        draft
    }

    fn take(&mut self, draft: &mut Draft, unit: Write) {
        if let Some(snapshot) = unit.snapshot {
            if snapshot.log == LogBehind::Discarded {
                self.owes_reset = None;
                draft.push(Part::Reset(snapshot.meta.last));
            }
            draft.snapshot = Some(snapshot);
        }
        if let Some(ballot) = unit.ballot {
            // From here on the vote file remembers that the log is under repair, in the same batch and before
            // this record: the segment's head need not say so any more.
            if ballot.recovering.is_some() && self.suspect_from.take().is_some() {
                draft.push(Part::Told);
            }
            draft.ballot = Some(ballot);
        }
        self.commit_index = self.commit_index.max(unit.commit_index);
        if !unit.entries.is_empty() {
            if let Some(behind) = self.owes_reset.take() {
                draft.push(Part::Reset(behind));
            }
            draft.push(Part::Entries(unit.entries));
        }
    }

    fn idle_batch(&mut self, now: Time) -> Option<Batch> {
        match self.proof {
            Proof::There => return None,
            Proof::Missing => {
                self.proof = Proof::DueAt(now.plus_ms(self.config.idle_batch_ms));
                return None;
            }
            Proof::DueAt(time) if now < time => return None,
            Proof::DueAt(_) => {}
        }
        let draft = Draft { upto: self.durable, ..Draft::default() };
        if !self.has_room(&draft) {
            // The next batch with records is proof as well.
            self.proof = Proof::Missing;
            return None;
        }
        self.proof = Proof::There;
        Some(self.lay_out(draft))
    }

    /// A vote, a snapshot, or nothing but a hint: the log is not written.
    fn batch_without_records(&mut self, draft: Draft) -> Batch {
        let operations = self.before_records(&draft);
        self.start(&draft, operations)
    }

    /// Whether the batch can be placed now: here, or in a segment that nobody is working on.
    fn has_room(&self, draft: &Draft) -> bool {
        self.end_of(draft) <= self.tail.bytes || !self.segments.is_busy()
    }

    /// Where the batch would end in the segment that is being written.
    fn end_of(&self, draft: &Draft) -> u64 {
        let start = usize::try_from(self.tail.offset).unwrap_or(usize::MAX);
        let bytes = BATCH_HEADER_BYTES + draft.bytes;
        round_up(start.saturating_add(bytes), self.config.unit_bytes()) as u64
    }

    fn lay_out(&mut self, draft: Draft) -> Batch {
        let mut operations = self.before_records(&draft);
        let mut offset = self.tail.offset;
        let mut bytes = BytesMut::with_capacity(
            SEGMENT_HEAD_BYTES + round_up(BATCH_HEADER_BYTES + draft.bytes, SEGMENT_HEAD_BYTES),
        );
        if self.end_of(&draft) > self.tail.bytes {
            let head = self.roll(&draft, &mut operations);
            bytes.put_slice(&head.encode(&self.identity));
            bytes.resize(SEGMENT_HEAD_BYTES, 0);
            offset = 0;
        }
        for part in &draft.parts {
            if let Part::Entries(entries) = part
                && let Some(last) = entries.last()
            {
                self.segments.hold(last.index);
            }
        }
        let bytes = self.encode(&draft, bytes);
        self.tail.offset = offset + bytes.len() as u64;
        let file = FileName::Segment(self.tail.segment);
        operations.push(Operation::Write { file, offset, bytes });
        operations.push(Operation::Sync(file));
        self.start(&draft, operations)
    }

    fn before_records(&mut self, draft: &Draft) -> Vec<Operation> {
        let mut operations = Vec::with_capacity(2);
        if let Some(snapshot) = &draft.snapshot {
            let from = FileName::Staging(snapshot.id);
            operations.push(Operation::Rename { from, to: FileName::Snapshot(snapshot.meta.last) });
            operations.push(Operation::SyncDirectory);
        }
        if let Some(ballot) = draft.ballot {
            self.vote_sequence = self.vote_sequence.saturating_add(1);
            let vote = Vote { sequence: self.vote_sequence, ballot };
            operations.extend(vote.operations(self.identity.incarnation));
        }
        operations
    }

    /// Goes to the next segment, which is prepared here if nobody has yet.
    fn roll(&mut self, draft: &Draft, operations: &mut Vec<Operation>) -> SegmentHead {
        let needed = SEGMENT_HEAD_BYTES
            + round_up(BATCH_HEADER_BYTES + draft.bytes, self.config.unit_bytes());
        let number = self.segments.next_number();
        let (bytes, prepare) = self.segments.begin(needed as u64);
        operations.extend(prepare);
        let head = SegmentHead {
            begin: Begin::Roll,
            number,
            bytes,
            previous: self.tail.link,
            suspect_from: self.suspect_from,
        };
        let offset = SEGMENT_HEAD_BYTES as u64;
        self.tail = Tail { segment: number, bytes, offset, link: self.tail.link };
        head
    }

    fn encode(&mut self, draft: &Draft, bytes: BytesMut) -> Bytes {
        let place = Place {
            incarnation: self.identity.incarnation,
            segment: self.tail.segment,
            offset: self.tail.offset,
        };
        let mut batch = BatchBuf::begin(bytes, self.tail.link);
        for part in &draft.parts {
            match part {
                Part::Entries(entries) => batch.push_entries(entries),
                Part::Reset(behind) => batch.push_reset(*behind),
                Part::Told => batch.push_told(),
            }
        }
        let (bytes, link) = batch.finish(&place, self.commit_index, self.config.unit_bytes());
        self.tail.link = link;
        bytes
    }

    fn start(&mut self, draft: &Draft, operations: Vec<Operation>) -> Batch {
        let snapshot = draft.snapshot.as_ref().map(|snapshot| snapshot.meta.last);
        self.under_way = Some(UnderWay { upto: draft.upto, snapshot });
        Batch { number: self.tail.link.number, operations, upto: draft.upto }
    }
}

impl Draft {
    fn push(&mut self, part: Part) {
        self.bytes += match &part {
            Part::Entries(entries) => RECORD_HEADER_BYTES + entries.bytes().len(),
            Part::Reset(_) => RESET_BYTES,
            Part::Told => RECORD_HEADER_BYTES,
        };
        self.parts.push(part);
    }
}

/// The part of a unit that fits into `room`, at least one entry, and what is left for the next batch.
fn split(unit: Write, room: usize) -> (Write, Option<Write>) {
    let mut bytes = RECORD_HEADER_BYTES + RESET_BYTES;
    let mut entries = unit.entries.iter();
    bytes += entries.next().map_or(0, |entry| entry.encoded_bytes());
    let beyond = entries.find(|entry| {
        bytes += entry.encoded_bytes();
        bytes > room
    });
    let Some(at) = beyond.map(|entry| entry.id.index) else { return (unit, None) };
    let (before, after) = unit.entries.split(at);
    let rest = Write { snapshot: None, ballot: None, entries: after, ..unit.clone() };
    (Write { entries: before, ..unit }, Some(rest))
}

fn contradiction(sentence: String) -> Result<(), WriteError> {
    Err(WriteError::Contradiction(Contradiction::new(sentence)))
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Poisoned(error) => {
                write!(f, "the log takes no more, since what the disk kept is unknown: {error}")
            }
            Self::Contradiction(what) => write!(f, "the log refuses a write: {what}"),
        }
    }
}

impl std::error::Error for WriteError {}
