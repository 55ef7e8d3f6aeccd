//! Fits what tier 1 leaves out, the failed cas, into the order that it found.
//!
//! Each failed cas goes to the first gap of the order where real time allows it and its value is not
//! there; earlier is never worse for the next one. Where there is no such gap, a short stretch of the
//! order around it is arranged anew by tier 2, between the value it began with and the value it ended
//! with, and with the unknown writes that tier 1 deleted. If no stretch will do, the register as a
//! whole goes to tier 2: then the failed cas alone may be what is wrong.

use crate::frontier;
use crate::limits::Gauge;
use crate::register::{Kind, NEVER, Register, Touch, renumber};
use crate::search::Found;
use crate::value::small;

/// The order with all failed cas in it, or `None` if this could not be done here.
pub(crate) fn fit(register: &Register, order: Vec<u32>, gauge: &mut Gauge<'_>) -> Option<Vec<u32>> {
    let is_miss = |touch: &Touch| matches!(touch.kind, Kind::Miss(_));
    if !register.touches.iter().any(is_miss) {
        return Some(order);
    }
    let base = Base::of(register, order);
    let (fitted, unfit) = base.place_misses();
    if unfit.is_empty() {
        return Some(base.merge(&fitted, &[]));
    }
    for margin in [8, 64, 512, 4096] {
        let stretches: Option<Vec<Stretch>> = base
            .stretches(&unfit, margin)
            .into_iter()
            .map(|(from, to)| base.arrange_anew(from, to, &fitted, &unfit, gauge))
            .collect();
        if let Some(stretches) = stretches {
            return Some(base.merge(&fitted, &stretches));
        }
    }
    None
}

/// An order without failed cas, and what is needed to find gaps in it.
struct Base<'a> {
    register: &'a Register,
    order: Vec<u32>,
    /// Per gap: the value that is there. One more than the order is long.
    values: Vec<u32>,
    /// Per value: the gap behind its last operation.
    ends: Vec<u32>,
}

/// A failed cas in its gap.
#[derive(Clone, Copy)]
struct Fitted {
    gap: u32,
    at: u32,
}

/// A failed cas without a gap, and where real time would have it.
struct Unfit {
    at: u32,
    from: u32,
    to: u32,
}

/// A part of the order, arranged anew.
struct Stretch {
    from: u32,
    to: u32,
    order: Vec<u32>,
}

impl<'a> Base<'a> {
    fn of(register: &'a Register, order: Vec<u32>) -> Self {
        let mut value = register.initial;
        let mut values = Vec::with_capacity(order.len() + 1);
        let mut ends = vec![0; register.values as usize];
        values.push(value);
        for (at, touch) in (1..).zip(&order) {
            value = register.touches[*touch as usize].stored().unwrap_or(value);
            values.push(value);
            ends[value as usize] = at;
        }
        Self { register, order, values, ends }
    }

    fn place_misses(&self) -> (Vec<Fitted>, Vec<Unfit>) {
        let bounds = Bounds::of(self.register, &self.order);
        let mut fitted: Vec<Fitted> = Vec::new();
        let mut unfit = Vec::new();
        // Failed cas in order of return, each with the furthest gap that one so far was given.
        let mut returned: Vec<(u32, u32)> = Vec::new();
        for (at, touch) in (0..).zip(&self.register.touches) {
            let Kind::Miss(from) = touch.kind else { continue };
            let behind = returned.partition_point(|(end, _)| *end < touch.invoked);
            let after_others = behind.checked_sub(1).map_or(0, |last| returned[last].1);
            let first = bounds.first_gap(touch.invoked).max(after_others);
            let last = bounds.last_gap(touch.returned);
            let is_there = self.values[first as usize] == from;
            // The first gap where the next value is there; the end of the order has none.
            let next = self.ends[from as usize].max(first) + 1;
            let gap = if is_there { next } else { first };
            if gap <= last && (gap as usize) < self.values.len() {
                fitted.push(Fitted { gap, at });
                note_return(&mut returned, touch.returned, gap);
            } else {
                unfit.push(Unfit { at, from: first.min(last), to: first.max(last) });
            }
        }
        (fitted, unfit)
    }

    /// The parts of the order around all that did not fit, disjoint.
    fn stretches(&self, unfit: &[Unfit], margin: u32) -> Vec<(u32, u32)> {
        let end = small(self.order.len());
        let around = |unfit: &Unfit| {
            (unfit.from.saturating_sub(margin), unfit.to.saturating_add(margin).min(end))
        };
        let mut parts: Vec<(u32, u32)> = unfit.iter().map(around).collect();
        parts.sort_unstable();
        let mut merged: Vec<(u32, u32)> = Vec::new();
        for (from, to) in parts {
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        merged
    }

    fn arrange_anew(
        &self,
        from: u32,
        to: u32,
        fitted: &[Fitted],
        unfit: &[Unfit],
        gauge: &mut Gauge<'_>,
    ) -> Option<Stretch> {
        let mut places: Vec<u32> = self.order[from as usize..to as usize].to_vec();
        let inside = fitted.iter().filter(|miss| miss.gap >= from && miss.gap <= to);
        places.extend(inside.map(|miss| miss.at));
        let inside = unfit.iter().filter(|miss| miss.from >= from && miss.to <= to);
        places.extend(inside.map(|miss| miss.at));
        places.extend(self.deleted(&places));
        places.sort_unstable();
        let touches = places.iter().map(|at| self.register.touches[*at as usize]);
        let mut touches: Vec<Touch> = touches.collect();
        // A read behind everything holds the stretch to the value it ended with.
        let last = Kind::Read(self.values[to as usize]);
        let closing = Touch { invoked: NEVER - 2, returned: NEVER - 1, kind: last, source: 0 };
        touches.push(closing);
        let mut initial = [self.values[from as usize]];
        let values = renumber(&mut touches, &mut initial);
        let part =
            Register { initial: initial[0], values, touches, is_inferred: false, is_guess: false };
        let Found::Ok(order) = frontier::search(&part, &initial, gauge) else { return None };
        let order = order.iter().filter_map(|at| places.get(*at as usize).copied()).collect();
        Some(Stretch { from, to, order })
    }

    /// The unknown stores that are in no order and were invoked beside `places`.
    fn deleted(&self, places: &[u32]) -> Vec<u32> {
        let touches = &self.register.touches;
        let first = places.iter().min().copied().unwrap_or(0);
        let last = places.iter().max().copied().unwrap_or(0);
        let is_unknown = |at: &u32| {
            let touch = &touches[*at as usize];
            !touch.is_known() && touch.stored().is_some()
        };
        let unknown = (first..=last).filter(is_unknown);
        unknown.filter(|at| !self.is_in_order(*at)).take(DELETED_MAX).collect()
    }

    fn is_in_order(&self, at: u32) -> bool {
        let stored = self.register.touches[at as usize].stored();
        // Values are unique: whoever stored it and is in the order made it the value of some gap.
        stored.is_some_and(|value| self.ends[value as usize] > 0)
    }

    fn merge(&self, fitted: &[Fitted], stretches: &[Stretch]) -> Vec<u32> {
        let mut misses = fitted.to_vec();
        misses.sort_by_key(|miss| miss.gap);
        let mut misses = misses.into_iter().peekable();
        let mut stretches = stretches.iter().peekable();
        let mut merged = Vec::with_capacity(self.register.touches.len());
        let mut at = 0;
        while at as usize <= self.order.len() {
            let stretch = stretches.next_if(|stretch| stretch.from == at);
            if let Some(stretch) = stretch {
                merged.extend_from_slice(&stretch.order);
                // Those at its gaps are part of the stretch.
                while misses.next_if(|miss| miss.gap <= stretch.to).is_some() {}
                at = stretch.to;
            }
            while let Some(miss) = misses.next_if(|miss| miss.gap <= at) {
                merged.push(miss.at);
            }
            merged.extend(self.order.get(at as usize));
            at += 1;
        }
        merged
    }
}

/// Remembers that a failed cas with this return went to this gap.
fn note_return(returned: &mut Vec<(u32, u32)>, end: u32, gap: u32) {
    let at = returned.partition_point(|(other, _)| *other < end);
    let before = at.checked_sub(1).map_or(0, |last| returned[last].1);
    returned.insert(at, (end, gap.max(before)));
    for later in &mut returned[at + 1..] {
        later.1 = later.1.max(gap);
    }
}

/// Between which gaps real time allows an operation.
struct Bounds {
    /// Returns, each with the gap behind the furthest operation that returned by then.
    returns: Vec<(u32, u32)>,
    /// Invokes, each with the gap before the nearest operation that was invoked from then on.
    invokes: Vec<(u32, u32)>,
}

impl Bounds {
    fn of(register: &Register, order: &[u32]) -> Self {
        let mut returns = Vec::with_capacity(order.len());
        let mut invokes = Vec::with_capacity(order.len());
        for (gap, at) in (0..).zip(order) {
            let touch = &register.touches[*at as usize];
            returns.push((touch.returned, gap + 1));
            invokes.push((touch.invoked, gap));
        }
        returns.sort_unstable();
        invokes.sort_unstable();
        let mut furthest = 0;
        for (_, gap) in &mut returns {
            furthest = furthest.max(*gap);
            *gap = furthest;
        }
        let mut nearest = small(order.len());
        for (_, gap) in invokes.iter_mut().rev() {
            nearest = nearest.min(*gap);
            *gap = nearest;
        }
        invokes.push((NEVER, small(order.len())));
        Self { returns, invokes }
    }

    fn first_gap(&self, invoked: u32) -> u32 {
        let before = self.returns.partition_point(|(returned, _)| *returned < invoked);
        before.checked_sub(1).map_or(0, |last| self.returns[last].1)
    }

    fn last_gap(&self, returned: u32) -> u32 {
        let after = self.invokes.partition_point(|(invoked, _)| *invoked <= returned);
        self.invokes[after.min(self.invokes.len() - 1)].1
    }
}

/// More unknown writes than this make a stretch slow, and one or two are needed if any.
const DELETED_MAX: usize = 16;
