//! Makes a bad history small enough to look at, by steps that keep "bad here means bad in the whole".
//!
//! Cutting at the return behind which nothing goes on is such a step, with what was still open left
//! open; dropping operations that only read is another. A write is dropped only together with all
//! that could have seen its value, and with every failed cas it could explain: without the write
//! that made a cas fail, a good history turns bad.

use std::time::{Duration, Instant};

use crate::frontier;
use crate::history::Position;
use crate::limits::{Budget, Limits};
use crate::model::{Model, Timed};
use crate::register::{Kind, NEVER, Register, renumber};
use crate::search::{self, Found};
use crate::trusted;

/// The calls that suffice to be bad, and whether trying all orders proved it: `Some(false)` if no
/// order explains them, `None` if they are still too many.
pub(crate) fn any_model<M: Model>(
    model: &M,
    calls: &[Timed<M::Call>],
    at: u32,
    time: Duration,
) -> (Vec<u32>, Option<bool>) {
    let end = calls[at as usize].returned;
    let keeps = |call: &Timed<M::Call>| {
        call.invoked < end && (call.returned <= end || !model.is_read_only(&call.call))
    };
    let all: Vec<u32> =
        (0..).zip(calls).filter(|(_, call)| keeps(call)).map(|(at, _)| at).collect();
    let part = |places: &[u32]| -> Vec<Timed<M::Call>> {
        let calls = places.iter().map(|at| calls[*at as usize].clone());
        calls.map(|call| open_behind(call, end)).collect()
    };
    let clock = Clock::start(time);
    let is_bad = |places: &[u32]| {
        let limits = Limits { time: clock.left(), ..Limits::default() };
        let budget = Budget::start(&limits);
        let found = search::search(model, &part(places), &mut budget.gauge());
        matches!(found, Found::Bad { .. })
    };
    let reads: Vec<Vec<u32>> = all
        .iter()
        .filter(|place| model.is_read_only(&calls[**place as usize].call))
        .map(|place| vec![*place])
        .collect();
    let core = minimize(all, &reads, &clock, &is_bad);
    let proof = trusted::exhaust(model, &[model.initial()], &part(&core));
    (core, proof)
}

fn open_behind<C>(call: Timed<C>, end: Position) -> Timed<C> {
    let returned = if call.returned > end { Position::NEVER } else { call.returned };
    Timed { returned, ..call }
}

/// The touches of a bad register that suffice to be bad, given the one whose return is the dead end.
pub(crate) fn register(register: &Register, at: u32, time: Duration) -> Vec<u32> {
    let end = register.touches[at as usize].returned;
    let all = (0..).zip(&register.touches).filter(|(_, touch)| {
        touch.invoked < end && (touch.returned <= end || touch.stored().is_some())
    });
    let mut core: Vec<u32> = all.map(|(at, _)| at).collect();
    let clock = Clock::start(time);
    let is_bad = |places: &[u32]| is_bad_part(register, places, end, clock.left());
    let is_miss = |at: &u32| matches!(register.touches[*at as usize].kind, Kind::Miss(_));
    let without: Vec<u32> = core.iter().copied().filter(|at| !is_miss(at)).collect();
    if without.len() < core.len() && is_bad(&without) {
        core = without;
    }
    loop {
        let before = core.len();
        let values = value_groups(register, &core);
        core = minimize(core, &values, &clock, &is_bad);
        let reads: Vec<Vec<u32>> = core
            .iter()
            .filter(|at| register.touches[**at as usize].stored().is_none())
            .map(|at| vec![*at])
            .collect();
        core = minimize(core, &reads, &clock, &is_bad);
        let unread = unread_writes(register, &core);
        core = minimize(core, &unread, &clock, &is_bad);
        if core.len() == before || clock.left().is_zero() {
            return core;
        }
    }
}

/// Whether these touches alone, with what is still open at `end` left open, are bad.
fn is_bad_part(register: &Register, places: &[u32], end: u32, time: Duration) -> bool {
    let mut touches: Vec<_> = places.iter().map(|at| register.touches[*at as usize]).collect();
    for touch in &mut touches {
        if touch.returned > end {
            touch.returned = NEVER;
        }
    }
    let mut initial = [register.initial];
    let values = renumber(&mut touches, &mut initial);
    let part =
        Register { initial: initial[0], values, touches, is_inferred: false, is_guess: false };
    let limits = Limits { time, ..Limits::default() };
    let budget = Budget::start(&limits);
    matches!(frontier::search(&part, &initial, &mut budget.gauge()), Found::Bad { .. })
}

/// Per value all that could have seen or made it, closed under cas, with the failed cas that its
/// stores could explain.
fn value_groups(register: &Register, places: &[u32]) -> Vec<Vec<u32>> {
    let touch = |at: &u32| &register.touches[*at as usize];
    let mut values: Vec<u32> = places.iter().filter_map(|at| touch(at).stored()).collect();
    values.sort_unstable();
    values.dedup();
    if values.len() > GROUPS_MAX {
        return Vec::new();
    }
    let group = |value: &u32| {
        let mut dropped = vec![*value];
        let mut from = 0;
        while let Some(&value) = dropped.get(from) {
            from += 1;
            for at in places {
                if let Kind::Cas(of, to) = touch(at).kind
                    && of == value
                    && !dropped.contains(&to)
                {
                    dropped.push(to);
                }
            }
        }
        (!dropped.contains(&register.initial)).then(|| members(register, places, &dropped))
    };
    values.iter().filter_map(group).collect()
}

fn members(register: &Register, places: &[u32], dropped: &[u32]) -> Vec<u32> {
    let touches = |at: &u32| match register.touches[*at as usize].kind {
        Kind::Read(value) | Kind::Write(value) => dropped.contains(&value),
        Kind::Cas(from, to) => dropped.contains(&from) || dropped.contains(&to),
        Kind::Miss(_) => false,
    };
    let mut members: Vec<u32> = places.iter().copied().filter(touches).collect();
    let explained = explained_by(register, places, &members);
    members.extend(explained);
    members
}

/// Writes whose value nobody needs, each with the failed cas it could explain.
fn unread_writes(register: &Register, places: &[u32]) -> Vec<Vec<u32>> {
    let mut is_needed = vec![false; register.values as usize];
    for at in places {
        match register.touches[*at as usize].kind {
            Kind::Read(value) | Kind::Cas(value, _) => is_needed[value as usize] = true,
            Kind::Write(_) | Kind::Miss(_) => {}
        }
    }
    let unread = places.iter().filter(|at| match register.touches[**at as usize].kind {
        Kind::Write(value) => !is_needed[value as usize],
        _ => false,
    });
    unread
        .map(|at| {
            let mut group = vec![*at];
            group.extend(explained_by(register, places, &[*at]));
            group
        })
        .collect()
}

/// The failed cas that may have come behind one of `stores`.
fn explained_by(register: &Register, places: &[u32], stores: &[u32]) -> Vec<u32> {
    let invoked = stores.iter().map(|at| register.touches[*at as usize].invoked).min();
    let Some(invoked) = invoked else { return Vec::new() };
    let is_explained = |at: &u32| {
        let touch = &register.touches[*at as usize];
        matches!(touch.kind, Kind::Miss(_)) && touch.returned > invoked
    };
    places.iter().copied().filter(is_explained).collect()
}

/// Drops `groups` by halves, then smaller and smaller, as long as the rest stays bad.
fn minimize(
    mut core: Vec<u32>,
    groups: &[Vec<u32>],
    clock: &Clock,
    is_bad: &dyn Fn(&[u32]) -> bool,
) -> Vec<u32> {
    let mut groups: Vec<&Vec<u32>> = groups.iter().collect();
    let mut size = groups.len().div_ceil(2);
    while size > 0 {
        let mut from = 0;
        while from < groups.len() {
            if clock.left().is_zero() {
                return core;
            }
            let chunk = &groups[from..(from + size).min(groups.len())];
            let mut dropped: Vec<u32> =
                chunk.iter().flat_map(|group| group.iter().copied()).collect();
            dropped.sort_unstable();
            let rest: Vec<u32> =
                core.iter().copied().filter(|at| dropped.binary_search(at).is_err()).collect();
            if rest.len() < core.len() && is_bad(&rest) {
                core = rest;
                groups.drain(from..(from + size).min(groups.len()));
            } else {
                from += size;
            }
        }
        size = if size == 1 { 0 } else { size.div_ceil(2) };
    }
    core
}

/// Time for shrinking.
struct Clock {
    deadline: Instant,
}

impl Clock {
    fn start(time: Duration) -> Self {
        let now = Instant::now();
        Self { deadline: now.checked_add(time).unwrap_or(now) }
    }

    fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}

/// Closing more values than this under cas takes longer than it saves.
const GROUPS_MAX: usize = 256;
