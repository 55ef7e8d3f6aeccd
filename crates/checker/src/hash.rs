//! A hash for small numbers: a multiply and a rotate, several times faster than the default.
//!
//! Not hardened against chosen keys. It is used for ids that this crate hands out itself and for
//! the search's own states; whoever chooses a history to slow it down meets the time limit.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

/// A map from ids or states.
pub(crate) type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<FastHasher>>;
/// A set of ids or states.
pub(crate) type FastSet<K> = HashSet<K, BuildHasherDefault<FastHasher>>;

/// Folds each word into the hash with one multiplication.
#[derive(Clone, Default)]
pub(crate) struct FastHasher {
    hash: u64,
}

impl FastHasher {
    fn fold(&mut self, word: u64) {
        self.hash = (self.hash.rotate_left(5) ^ word).wrapping_mul(MULTIPLIER);
    }
}

impl Hasher for FastHasher {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.fold(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.fold(u64::from(number));
    }

    fn write_u32(&mut self, number: u32) {
        self.fold(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.fold(number);
    }

    fn write_usize(&mut self, number: usize) {
        self.fold(number as u64);
    }

    fn finish(&self) -> u64 {
        // The map takes its bucket from the low bits, where a product is weakest.
        self.hash ^ (self.hash >> 32)
    }
}

const MULTIPLIER: u64 = 0x517c_c1b7_2722_0a95;
