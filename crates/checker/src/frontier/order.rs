//! The whole order of a register, from the order of what was stored.

use crate::register::{Kind, Register};

use super::events;

/// A touch that stores, with the writes hidden just before it.
pub(super) struct Store {
    pub(super) at: u32,
    pub(super) position: u32,
    pub(super) hidden: Vec<u32>,
}

/// The whole order: stores as given, and each read and failed cas as early as it fits.
pub(super) fn place_reads(register: &Register, start: u32, stores: &[Store]) -> Vec<u32> {
    let touches = &register.touches;
    let mut order = Vec::with_capacity(touches.len());
    let mut readers: Vec<Vec<u32>> = vec![Vec::new(); register.values as usize];
    let mut missers: Vec<(u32, u32)> = Vec::new();
    let mut value = start;
    let mut stores = stores.iter().peekable();
    for (position, at) in events(touches) {
        while let Some(store) = stores.next_if(|store| store.position <= position) {
            order.extend(&store.hidden);
            order.push(store.at);
            value = touches[store.at as usize].stored().unwrap_or(value);
            order.append(&mut readers[value as usize]);
            missers.retain(|(at, from)| {
                let stays = *from == value;
                if !stays {
                    order.push(*at);
                }
                stays
            });
        }
        let touch = &touches[at as usize];
        if touch.invoked != position {
            continue;
        }
        match touch.kind {
            Kind::Read(read) if read == value => order.push(at),
            Kind::Read(read) => readers[read as usize].push(at),
            Kind::Miss(from) if from != value => order.push(at),
            Kind::Miss(from) => missers.push((at, from)),
            Kind::Write(_) | Kind::Cas(..) => {}
        }
    }
    order
}
