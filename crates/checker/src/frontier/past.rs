//! Where a sweep has been, so that it can go back and come again with a wider beam.

use super::best::Config;

/// A place to come back to: all that changes while a sweep goes on.
pub(super) struct Checkpoint {
    pub(super) next: usize,
    pub(super) passed: usize,
    pub(super) slots: Vec<Option<u32>>,
    pub(super) unknown: usize,
    pub(super) frontier: Vec<Config>,
    pub(super) is_complete: bool,
}

/// Checkpoints, dense near the end and thin before. The first is the last complete one: whoever comes
/// back to it with a beam that is wide enough knows.
#[derive(Default)]
pub(super) struct Past {
    checkpoints: Vec<Checkpoint>,
}

impl Past {
    pub(super) fn push(&mut self, checkpoint: Checkpoint) {
        if checkpoint.is_complete {
            self.checkpoints.clear();
        }
        self.checkpoints.push(checkpoint);
        if self.checkpoints.len() > CHECKPOINTS_MAX {
            let dense_from = self.checkpoints.len() - CHECKPOINTS_MAX / 2;
            let mut at = 0;
            self.checkpoints.retain(|_| {
                at += 1;
                at % 2 == 1 || at > dense_from
            });
        }
    }

    /// The last checkpoint at which no more than `passed` returns had passed; the first if none is
    /// that early. Later ones are forgotten.
    pub(super) fn back_to(&mut self, passed: usize) -> &Checkpoint {
        let kept = self.checkpoints.partition_point(|other| other.passed <= passed);
        self.checkpoints.truncate(kept.max(1));
        self.checkpoints.last().expect("a sweep remembers its start before it takes a step")
    }

    /// The configurations of all checkpoints.
    pub(super) fn configs(&mut self) -> impl Iterator<Item = &mut Config> {
        self.checkpoints.iter_mut().flat_map(|checkpoint| &mut checkpoint.frontier)
    }

    /// How many configurations there are in all checkpoints.
    pub(super) fn width(&self) -> usize {
        self.checkpoints.iter().map(|checkpoint| checkpoint.frontier.len()).sum()
    }
}

/// How wide the frontier may become, and how freely it may use unknowns.
pub(super) struct Beam {
    pub(super) width: usize,
    /// How many unknowns one return may use, as long as something lives without more.
    pub(super) unknowns: u32,
    level: u32,
    /// The furthest return at which a frontier died.
    furthest: usize,
}

impl Default for Beam {
    fn default() -> Self {
        Self { width: FIRST_WIDTH, unknowns: 0, level: 0, furthest: 0 }
    }
}

impl Beam {
    /// A frontier lives behind this many returns: well past all trouble, it may be narrow again.
    pub(super) fn advance(&mut self, passed: usize) {
        if self.level > 0 && passed > self.furthest + CLEAR_RETURNS {
            *self = Self { furthest: self.furthest, ..Self::default() };
        }
    }

    /// A frontier died there: how many returns to go back for another try. Each try at one place goes
    /// back further, with a wider beam.
    pub(super) fn widen(&mut self, passed: usize) -> usize {
        self.furthest = self.furthest.max(passed);
        self.level += 1;
        self.unknowns = self.level;
        if self.level > 1 {
            self.width = self.width.saturating_mul(GROWTH);
        }
        if self.level > 2 {
            self.unknowns = UNLIMITED;
        }
        DISTANCE.saturating_mul(DISTANCE_GROWTH.saturating_pow(self.level - 1))
    }
}

/// So many unknowns that no return uses as many.
pub(super) const UNLIMITED: u32 = 1 << 30;
pub(super) const RETURNS_PER_CHECKPOINT: usize = 32;
const CHECKPOINTS_MAX: usize = 64;
const FIRST_WIDTH: usize = 64;
const GROWTH: usize = 8;
const DISTANCE: usize = 32;
const DISTANCE_GROWTH: usize = 4;
/// How much wider than the beam one return may spread before it is cut.
pub(super) const EXPANSION: usize = 8;
const CLEAR_RETURNS: usize = 32;
