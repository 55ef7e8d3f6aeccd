//! One file of the fake disk: the bytes that readers see, the bytes that survive, and what lies between.

use crate::sector::SECTOR_BYTES;

/// A file without a name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inode {
    /// What reads see: the page cache.
    pub(crate) live: Vec<u8>,
    /// What a restart finds.
    pub(crate) durable: Vec<u8>,
    /// What was done since, in order; a sync makes it durable.
    pub(crate) pending: Vec<Pending>,
}

/// One thing that a crash keeps or loses by itself.
#[derive(Clone, Debug)]
pub(crate) struct Pending {
    /// When it was submitted, among all of the disk.
    pub(crate) order: u64,
    pub(crate) change: Change,
}

#[derive(Clone, Debug)]
pub(crate) enum Change {
    Size(usize),
    /// A sector's whole content after a write.
    Sector {
        at: usize,
        bytes: Vec<u8>,
    },
}

/// What the platter does with a write that the page cache has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Landing {
    Right,
    /// Reported as written, and never was.
    Nowhere,
    /// So many sectors further on.
    Off(usize),
}

impl Inode {
    pub(crate) fn resize(&mut self, order: u64, len: usize) {
        if len != self.live.len() {
            self.live.resize(len, 0);
            self.pending.push(Pending { order, change: Change::Size(len) });
        }
    }

    pub(crate) fn write(&mut self, order: u64, offset: usize, bytes: &[u8], landing: Landing) {
        let end = offset.saturating_add(bytes.len());
        if end > self.live.len() {
            self.resize(order, end);
        }
        self.live[offset..end].copy_from_slice(bytes);
        let first = offset / SECTOR_BYTES;
        for sector in first..end.div_ceil(SECTOR_BYTES) {
            self.touch(order, sector, landing);
        }
    }

    /// Fills with zeros what is not zero.
    pub(crate) fn clear(&mut self, order: u64) {
        for sector in 0..self.live.len().div_ceil(SECTOR_BYTES) {
            let range = self.sector(sector);
            if self.live[range.clone()].iter().any(|byte| *byte != 0) {
                self.live[range].fill(0);
                self.touch(order, sector, Landing::Right);
            }
        }
    }

    fn touch(&mut self, order: u64, sector: usize, landing: Landing) {
        let bytes = self.live[self.sector(sector)].to_vec();
        let at = match landing {
            Landing::Right => sector * SECTOR_BYTES,
            Landing::Nowhere => return,
            Landing::Off(by) => (sector + by) * SECTOR_BYTES,
        };
        self.pending.push(Pending { order, change: Change::Sector { at, bytes } });
    }

    fn sector(&self, sector: usize) -> std::ops::Range<usize> {
        let start = sector * SECTOR_BYTES;
        start..self.live.len().min(start + SECTOR_BYTES)
    }

    /// Makes durable what was submitted up to `order`.
    pub(crate) fn sync(&mut self, order: u64) {
        let later = self.pending.split_off(self.pending.partition_point(|it| it.order <= order));
        for done in std::mem::replace(&mut self.pending, later) {
            done.change.apply(&mut self.durable);
        }
    }

    /// A sync that failed: the pages are marked clean, the data never arrives. What was lost, in changes.
    pub(crate) fn lose(&mut self) -> usize {
        std::mem::take(&mut self.pending).len()
    }
}

impl Change {
    pub(crate) fn apply(&self, durable: &mut Vec<u8>) {
        match self {
            Self::Size(len) => durable.resize(*len, 0),
            Self::Sector { at, bytes } => apply_part(durable, *at, bytes, 0..bytes.len()),
        }
    }

    /// The bytes that a tear can fall between; none if it is there or not there.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Size(_) => 0,
            Self::Sector { bytes, .. } => bytes.len(),
        }
    }
}

/// Writes the part of a sector that arrived. What lies behind the end of the file is not seen again.
pub(crate) fn apply_part(
    durable: &mut [u8],
    at: usize,
    bytes: &[u8],
    part: std::ops::Range<usize>,
) {
    for byte in part {
        if let (Some(place), Some(value)) = (durable.get_mut(at + byte), bytes.get(byte)) {
            *place = *value;
        }
    }
}
