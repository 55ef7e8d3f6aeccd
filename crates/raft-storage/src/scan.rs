//! Reading the log from its first segment to the point where it ends, and judging that end: clean, torn,
//! rotten, or not to be told.
//!
//! ```text
//!   first bad batch
//!     │
//!     ├─ a good header of a later batch within one longest batch,
//!     │  or a later segment that follows this batch ────────────────► rot
//!     ├─ its header sector is all zero, or more of its sectors are
//!     │  zero than its header counts, and no file is too short ─────► torn, if there is anything at all
//!     └─ otherwise ─────────────────────────────────────────────────► suspect
//! ```
//!
//! A batch is written only after the one before has been synced, so a later one proves that this one was whole.
//! Writes nothing; never looks at more than two segments' windows at once.

use std::collections::VecDeque;

use bytes::Bytes;
use raft_core::Index;

use crate::batch::{BATCH_BYTES_LONGEST, BatchHeader, Place, Records};
use crate::directory::{FileName, Identity};
use crate::disk::{Disk, DiskError};
use crate::replay::Replay;
use crate::report::SegmentContent;
use crate::sector::{SECTOR_BYTES, Seal, is_blank, is_zero, zero_sectors};
use crate::segment::{Begin, Link, SEGMENT_HEAD_BYTES, SegmentHead};
use crate::segments::Used;
use crate::wal::Tail;

/// A segment file and what its first sector says.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SegmentFile {
    pub(crate) number: u64,
    pub(crate) bytes: u64,
    pub(crate) head: Seal<SegmentHead>,
}

/// Everything the log says, and how it ends.
#[derive(Debug)]
pub(crate) struct Scanned {
    pub(crate) replay: Replay,
    pub(crate) tail: Tail,
    pub(crate) used: VecDeque<Used>,
    /// What each segment holds, also the unused ones.
    pub(crate) contents: Vec<SegmentContent>,
    /// Where the last good batch lies, from its segment's head on if it is the first one there.
    pub(crate) last_batch: Option<(u64, std::ops::Range<u64>)>,
    pub(crate) end: End,
}

/// How the log ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Behind the last batch are zeros.
    Clean,
    /// A write that nobody was told of was cut off.
    Torn,
    /// What had been synced has changed.
    Rot,
    /// The one or the other. The batch's first index, if its header can be read.
    Suspect(Option<Index>),
}

/// A walk along the log.
pub(crate) struct Scan<'a> {
    disk: &'a mut dyn Disk,
    identity: Identity,
    files: &'a [SegmentFile],
    /// Which of the files is being read; `None` before the first.
    current: Option<usize>,
    offset: u64,
    link: Link,
    window: Window,
    scanned_used: VecDeque<Used>,
    contents: Vec<SegmentContent>,
    last_batch: Option<(u64, std::ops::Range<u64>)>,
    replay: Replay,
}

/// A piece of a segment in memory.
#[derive(Debug, Default)]
struct Window {
    segment: u64,
    start: u64,
    bytes: Bytes,
}

/// What stands where the next batch is expected.
#[derive(Debug)]
enum Here {
    Batch,
    /// No room for a header, or a header sector of zeros.
    Nothing,
    /// The header is good and the records are not.
    BadRecords(BatchHeader, Bytes),
    BadHeader,
}

/// What lies around the end.
#[derive(Debug, Default)]
struct Around {
    has_later: bool,
    has_residue: bool,
}

/// How much is read at once: little enough to stay in the processor's cache while it is checked.
const WINDOW_BYTES: usize = 1024 * 1024;

impl<'a> Scan<'a> {
    /// Reads the heads of all segments, which lie in order of number and without a gap.
    pub(crate) fn heads(
        disk: &mut dyn Disk,
        identity: &Identity,
        files: &[(u64, u64)],
    ) -> Result<Vec<SegmentFile>, DiskError> {
        let head = |(number, bytes): &(u64, u64)| {
            let file = FileName::Segment(*number);
            let len = usize::try_from(*bytes).unwrap_or(SECTOR_BYTES).min(SECTOR_BYTES);
            let sector = disk.read(file, 0, len)?;
            let head = SegmentHead::decode(&sector, identity, *number);
            Ok(SegmentFile { number: *number, bytes: *bytes, head })
        };
        files.iter().map(head).collect()
    }

    pub(crate) fn new(
        disk: &'a mut dyn Disk,
        identity: Identity,
        files: &'a [SegmentFile],
        floor: Index,
    ) -> Self {
        Self {
            disk,
            identity,
            files,
            current: None,
            offset: 0,
            link: Link::default(),
            window: Window::default(),
            scanned_used: VecDeque::new(),
            contents: files
                .iter()
                .map(|file| SegmentContent::empty(file.number, file.bytes))
                .collect(),
            last_batch: None,
            replay: Replay::new(floor),
        }
    }

    /// Reads everything.
    pub(crate) fn run(mut self) -> Result<Scanned, DiskError> {
        let here = self.walk()?;
        let end = self.judge(here)?;
        let (segment, bytes) =
            self.current.map_or((0, 0), |at| (self.files[at].number, self.files[at].bytes));
        Ok(Scanned {
            tail: Tail { segment, bytes, offset: self.offset, link: self.link },
            replay: self.replay,
            used: self.scanned_used,
            contents: self.contents,
            last_batch: self.last_batch,
            end,
        })
    }

    fn walk(&mut self) -> Result<Here, DiskError> {
        loop {
            // A cut says what was void when it was made, whatever can be read there today.
            if let Some(at) = self.next_cut() {
                self.enter(at);
                continue;
            }
            match self.step()? {
                Here::Batch => {}
                other => match self.next_roll() {
                    Some(at) => self.enter(at),
                    None => return Ok(other),
                },
            }
        }
    }

    fn next_cut(&self) -> Option<usize> {
        let from = self.current.map_or(0, |at| at + 1);
        let is_next = |file: &SegmentFile| {
            file.head
                .good()
                .is_some_and(|head| head.begin == Begin::Cut && head.previous == self.link)
        };
        (from..self.files.len()).rev().find(|at| is_next(&self.files[*at]))
    }

    // The first segment of all follows what was dropped long ago.
    fn next_roll(&self) -> Option<usize> {
        let next = self.current.map_or(0, |at| at + 1);
        let head = self.files.get(next)?.head.good()?;
        let follows =
            self.current.is_none() || head.begin == Begin::Roll && head.previous == self.link;
        follows.then_some(next)
    }

    fn enter(&mut self, at: usize) {
        let Some(head) = self.files[at].head.good() else { return };
        let last_index = self.scanned_used.back().map_or(Index::ZERO, |used| used.last_index);
        // Segments that a cut made void go when the one before them goes.
        for file in &self.files[self.current.map_or(0, |at| at + 1)..at] {
            self.scanned_used.push_back(Used { number: file.number, last_index });
        }
        self.scanned_used.push_back(Used { number: head.number, last_index: Index::ZERO });
        self.current = Some(at);
        self.offset = SEGMENT_HEAD_BYTES as u64;
        self.link = head.previous;
        self.replay.suspect_from = head.suspect_from;
    }

    /// Reads one batch, and applies it if all of it is good.
    fn step(&mut self) -> Result<Here, DiskError> {
        let Some(at) = self.current else { return Ok(Here::Nothing) };
        let file = self.files[at];
        let sector = self.look(&file, self.offset, SECTOR_BYTES)?;
        if sector.len() < SECTOR_BYTES || is_blank(&sector) {
            return Ok(Here::Nothing);
        }
        let place = self.place(&file, self.offset);
        let Some((header, crc)) = BatchHeader::decode_with_crc(&sector, &place) else {
            return Ok(Here::BadHeader);
        };
        if header.number != self.link.next_number() || header.previous_crc != self.link.crc {
            return Ok(Here::BadHeader);
        }
        let batch = self.look(&file, self.offset, header.bytes())?;
        if batch.len() < header.bytes() || !self.apply(&header, &batch) {
            return Ok(Here::BadRecords(header, batch));
        }
        let start = if self.offset == SEGMENT_HEAD_BYTES as u64 { 0 } else { self.offset };
        self.offset += header.bytes() as u64;
        self.link = Link { number: header.number, crc };
        self.last_batch = Some((file.number, start..self.offset));
        Ok(Here::Batch)
    }

    fn apply(&mut self, header: &BatchHeader, batch: &Bytes) -> bool {
        let Some(mut records) = Records::new(header, batch) else { return false };
        let mut good = Vec::new();
        loop {
            match records.next() {
                Ok(Some(record)) => good.push(record),
                Ok(None) => break,
                Err(_) => return false,
            }
        }
        if let Some(content) = self.current.and_then(|at| self.contents.get_mut(at)) {
            content.add(header.bytes(), &good);
        }
        for record in good {
            if self.replay.apply(record).is_err() {
                return false;
            }
            if let (Some(used), Some(last)) = (self.scanned_used.back_mut(), self.replay.last()) {
                used.last_index = used.last_index.max(last);
            }
        }
        self.replay.commit_hint = self.replay.commit_hint.max(header.commit_index);
        true
    }

    fn judge(&mut self, here: Here) -> Result<End, DiskError> {
        let around = self.look_around()?;
        if around.has_later {
            return Ok(End::Rot);
        }
        let next = self.files.get(self.current.map_or(0, |at| at + 1));
        let is_next_blank = next.is_none_or(|file| file.head == Seal::Blank);
        // The first segment of all is number one, unless those before it have been dropped, which needs a
        // later one that was in use.
        let is_beginning_lost = self.current.is_none() && next.is_some_and(|file| file.number != 1);
        if !is_next_blank || is_beginning_lost || self.is_too_short() {
            return Ok(End::Suspect(None));
        }
        Ok(match here {
            Here::Nothing | Here::Batch if around.has_residue => End::Torn,
            Here::Nothing | Here::Batch => End::Clean,
            Here::BadRecords(header, batch) if zero_sectors(&batch) > header.zero_sectors => {
                End::Torn
            }
            Here::BadRecords(header, _) => End::Suspect(Some(header.first_index)),
            Here::BadHeader => End::Suspect(None),
        })
    }

    // Segments are made whole before they get their name, so no crash leaves a short one.
    fn is_too_short(&self) -> bool {
        let last = self.current.unwrap_or(0);
        self.files.iter().skip(last).any(|file| match file.head.good() {
            Some(head) => file.bytes < head.bytes,
            None => file.bytes < (SEGMENT_HEAD_BYTES + SECTOR_BYTES) as u64,
        })
    }

    /// One longest batch ahead, here and at the start of the next segment; and the heads of all later ones.
    fn look_around(&mut self) -> Result<Around, DiskError> {
        let number = if self.is_number_known() { self.link.next_number() } else { 0 };
        let next = self.current.map_or(0, |at| at + 1);
        let follows = |file: &SegmentFile| {
            file.head.good().is_some_and(|head| head.previous.number >= number)
        };
        let mut around = Around {
            has_later: self.files[next.min(self.files.len())..].iter().any(follows),
            has_residue: false,
        };
        if let Some(at) = self.current {
            self.look_into(&mut around, at, self.offset, number)?;
        }
        if next < self.files.len() {
            self.look_into(&mut around, next, 0, number)?;
        }
        Ok(around)
    }

    fn is_number_known(&self) -> bool {
        self.current.is_some() || self.files.first().is_none_or(|file| file.number == 1)
    }

    fn look_into(
        &mut self,
        around: &mut Around,
        at: usize,
        from: u64,
        number: u64,
    ) -> Result<(), DiskError> {
        let file = self.files[at];
        let bytes = self.look(&file, from, SEGMENT_HEAD_BYTES + BATCH_BYTES_LONGEST)?;
        for (sector, offset) in bytes.chunks(SECTOR_BYTES).zip((from..).step_by(SECTOR_BYTES)) {
            if is_zero(sector) {
                continue;
            }
            around.has_residue = true;
            let header = BatchHeader::decode(sector, &self.place(&file, offset));
            around.has_later |= header.is_some_and(|header| header.number > number);
        }
        Ok(())
    }

    /// Bytes of a segment, fewer where it ends.
    fn look(&mut self, file: &SegmentFile, from: u64, len: usize) -> Result<Bytes, DiskError> {
        let rest = usize::try_from(file.bytes.saturating_sub(from)).unwrap_or(usize::MAX);
        let len = len.min(rest);
        if len == 0 {
            return Ok(Bytes::new());
        }
        if let Some(bytes) = self.window.get(file.number, from, len) {
            return Ok(bytes);
        }
        let wanted = len.max(WINDOW_BYTES).min(rest);
        // Given back before the next is asked for, so that the disk may use its memory again.
        self.window = Window::default();
        let bytes = self.disk.read(FileName::Segment(file.number), from, wanted)?;
        self.window = Window { segment: file.number, start: from, bytes };
        Ok(self.window.bytes.slice(..len))
    }

    fn place(&self, file: &SegmentFile, offset: u64) -> Place {
        Place { incarnation: self.identity.incarnation, segment: file.number, offset }
    }
}

impl Window {
    fn get(&self, segment: u64, from: u64, len: usize) -> Option<Bytes> {
        let start = usize::try_from(from.checked_sub(self.start)?).ok()?;
        let end = start.checked_add(len)?;
        (segment == self.segment && end <= self.bytes.len()).then(|| self.bytes.slice(start..end))
    }
}
