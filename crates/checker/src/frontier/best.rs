//! Configurations, and which of two is the better.

use crate::hash::FastMap;
use crate::trail::Bags;
use crate::value::small;

/// One way in which everything so far may have happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Config {
    pub(super) value: u32,
    pub(super) used: u32,
    pub(super) node: u32,
    /// How many unknowns the present return has used.
    pub(super) spent: u32,
    /// The next step must be a cas: the last one was only worth it as food for one.
    pub(super) must_cas: bool,
    pub(super) done: u128,
    pub(super) exposed: u128,
}

impl Config {
    pub(super) fn without(self, bit: u128) -> Self {
        Self { done: self.done & !bit, exposed: self.exposed & !bit, ..self }
    }
}

/// Which open slots read, write and cas.
#[derive(Clone, Copy)]
pub(super) struct Masks {
    pub(super) reads: u128,
    pub(super) writes: u128,
    pub(super) cas: u128,
}

impl Masks {
    /// What makes a configuration worse: reads not done, writes used up.
    pub(super) fn left(&self, config: &Config) -> u128 {
        (self.reads & !config.done) | (self.writes & config.done)
    }
}

/// Configurations of which none is at least as good as another.
pub(super) struct Best {
    masks: Masks,
    configs: Vec<Option<Config>>,
    groups: FastMap<(u32, bool, u128), Vec<Rival>>,
    count: usize,
}

/// What counts in a comparison, and which configuration it is of.
struct Rival {
    left: u128,
    exposed: u128,
    used: u32,
    at: u32,
}

impl Rival {
    fn is_as_good_as(&self, other: &Self, bags: &Bags) -> bool {
        self.left & !other.left == 0
            && self.exposed & !other.exposed == 0
            && bags.is_within(self.used, other.used)
    }
}

impl Best {
    pub(super) fn new(masks: Masks) -> Self {
        Self { masks, configs: Vec::new(), groups: FastMap::default(), count: 0 }
    }

    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn insert(&mut self, config: Config, bags: &Bags) {
        let key = (config.value, config.must_cas, config.done & self.masks.cas);
        let group = self.groups.entry(key).or_default();
        let left = self.masks.left(&config);
        let at = small(self.configs.len());
        let new = Rival { left, exposed: config.exposed, used: config.used, at };
        let mut place = 0;
        while let Some(rival) = group.get(place) {
            if rival.is_as_good_as(&new, bags) {
                return;
            }
            if new.is_as_good_as(rival, bags) {
                self.configs[rival.at as usize] = None;
                group.swap_remove(place);
                self.count -= 1;
            } else {
                place += 1;
            }
        }
        group.push(new);
        self.configs.push(Some(config));
        self.count += 1;
    }

    /// The configuration at a place, unless a better one came; `None` behind the last place. It stays
    /// to keep worse ones out.
    pub(super) fn take(&self, at: usize) -> Option<Option<Config>> {
        self.configs.get(at).copied()
    }

    pub(super) fn into_configs(self) -> Vec<Config> {
        self.configs.into_iter().flatten().collect()
    }
}
