//! The vote file: two copies of (sequence, term, vote) in different sectors. Both are synced, one after the
//! other, before anyone hears of the vote, so that neither a torn write nor one rotten sector brings an older
//! vote back.
//!
//! ```text
//!   0                 512              4096              4608          8192
//!   ├─────────────────┼────────────────┼─────────────────┼──────────────┤
//!   │ first copy      │ 0 …            │ second copy     │ 0 …          │
//!   └─────────────────┴────────────────┴─────────────────┴──────────────┘
//!   a copy is a sealed sector:
//!   copy u8 · 0 u8 · incarnation u64 · sequence u64 · term u64 · vote u64, 0 is nobody
//!   · is recovering u8 · the term it recovers from u64
//! ```

use bytes::{BufMut, Bytes};
use raft_core::{Ballot, Incarnation, NodeId, Term};

use crate::directory::FileName;
use crate::disk::Operation;
use crate::identity::{COPIES_BYTES, COPY_OFFSETS};
use crate::sector::{SECTOR_BYTES, Seal, Sector, seal, unseal};

const MAGIC: [u8; 8] = *b"QRMVOTE\0";

/// One copy's content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Vote {
    /// Grows with every write; the higher one is newer.
    pub(crate) sequence: u64,
    /// Term and vote.
    pub(crate) ballot: Ballot,
}

/// Both copies as they were found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VoteFile {
    pub(crate) copies: [Seal<Vote>; 2],
}

impl Vote {
    /// Writes and syncs the first copy, then the second.
    pub(crate) fn operations(self, incarnation: Incarnation) -> Vec<Operation> {
        let copy = |number: u8, at: usize| {
            let bytes = Bytes::copy_from_slice(&self.encode(incarnation, number));
            let write = Operation::Write { file: FileName::Vote, offset: at as u64, bytes };
            [write, Operation::Sync(FileName::Vote)]
        };
        (0..).zip(COPY_OFFSETS).flat_map(|(number, at)| copy(number, at)).collect()
    }

    fn encode(self, incarnation: Incarnation, copy: u8) -> Sector {
        let mut fields = Vec::with_capacity(64);
        fields.put_u8(copy);
        fields.put_u8(0);
        fields.put_u64_le(incarnation.0);
        fields.put_u64_le(self.sequence);
        fields.put_u64_le(self.ballot.term.0);
        fields.put_u64_le(self.ballot.vote.unwrap_or(NodeId::NOBODY).0);
        fields.put_u8(self.ballot.recovering.is_some().into());
        fields.put_u64_le(self.ballot.recovering.unwrap_or_default().0);
        seal(MAGIC, &fields)
    }
}

impl VoteFile {
    /// The file of a directory that is being made, with room for both copies.
    pub(crate) const BYTES: u64 = COPIES_BYTES as u64;

    /// Reads both copies. One of another incarnation, or in the other's place, is broken.
    pub(crate) fn decode(file: &[u8], incarnation: Incarnation) -> Self {
        let copy = |number: u8, at: usize| {
            let sector = file.get(at..).unwrap_or_default();
            unseal(MAGIC, sector.get(..SECTOR_BYTES).unwrap_or_default(), |fields| {
                (fields.u8()? == number && fields.u8()? == 0).then_some(())?;
                (fields.u64()? == incarnation.0).then_some(())?;
                let (sequence, term) = (fields.u64()?, Term(fields.u64()?));
                let vote = Some(NodeId(fields.u64()?)).filter(|vote| *vote != NodeId::NOBODY);
                let recovering = match (fields.u8()?, Term(fields.u64()?)) {
                    (0, Term(0)) => None,
                    (1, term) => Some(term),
                    _ => return None,
                };
                Some(Vote { sequence, ballot: Ballot { term, vote, recovering } })
            })
        };
        Self { copies: [copy(0, COPY_OFFSETS[0]), copy(1, COPY_OFFSETS[1])] }
    }

    /// The newer good copy; `None` if what this node promised is lost.
    pub(crate) fn newest(&self) -> Option<Vote> {
        self.copies.iter().filter_map(|copy| copy.good()).max_by_key(|vote| vote.sequence)
    }

    /// The places of copies that cannot be read.
    pub(crate) fn broken(&self) -> impl Iterator<Item = u64> {
        let places = self.copies.into_iter().zip(COPY_OFFSETS);
        places.filter(|(copy, _)| copy.good().is_none()).map(|(_, at)| at as u64)
    }
}
