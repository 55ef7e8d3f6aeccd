//! Tier 3: any model. A sweep over the returns that keeps every configuration that may be true.
//!
//! An operation is put in order only when a return forces it, or an operation behind it in the order
//! (Lowe's just-in-time rule). A configuration is a state, which of the open operations are done, and
//! how many unknowns of each class are used. Operations that only read are done as soon as they fit;
//! of open operations that ask the same, the one that returns first goes first, unknown ones last.
//!
//! The frontier is a beam: where it is too wide the configurations with the fewest unknowns used are
//! kept. One that survives a narrow beam is still a full proof of `ok`; if none does, the beam is
//! widened and the sweep begins again. Only a sweep that dropped nothing says `bad`.

use crate::hash::{FastMap, FastSet};
use crate::limits::{Gauge, Hard};
use crate::model::{Model, Timed};
use crate::trail::{Bags, EMPTY, ROOT, Trail};
use crate::value::small;

/// What a search found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// An order that explains everything; places in the calls.
    Ok(Vec<u32>),
    /// No order explains what happened up to the return of this call.
    Bad {
        /// A place in the calls.
        at: u32,
    },
    /// It stopped before it knew.
    Stuck(Stuck),
}

/// Where a search stopped, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stuck {
    /// What ran out.
    pub(crate) why: Hard,
    /// How many returns it had passed.
    pub(crate) passed: usize,
    /// How many configurations it held there.
    pub(crate) width: usize,
    /// The calls that were open there and kept it wide.
    pub(crate) open: Vec<u32>,
}

/// Searches for an order of `calls`, which are sorted by invoke.
pub(crate) fn search<M: Model>(
    model: &M,
    calls: &[Timed<M::Call>],
    gauge: &mut Gauge<'_>,
) -> Found {
    let mut width_max = FIRST_BEAM;
    loop {
        let mut sweep = Sweep::new(model, calls, width_max);
        match sweep.run(gauge) {
            Ended::Found(found) => return found,
            Ended::TooNarrow => width_max = width_max.saturating_mul(BEAM_GROWTH),
        }
    }
}

const FIRST_BEAM: usize = 64;
const BEAM_GROWTH: usize = 8;
/// Room for open operations in a configuration.
pub(crate) const SLOTS: usize = 128;

enum Ended {
    Found(Found),
    TooNarrow,
}

#[derive(Clone, Copy, Debug)]
struct Config {
    state: u32,
    used: u32,
    node: u32,
    done: u128,
}

/// One pass over the events with one width of beam.
struct Sweep<'a, M: Model> {
    model: &'a M,
    calls: &'a [Timed<M::Call>],
    width_max: usize,
    is_truncated: bool,
    states: States<M>,
    /// Each call's class: calls that ask the same and were told the same.
    classes: Vec<u32>,
    /// Per class: is it read-only, and its unknown calls so far, in order of invoke.
    is_read_only: Vec<bool>,
    unknown: Vec<Vec<u32>>,
    /// Classes that have unknown calls.
    unknown_classes: Vec<u32>,
    slots: Vec<Option<u32>>,
    trail: Trail,
    bags: Bags,
    frontier: Vec<Config>,
}

impl<'a, M: Model> Sweep<'a, M> {
    fn new(model: &'a M, calls: &'a [Timed<M::Call>], width_max: usize) -> Self {
        let mut ids: FastMap<M::Call, u32> = FastMap::default();
        let mut is_read_only = Vec::new();
        let mut class_of = |call: &M::Call| {
            *ids.entry(call.clone()).or_insert_with(|| {
                is_read_only.push(model.is_read_only(call));
                small(is_read_only.len() - 1)
            })
        };
        let classes: Vec<u32> = calls.iter().map(|timed| class_of(&timed.call)).collect();
        let unknown = vec![Vec::new(); is_read_only.len()];
        let mut states = States::default();
        let state = states.intern(model, model.initial());
        Self {
            model,
            calls,
            width_max,
            is_truncated: false,
            states,
            classes,
            is_read_only,
            unknown,
            unknown_classes: Vec::new(),
            slots: Vec::new(),
            trail: Trail::default(),
            bags: Bags::default(),
            frontier: vec![Config { state, used: EMPTY, node: ROOT, done: 0 }],
        }
    }

    fn run(&mut self, gauge: &mut Gauge<'_>) -> Ended {
        let mut passed = 0;
        for (position, at) in events(self.calls) {
            let is_invoke = self.calls[at as usize].invoked.0 == position;
            let moved =
                if is_invoke { self.invoke(at) } else { self.returned(at, position, gauge) };
            if let Err(why) = moved {
                return Ended::Found(self.stuck(why, passed));
            }
            passed += usize::from(!is_invoke);
            if self.frontier.is_empty() {
                let found = Ended::Found(Found::Bad { at });
                return if self.is_truncated { Ended::TooNarrow } else { found };
            }
        }
        Ended::Found(Found::Ok(self.order()))
    }

    fn invoke(&mut self, at: u32) -> Result<(), Hard> {
        let class = self.classes[at as usize];
        if !self.calls[at as usize].is_known() {
            if !self.is_read_only[class as usize] {
                self.unknown[class as usize].push(at);
                if self.unknown[class as usize].len() == 1 {
                    self.unknown_classes.push(class);
                }
            }
            return Ok(());
        }
        let free = self.slots.iter().position(Option::is_none);
        match free {
            Some(slot) => self.slots[slot] = Some(at),
            None if self.slots.len() == SLOTS => return Err(Hard::TooManyOpen(SLOTS)),
            None => self.slots.push(Some(at)),
        }
        Ok(())
    }

    fn returned(&mut self, at: u32, position: u32, gauge: &mut Gauge<'_>) -> Result<(), Hard> {
        let slot = self.slots.iter().position(|open| *open == Some(at));
        let slot = slot.expect("a known call has a slot from its invoke to its return");
        let bit = 1 << slot;
        let mut next = Width::new(self.width_max);
        let mut queue = Vec::new();
        for mut config in std::mem::take(&mut self.frontier) {
            self.read_what_fits(&mut config, position);
            if config.done & bit != 0 {
                next.insert(Config { done: config.done & !bit, ..config }, &self.bags);
            } else {
                queue.push(config);
            }
        }
        let mut seen = FastSet::default();
        while let Some(config) = queue.pop() {
            gauge.check(self.bytes(queue.len() + seen.len() + next.len()))?;
            self.expand(config, slot, position, &mut |config| {
                if config.done & bit != 0 {
                    return next.insert_new(Config { done: config.done & !bit, ..config });
                }
                if seen.insert((config.state, config.done, config.used)) {
                    queue.push(config);
                }
            });
            if seen.len() + next.len() > self.width_max.saturating_mul(EXPANSION) {
                self.is_truncated = true;
                break;
            }
        }
        self.slots[slot] = None;
        let (frontier, is_cut) = next.settle(&self.bags);
        self.frontier = frontier;
        self.is_truncated |= is_cut;
        self.tidy();
        Ok(())
    }

    /// All configurations one step behind `config`.
    fn expand(
        &mut self,
        config: Config,
        target: usize,
        position: u32,
        take: &mut dyn FnMut(Config),
    ) {
        let mut tried = Vec::new();
        for (slot, at) in self.first_to_return(config.done, target) {
            let class = self.classes[at as usize];
            if tried.contains(&class) {
                continue;
            }
            tried.push(class);
            let Some(state) = self.step(config.state, class, at) else { continue };
            let node = self.trail.push(config.node, at, position);
            let done = config.done | 1 << slot;
            let mut next = Config { state, done, node, ..config };
            self.read_what_fits(&mut next, position);
            take(next);
        }
        for at in 0..self.unknown_classes.len() {
            let class = self.unknown_classes[at];
            let calls = &self.unknown[class as usize];
            let count = self.bags.count(config.used, class) as usize;
            let Some(&call) = calls.get(count) else { continue };
            if tried.contains(&class) {
                continue;
            }
            let Some(state) = self.step(config.state, class, call) else { continue };
            if state == config.state {
                continue;
            }
            let node = self.trail.push(config.node, call, position);
            let used = self.bags.with(config.used, class);
            let mut next = Config { state, used, node, ..config };
            self.read_what_fits(&mut next, position);
            take(next);
        }
    }

    /// Open calls not yet done, by their return; the one that returns now comes first.
    fn first_to_return(&self, done: u128, target: usize) -> Vec<(usize, u32)> {
        let open = self.slots.iter().enumerate();
        let mut open: Vec<(usize, u32)> = open
            .filter(|(slot, _)| done & (1 << slot) == 0)
            .filter_map(|(slot, at)| at.map(|at| (slot, at)))
            .collect();
        open.sort_by_key(|(slot, at)| (*slot != target, self.calls[*at as usize].returned));
        open
    }

    fn read_what_fits(&mut self, config: &mut Config, position: u32) {
        for slot in 0..self.slots.len() {
            let Some(at) = self.slots[slot] else { continue };
            let class = self.classes[at as usize];
            if config.done & (1 << slot) != 0 || !self.is_read_only[class as usize] {
                continue;
            }
            if self.step(config.state, class, at).is_some() {
                config.done |= 1 << slot;
                config.node = self.trail.push(config.node, at, position);
            }
        }
    }

    fn step(&mut self, state: u32, class: u32, at: u32) -> Option<u32> {
        self.states.step(self.model, state, class, &self.calls[at as usize].call)
    }

    fn order(&self) -> Vec<u32> {
        let node = self.frontier.first().map_or(ROOT, |config| config.node);
        self.trail.path(node).iter().map(|step| step.what).collect()
    }

    fn stuck(&self, why: Hard, passed: usize) -> Found {
        let open = self.slots.iter().copied().flatten();
        let unknown = self.unknown_classes.iter().flat_map(|class| &self.unknown[*class as usize]);
        let open = open.chain(unknown.copied()).take(STUCK_SHOWN).collect();
        Found::Stuck(Stuck { why, passed, width: self.frontier.len(), open })
    }

    fn tidy(&mut self) {
        if self.trail.is_overgrown() {
            self.trail.sweep(self.frontier.iter_mut().map(|config| &mut config.node));
        }
        if self.bags.is_overgrown() {
            self.bags.sweep(self.frontier.iter_mut().map(|config| &mut config.used));
        }
    }

    fn bytes(&self, configs: usize) -> usize {
        configs * 2 * size_of::<Config>()
            + self.trail.bytes()
            + self.bags.bytes()
            + self.states.bytes
    }
}

/// How much wider than the beam one return may spread before it is cut.
const EXPANSION: usize = 32;
/// Enough operations to say what made a check hard.
pub(crate) const STUCK_SHOWN: usize = 8;

/// When each call is invoked and, if known, returns; in order.
fn events<C>(calls: &[Timed<C>]) -> Vec<(u32, u32)> {
    let mut events = Vec::with_capacity(calls.len() * 2);
    for (at, call) in (0..).zip(calls) {
        events.push((call.invoked.0, at));
        if call.is_known() {
            events.push((call.returned.0, at));
        }
    }
    events.sort_unstable();
    events
}

/// States by number, and what each class of call makes of each.
struct States<M: Model> {
    states: Vec<M::State>,
    ids: FastMap<M::State, u32>,
    steps: FastMap<(u32, u32), Option<u32>>,
    bytes: usize,
}

impl<M: Model> Default for States<M> {
    fn default() -> Self {
        let (ids, steps) = (FastMap::default(), FastMap::default());
        Self { states: Vec::new(), ids, steps, bytes: 0 }
    }
}

impl<M: Model> States<M> {
    fn intern(&mut self, model: &M, state: M::State) -> u32 {
        if let Some(&id) = self.ids.get(&state) {
            return id;
        }
        let id = small(self.states.len());
        self.bytes += 2 * model.state_bytes(&state) + 32;
        self.states.push(state.clone());
        self.ids.insert(state, id);
        id
    }

    fn step(&mut self, model: &M, state: u32, class: u32, call: &M::Call) -> Option<u32> {
        if let Some(&next) = self.steps.get(&(state, class)) {
            return next;
        }
        let next = model.step(&self.states[state as usize], call);
        let next = next.map(|next| self.intern(model, next));
        self.bytes += 32;
        self.steps.insert((state, class), next);
        next
    }
}

/// The configurations of one return: each once, the better of any two that compare.
struct Width {
    most: usize,
    by_done: FastMap<(u32, u128), Vec<Config>>,
    fresh: Vec<Config>,
    count: usize,
}

impl Width {
    fn new(most: usize) -> Self {
        Self { most, by_done: FastMap::default(), fresh: Vec::new(), count: 0 }
    }

    fn len(&self) -> usize {
        self.count + self.fresh.len()
    }

    fn insert_new(&mut self, config: Config) {
        self.fresh.push(config);
    }

    fn insert(&mut self, config: Config, bags: &Bags) {
        let same = self.by_done.entry((config.state, config.done)).or_default();
        if same.iter().any(|other| bags.is_within(other.used, config.used)) {
            return;
        }
        let before = same.len();
        same.retain(|other| !bags.is_within(config.used, other.used));
        same.push(config);
        self.count = self.count + same.len() - before;
    }

    /// The configurations to go on with, and whether any was dropped for want of width.
    fn settle(mut self, bags: &Bags) -> (Vec<Config>, bool) {
        for config in std::mem::take(&mut self.fresh) {
            self.insert(config, bags);
        }
        let mut configs: Vec<Config> = self.by_done.into_values().flatten().collect();
        // A map's order is no order: one history must mean one run.
        configs.sort_unstable_by_key(|config| (config.state, config.done, config.used));
        if configs.len() <= self.most {
            return (configs, false);
        }
        configs.sort_by_key(|config| bags.total(config.used));
        configs.truncate(self.most);
        (configs, true)
    }
}
