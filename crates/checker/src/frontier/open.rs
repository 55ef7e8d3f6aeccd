//! The known operations that are open, each with a bit, found by what they want.

use crate::hash::FastMap;
use crate::register::{Kind, Touch};
use crate::search::SLOTS;

use super::best::Masks;

/// The known touches that are open, by slot and by what they want.
pub(super) struct Open {
    slots: Vec<Option<u32>>,
    /// Per touch: its bit, while it is open.
    pub(super) bits: FastMap<u32, u128>,
    pub(super) reads_of: Vec<u128>,
    pub(super) misses_of: Vec<u128>,
    pub(super) misses: u128,
    pub(super) reads: u128,
    pub(super) writes: u128,
    pub(super) cas: u128,
    /// Per value: the bits of its open writes and their places, the first to return first.
    pub(super) writes_of: Vec<Vec<(u128, u32)>>,
    /// Values with open writes.
    pub(super) written: Vec<u32>,
    /// Per value: the open cas from it, by the value they store and by return.
    pub(super) cas_from: Vec<Vec<OpenCas>>,
    pub(super) returns: FastMap<u32, u32>,
}

/// An open cas.
#[derive(Clone)]
pub(super) struct OpenCas {
    pub(super) to: u32,
    pub(super) bit: u128,
    pub(super) at: u32,
}

impl Open {
    pub(super) fn new(values: usize) -> Self {
        Self {
            slots: Vec::new(),
            bits: FastMap::default(),
            reads_of: vec![0; values],
            misses_of: vec![0; values],
            misses: 0,
            reads: 0,
            writes: 0,
            cas: 0,
            writes_of: vec![Vec::new(); values],
            written: Vec::new(),
            cas_from: vec![Vec::new(); values],
            returns: FastMap::default(),
        }
    }

    /// Which touch each bit stands for.
    pub(super) fn slots(&self) -> &[Option<u32>] {
        &self.slots
    }

    /// Opens exactly these touches, with the bits they had.
    pub(super) fn reset(&mut self, slots: &[Option<u32>], touches: &[Touch]) {
        for at in self.slots.clone().into_iter().flatten() {
            self.remove(at, &touches[at as usize]);
        }
        self.slots.resize(slots.len().max(self.slots.len()), None);
        for (slot, at) in slots.iter().enumerate() {
            if let Some(at) = *at {
                self.insert_at(slot, at, &touches[at as usize]);
            }
        }
    }

    /// Opens a touch, if there is a bit left.
    pub(super) fn insert(&mut self, at: u32, touch: &Touch) -> Option<u128> {
        let slot = match self.slots.iter().position(Option::is_none) {
            Some(slot) => slot,
            None if self.slots.len() == SLOTS => return None,
            None => {
                self.slots.push(None);
                self.slots.len() - 1
            }
        };
        Some(self.insert_at(slot, at, touch))
    }

    fn insert_at(&mut self, slot: usize, at: u32, touch: &Touch) -> u128 {
        let bit = 1 << slot;
        self.slots[slot] = Some(at);
        self.bits.insert(at, bit);
        self.returns.insert(at, touch.returned);
        let returns = &self.returns;
        match touch.kind {
            Kind::Read(value) => {
                self.reads_of[value as usize] |= bit;
                self.reads |= bit;
            }
            Kind::Miss(from) => {
                self.misses_of[from as usize] |= bit;
                self.misses |= bit;
            }
            Kind::Write(value) => {
                self.writes |= bit;
                let writes = &mut self.writes_of[value as usize];
                if writes.is_empty() {
                    self.written.push(value);
                }
                writes.push((bit, at));
                writes.sort_by_key(|(_, at)| returns[at]);
            }
            Kind::Cas(from, to) => {
                self.cas |= bit;
                let cas = &mut self.cas_from[from as usize];
                cas.push(OpenCas { to, bit, at });
                cas.sort_by_key(|cas| (cas.to, returns[&cas.at]));
            }
        }
        bit
    }

    pub(super) fn remove(&mut self, at: u32, touch: &Touch) {
        let bit = self.bit_of(at);
        self.slots[bit.trailing_zeros() as usize] = None;
        self.bits.remove(&at);
        self.returns.remove(&at);
        for mask in [&mut self.reads, &mut self.misses, &mut self.writes, &mut self.cas] {
            *mask &= !bit;
        }
        match touch.kind {
            Kind::Read(value) => self.reads_of[value as usize] &= !bit,
            Kind::Miss(from) => self.misses_of[from as usize] &= !bit,
            Kind::Write(value) => {
                let writes = &mut self.writes_of[value as usize];
                writes.retain(|(_, other)| *other != at);
                if writes.is_empty() {
                    self.written.retain(|other| *other != value);
                }
            }
            Kind::Cas(from, _) => {
                self.cas_from[from as usize].retain(|cas| cas.at != at);
            }
        }
    }

    pub(super) fn bit_of(&self, at: u32) -> u128 {
        self.bits[&at]
    }

    /// The open reads and failed cas that are satisfied while `value` is there.
    pub(super) fn fits(&self, value: u32) -> u128 {
        self.reads_of[value as usize] | (self.misses & !self.misses_of[value as usize])
    }

    pub(super) fn masks(&self) -> Masks {
        Masks { reads: self.reads | self.misses, writes: self.writes, cas: self.cas }
    }
}
