//! How each surviving configuration came to be: a tree of steps, and the unknowns each has used.
//!
//! Configurations hold one number for their path and one for their unknowns, so that they stay small
//! and copy fast. What no configuration needs any more is swept away when the tree has doubled.

use crate::hash::FastMap;
use crate::value::small;

/// A tree of steps, each with the step before it.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    steps: Vec<Step>,
    live: usize,
}

/// One step of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    /// What was done: a number whose meaning the search knows.
    pub(crate) what: u32,
    /// The event at which it was done.
    pub(crate) at: u32,
    parent: u32,
}

/// The path with no step.
pub(crate) const ROOT: u32 = u32::MAX;

impl Trail {
    /// The path `parent` with one step more.
    pub(crate) fn push(&mut self, parent: u32, what: u32, at: u32) -> u32 {
        let id = small(self.steps.len());
        self.steps.push(Step { what, at, parent });
        id
    }

    /// The steps of a path, first to last.
    pub(crate) fn path(&self, mut node: u32) -> Vec<Step> {
        let mut steps = Vec::new();
        while node != ROOT {
            let step = self.steps[node as usize];
            steps.push(step);
            node = step.parent;
        }
        steps.reverse();
        steps
    }

    /// Whether it is time to [`Trail::sweep`].
    pub(crate) fn is_overgrown(&self) -> bool {
        self.steps.len() > 2 * self.live + SWEEP_MIN
    }

    /// Drops all steps that no path in `nodes` goes through, and renumbers the rest.
    pub(crate) fn sweep<'a>(&mut self, nodes: impl Iterator<Item = &'a mut u32>) {
        let nodes: Vec<&mut u32> = nodes.collect();
        let mut new_ids = vec![ROOT; self.steps.len()];
        for node in &nodes {
            let mut at = **node;
            // Any number but ROOT marks; a marked step's ancestors are marked already.
            while at != ROOT && new_ids[at as usize] == ROOT {
                new_ids[at as usize] = 0;
                at = self.steps[at as usize].parent;
            }
        }
        let mut kept = 0;
        for at in 0..self.steps.len() {
            if new_ids[at] == ROOT {
                continue;
            }
            let mut step = self.steps[at];
            if step.parent != ROOT {
                step.parent = new_ids[step.parent as usize];
            }
            new_ids[at] = small(kept);
            self.steps[kept] = step;
            kept += 1;
        }
        self.steps.truncate(kept);
        self.live = kept;
        for node in nodes {
            if *node != ROOT {
                *node = new_ids[*node as usize];
            }
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.steps.capacity() * size_of::<Step>()
    }
}

/// Below this many steps a sweep gains nothing.
const SWEEP_MIN: usize = 1 << 16;

/// How many unknowns of each class a configuration has used, each such bag kept once.
#[derive(Debug)]
pub(crate) struct Bags {
    bags: Vec<Box<[(u32, u32)]>>,
    ids: FastMap<Box<[(u32, u32)]>, u32>,
    successors: FastMap<(u32, u32), u32>,
    entries: usize,
    live: usize,
}

/// The bag with nothing in it.
pub(crate) const EMPTY: u32 = 0;

impl Default for Bags {
    fn default() -> Self {
        let mut ids = FastMap::default();
        ids.insert(Box::default(), EMPTY);
        let bags = vec![Box::default()];
        Self { bags, ids, successors: FastMap::default(), entries: 0, live: 0 }
    }
}

impl Bags {
    /// `bag` with one more of `class`.
    pub(crate) fn with(&mut self, bag: u32, class: u32) -> u32 {
        if let Some(&next) = self.successors.get(&(bag, class)) {
            return next;
        }
        let mut entries = self.bags[bag as usize].to_vec();
        match entries.binary_search_by_key(&class, |(class, _)| *class) {
            Ok(at) => entries[at].1 += 1,
            Err(at) => entries.insert(at, (class, 1)),
        }
        let next = self.intern(entries.into());
        self.successors.insert((bag, class), next);
        next
    }

    /// How many of `class` are in `bag`.
    pub(crate) fn count(&self, bag: u32, class: u32) -> u32 {
        let entries = &self.bags[bag as usize];
        match entries.binary_search_by_key(&class, |(class, _)| *class) {
            Ok(at) => entries[at].1,
            Err(_) => 0,
        }
    }

    /// How many are in `bag`.
    pub(crate) fn total(&self, bag: u32) -> u32 {
        self.bags[bag as usize].iter().map(|(_, count)| count).sum()
    }

    /// Whether `one` has no more of any class than `other`.
    pub(crate) fn is_within(&self, one: u32, other: u32) -> bool {
        if one == other || one == EMPTY {
            return true;
        }
        let (one, other) = (&self.bags[one as usize], &self.bags[other as usize]);
        if one.len() > other.len() {
            return false;
        }
        let mut others = other.iter();
        one.iter().all(|(class, count)| {
            others
                .find(|(other, _)| other >= class)
                .is_some_and(|(other, most)| other == class && most >= count)
        })
    }

    /// Whether it is time to [`Bags::sweep`].
    pub(crate) fn is_overgrown(&self) -> bool {
        self.entries > 2 * self.live + SWEEP_MIN
    }

    /// Keeps only the bags in use, and renumbers them.
    pub(crate) fn sweep<'a>(&mut self, used: impl Iterator<Item = &'a mut u32>) {
        let old = std::mem::take(self);
        let mut new_ids: FastMap<u32, u32> = FastMap::default();
        for bag in used {
            let id = *new_ids
                .entry(*bag)
                .or_insert_with(|| self.intern(old.bags[*bag as usize].clone()));
            *bag = id;
        }
        self.live = self.entries;
    }

    pub(crate) fn bytes(&self) -> usize {
        // Each bag is kept twice, once as a key; a map slot takes about three words more.
        self.entries * 16 + self.bags.len() * 72 + self.successors.len() * 24
    }

    fn intern(&mut self, entries: Box<[(u32, u32)]>) -> u32 {
        if let Some(&id) = self.ids.get(&entries) {
            return id;
        }
        let id = small(self.bags.len());
        self.entries += entries.len() + 1;
        self.bags.push(entries.clone());
        self.ids.insert(entries, id);
        id
    }
}
