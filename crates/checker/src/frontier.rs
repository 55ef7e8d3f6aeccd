//! Tier 2: a register with few values and any concurrency, by a frontier of configurations.
//!
//! A configuration is the value that is there; which open operations are done; which open writes are
//! *exposed*; and how many unknowns of each class are used. Operations are put in order only when a
//! return forces it (Lowe). The rules that keep it small, each exact:
//!
//! * A read is done as soon as its value is there, a failed cas as soon as its value is not.
//! * A write that nobody needs to see sits just before any later blind write within its span, and
//!   whether there was one is known at its return: it is exposed if it was invoked after the
//!   configuration's last blind write. One that is not may also come last, for reads yet to be asked.
//!   A cas hides nothing: hence a blind write, even of the present value, is tried before a cas.
//! * Of open writes of one value the first to return goes first, unknown ones last.
//! * A step must satisfy an open read, or be a known cas, or feed a cas.
//! * A configuration is dropped if another with the same value and the same cas done has all its reads
//!   done, none of its writes done or exposed but those that are so there too, and no more unknowns used.
//!
//! The frontier is a beam: where it is too wide, those with the fewest unknowns used are kept. One that
//! survives is still a full proof of `ok`. Unknowns are spared as well: at first a return may use one
//! only if nothing lives without. If none survives, the sweep goes back some way and comes again with a
//! wider beam and more unknowns; it says `bad` only if nothing was left out since the beginning.

mod best;
mod open;
mod order;
mod past;
mod unknown;

use crate::limits::{Gauge, Hard};
use crate::register::{Kind, Register, Touch};
use crate::search::{Found, SLOTS, STUCK_SHOWN, Stuck};
use crate::trail::{Bags, EMPTY, ROOT, Trail};

use best::{Best, Config};
use open::{Open, OpenCas};
use order::{Store, place_reads};
use past::{Beam, Checkpoint, EXPANSION, Past, RETURNS_PER_CHECKPOINT, UNLIMITED};
use unknown::Unknown;

/// Searches for an order of a register's touches that begins in one of `starts`.
pub(crate) fn search(register: &Register, starts: &[u32], gauge: &mut Gauge<'_>) -> Found {
    Sweep::new(register, starts).run(gauge)
}

struct Sweep<'a> {
    register: &'a Register,
    events: Vec<(u32, u32)>,
    /// The next event, and how many returns came before it.
    next: usize,
    passed: usize,
    beam: Beam,
    past: Past,
    open: Open,
    unknown: Unknown,
    trail: Trail,
    bags: Bags,
    frontier: Vec<Config>,
    /// Whether nothing that may be true was ever dropped on the way to this frontier.
    is_complete: bool,
    /// Writes invoked since the last return: exposed in every configuration.
    fresh_writes: u128,
}

impl<'a> Sweep<'a> {
    fn new(register: &'a Register, starts: &[u32]) -> Self {
        let mut trail = Trail::default();
        let mut start = |&value: &u32| {
            let node = trail.push(ROOT, value | START, 0);
            Config { value, used: EMPTY, node, spent: 0, must_cas: false, done: 0, exposed: 0 }
        };
        let frontier = starts.iter().map(&mut start).collect();
        Self {
            register,
            events: events(&register.touches),
            next: 0,
            passed: 0,
            beam: Beam::default(),
            past: Past::default(),
            open: Open::new(register.values as usize),
            unknown: Unknown::new(register),
            trail,
            bags: Bags::default(),
            frontier,
            is_complete: true,
            fresh_writes: 0,
        }
    }

    fn run(&mut self, gauge: &mut Gauge<'_>) -> Found {
        self.remember();
        while let Some(&(position, at)) = self.events.get(self.next) {
            let is_invoke = self.register.touches[at as usize].invoked == position;
            let moved = if is_invoke { self.invoke(at) } else { self.returned(at, gauge) };
            if let Err(why) = moved {
                return self.stuck(why);
            }
            self.next += 1;
            if is_invoke {
                continue;
            }
            self.passed += 1;
            if !self.frontier.is_empty() {
                self.beam.advance(self.passed);
                if self.passed.is_multiple_of(RETURNS_PER_CHECKPOINT) {
                    self.remember();
                }
            } else if self.is_complete {
                return Found::Bad { at };
            } else {
                self.go_back();
            }
        }
        Found::Ok(self.order())
    }

    fn remember(&mut self) {
        self.past.push(Checkpoint {
            next: self.next,
            passed: self.passed,
            slots: self.open.slots().to_vec(),
            unknown: self.unknown.count(),
            frontier: self.frontier.clone(),
            is_complete: self.is_complete,
        });
    }

    /// The beam was too narrow somewhere before: begins again there, with a wider one.
    fn go_back(&mut self) {
        let distance = self.beam.widen(self.passed);
        let checkpoint = self.past.back_to(self.passed.saturating_sub(distance));
        self.next = checkpoint.next;
        self.passed = checkpoint.passed;
        self.is_complete = checkpoint.is_complete;
        self.frontier.clone_from(&checkpoint.frontier);
        self.open.reset(&checkpoint.slots, &self.register.touches);
        self.unknown.rewind(checkpoint.unknown);
        self.fresh_writes = 0;
    }

    fn invoke(&mut self, at: u32) -> Result<(), Hard> {
        let touch = self.register.touches[at as usize];
        if !touch.is_known() {
            self.unknown.invoke(at);
            return Ok(());
        }
        let bit = self.open.insert(at, &touch).ok_or(Hard::TooManyOpen(SLOTS))?;
        if matches!(touch.kind, Kind::Write(_)) {
            self.fresh_writes |= bit;
        }
        Ok(())
    }

    fn returned(&mut self, at: u32, gauge: &mut Gauge<'_>) -> Result<(), Hard> {
        let touch = self.register.touches[at as usize];
        let bit = self.open.bit_of(at);
        let is_write = matches!(touch.kind, Kind::Write(_));
        let fresh = std::mem::take(&mut self.fresh_writes);
        let mut next = Best::new(self.open.masks());
        let mut work = Best::new(self.open.masks());
        for mut config in std::mem::take(&mut self.frontier) {
            config.spent = 0;
            config.exposed |= fresh;
            config.done |= self.open.fits(config.value);
            if config.done & bit != 0 {
                next.insert(config.without(bit), &self.bags);
            } else {
                work.insert(config, &self.bags);
                if is_write && config.exposed & bit == 0 {
                    config.node = self.trail.push(config.node, at | HIDDEN, touch.returned);
                    next.insert(config.without(bit), &self.bags);
                }
            }
        }
        gauge.check(self.bytes(work.len() + next.len()))?;
        self.force(at, &mut work, &mut next, gauge)?;
        self.open.remove(at, &touch);
        self.frontier = next.into_configs();
        self.narrow();
        self.tidy();
        Ok(())
    }

    /// Puts `at`, which returns now, in order in every configuration of `work`, in all useful ways.
    fn force(
        &mut self,
        at: u32,
        work: &mut Best,
        next: &mut Best,
        gauge: &mut Gauge<'_>,
    ) -> Result<(), Hard> {
        let mut unknowns = self.beam.unknowns;
        loop {
            let is_whole = self.expand(at, unknowns, work, next, gauge)?;
            self.is_complete &= is_whole;
            if next.len() > 0 || is_whole || unknowns >= UNLIMITED {
                return Ok(());
            }
            // Nothing lives without one more unknown.
            unknowns = if unknowns < 2 { unknowns + 1 } else { UNLIMITED };
        }
    }

    /// Whether nothing was left out for want of width or of unknowns.
    fn expand(
        &mut self,
        at: u32,
        unknowns: u32,
        work: &mut Best,
        next: &mut Best,
        gauge: &mut Gauge<'_>,
    ) -> Result<bool, Hard> {
        let bit = self.open.bit_of(at);
        let mut is_whole = true;
        let mut steps = Vec::new();
        let mut from = 0;
        while let Some(config) = work.take(from) {
            from += 1;
            let Some(config) = config else { continue };
            gauge.check(self.bytes(work.len() + next.len()))?;
            steps.clear();
            self.useful_steps(&config, at, &mut steps);
            for step in &steps {
                if matches!(step.by, By::Unknown(_)) && config.spent >= unknowns {
                    is_whole = false;
                    continue;
                }
                let after = self.take_step(config, step, at);
                if after.done & bit != 0 {
                    next.insert(Config { must_cas: false, ..after }.without(bit), &self.bags);
                } else {
                    work.insert(after, &self.bags);
                }
            }
            if work.len() + next.len() > self.beam.width.saturating_mul(EXPANSION) {
                return Ok(false);
            }
        }
        Ok(is_whole)
    }

    fn take_step(&mut self, config: Config, step: &Step, target: u32) -> Config {
        let position = self.register.touches[target as usize].returned;
        let mut next = config;
        let what = match step.by {
            By::Open(at, bit) => {
                next.done |= bit;
                at
            }
            By::Unknown(class) => {
                next.used = self.bags.with(config.used, class);
                next.spent += 1;
                class | UNKNOWN
            }
        };
        next.node = self.trail.push(config.node, what, position);
        next.value = step.value;
        next.must_cas = step.must_cas;
        if step.is_blind {
            next.exposed = 0;
        }
        next.done |= self.open.fits(step.value);
        next.exposed &= !next.done;
        next
    }

    /// The steps that may help `target` into the order.
    fn useful_steps(&self, config: &Config, target: u32, steps: &mut Vec<Step>) {
        self.useful_cas(config, steps);
        if config.must_cas {
            return;
        }
        if let Kind::Write(value) = self.register.touches[target as usize].kind {
            // The target returns first of all, so it is the one to take among writes of its value.
            steps.push(Step {
                by: By::Open(target, self.open.bit_of(target)),
                value,
                is_blind: true,
                must_cas: false,
            });
            self.useful_writes(config, Some(value), steps);
        } else {
            self.useful_writes(config, None, steps);
        }
    }

    fn useful_cas(&self, config: &Config, steps: &mut Vec<Step>) {
        let from = config.value;
        let mut tried = None;
        for &OpenCas { to, bit, at } in &self.open.cas_from[from as usize] {
            // They are sorted by value and then by return: the first not done of each value.
            if tried == Some(to) || config.done & bit != 0 {
                continue;
            }
            tried = Some(to);
            steps.push(Step { by: By::Open(at, bit), value: to, is_blind: false, must_cas: false });
        }
        for &(to, class) in &self.unknown.cas_from[from as usize] {
            if to == from || !self.unknown.is_left(class, config.used, &self.bags) {
                continue;
            }
            let is_seen = self.is_awaited(config, to);
            if is_seen || self.feeds_cas(config, to) {
                let by = By::Unknown(class);
                steps.push(Step { by, value: to, is_blind: false, must_cas: !is_seen });
            }
        }
    }

    fn useful_writes(&self, config: &Config, without: Option<u32>, steps: &mut Vec<Step>) {
        for &value in &self.open.written {
            if Some(value) != without {
                self.useful_write(config, value, steps);
            }
        }
        for &value in &self.unknown.written {
            let is_open = !self.open.writes_of[value as usize].is_empty();
            if Some(value) != without && !is_open {
                self.useful_write(config, value, steps);
            }
        }
    }

    fn useful_write(&self, config: &Config, value: u32, steps: &mut Vec<Step>) {
        let is_seen = value != config.value && self.is_awaited(config, value);
        if !is_seen && !self.feeds_cas(config, value) {
            return;
        }
        let writes = &self.open.writes_of[value as usize];
        let open = writes.iter().find(|(bit, _)| config.done & bit == 0);
        let by = match (open, self.unknown.write_of[value as usize]) {
            (Some(&(bit, at)), _) => By::Open(at, bit),
            (None, Some(class)) if self.unknown.is_left(class, config.used, &self.bags) => {
                By::Unknown(class)
            }
            _ => return,
        };
        steps.push(Step { by, value, is_blind: true, must_cas: !is_seen });
    }

    /// Whether an open read or failed cas would be satisfied if `value` came.
    fn is_awaited(&self, config: &Config, value: u32) -> bool {
        self.open.fits(value) & !config.done != 0
    }

    /// Whether a cas could follow `value`.
    fn feeds_cas(&self, config: &Config, value: u32) -> bool {
        let mut open = self.open.cas_from[value as usize].iter();
        let mut unknown = self.unknown.cas_from[value as usize].iter();
        open.any(|cas| config.done & cas.bit == 0)
            || unknown.any(|(_, class)| self.unknown.is_left(*class, config.used, &self.bags))
    }

    /// Keeps the beam: those with the fewest unknowns used, then with the least left to do.
    fn narrow(&mut self) {
        if self.frontier.len() <= self.beam.width {
            return;
        }
        self.is_complete = false;
        let masks = self.open.masks();
        let bags = &self.bags;
        self.frontier.sort_by_cached_key(|config| {
            let left = masks.left(config).count_ones() + config.exposed.count_ones();
            (bags.total(config.used), left)
        });
        self.frontier.truncate(self.beam.width);
    }

    fn tidy(&mut self) {
        if self.trail.is_overgrown() {
            let configs = self.frontier.iter_mut().chain(self.past.configs());
            self.trail.sweep(configs.map(|config| &mut config.node));
        }
        if self.bags.is_overgrown() {
            let configs = self.frontier.iter_mut().chain(self.past.configs());
            self.bags.sweep(configs.map(|config| &mut config.used));
        }
    }

    fn bytes(&self, configs: usize) -> usize {
        let configs = configs * 2 + self.past.width();
        configs * size_of::<Config>() + self.trail.bytes() + self.bags.bytes()
    }

    fn stuck(&self, why: Hard) -> Found {
        let (passed, width) = (self.passed, self.frontier.len());
        let open = self.open.slots().iter().flatten().chain(self.unknown.all());
        Found::Stuck(Stuck { why, passed, width, open: open.take(STUCK_SHOWN).copied().collect() })
    }

    /// The order of all touches on the path of the first surviving configuration.
    fn order(&self) -> Vec<u32> {
        let node = self.frontier.first().map_or(ROOT, |config| config.node);
        let mut stores: Vec<Store> = Vec::new();
        let mut last_blind = 0;
        let mut uses = self.unknown.no_uses();
        let mut start = self.register.initial;
        for step in self.trail.path(node) {
            if step.what & START != 0 && step.what & (HIDDEN | UNKNOWN) == 0 {
                start = step.what & !START;
                continue;
            }
            if step.what & HIDDEN != 0 {
                stores[last_blind].hidden.push(step.what & !HIDDEN);
                continue;
            }
            let at = if step.what & UNKNOWN == 0 {
                step.what
            } else {
                let class = (step.what & !UNKNOWN) as usize;
                uses[class] += 1;
                self.unknown.invoked[class][uses[class] - 1]
            };
            if matches!(self.register.touches[at as usize].kind, Kind::Write(_)) {
                last_blind = stores.len();
            }
            stores.push(Store { at, position: step.at, hidden: Vec::new() });
        }
        place_reads(self.register, start, &stores)
    }
}

struct Step {
    by: By,
    value: u32,
    is_blind: bool,
    must_cas: bool,
}

enum By {
    /// A touch that is open, and its bit.
    Open(u32, u128),
    /// One of a class.
    Unknown(u32),
}

/// Marks of a trail's steps; touches and classes are far fewer.
const HIDDEN: u32 = 1 << 31;
const UNKNOWN: u32 = 1 << 30;
/// The value that a path begins with.
const START: u32 = 1 << 29;

pub(super) fn events(touches: &[Touch]) -> Vec<(u32, u32)> {
    let mut events = Vec::with_capacity(touches.len() * 2);
    for (at, touch) in (0..).zip(touches) {
        events.push((touch.invoked, at));
        if touch.is_known() {
            events.push((touch.returned, at));
        }
    }
    events.sort_unstable();
    events
}
