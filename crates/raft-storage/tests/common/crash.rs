//! Which subsets of what was pending a crash may leave: all of them while they are few, and otherwise those in
//! which mistakes hide, with some by chance.

use raft_storage::{CrashPoint, Dice, Kept};

/// Pending things up to which every subset is tried.
const ALL_UP_TO: usize = 6;

/// Every way in which whole sectors, sizes and names may be kept or lost at this point.
pub(crate) fn subsets(point: &CrashPoint<'_>, dice: &mut Dice, more: usize) -> Vec<Vec<bool>> {
    let count = point.len();
    if count <= ALL_UP_TO {
        let is_kept = |set: usize| (0..count).map(|item| set >> item & 1 == 1).collect();
        return (0..1 << count).map(is_kept).collect();
    }
    let mut sets = Vec::new();
    for at in 0..=count {
        sets.push((0..count).map(|item| item < at).collect());
        sets.push((0..count).map(|item| item >= at).collect());
        sets.push((0..count).map(|item| item == at).collect());
        sets.push((0..count).map(|item| item != at).collect());
    }
    for _ in 0..more {
        sets.push((0..count).map(|_| dice.hits(5_000)).collect());
    }
    sets
}

/// The same with one sector torn, at its first and last byte and somewhere in between, from either side.
pub(crate) fn tears(point: &CrashPoint<'_>, dice: &mut Dice) -> Vec<Vec<Kept>> {
    let count = point.len();
    let mut all = Vec::new();
    for item in (0..count).filter(|item| point.bytes(*item) > 0) {
        let bytes = point.bytes(item);
        for cut in [1, 8, 1 + dice.below(bytes - 1), bytes - 1] {
            for part in [0..cut, cut..bytes] {
                let others = dice.below(3);
                let keep = |other: usize| match others {
                    _ if other == item => Kept::Part(part.clone()),
                    0 => Kept::Whole,
                    1 => Kept::Lost,
                    _ if other < item => Kept::Whole,
                    _ => Kept::Lost,
                };
                all.push((0..count).map(keep).collect());
            }
        }
    }
    all
}

/// Kept or lost, as a crash point wants it.
pub(crate) fn whole(is_kept: bool) -> Kept {
    if is_kept { Kept::Whole } else { Kept::Lost }
}
