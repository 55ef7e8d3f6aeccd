//! Snapshots as files: staged beside, checked as they come and as a whole, made current by a rename inside a
//! unit of writing. Neither writing nor reading one holds the whole of it in memory.

use std::fmt;

use bytes::{Bytes, BytesMut};
use raft_core::{ClusterId, EntryId, SnapshotId, SnapshotMeta};

use crate::directory::FileName;
use crate::disk::{Disk, DiskError, Operation};
use crate::snapshot_format::{
    CHUNK_BYTES, CHUNK_HEAD_BYTES, Parser, Piece, SnapshotHeader, Sums, TRAILER_BYTES, chunk_crc,
};

/// The snapshots of one node. The two newest are kept, so that a damaged one does not take the state with it.
/// At most one is being made and one received; a second one takes the place of the first.
#[derive(Debug)]
pub struct SnapshotStore {
    cluster: ClusterId,
    current: Option<SnapshotFile>,
    making: Option<Making>,
    receiving: Option<Receiving>,
}

/// A snapshot that is complete on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotFile {
    /// What names its bytes.
    pub id: SnapshotId,
    /// What it stands for.
    pub meta: SnapshotMeta,
}

/// The state of one snapshot, read in order and checked as a whole.
#[derive(Debug)]
pub struct SnapshotReader {
    id: SnapshotId,
    parser: Parser,
}

#[derive(Debug)]
struct Making {
    meta: SnapshotMeta,
    sums: Sums,
    chunk: BytesMut,
    offset: u64,
}

#[derive(Debug)]
struct Receiving {
    cluster: ClusterId,
    id: SnapshotId,
    parser: Parser,
    meta: Option<SnapshotMeta>,
}

/// Why a snapshot could not be written, received or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// The disk refused.
    Disk(DiskError),
    /// A chunk begins behind what is staged; the transfer goes on from there.
    Gap {
        /// How much is staged.
        staged: u64,
    },
    /// A checksum does not hold: what is staged is worthless and has been dropped.
    Damaged {
        /// The first byte of the part that is wrong.
        offset: u64,
    },
    /// No snapshot of that name is there.
    NotFound(SnapshotId),
    /// Written by a newer version of this program.
    NewerFormat {
        /// The version it names.
        found: u16,
        /// The newest this build reads.
        known: u16,
    },
}

impl SnapshotStore {
    pub(crate) fn new(cluster: ClusterId, current: Option<SnapshotFile>) -> Self {
        Self { cluster, current, making: None, receiving: None }
    }

    /// Made here: appends the next bytes of the state, in pieces of any size. Another `meta` than the last
    /// time begins another snapshot.
    ///
    /// # Errors
    /// What the disk refuses; what is staged is then dropped.
    pub fn stage(
        &mut self,
        disk: &mut dyn Disk,
        meta: &SnapshotMeta,
        mut state: Bytes,
    ) -> Result<(), SnapshotError> {
        let mut making = match self.making.take() {
            Some(making) if making.meta == *meta => making,
            Some(_) | None => Making::begin(disk, self.cluster, meta)?,
        };
        while !state.is_empty() {
            let room = CHUNK_BYTES - making.chunk.len();
            making.chunk.extend_from_slice(&state.split_to(room.min(state.len())));
            if making.chunk.len() == CHUNK_BYTES {
                making.write_chunk(disk)?;
            }
        }
        self.making = Some(making);
        Ok(())
    }

    /// Writes the trailer and syncs. Not current yet: that is a unit's work.
    ///
    /// # Errors
    /// What the disk refuses; what is staged is then dropped.
    pub fn finish(
        &mut self,
        disk: &mut dyn Disk,
        meta: &SnapshotMeta,
    ) -> Result<SnapshotFile, SnapshotError> {
        // A state without a byte has not been staged yet.
        self.stage(disk, meta, Bytes::new())?;
        let Some(mut making) = self.making.take() else {
            return Err(SnapshotError::NotFound(SnapshotId { last: meta.last, bytes: 0 }));
        };
        if !making.chunk.is_empty() {
            making.write_chunk(disk)?;
        }
        making.write(disk, Bytes::copy_from_slice(&making.sums.trailer()))?;
        let id = SnapshotId { last: meta.last, bytes: making.offset };
        disk.perform(Operation::Sync(making.file()))?;
        disk.perform(Operation::Rename { from: making.file(), to: FileName::Staging(id) })?;
        Ok(SnapshotFile { id, meta: making.meta })
    }

    /// From a peer: takes the next bytes of the file, and says how much is staged now. What is staged already
    /// is skipped.
    ///
    /// # Errors
    /// A hole, or a checksum that does not hold.
    pub fn receive(
        &mut self,
        disk: &mut dyn Disk,
        id: SnapshotId,
        offset: u64,
        mut bytes: Bytes,
    ) -> Result<u64, SnapshotError> {
        let mut receiving = match self.receiving.take() {
            Some(receiving) if receiving.id == id => receiving,
            other => Receiving::begin(disk, self.cluster, id, other)?,
        };
        let staged = receiving.parser.pushed();
        if offset > staged {
            self.receiving = Some(receiving);
            return Err(SnapshotError::Gap { staged });
        }
        let known = usize::try_from(staged - offset).unwrap_or(usize::MAX).min(bytes.len());
        drop(bytes.split_to(known));
        receiving.take(disk, staged, bytes)?;
        let staged = receiving.parser.pushed();
        self.receiving = Some(receiving);
        Ok(staged)
    }

    /// All of it is staged: holds every checksum, syncs it, and says what it stands for.
    ///
    /// # Errors
    /// It is not whole, or another one than its name says; it has then been dropped.
    pub fn verify(
        &mut self,
        disk: &mut dyn Disk,
        id: SnapshotId,
    ) -> Result<SnapshotMeta, SnapshotError> {
        let receiving = self.receiving.take().filter(|receiving| receiving.id == id);
        let Some(receiving) = receiving else { return Err(SnapshotError::NotFound(id)) };
        let staged = receiving.parser.pushed();
        let meta = receiving.meta.filter(|meta| meta.last == id.last);
        match meta {
            Some(meta) if receiving.parser.is_whole() && staged == id.bytes => {
                disk.perform(Operation::Sync(FileName::Staging(id)))?;
                Ok(meta)
            }
            Some(_) | None => Err(SnapshotError::Damaged { offset: staged }),
        }
    }

    /// The unit that makes a staged snapshot current is durable.
    pub fn made_current(&mut self, snapshot: SnapshotFile) {
        self.current = Some(snapshot);
    }

    /// The snapshot that a restart would begin from; `None` before the first one.
    #[must_use]
    pub fn current(&self) -> Option<&SnapshotFile> {
        self.current.as_ref()
    }

    /// For a transfer: bytes of the current snapshot's file from `offset` on, up to `len` of them and not
    /// beyond the chunk that `offset` lies in. Checked before they are handed out; empty at the end.
    ///
    /// # Errors
    /// It is not the current one, or damaged.
    pub fn read(
        &self,
        disk: &mut dyn Disk,
        id: SnapshotId,
        offset: u64,
        len: usize,
    ) -> Result<Bytes, SnapshotError> {
        if self.current.as_ref().is_none_or(|current| current.id != id) {
            return Err(SnapshotError::NotFound(id));
        }
        let part = read_part(disk, id, offset)?;
        let end = part.len().min(len);
        Ok(part.slice(..end))
    }

    /// Reads the state of the current snapshot, to restore it.
    ///
    /// # Errors
    /// It is not the current one.
    pub fn reader(&self, id: SnapshotId) -> Result<SnapshotReader, SnapshotError> {
        match &self.current {
            Some(current) if current.id == id => Ok(SnapshotReader::new(id)),
            Some(_) | None => Err(SnapshotError::NotFound(id)),
        }
    }
}

impl SnapshotReader {
    fn new(id: SnapshotId) -> Self {
        Self { id, parser: Parser::default() }
    }

    /// The next bytes of the state; `None` when all has been read and the whole is good. What came before
    /// that is checked chunk by chunk, but only the end says that it is all of it.
    ///
    /// # Errors
    /// A checksum that does not hold, or a file that ends too early.
    pub fn next(&mut self, disk: &mut dyn Disk) -> Result<Option<Bytes>, SnapshotError> {
        loop {
            match self.next_piece(disk)? {
                Some(Piece::Chunk(state)) => return Ok(Some(state)),
                Some(Piece::Header(_)) => {}
                Some(Piece::Trailer) | None => return Ok(None),
            }
        }
    }

    fn next_piece(&mut self, disk: &mut dyn Disk) -> Result<Option<Piece>, SnapshotError> {
        loop {
            if let Some(piece) = self.parser.next()? {
                return Ok(Some(piece));
            }
            let offset = self.parser.pushed();
            let rest = usize::try_from(self.id.bytes.saturating_sub(offset)).unwrap_or(usize::MAX);
            match rest.min(CHUNK_BYTES) {
                0 if self.parser.is_whole() => return Ok(None),
                0 => return Err(SnapshotError::Damaged { offset }),
                len => {
                    let bytes = disk.read(FileName::Snapshot(self.id.last), offset, len)?;
                    self.parser.push(&bytes);
                }
            }
        }
    }
}

/// Reads all of a snapshot file and holds every checksum.
pub(crate) fn check_file(
    disk: &mut dyn Disk,
    cluster: ClusterId,
    id: SnapshotId,
) -> Result<SnapshotMeta, SnapshotError> {
    let mut reader = SnapshotReader::new(id);
    let mut header = None;
    while let Some(piece) = reader.next_piece(disk)? {
        if let Piece::Header(found) = piece {
            header = Some(found);
        }
    }
    match header {
        Some(header) if header.meta.last == id.last && header.cluster == cluster => Ok(header.meta),
        Some(_) | None => Err(SnapshotError::Damaged { offset: 0 }),
    }
}

/// Makes the file that a directory begins with: a snapshot of nothing.
pub(crate) fn write_genesis(
    disk: &mut dyn Disk,
    cluster: ClusterId,
    meta: &SnapshotMeta,
) -> Result<(), DiskError> {
    let (mut bytes, crc) = SnapshotHeader::encode(cluster, meta);
    bytes.extend_from_slice(&Sums::new(crc).trailer());
    let file = FileName::Snapshot(EntryId::ZERO);
    disk.perform_all(vec![
        Operation::Create { file, bytes: 0 },
        Operation::Write { file, offset: 0, bytes: bytes.into() },
        Operation::Sync(file),
    ])
}

/// The checked part of a snapshot that begins at or before `offset`, from there on.
fn read_part(disk: &mut dyn Disk, id: SnapshotId, offset: u64) -> Result<Bytes, SnapshotError> {
    let header = read_header(disk, id)?;
    let header_bytes = header.bytes as u64;
    if offset < header_bytes {
        let (bytes, _) = SnapshotHeader::encode(header.cluster, &header.meta);
        return Ok(Bytes::from(bytes).slice(usize::try_from(offset).unwrap_or(header.bytes)..));
    }
    let stride = (CHUNK_HEAD_BYTES + CHUNK_BYTES) as u64;
    let number = (offset - header_bytes) / stride;
    let start = header_bytes + number * stride;
    let before = match number {
        0 => header.crc,
        _ => read_u32(disk, id, start - stride + 4)?,
    };
    let rest = usize::try_from(id.bytes.saturating_sub(start)).unwrap_or(usize::MAX);
    let bytes = disk.read(
        FileName::Snapshot(id.last),
        start,
        rest.min(CHUNK_HEAD_BYTES + CHUNK_BYTES + TRAILER_BYTES),
    )?;
    let checked = check_part(before, &bytes).ok_or(SnapshotError::Damaged { offset: start })?;
    let from = usize::try_from(offset - start).unwrap_or(usize::MAX).min(checked);
    Ok(bytes.slice(from..checked))
}

/// How many of these bytes are a good chunk, with the trailer if it is the last one.
fn check_part(before: u32, bytes: &[u8]) -> Option<usize> {
    if bytes.is_empty() {
        return Some(0);
    }
    let head = bytes.first_chunk::<CHUNK_HEAD_BYTES>()?;
    let [a, b, c, d, crc @ ..] = *head;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    let end = CHUNK_HEAD_BYTES.checked_add(length)?;
    let state = bytes.get(CHUNK_HEAD_BYTES..end)?;
    let is_last = length < CHUNK_BYTES;
    let (chain, trailer) = match length {
        0 => (before, bytes),
        _ => (chunk_crc(before, state), bytes.get(end..)?),
    };
    if length > 0 && chain != u32::from_le_bytes(crc) {
        return None;
    }
    if !is_last {
        return Some(end);
    }
    let trailer = trailer.first_chunk::<TRAILER_BYTES>()?;
    let [0, 0, 0, 0, e, f, g, h, ..] = *trailer else { return None };
    let holds = crc32c::crc32c_append(chain, &trailer[8..]) == u32::from_le_bytes([e, f, g, h]);
    holds.then_some(bytes.len())
}

fn read_header(disk: &mut dyn Disk, id: SnapshotId) -> Result<SnapshotHeader, SnapshotError> {
    let file = FileName::Snapshot(id.last);
    let damaged = SnapshotError::Damaged { offset: 0 };
    let start = disk.read(file, 0, 20)?;
    let needed = SnapshotHeader::bytes_needed(&start).ok_or(damaged)?;
    SnapshotHeader::decode(&disk.read(file, 0, needed)?)
}

fn read_u32(disk: &mut dyn Disk, id: SnapshotId, offset: u64) -> Result<u32, SnapshotError> {
    let bytes = disk.read(FileName::Snapshot(id.last), offset, 4)?;
    let bytes = bytes.first_chunk::<4>().ok_or(SnapshotError::Damaged { offset })?;
    Ok(u32::from_le_bytes(*bytes))
}

impl Making {
    fn begin(
        disk: &mut dyn Disk,
        cluster: ClusterId,
        meta: &SnapshotMeta,
    ) -> Result<Self, SnapshotError> {
        let (header, crc) = SnapshotHeader::encode(cluster, meta);
        let mut making =
            Self { meta: meta.clone(), sums: Sums::new(crc), chunk: BytesMut::new(), offset: 0 };
        disk.perform(Operation::Create { file: making.file(), bytes: 0 })?;
        making.write(disk, header.into())?;
        Ok(making)
    }

    // Its size is part of a snapshot's name, and not known before the end.
    fn file(&self) -> FileName {
        FileName::Staging(SnapshotId { last: self.meta.last, bytes: 0 })
    }

    fn write_chunk(&mut self, disk: &mut dyn Disk) -> Result<(), SnapshotError> {
        let head = self.sums.chunk(&self.chunk);
        let mut bytes = BytesMut::with_capacity(CHUNK_HEAD_BYTES + self.chunk.len());
        bytes.extend_from_slice(&head);
        bytes.extend_from_slice(&self.chunk);
        self.chunk.clear();
        self.write(disk, bytes.freeze())
    }

    fn write(&mut self, disk: &mut dyn Disk, bytes: Bytes) -> Result<(), SnapshotError> {
        let end = self.offset + bytes.len() as u64;
        disk.perform(Operation::Write { file: self.file(), offset: self.offset, bytes })?;
        self.offset = end;
        Ok(())
    }
}

impl Receiving {
    fn begin(
        disk: &mut dyn Disk,
        cluster: ClusterId,
        id: SnapshotId,
        other: Option<Self>,
    ) -> Result<Self, SnapshotError> {
        if let Some(other) = other {
            disk.perform(Operation::Remove(FileName::Staging(other.id)))?;
        }
        disk.perform(Operation::Create { file: FileName::Staging(id), bytes: 0 })?;
        Ok(Self { cluster, id, parser: Parser::default(), meta: None })
    }

    /// Checks before it writes, so that nothing damaged is ever staged.
    fn take(&mut self, disk: &mut dyn Disk, at: u64, bytes: Bytes) -> Result<(), SnapshotError> {
        if bytes.is_empty() {
            return Ok(());
        }
        self.parser.push(&bytes);
        if self.parser.pushed() > self.id.bytes {
            return Err(SnapshotError::Damaged { offset: self.id.bytes });
        }
        while let Some(piece) = self.parser.next()? {
            if let Piece::Header(header) = piece {
                self.meta = Some(header.meta).filter(|_| header.cluster == self.cluster);
            }
        }
        disk.perform(Operation::Write { file: FileName::Staging(self.id), offset: at, bytes })?;
        Ok(())
    }
}

impl From<DiskError> for SnapshotError {
    fn from(error: DiskError) -> Self {
        Self::Disk(error)
    }
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk(error) => error.fmt(f),
            Self::Gap { staged } => {
                write!(f, "a chunk leaves a hole; the transfer goes on from byte {staged}")
            }
            Self::Damaged { offset } => {
                write!(f, "the snapshot is damaged in the part at byte {offset}; fetch it again")
            }
            Self::NotFound(id) => {
                write!(f, "there is no snapshot of {} with {} bytes", id.last, id.bytes)
            }
            Self::NewerFormat { found, known } => write!(
                f,
                "the snapshot is of format {found}, this build reads up to {known}; update it"
            ),
        }
    }
}

impl std::error::Error for SnapshotError {}
