//! Log entries as they are on disk and on the wire: a fixed header and raw bytes, encoded once. The same
//! `Bytes` go to the log and to every follower, so what is here is a checked run of encoded entries and a
//! view of each, never a list of decoded ones.
//!
//! ```text
//!   0        4     5         6          8        16       24       32
//!   ├────────┼─────┼─────────┼──────────┼────────┼────────┼────────┼───────────┤
//!   │ length │kind │ version │ 0        │ index  │ term   │ time   │ payload   │
//!   │ u32    │u8   │ u8 = 1  │ u16      │ u64    │ u64    │ u64 ms │ length B  │
//!   └────────┴─────┴─────────┴──────────┴────────┴────────┴────────┴───────────┘
//!   kind: 1 empty · 2 command · 3 membership        all integers little-endian
//! ```

use bytes::{BufMut, Bytes, BytesMut};

use crate::contradiction::Contradiction;
use crate::decode::{DecodeError, Reader};
use crate::ids::{EntryId, Index, LogTime, Term};
use crate::membership::Membership;

/// Bytes of an entry's header.
pub const ENTRY_HEADER_BYTES: usize = 32;
/// Bytes of one entry at most, header included.
pub const ENTRY_BYTES_MAX: usize = 2 * 1024 * 1024;

const VERSION: u8 = 1;
const EMPTY: u8 = 1;
const COMMAND: u8 = 2;
const MEMBERSHIP: u8 = 3;

/// One entry, borrowed from the bytes it is encoded in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its term and position.
    pub id: EntryId,
    /// Log time: the leader's clock as carried from entry to entry, never decreasing.
    pub time: LogTime,
    /// What it says.
    pub payload: Payload<'a>,
}

/// What an entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// Nothing: the first entry of a leader, and the tick that moves log time.
    Empty,
    /// A command for the state machine. The core never looks inside.
    Command(&'a [u8]),
    /// The encoding of a [`Membership`] that is in force from this entry on. Its bytes have been checked.
    Membership(&'a [u8]),
}

/// A run of encoded entries in consecutive positions, checked once, cheap to clone and to cut.
///
/// Invariant: positions follow one another, terms and times never decrease, every payload is well formed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries {
    bytes: Bytes,
    ends: Option<Ends>,
}

/// First and last entry of a run that is not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ends {
    first: EntryId,
    last: EntryId,
    first_time: LogTime,
    last_time: LogTime,
    /// Whether any of them is a membership, which is rare, so that most runs need not be searched.
    has_membership: bool,
}

/// A run under construction, for whoever makes entries: the leader, and tests.
#[derive(Clone, Debug, Default)]
pub struct EntriesBuf {
    bytes: BytesMut,
    ends: Option<Ends>,
}

impl Entries {
    /// A run without entries.
    #[must_use]
    pub const fn empty() -> Self {
        Self { bytes: Bytes::new(), ends: None }
    }

    /// Checks received bytes. They are kept as they are, not copied; whoever stores the run for long and
    /// got it out of a larger buffer copies it first.
    ///
    /// # Errors
    /// The first rule that the bytes break. Nothing is allocated but the members of a membership, while
    /// it is being checked.
    pub fn decode(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut ends: Option<Ends> = None;
        let mut reader = Reader::new(&bytes);
        while !reader.is_empty() {
            let entry = read_entry(&mut reader)?;
            check_payload(entry.payload)?;
            ends = Some(Ends::extended(ends, &entry).map_err(DecodeError::Invalid)?);
        }
        Ok(Self { bytes, ends })
    }

    /// The encoded bytes: what goes to disk and to peers, and what is hashed.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The first entry's id.
    #[must_use]
    pub fn first(&self) -> Option<EntryId> {
        self.ends.map(|ends| ends.first)
    }

    /// The last entry's id.
    #[must_use]
    pub fn last(&self) -> Option<EntryId> {
        self.ends.map(|ends| ends.last)
    }

    /// The first entry's log time.
    #[must_use]
    pub fn first_time(&self) -> Option<LogTime> {
        self.ends.map(|ends| ends.first_time)
    }

    /// The last entry's log time.
    #[must_use]
    pub fn last_time(&self) -> Option<LogTime> {
        self.ends.map(|ends| ends.last_time)
    }

    /// Whether there is no entry.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_none()
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.ends.map_or(0, |ends| ends.last.index.since(ends.first.index.previous()))
    }

    /// Whether any of the entries is a membership.
    #[must_use]
    pub fn has_membership(&self) -> bool {
        self.ends.is_some_and(|ends| ends.has_membership)
    }

    /// The part from position `index` on; all of it if it begins there or later.
    pub(crate) fn starting_at(&self, index: Index) -> Self {
        match self.ends {
            Some(ends) if ends.first.index < index => self.split(index).1,
            _ => self.clone(),
        }
    }

    /// The part up to and with position `index`; all of it if it ends there or earlier.
    pub(crate) fn ending_at(&self, index: Index) -> Self {
        match (self.ends, index.next()) {
            (Some(ends), Some(end)) if ends.last.index > index => self.split(end).0,
            _ => self.clone(),
        }
    }

    /// The first entries, as many as `bytes_max` holds and at least one.
    pub(crate) fn limited(&self, bytes_max: usize) -> Self {
        if self.bytes.len() <= bytes_max {
            return self.clone();
        }
        let mut bytes = 0_usize;
        let beyond = self.iter().skip_while(|entry| {
            let is_first = bytes == 0;
            bytes = bytes.saturating_add(entry.encoded_bytes());
            is_first || bytes <= bytes_max
        });
        match beyond.map(|entry| entry.id.index).next() {
            Some(index) => self.split(index).0,
            None => self.clone(),
        }
    }

    /// The same entries in memory of their own, so that a small run never pins a large packet.
    pub(crate) fn copied(&self) -> Self {
        Self { bytes: Bytes::copy_from_slice(&self.bytes), ends: self.ends }
    }

    /// The entries in order.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter { reader: Reader::new(&self.bytes) }
    }

    /// The part before position `index`, and the part from it on. Both share these bytes.
    #[must_use]
    pub fn split(&self, index: Index) -> (Self, Self) {
        let mut at = 0_usize;
        let mut before: Option<Ends> = None;
        let mut after: Option<Ends> = None;
        for entry in self {
            let side = if entry.id.index < index { &mut before } else { &mut after };
            if entry.id.index < index {
                at = at.saturating_add(entry.encoded_bytes());
            }
            *side = Ends::extended(*side, &entry).ok().or(*side);
        }
        (
            Self { bytes: self.bytes.slice(..at), ends: before },
            Self { bytes: self.bytes.slice(at..), ends: after },
        )
    }
}

impl<'a> IntoIterator for &'a Entries {
    type Item = Entry<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The entries of a run in order.
pub struct Iter<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    // The bytes were checked when the run was made, so a read fails only behind the last entry.
    fn next(&mut self) -> Option<Entry<'a>> {
        read_entry(&mut self.reader).ok()
    }
}

impl Entry<'_> {
    /// Bytes that this entry takes in a run.
    #[must_use]
    pub fn encoded_bytes(&self) -> usize {
        self.payload.bytes().len().saturating_add(ENTRY_HEADER_BYTES)
    }
}

impl<'a> Payload<'a> {
    /// The raw bytes; none for [`Payload::Empty`].
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Payload::Empty => &[],
            Payload::Command(bytes) | Payload::Membership(bytes) => bytes,
        }
    }

    fn kind(self) -> u8 {
        match self {
            Payload::Empty => EMPTY,
            Payload::Command(_) => COMMAND,
            Payload::Membership(_) => MEMBERSHIP,
        }
    }
}

impl Ends {
    fn extended(ends: Option<Self>, entry: &Entry<'_>) -> Result<Self, &'static str> {
        let Some(ends) = ends else { return Self::of_first(entry) };
        if ends.last.index.next() != Some(entry.id.index) {
            return Err("an entry does not follow the one before it");
        }
        if entry.id.term < ends.last.term {
            return Err("an entry has an older term than the one before it");
        }
        if entry.time < ends.last_time {
            return Err("an entry has an earlier log time than the one before it");
        }
        Self::of_first(entry)?;
        let has_membership = ends.has_membership || is_membership(entry);
        Ok(Self { last: entry.id, last_time: entry.time, has_membership, ..ends })
    }

    fn of_first(entry: &Entry<'_>) -> Result<Self, &'static str> {
        if entry.id.index == Index::ZERO || entry.id.index > Index::MAX {
            return Err("an entry has a position that no entry can have");
        }
        if entry.id.term == Term(0) || entry.id.term > Term::MAX {
            return Err("an entry has a term in which nobody can lead");
        }
        Ok(Self {
            first: entry.id,
            last: entry.id,
            first_time: entry.time,
            last_time: entry.time,
            has_membership: is_membership(entry),
        })
    }
}

impl EntriesBuf {
    /// A run without entries, with room for `bytes` bytes of them.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: BytesMut::with_capacity(bytes), ends: None }
    }

    /// Appends an entry.
    ///
    /// # Errors
    /// A contradiction if the entry does not follow the last one, is larger than [`ENTRY_BYTES_MAX`], or
    /// holds what is no membership as one; the run is then unchanged.
    pub fn push(&mut self, entry: &Entry<'_>) -> Result<(), Contradiction> {
        let ends = Ends::extended(self.ends, entry).map_err(Contradiction::new)?;
        check_payload(entry.payload).map_err(|error| Contradiction::new(error.to_string()))?;
        let payload = entry.payload.bytes();
        if entry.encoded_bytes() > ENTRY_BYTES_MAX {
            return Err(Contradiction::new("an entry is larger than any entry may be"));
        }
        let length = u32::try_from(payload.len())
            .map_err(|_| Contradiction::new("an entry's length does not fit its header"))?;
        self.bytes.reserve(entry.encoded_bytes());
        self.bytes.put_u32_le(length);
        self.bytes.put_u8(entry.payload.kind());
        self.bytes.put_u8(VERSION);
        self.bytes.put_u16_le(0);
        self.bytes.put_u64_le(entry.id.index.0);
        self.bytes.put_u64_le(entry.id.term.0);
        self.bytes.put_u64_le(entry.time.0);
        self.bytes.put_slice(payload);
        self.ends = Some(ends);
        Ok(())
    }

    /// Appends a whole run that follows the last entry.
    pub(crate) fn extend(&mut self, run: &Entries) {
        let Some(more) = run.ends else { return };
        self.bytes.extend_from_slice(&run.bytes);
        self.ends = Some(match self.ends {
            None => more,
            Some(ends) => Ends {
                last: more.last,
                last_time: more.last_time,
                has_membership: ends.has_membership || more.has_membership,
                ..ends
            },
        });
    }

    /// Whether nothing has been appended.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_none()
    }

    /// The last entry appended.
    #[must_use]
    pub fn last(&self) -> Option<EntryId> {
        self.ends.map(|ends| ends.last)
    }

    /// Bytes appended so far.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.bytes.len()
    }

    /// The run so far; what is pushed next begins another one.
    #[must_use]
    pub fn take(&mut self) -> Entries {
        Entries { bytes: self.bytes.split().freeze(), ends: self.ends.take() }
    }
}

fn read_entry<'a>(reader: &mut Reader<'a>) -> Result<Entry<'a>, DecodeError> {
    let length = reader.u32()? as usize;
    let kind = reader.u8()?;
    let version = reader.u8()?;
    let reserved = reader.u16()?;
    let index = Index(reader.u64()?);
    let term = Term(reader.u64()?);
    let time = LogTime(reader.u64()?);
    if version != VERSION {
        return Err(DecodeError::Version { found: version.into(), known: VERSION.into() });
    }
    if reserved != 0 {
        return Err(DecodeError::Invalid("an entry's reserved bytes are not zero"));
    }
    let size = length.saturating_add(ENTRY_HEADER_BYTES);
    if size > ENTRY_BYTES_MAX {
        let (size, max) = (size as u64, ENTRY_BYTES_MAX as u64);
        return Err(DecodeError::TooLarge { what: "the size of an entry", size, max });
    }
    let payload = match (kind, reader.bytes(length)?) {
        (EMPTY, []) => Payload::Empty,
        (COMMAND, bytes) => Payload::Command(bytes),
        (MEMBERSHIP, bytes) => Payload::Membership(bytes),
        (EMPTY, _) => return Err(DecodeError::Invalid("an empty entry has a payload")),
        _ => return Err(DecodeError::Invalid("an entry is of a kind that does not exist")),
    };
    Ok(Entry { id: EntryId::new(term, index), time, payload })
}

fn is_membership(entry: &Entry<'_>) -> bool {
    matches!(entry.payload, Payload::Membership(_))
}

fn check_payload(payload: Payload<'_>) -> Result<(), DecodeError> {
    let Payload::Membership(bytes) = payload else { return Ok(()) };
    if Membership::decode(bytes)?.members().is_empty() {
        return Err(DecodeError::Invalid("an entry leaves the cluster without members"));
    }
    Ok(())
}
