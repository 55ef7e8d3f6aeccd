//! What a power cut leaves: everything durable, and of the rest any subset that somebody chooses. Each sector,
//! each size and each name is kept or lost by itself, and a sector may be torn at any byte.

use std::ops::Range;

use super::inode::{Change, apply_part};
use super::{Dice, FakeDisk, Loss, NameChange};

/// A moment at which the power could go, with all that is pending in the order it was submitted.
#[derive(Debug)]
pub struct CrashPoint<'a> {
    disk: &'a FakeDisk,
    pending: Vec<(u64, Item<'a>)>,
}

#[derive(Clone, Copy, Debug)]
enum Item<'a> {
    Data(usize, &'a Change),
    Name(&'a NameChange),
}

/// What becomes of one pending thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It never arrived.
    Lost,
    /// It did.
    Whole,
    /// Of a sector, these bytes arrived; of anything else, nothing.
    Part(Range<usize>),
}

impl<'a> CrashPoint<'a> {
    pub(super) fn new(disk: &'a FakeDisk) -> Self {
        let data = disk.inodes.iter().enumerate().flat_map(|(number, inode)| {
            inode.pending.iter().map(move |it| (it.order, Item::Data(number, &it.change)))
        });
        let names = disk.pending_names.iter().map(|(order, change)| (*order, Item::Name(change)));
        let mut pending: Vec<_> = data.chain(names).collect();
        pending.sort_by_key(|(order, _)| *order);
        Self { disk, pending }
    }

    /// How many things can be kept or lost.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pending.len()
    }

    /// Whether all there is, is durable.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// How many bytes the pending thing has that a tear can fall between.
    #[must_use]
    pub fn bytes(&self, item: usize) -> usize {
        match self.pending.get(item) {
            Some((_, Item::Data(_, change))) => change.bytes(),
            Some((_, Item::Name(_))) | None => 0,
        }
    }

    /// The disk after the power is back, with what `keep` says of each pending thing.
    pub fn image(&self, mut keep: impl FnMut(usize) -> Kept) -> FakeDisk {
        let mut disk = self.disk.restarted();
        let mut lost_from = None;
        for (number, (order, item)) in self.pending.iter().enumerate() {
            let kept = keep(number);
            match item {
                Item::Name(change) if kept == Kept::Whole => change.apply(&mut disk.durable_names),
                Item::Name(_) => disk.note(Loss::Name),
                Item::Data(inode, change) => {
                    disk.settle(*inode, change, &kept);
                    if kept == Kept::Lost {
                        lost_from = Some(*order);
                    } else if lost_from == Some(*order) {
                        disk.note(Loss::Hole);
                    }
                }
            }
        }
        disk.names = disk.durable_names.clone();
        for inode in &mut disk.inodes {
            inode.live.clone_from(&inode.durable);
        }
        disk
    }

    /// A power cut by chance: each thing kept or lost at even odds, one in sixteen torn.
    pub fn image_by_chance(&self, dice: &mut Dice) -> FakeDisk {
        self.image(|item| match (dice.below(16), self.bytes(item)) {
            (0, bytes @ 1..) => {
                let cut = dice.below(bytes);
                Kept::Part(if dice.hits(5_000) { 0..cut } else { cut..bytes })
            }
            (1..8, _) => Kept::Lost,
            _ => Kept::Whole,
        })
    }
}

impl FakeDisk {
    fn settle(&mut self, inode: usize, change: &Change, kept: &Kept) {
        let durable = &mut self.inodes[inode].durable;
        match (change, kept) {
            (_, Kept::Whole) => change.apply(durable),
            (Change::Sector { at, bytes }, Kept::Part(part)) => {
                apply_part(durable, *at, bytes, part.clone());
                self.note(Loss::Torn);
            }
            (Change::Size(_), _) => self.note(Loss::Size),
            (Change::Sector { .. }, Kept::Lost) => self.note(Loss::Sector),
        }
    }
}
