//! The identity file: whose directory this is, twice, in different sectors, so that one rotten sector does not
//! cost a node its directory. Written once, as a draft that is renamed when all else is there.

use bytes::{BufMut, Bytes};
use raft_core::{ClusterId, Incarnation, NodeId};

use crate::directory::{FORMAT, Identity};
use crate::sector::{SECTOR_BYTES, Seal, seal, unseal};

/// Where each copy lies.
pub(crate) const COPY_OFFSETS: [usize; 2] = [0, 4096];
/// Size of a file that holds two copies.
pub(crate) const COPIES_BYTES: usize = 8192;

const MAGIC: [u8; 8] = *b"QRMIDENT";

impl Identity {
    /// A directory of this build's format.
    #[must_use]
    pub fn new(cluster: ClusterId, node: NodeId, incarnation: Incarnation) -> Self {
        Self { cluster, node, incarnation, format: FORMAT }
    }

    /// The whole file.
    pub(crate) fn encode(&self) -> Bytes {
        let mut file = vec![0; COPIES_BYTES];
        for (copy, at) in (0..).zip(COPY_OFFSETS) {
            let mut fields = Vec::with_capacity(64);
            fields.put_u8(copy);
            fields.put_u8(0);
            fields.put_u128_le(self.cluster.0);
            fields.put_u64_le(self.node.0);
            fields.put_u64_le(self.incarnation.0);
            file[at..at + SECTOR_BYTES].copy_from_slice(&seal(MAGIC, &fields));
        }
        file.into()
    }

    /// What either copy says; a good one stands in for a broken one.
    pub(crate) fn decode(file: &[u8]) -> Seal<Self> {
        let [first, second] = Self::decode_copies(file);
        match (first, second) {
            (Seal::Good(identity), _) | (_, Seal::Good(identity)) => Seal::Good(identity),
            (Seal::Newer(format), _) | (_, Seal::Newer(format)) => Seal::Newer(format),
            (first, _) => first,
        }
    }

    /// Each copy by itself.
    pub(crate) fn decode_copies(file: &[u8]) -> [Seal<Self>; 2] {
        let copy = |number: u8, at: usize| {
            let sector = file.get(at..).unwrap_or_default();
            unseal(MAGIC, sector.get(..SECTOR_BYTES).unwrap_or_default(), |fields| {
                (fields.u8()? == number && fields.u8()? == 0).then_some(())?;
                let cluster = ClusterId(fields.u128()?);
                let (node, incarnation) = (NodeId(fields.u64()?), Incarnation(fields.u64()?));
                Some(Self { cluster, node, incarnation, format: FORMAT })
            })
        };
        [copy(0, COPY_OFFSETS[0]), copy(1, COPY_OFFSETS[1])]
    }
}
