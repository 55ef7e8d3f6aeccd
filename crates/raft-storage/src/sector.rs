//! Sectors: the unit in which a disk keeps or loses what it was told, and the sealed one, which vouches for
//! itself. Identity, both copies of the vote, and the head of a segment are sealed sectors.
//!
//! ```text
//!   0       8     12       14                                    512
//!   ├───────┼─────┼────────┼───────────────────────────────┬──────┤
//!   │ magic │ crc │ format │ fields                        │ 0 …  │
//!   │ 8 B   │ u32 │ u16    │                               │      │
//!   └───────┴─────┴────────┴───────────────────────────────┴──────┘
//!   crc: CRC-32C of the magic and of everything behind the crc
//! ```

use crate::directory::FORMAT;
use crate::fields::Fields;

/// Bytes of a sector. Disks with larger ones write whole groups of these.
pub(crate) const SECTOR_BYTES: usize = 512;

/// A sector's bytes.
pub(crate) type Sector = [u8; SECTOR_BYTES];

/// What a sealed sector turns out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seal<T> {
    /// What was written.
    Good(T),
    /// Zeros: never written, or the write was lost.
    Blank,
    /// Written by a newer version of this program.
    Newer(u16),
    /// Anything else.
    Broken,
}

/// A sector of these fields, at most as many bytes as there is room for.
pub(crate) fn seal(magic: [u8; 8], fields: &[u8]) -> Sector {
    let mut sector = [0; SECTOR_BYTES];
    sector[..8].copy_from_slice(&magic);
    sector[12..14].copy_from_slice(&FORMAT.to_le_bytes());
    let room = &mut sector[HEAD_BYTES..];
    let len = fields.len().min(room.len());
    room[..len].copy_from_slice(&fields[..len]);
    let crc = crc_of(&sector);
    sector[8..12].copy_from_slice(&crc.to_le_bytes());
    sector
}

/// Reads a sector back; `read` takes the fields, and what it does not accept is broken.
pub(crate) fn unseal<T>(
    magic: [u8; 8],
    bytes: &[u8],
    read: impl FnOnce(&mut Fields<'_>) -> Option<T>,
) -> Seal<T> {
    if is_blank(bytes) {
        return Seal::Blank;
    }
    let Some(sector) = bytes.first_chunk::<SECTOR_BYTES>() else { return Seal::Broken };
    let mut fields = Fields::new(sector);
    let (found, crc, format) = (fields.bytes(8), fields.u32(), fields.u16());
    if found != Some(&magic) || crc != Some(crc_of(sector)) {
        return Seal::Broken;
    }
    match format {
        Some(FORMAT) => read(&mut fields).map_or(Seal::Broken, Seal::Good),
        Some(newer) if newer > FORMAT => Seal::Newer(newer),
        _ => Seal::Broken,
    }
}

impl<T> Seal<T> {
    /// What was written, if it can be read.
    pub(crate) fn good(self) -> Option<T> {
        match self {
            Self::Good(value) => Some(value),
            Self::Blank | Self::Newer(_) | Self::Broken => None,
        }
    }
}

/// Whether there is nothing but zeros.
pub(crate) fn is_zero(bytes: &[u8]) -> bool {
    bytes.chunks(SECTOR_BYTES).all(|part| ZEROS.get(..part.len()) == Some(part))
}

/// Whether nothing was ever written here: zeros, or a single bit that has flipped in them. Whatever is written
/// sets dozens.
pub(crate) fn is_blank(bytes: &[u8]) -> bool {
    is_zero(bytes) || bytes.iter().map(|byte| byte.count_ones()).sum::<u32>() <= 1
}

/// How many sectors of these hold nothing but zeros; a last short one counts as one.
pub(crate) fn zero_sectors(bytes: &[u8]) -> u32 {
    let count = bytes.chunks(SECTOR_BYTES).filter(|sector| is_zero(sector)).count();
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// `bytes` rounded up to whole multiples of `unit`.
pub(crate) fn round_up(bytes: usize, unit: usize) -> usize {
    bytes.div_ceil(unit).saturating_mul(unit)
}

const HEAD_BYTES: usize = 14;
const ZEROS: Sector = [0; SECTOR_BYTES];

fn crc_of(sector: &Sector) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&sector[..8]), &sector[12..])
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAGIC: [u8; 8] = *b"QRMTEST\0";

    #[test]
    fn every_flipped_bit_breaks_the_seal() {
        let sector = seal(MAGIC, b"fields");
        assert_eq!(unseal(MAGIC, &sector, |fields| fields.u8()), Seal::Good(b'f'));
        for bit in 0..SECTOR_BYTES * 8 {
            let mut flipped = sector;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unseal(MAGIC, &flipped, |fields| fields.u8()), Seal::Broken, "bit {bit}");
        }
    }

    #[test]
    fn a_newer_format_is_told_from_damage() {
        let mut sector = seal(MAGIC, b"");
        sector[12..14].copy_from_slice(&(FORMAT + 1).to_le_bytes());
        let crc = crc_of(&sector);
        sector[8..12].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(unseal(MAGIC, &sector, |_| Some(())), Seal::Newer(FORMAT + 1));
    }

    #[test]
    fn one_flipped_bit_in_zeros_is_blank_and_no_more_than_one() {
        let mut sector = [0; SECTOR_BYTES];
        sector[100] = 0x40;
        assert_eq!(unseal(MAGIC, &sector, |_| Some(())), Seal::Blank);
        sector[101] = 1;
        assert_eq!(unseal(MAGIC, &sector, |_| Some(())), Seal::Broken);
    }

    #[test]
    fn zeros_are_blank_and_counted_by_sector() {
        assert_eq!(unseal(MAGIC, &[0; SECTOR_BYTES], |_| Some(())), Seal::Blank);
        let mut bytes = vec![0; 4 * SECTOR_BYTES + 3];
        bytes[SECTOR_BYTES] = 1;
        assert_eq!(zero_sectors(&bytes), 4);
        assert!(!is_zero(&bytes));
    }
}
