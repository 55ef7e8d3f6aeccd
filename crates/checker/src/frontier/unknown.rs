//! The operations of unknown outcome that have been asked, by what they would do.

use crate::hash::FastMap;
use crate::register::{Kind, Register};
use crate::trail::Bags;
use crate::value::small;

/// The unknown touches invoked so far, by class: what they would store, and on what condition.
pub(super) struct Unknown {
    /// Per class, in order of invoke.
    pub(super) invoked: Vec<Vec<u32>>,
    pub(super) class_of: FastMap<u32, u32>,
    /// Per value: the class of writes of it, once there is one.
    pub(super) write_of: Vec<Option<u32>>,
    pub(super) written: Vec<u32>,
    /// Per value: the classes of cas from it, with what they store.
    pub(super) cas_from: Vec<Vec<(u32, u32)>>,
    kinds: Vec<Kind>,
    /// All that were invoked, in order.
    log: Vec<u32>,
}

impl Unknown {
    pub(super) fn new(register: &Register) -> Self {
        let mut classes: FastMap<Kind, u32> = FastMap::default();
        let mut class_of = FastMap::default();
        let mut kinds = Vec::new();
        for (at, touch) in (0..).zip(&register.touches) {
            if !touch.is_known() {
                let class = *classes.entry(touch.kind).or_insert_with(|| {
                    kinds.push(touch.kind);
                    small(kinds.len() - 1)
                });
                class_of.insert(at, class);
            }
        }
        let values = register.values as usize;
        Self {
            invoked: vec![Vec::new(); kinds.len()],
            class_of,
            write_of: vec![None; values],
            written: Vec::new(),
            cas_from: vec![Vec::new(); values],
            kinds,
            log: Vec::new(),
        }
    }

    pub(super) fn invoke(&mut self, at: u32) {
        let class = self.class_of[&at];
        self.log.push(at);
        let invoked = &mut self.invoked[class as usize];
        invoked.push(at);
        if invoked.len() > 1 {
            return;
        }
        match self.kinds[class as usize] {
            Kind::Write(value) => {
                self.write_of[value as usize] = Some(class);
                self.written.push(value);
            }
            Kind::Cas(from, to) => self.cas_from[from as usize].push((to, class)),
            Kind::Read(_) | Kind::Miss(_) => {}
        }
    }

    /// How many were invoked.
    pub(super) fn count(&self) -> usize {
        self.log.len()
    }

    /// All that were invoked.
    pub(super) fn all(&self) -> &[u32] {
        &self.log
    }

    /// No use of any class yet.
    pub(super) fn no_uses(&self) -> Vec<usize> {
        vec![0; self.invoked.len()]
    }

    /// As it was when this many had been invoked.
    pub(super) fn rewind(&mut self, count: usize) {
        while self.log.len() > count
            && let Some(at) = self.log.pop()
        {
            let class = self.class_of[&at];
            let invoked = &mut self.invoked[class as usize];
            invoked.pop();
            if !invoked.is_empty() {
                continue;
            }
            match self.kinds[class as usize] {
                Kind::Write(value) => {
                    self.write_of[value as usize] = None;
                    self.written.retain(|other| *other != value);
                }
                Kind::Cas(from, _) => {
                    self.cas_from[from as usize].retain(|(_, other)| *other != class);
                }
                Kind::Read(_) | Kind::Miss(_) => {}
            }
        }
    }

    pub(super) fn is_left(&self, class: u32, used: u32, bags: &Bags) -> bool {
        (bags.count(used, class) as usize) < self.invoked[class as usize].len()
    }
}
