//! The bytes of a snapshot: a header, the state in chunks that each have a checksum, and a trailer with one over
//! the whole. Nothing in it belongs to one node: at the same position every member of a cluster has the same
//! bytes, so a transfer may go on from another sender.
//!
//! ```text
//!   ├────────┬─────────┬─────────┬─────┬─────────┬─────────┤
//!   │ header │ chunk   │ chunk   │  …  │ chunk   │ trailer │
//!   └────────┴─────────┴─────────┴─────┴─────────┴─────────┘
//!   header:  magic 8 B · crc u32 · format u16 · 0 u16 · header bytes u32 · cluster u128 · index u64 · term u64
//!            · time u64 · membership index u64 · membership, to the end of the header
//!   chunk:   length u32, 1 to 65536 and only the last one shorter · crc u32 · state
//!   trailer: 0 u32 · crc u32 · state bytes u64 · crc of the whole state u32
//! ```
//!
//! The crc of a chunk goes on from the chunk before, the first one's from the header; the trailer's goes on from
//! the last chunk. Chunks have one size, so that any of them can be found and checked by itself.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use raft_core::{ClusterId, EntryId, Index, LogTime, Membership, SnapshotMeta, Term};

use crate::directory::FORMAT;
use crate::fields::Fields;
use crate::snapshot_store::SnapshotError;

/// Bytes of state in a chunk.
pub(crate) const CHUNK_BYTES: usize = 64 * 1024;
/// Bytes in front of a chunk's state.
pub(crate) const CHUNK_HEAD_BYTES: usize = 8;
/// Bytes of a header before its membership.
pub(crate) const HEADER_BYTES_MIN: usize = 68;
/// Bytes of the trailer.
pub(crate) const TRAILER_BYTES: usize = 20;

/// A full membership is below 52 KiB.
const HEADER_BYTES_MAX: usize = 64 * 1024;
const MAGIC: [u8; 8] = *b"QRMSNAP\0";

/// What a header says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SnapshotHeader {
    pub(crate) cluster: ClusterId,
    pub(crate) meta: SnapshotMeta,
    pub(crate) bytes: usize,
    pub(crate) crc: u32,
}

/// The checksums of a state as it goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    chain: u32,
    whole: u32,
    bytes: u64,
}

/// One part of a snapshot, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Header(Box<SnapshotHeader>),
    Chunk(Bytes),
    /// The whole is good.
    Trailer,
}

/// Takes a snapshot apart as its bytes come, in pushes of any size. Holds one chunk at most, and what was pushed
/// last.
#[derive(Debug, Default)]
pub(crate) struct Parser {
    buffer: BytesMut,
    /// Where the buffer begins in the file.
    offset: u64,
    sums: Option<Sums>,
    is_short: bool,
    is_done: bool,
}

impl SnapshotHeader {
    /// The bytes of a header, and its checksum.
    pub(crate) fn encode(cluster: ClusterId, meta: &SnapshotMeta) -> (Vec<u8>, u32) {
        let mut membership = Vec::new();
        meta.membership.encode(&mut membership);
        let bytes = HEADER_BYTES_MIN + membership.len();
        let mut out = Vec::with_capacity(bytes);
        out.put_slice(&MAGIC);
        out.put_u32_le(0);
        out.put_u16_le(FORMAT);
        out.put_u16_le(0);
        out.put_u32_le(u32::try_from(bytes).unwrap_or(u32::MAX));
        out.put_u128_le(cluster.0);
        out.put_u64_le(meta.last.index.0);
        out.put_u64_le(meta.last.term.0);
        out.put_u64_le(meta.time.0);
        out.put_u64_le(meta.membership_index.0);
        out.put_slice(&membership);
        let crc = header_crc(&out);
        out[8..12].copy_from_slice(&crc.to_le_bytes());
        (out, crc)
    }

    /// How many bytes the header has, or how many are needed to tell.
    pub(crate) fn bytes_needed(start: &[u8]) -> Option<usize> {
        let Some(start) = start.get(..20) else { return Some(20) };
        let mut fields = Fields::new(start.get(16..)?);
        let bytes = fields.u32()? as usize;
        let is_possible = (HEADER_BYTES_MIN..=HEADER_BYTES_MAX).contains(&bytes);
        (start.get(..8) == Some(&MAGIC) && is_possible).then_some(bytes)
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let damaged = SnapshotError::Damaged { offset: 0 };
        let Some(format) =
            (bytes.len() >= HEADER_BYTES_MIN).then(|| header_format(bytes)).flatten()
        else {
            return Err(damaged);
        };
        if format != FORMAT {
            return Err(SnapshotError::NewerFormat { found: format, known: FORMAT });
        }
        Self::decode_fields(bytes).ok_or(damaged)
    }

    fn decode_fields(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields::new(bytes);
        fields.bytes(8)?;
        let crc = fields.u32()?;
        fields.u16()?;
        (fields.u16()? == 0 && fields.u32()? as usize == bytes.len()).then_some(())?;
        let cluster = ClusterId(fields.u128()?);
        let (index, term) = (Index(fields.u64()?), Term(fields.u64()?));
        let (time, membership_index) = (LogTime(fields.u64()?), Index(fields.u64()?));
        let membership = Membership::decode(bytes.get(HEADER_BYTES_MIN..)?).ok()?;
        let last = EntryId::new(term, index);
        let meta = SnapshotMeta { last, time, membership, membership_index };
        Some(Self { cluster, meta, bytes: bytes.len(), crc })
    }
}

impl Sums {
    /// In front of the first chunk.
    pub(crate) fn new(header_crc: u32) -> Self {
        Self { chain: header_crc, whole: 0, bytes: 0 }
    }

    /// Takes a chunk, and gives what stands in front of it.
    pub(crate) fn chunk(&mut self, state: &[u8]) -> [u8; CHUNK_HEAD_BYTES] {
        let length = u32::try_from(state.len()).unwrap_or(u32::MAX).to_le_bytes();
        self.chain = chunk_crc(self.chain, state);
        self.whole = crc32c::crc32c_append(self.whole, state);
        self.bytes += state.len() as u64;
        let mut head = [0; CHUNK_HEAD_BYTES];
        head[..4].copy_from_slice(&length);
        head[4..].copy_from_slice(&self.chain.to_le_bytes());
        head
    }

    pub(crate) fn trailer(&self) -> [u8; TRAILER_BYTES] {
        let mut bytes = [0; TRAILER_BYTES];
        bytes[8..16].copy_from_slice(&self.bytes.to_le_bytes());
        bytes[16..].copy_from_slice(&self.whole.to_le_bytes());
        let crc = crc32c::crc32c_append(self.chain, &bytes[8..]);
        bytes[4..8].copy_from_slice(&crc.to_le_bytes());
        bytes
    }
}

/// The checksum of a chunk that follows one with checksum `before`.
pub(crate) fn chunk_crc(before: u32, state: &[u8]) -> u32 {
    let length = u32::try_from(state.len()).unwrap_or(u32::MAX).to_le_bytes();
    crc32c::crc32c_append(crc32c::crc32c_append(before, &length), state)
}

impl Parser {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.put_slice(bytes);
    }

    /// How many bytes were pushed.
    pub(crate) fn pushed(&self) -> u64 {
        self.offset + self.buffer.len() as u64
    }

    /// Whether the trailer was reached, and nothing lies behind it.
    pub(crate) fn is_whole(&self) -> bool {
        self.is_done && self.buffer.is_empty()
    }

    /// The next part, or `None` until more is pushed.
    pub(crate) fn next(&mut self) -> Result<Option<Piece>, SnapshotError> {
        let damaged = SnapshotError::Damaged { offset: self.offset };
        if self.is_done {
            return if self.buffer.is_empty() { Ok(None) } else { Err(damaged) };
        }
        let Some(sums) = self.sums else { return self.next_header() };
        let Some(head) = self.buffer.first_chunk::<CHUNK_HEAD_BYTES>() else { return Ok(None) };
        let mut fields = Fields::new(head);
        let (Some(length), Some(crc)) = (fields.u32(), fields.u32()) else { return Err(damaged) };
        let length = length as usize;
        if length == 0 {
            return self.next_trailer(sums);
        }
        if length > CHUNK_BYTES || self.is_short {
            return Err(damaged);
        }
        if self.buffer.len() < CHUNK_HEAD_BYTES + length {
            return Ok(None);
        }
        self.buffer.advance(CHUNK_HEAD_BYTES);
        let state = self.buffer.split_to(length).freeze();
        let mut sums = sums;
        sums.chunk(&state);
        if sums.chain != crc {
            return Err(damaged);
        }
        self.is_short = length < CHUNK_BYTES;
        self.sums = Some(sums);
        self.offset += (CHUNK_HEAD_BYTES + length) as u64;
        Ok(Some(Piece::Chunk(state)))
    }

    fn next_header(&mut self) -> Result<Option<Piece>, SnapshotError> {
        let needed = SnapshotHeader::bytes_needed(&self.buffer)
            .ok_or(SnapshotError::Damaged { offset: 0 })?;
        if self.buffer.len() < needed || needed < HEADER_BYTES_MIN {
            return Ok(None);
        }
        let header = SnapshotHeader::decode(&self.buffer.split_to(needed))?;
        self.sums = Some(Sums::new(header.crc));
        self.offset += needed as u64;
        Ok(Some(Piece::Header(Box::new(header))))
    }

    fn next_trailer(&mut self, sums: Sums) -> Result<Option<Piece>, SnapshotError> {
        let Some(trailer) = self.buffer.first_chunk::<TRAILER_BYTES>() else { return Ok(None) };
        if *trailer != sums.trailer() {
            return Err(SnapshotError::Damaged { offset: self.offset });
        }
        self.buffer.advance(TRAILER_BYTES);
        self.offset += TRAILER_BYTES as u64;
        self.is_done = true;
        Ok(Some(Piece::Trailer))
    }
}

/// The format of a header whose checksum holds.
fn header_format(bytes: &[u8]) -> Option<u16> {
    let mut fields = Fields::new(bytes);
    fields.bytes(8)?;
    let crc = fields.u32()?;
    let format = fields.u16()?;
    (crc == header_crc(bytes) && format >= FORMAT).then_some(format)
}

fn header_crc(header: &[u8]) -> u32 {
    let (magic, rest) = header.split_at(8.min(header.len()));
    crc32c::crc32c_append(crc32c::crc32c(magic), rest.get(4..).unwrap_or_default())
}
