//! A batch: what one sync makes durable. It begins on a fresh sector of zero-filled space, with a header that
//! says how much there is, how many of its sectors hold only zeros, and which batch came before.
//!
//! ```text
//!   0            64                                             whole sectors
//!   ├────────────┼──────────┬──────────┬─────┬──────────┬───────┤
//!   │ header     │ record   │ record   │  …  │ record   │ 0 …   │
//!   └────────────┴──────────┴──────────┴─────┴──────────┴───────┘
//!   header: magic u32 · crc u32 · number u64 · previous crc u32 · records crc u32 · records bytes u32
//!           · sectors u32 · zero sectors u32 · 0 u32 · first index u64 · commit index u64 · 0 u64
//!   record: crc u32 · length u32 · kind u8 · 0 0 0 · payload
//!   kind: 1 entries, as raft-core encodes them · 2 the log begins behind (index u64, term u64)
//!         · 3 the vote file knows now that the log is under repair
//! ```
//!
//! A record's crc goes on from the record before; the first one's from the crc of the batch before. The
//! header's own crc also covers the place it is written to, so that one that landed elsewhere is broken.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use raft_core::{Entries, EntryId, Incarnation, Index, Term};

use crate::fields::Fields;
use crate::sector::{SECTOR_BYTES, round_up, zero_sectors};
use crate::segment::Link;

/// Bytes of a batch's header.
pub(crate) const BATCH_HEADER_BYTES: usize = 64;
/// Bytes of a record's header.
pub(crate) const RECORD_HEADER_BYTES: usize = 12;
/// Bytes of a record that says where the log begins.
pub(crate) const RESET_BYTES: usize = RECORD_HEADER_BYTES + 16;
/// Bytes of the longest batch there can be: one entry of the largest size, with what may stand before it.
pub(crate) const BATCH_BYTES_LONGEST: usize = raft_core::ENTRY_BYTES_MAX + 4096;

const MAGIC: u32 = u32::from_le_bytes(*b"QRMB");
const ENTRIES: u8 = 1;
const RESET: u8 = 2;
const TOLD: u8 = 3;

/// Where a batch lies; part of what its checksum covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) incarnation: Incarnation,
    pub(crate) segment: u64,
    pub(crate) offset: u64,
}

/// The first bytes of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    pub(crate) number: u64,
    /// The checksum in the header of the batch before.
    pub(crate) previous_crc: u32,
    /// The checksum of the last record, and so of all.
    pub(crate) records_crc: u32,
    pub(crate) records_bytes: u32,
    /// Whole sectors that the batch takes, this one included.
    pub(crate) sectors: u32,
    /// How many of them hold nothing but zeros.
    pub(crate) zero_sectors: u32,
    /// The lowest index that its records begin at; zero if it has none.
    pub(crate) first_index: Index,
    /// How far was known to be committed when it was written.
    pub(crate) commit_index: Index,
}

/// One record, as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// Entries that follow the ones before, or replace them from their first index on.
    Entries(Entries),
    /// All entries before are void; the next one follows this one, which a snapshot holds.
    Reset(EntryId),
    /// What the segment's head knows to be suspect stands in the vote file now, until it is repaired.
    Told,
}

/// A batch under construction.
#[derive(Debug)]
pub(crate) struct BatchBuf {
    bytes: BytesMut,
    start: usize,
    previous: Link,
    crc: u32,
    first_index: Index,
}

impl BatchHeader {
    /// Reads a header that lies at `place`; `None` if it was not written there as it is.
    pub(crate) fn decode(bytes: &[u8], place: &Place) -> Option<Self> {
        Self::decode_with_crc(bytes, place).map(|(header, _)| header)
    }

    /// The same, with its own checksum, which the next batch names.
    pub(crate) fn decode_with_crc(bytes: &[u8], place: &Place) -> Option<(Self, u32)> {
        let bytes = bytes.first_chunk::<BATCH_HEADER_BYTES>()?;
        let mut fields = Fields::new(bytes);
        if fields.u32()? != MAGIC {
            return None;
        }
        let crc = fields.u32()?;
        if crc != place.crc(&bytes[8..]) {
            return None;
        }
        let (number, previous_crc, records_crc) = (fields.u64()?, fields.u32()?, fields.u32()?);
        let (records_bytes, sectors, zero_sectors) = (fields.u32()?, fields.u32()?, fields.u32()?);
        let is_zero = fields.u32()? == 0;
        let (first_index, commit_index) = (Index(fields.u64()?), Index(fields.u64()?));
        let header = Self {
            number,
            previous_crc,
            records_crc,
            records_bytes,
            sectors,
            zero_sectors,
            first_index,
            commit_index,
        };
        (is_zero && fields.u64()? == 0 && header.fits()).then_some((header, crc))
    }

    /// Bytes from its start to the start of the next batch.
    pub(crate) fn bytes(&self) -> usize {
        (self.sectors as usize).saturating_mul(SECTOR_BYTES)
    }

    fn fits(&self) -> bool {
        let needed = BATCH_HEADER_BYTES.saturating_add(self.records_bytes as usize);
        needed <= self.bytes() && self.bytes() <= BATCH_BYTES_LONGEST
    }

    /// Everything behind the magic and the checksum.
    fn encode(&self) -> [u8; BATCH_HEADER_BYTES - 8] {
        let mut bytes = [0; BATCH_HEADER_BYTES - 8];
        let mut out = &mut bytes[..];
        out.put_u64_le(self.number);
        out.put_u32_le(self.previous_crc);
        out.put_u32_le(self.records_crc);
        out.put_u32_le(self.records_bytes);
        out.put_u32_le(self.sectors);
        out.put_u32_le(self.zero_sectors);
        out.put_u32_le(0);
        out.put_u64_le(self.first_index.0);
        out.put_u64_le(self.commit_index.0);
        bytes
    }
}

impl Place {
    fn crc(&self, header: &[u8]) -> u32 {
        let mut place = [0; 24];
        let mut out = &mut place[..];
        out.put_u64_le(self.incarnation.0);
        out.put_u64_le(self.segment);
        out.put_u64_le(self.offset);
        crc32c::crc32c_append(crc32c::crc32c(&place), header)
    }
}

impl BatchBuf {
    /// A batch behind `previous`, in a buffer that already holds what is written in front of it.
    pub(crate) fn begin(mut bytes: BytesMut, previous: Link) -> Self {
        let start = bytes.len();
        bytes.put_bytes(0, BATCH_HEADER_BYTES);
        Self { bytes, start, previous, crc: previous.crc, first_index: Index::ZERO }
    }

    /// Entries as they are encoded.
    pub(crate) fn push_entries(&mut self, entries: &Entries) {
        if let Some(first) = entries.first() {
            self.lower_first_index(first.index);
            self.push(ENTRIES, entries.bytes());
        }
    }

    /// The log begins behind this entry.
    pub(crate) fn push_reset(&mut self, behind: EntryId) {
        let mut payload = [0; 16];
        payload[..8].copy_from_slice(&behind.index.0.to_le_bytes());
        payload[8..].copy_from_slice(&behind.term.0.to_le_bytes());
        self.lower_first_index(behind.index.next().unwrap_or(Index::MAX));
        self.push(RESET, &payload);
    }

    /// The vote file knows of the repair.
    pub(crate) fn push_told(&mut self) {
        self.push(TOLD, &[]);
    }

    /// Writes the header, pads to whole units, and says where the chain ends now.
    pub(crate) fn finish(
        mut self,
        place: &Place,
        commit_index: Index,
        unit: usize,
    ) -> (Bytes, Link) {
        let records_bytes = self.bytes.len() - self.start - BATCH_HEADER_BYTES;
        let offset = usize::try_from(place.offset).unwrap_or(usize::MAX);
        let end = round_up(offset + BATCH_HEADER_BYTES + records_bytes, unit);
        let len = end - offset;
        self.bytes.resize(self.start + len, 0);
        self.bytes[self.start..][..4].copy_from_slice(&MAGIC.to_le_bytes());
        let header = BatchHeader {
            number: self.previous.next_number(),
            previous_crc: self.previous.crc,
            records_crc: self.crc,
            records_bytes: u32::try_from(records_bytes).unwrap_or(u32::MAX),
            sectors: u32::try_from(len / SECTOR_BYTES).unwrap_or(u32::MAX),
            // The first one holds the header, which is not there yet.
            zero_sectors: zero_sectors(&self.bytes[self.start + SECTOR_BYTES..]),
            first_index: self.first_index,
            commit_index,
        };
        let fields = header.encode();
        let crc = place.crc(&fields);
        self.bytes[self.start + 4..][..4].copy_from_slice(&crc.to_le_bytes());
        self.bytes[self.start + 8..][..fields.len()].copy_from_slice(&fields);
        (self.bytes.freeze(), Link { number: header.number, crc })
    }

    fn lower_first_index(&mut self, index: Index) {
        if self.first_index == Index::ZERO || index < self.first_index {
            self.first_index = index;
        }
    }

    fn push(&mut self, kind: u8, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes();
        let [a, b, c, d] = length;
        let head = [a, b, c, d, kind, 0, 0, 0];
        self.crc = crc32c::crc32c_append(crc32c::crc32c_append(self.crc, &head), payload);
        self.bytes.put_u32_le(self.crc);
        self.bytes.put_slice(&head);
        self.bytes.put_slice(payload);
    }
}

/// The records of a batch, one after the other, each held against its checksum.
pub(crate) struct Records {
    rest: Bytes,
    crc: u32,
    end: u32,
}

impl Records {
    /// The records behind a good header; `batch` holds the whole batch.
    pub(crate) fn new(header: &BatchHeader, batch: &Bytes) -> Option<Self> {
        let end = BATCH_HEADER_BYTES.checked_add(header.records_bytes as usize)?;
        (end <= batch.len()).then(|| Self {
            rest: batch.slice(BATCH_HEADER_BYTES..end),
            crc: header.previous_crc,
            end: header.records_crc,
        })
    }

    /// The next record; `Ok(None)` behind the last one.
    pub(crate) fn next(&mut self) -> Result<Option<Record>, &'static str> {
        if self.rest.is_empty() {
            let holds = self.crc == self.end;
            return if holds { Ok(None) } else { Err("the records end with another checksum") };
        }
        let head = self.rest.first_chunk::<RECORD_HEADER_BYTES>().ok_or("a record is cut off")?;
        let mut fields = Fields::new(head);
        let (Some(crc), Some(length), Some(kind)) = (fields.u32(), fields.u32(), fields.u8())
        else {
            return Err("a record is cut off");
        };
        let length = length as usize;
        let end = RECORD_HEADER_BYTES.saturating_add(length);
        if end > self.rest.len() || crc != crc32c::crc32c_append(self.crc, &self.rest[4..end]) {
            return Err("a record does not match its checksum");
        }
        self.crc = crc;
        self.rest.advance(RECORD_HEADER_BYTES);
        let payload = self.rest.split_to(length);
        read_record(kind, payload).map(Some)
    }
}

// The checksum held, so these bytes were written by this program or by one that means harm.
fn read_record(kind: u8, payload: Bytes) -> Result<Record, &'static str> {
    match kind {
        ENTRIES => {
            let entries = Entries::decode(payload).map_err(|_| "a record holds no entries")?;
            if entries.is_empty() {
                Err("a record holds no entries")
            } else {
                Ok(Record::Entries(entries))
            }
        }
        RESET => {
            let mut fields = Fields::new(&payload);
            match (fields.u64(), fields.u64(), payload.len()) {
                (Some(index), Some(term), 16) => {
                    Ok(Record::Reset(EntryId::new(Term(term), Index(index))))
                }
                _ => Err("a record names no entry"),
            }
        }
        TOLD if payload.is_empty() => Ok(Record::Told),
        _ => Err("a record is of a kind that does not exist"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_good_only_where_it_was_written() {
        let place = Place { incarnation: Incarnation(7), segment: 3, offset: 8192 };
        let previous = Link { number: 4, crc: 99 };
        let mut batch = BatchBuf::begin(BytesMut::new(), previous);
        batch.push_reset(EntryId::new(Term(2), Index(5)));
        let (bytes, link) = batch.finish(&place, Index(4), SECTOR_BYTES);
        assert_eq!(link.number, 5);
        assert_eq!(bytes.len(), SECTOR_BYTES);

        let header = BatchHeader::decode(&bytes, &place).expect("it lies where it was written");
        let mut records = Records::new(&header, &bytes).expect("it is all there");
        assert_eq!(records.next(), Ok(Some(Record::Reset(EntryId::new(Term(2), Index(5))))));
        assert_eq!(records.next(), Ok(None));
        for elsewhere in [
            Place { incarnation: Incarnation(8), ..place },
            Place { segment: 4, ..place },
            Place { offset: 8704, ..place },
        ] {
            assert_eq!(BatchHeader::decode(&bytes, &elsewhere), None);
        }
    }
}
