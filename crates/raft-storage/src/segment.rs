//! The head of a segment: one sealed sector that says which segment this is and where in the chain of batches
//! it begins. It is written together with the first batch in it, so a good head proves that the batch before
//! was synced.
//!
//! ```text
//!   0          512          4096                                        file size
//!   ├──────────┼────────────┼─────────────┬─────────────┬───────────────┤
//!   │ head     │ 0 …        │ batch       │ batch       │ 0 …           │
//!   └──────────┴────────────┴─────────────┴─────────────┴───────────────┘
//!   head, a sealed sector:
//!   begin u8 · 0 u8 · cluster u128 · node u64 · incarnation u64 · number u64 · file size u64
//!   · previous batch u64 · its crc u32 · 0 u32 · suspect from u64, 0 is nowhere
//!   begin: 1 goes on where the segment before was full · 2 what lies behind the previous batch is void
//! ```

use bytes::BufMut;
use raft_core::{ClusterId, Incarnation, Index, NodeId};

use crate::directory::Identity;
use crate::sector::{SECTOR_BYTES, Seal, Sector, seal, unseal};

/// Where the first batch of a segment begins: a whole block behind the start, for direct writes.
pub(crate) const SEGMENT_HEAD_BYTES: usize = 4096;

const MAGIC: [u8; 8] = *b"QRMSEGM\0";

/// What the first sector of a segment says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHead {
    pub(crate) begin: Begin,
    pub(crate) number: u64,
    /// How large the file was made; a shorter one has been truncated.
    pub(crate) bytes: u64,
    /// The batch that this segment follows.
    pub(crate) previous: Link,
    /// The node was recovering when the segment was begun.
    pub(crate) suspect_from: Option<Index>,
}

/// How a segment takes up the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    /// The segment before was full.
    Roll,
    /// The segments before are damaged behind the previous batch, which has been reported: what lies there is
    /// void from now on.
    Cut,
}

/// The end of the chain: the last batch and its checksum, which the next one names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Link {
    /// The batch's number; zero before the first one.
    pub(crate) number: u64,
    /// The checksum in its header.
    pub(crate) crc: u32,
}

impl Link {
    /// The number of the batch that follows. Numbers do not run out; a file that says so lies.
    pub(crate) fn next_number(self) -> u64 {
        self.number.saturating_add(1)
    }
}

impl SegmentHead {
    pub(crate) fn encode(&self, identity: &Identity) -> Sector {
        let mut fields = Vec::with_capacity(96);
        fields.put_u8(match self.begin {
            Begin::Roll => 1,
            Begin::Cut => 2,
        });
        fields.put_u8(0);
        fields.put_u128_le(identity.cluster.0);
        fields.put_u64_le(identity.node.0);
        fields.put_u64_le(identity.incarnation.0);
        fields.put_u64_le(self.number);
        fields.put_u64_le(self.bytes);
        fields.put_u64_le(self.previous.number);
        fields.put_u32_le(self.previous.crc);
        fields.put_u32_le(0);
        fields.put_u64_le(self.suspect_from.unwrap_or(Index::ZERO).0);
        seal(MAGIC, &fields)
    }

    /// Reads the first sector of segment `number`. One of another directory or another segment is broken.
    pub(crate) fn decode(sector: &[u8], identity: &Identity, number: u64) -> Seal<Self> {
        unseal(MAGIC, sector.get(..SECTOR_BYTES).unwrap_or_default(), |fields| {
            let begin = match (fields.u8()?, fields.u8()?) {
                (1, 0) => Begin::Roll,
                (2, 0) => Begin::Cut,
                _ => return None,
            };
            let cluster = ClusterId(fields.u128()?);
            let (node, incarnation) = (NodeId(fields.u64()?), Incarnation(fields.u64()?));
            let is_ours = cluster == identity.cluster
                && node == identity.node
                && incarnation == identity.incarnation;
            let head = Self {
                begin,
                number: fields.u64()?,
                bytes: fields.u64()?,
                previous: Link { number: fields.u64()?, crc: fields.u32()? },
                suspect_from: {
                    (fields.u32()? == 0).then_some(())?;
                    Some(Index(fields.u64()?)).filter(|index| *index != Index::ZERO)
                },
            };
            (is_ours && head.number == number).then_some(head)
        })
    }
}
