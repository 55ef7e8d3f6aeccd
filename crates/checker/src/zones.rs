//! Tier 1: a register to which no value is written twice, decided by sorting (Gibbons & Korach; Golab,
//! Li & Shah), extended by cas.
//!
//! All operations on one value form a group, and groups tied by successful cas form a block, whose
//! operations must be neighbours in any order. A block has the earliest return `f` and the latest
//! invoke `s` of its operations, and must precede another if its `f` lies before the other's `s`.
//! Blocks with `f < s` are forward: they fill `[f, s]`. The others are backward: all their operations
//! have `[s, f]` in common. An order exists exactly if no two forward blocks overlap and no backward
//! one lies within a forward one.
//!
//! An unknown write that somebody saw counts as done; one that nobody saw is deleted. Failed cas are
//! left out here: they are fitted into the order by the file beside this one.

use crate::register::{Kind, NEVER, Register, Touch};

/// What the zones say about a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Zones {
    /// An order of all that counts, without failed cas and unseen unknown writes.
    Ok(Order),
    /// No order explains these.
    Bad(Clash),
    /// Some value is written twice: this tier does not apply.
    Repeated,
}

/// An order of touches: places in the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) touches: Vec<u32>,
}

/// Why there is no order; the numbers are places in the register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Clash {
    pub(crate) kind: ClashKind,
    /// The two to four operations that contradict each other.
    pub(crate) guilty: Vec<u32>,
    /// The writes and cas that tie them.
    pub(crate) ties: Vec<u32>,
}

/// The ways in which unique values contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ClashKind {
    /// A value was seen that nobody wrote.
    NeverWritten,
    /// Two cas took the same value away, which was there once.
    TakenTwice,
    /// Each of some cas needs the one before it, in a circle.
    Circle,
    /// A value was gone before it was seen for the last time, or seen before it was written.
    OutOfOrder,
    /// Two values must each have been there before the other.
    BothFirst,
}

/// Decides a register by its zones.
pub(crate) fn judge(register: &Register) -> Zones {
    let Some(mut groups) = Groups::of(register) else { return Zones::Repeated };
    let tied = groups.find_readers().and_then(|()| {
        groups.delete_unseen();
        groups.tie()
    });
    let arranged = tied.and_then(|()| groups.blocks()).and_then(|blocks| groups.arrange(blocks));
    match arranged {
        Ok(blocks) => Zones::Ok(Order { touches: groups.order(&blocks) }),
        Err((kind, guilty)) => {
            let is_impossible = kind == ClashKind::NeverWritten && register.is_inferred;
            let ties = if is_impossible { groups.others(&guilty) } else { groups.ties_of(&guilty) };
            Zones::Bad(Clash { kind, guilty, ties })
        }
    }
}

/// What clashes, and who with whom.
type Found = (ClashKind, Vec<u32>);

/// All operations on one value.
#[derive(Clone, Copy)]
struct Group {
    /// Who stored it; `NONE` for the initial value and for one that nobody stored.
    writer: u32,
    /// The read that returned first, and the one invoked last.
    first_read: u32,
    last_read: u32,
    /// The value that a cas put in its place.
    next: u32,
}

const NONE: u32 = u32::MAX;

struct Groups<'a> {
    register: &'a Register,
    groups: Vec<Group>,
}

impl<'a> Groups<'a> {
    /// `None` if some value is written twice.
    fn of(register: &'a Register) -> Option<Self> {
        let empty = Group { writer: NONE, first_read: NONE, last_read: NONE, next: NONE };
        let mut groups = vec![empty; register.values as usize];
        for (at, touch) in (0..).zip(&register.touches) {
            let Some(value) = touch.stored() else { continue };
            let writer = &mut groups[value as usize].writer;
            if *writer != NONE || value == register.initial {
                return None;
            }
            *writer = at;
        }
        Some(Self { register, groups })
    }

    fn touch(&self, at: u32) -> &'a Touch {
        &self.register.touches[at as usize]
    }

    fn find_readers(&mut self) -> Result<(), Found> {
        let touches = &self.register.touches;
        for (at, touch) in (0..).zip(touches) {
            let seen = match touch.kind {
                Kind::Read(value) => value,
                Kind::Cas(from, _) if touch.is_known() => from,
                _ => continue,
            };
            let group = &mut self.groups[seen as usize];
            if group.writer == NONE && seen != self.register.initial {
                return Err((ClashKind::NeverWritten, vec![at]));
            }
            if !matches!(touch.kind, Kind::Read(_)) {
                continue;
            }
            // Touches are sorted by invoke, so each is the last one so far.
            group.last_read = at;
            let first = group.first_read;
            if first == NONE || touches[first as usize].returned > touch.returned {
                group.first_read = at;
            }
        }
        Ok(())
    }

    /// Unknown stores that no known operation rests on did not happen, as far as anybody can tell.
    fn delete_unseen(&mut self) {
        let touches = &self.register.touches;
        let mut is_seen = vec![false; self.groups.len()];
        let mut work: Vec<u32> = Vec::new();
        for (value, group) in (0..).zip(&self.groups) {
            if group.first_read != NONE {
                work.push(value);
            }
        }
        for touch in touches {
            if let (Kind::Cas(from, _), true) = (touch.kind, touch.is_known()) {
                work.push(from);
            }
        }
        while let Some(value) = work.pop() {
            if std::mem::replace(&mut is_seen[value as usize], true) {
                continue;
            }
            let writer = self.groups[value as usize].writer;
            if writer != NONE
                && let Kind::Cas(from, _) = touches[writer as usize].kind
            {
                work.push(from);
            }
        }
        for (group, is_seen) in self.groups.iter_mut().zip(is_seen) {
            if group.writer != NONE && !is_seen && !touches[group.writer as usize].is_known() {
                group.writer = NONE;
            }
        }
    }

    /// Ties each group that a cas stored behind the group it took away.
    fn tie(&mut self) -> Result<(), Found> {
        for value in 0..self.groups.len() {
            let writer = self.groups[value].writer;
            if writer == NONE {
                continue;
            }
            let Kind::Cas(from, to) = self.touch(writer).kind else { continue };
            let before = self.groups[from as usize];
            if before.writer == NONE && from != self.register.initial {
                return Err((ClashKind::NeverWritten, vec![writer]));
            }
            if before.next != NONE {
                let rival = self.groups[before.next as usize].writer;
                return Err((ClashKind::TakenTwice, vec![rival, writer]));
            }
            self.groups[from as usize].next = to;
        }
        Ok(())
    }

    /// Walks each chain once.
    fn blocks(&self) -> Result<Vec<Block>, Found> {
        let mut blocks = Vec::new();
        let mut grouped = 0;
        let mut alive = 0;
        for (value, group) in (0..).zip(&self.groups) {
            let is_initial = value == self.register.initial;
            if group.writer == NONE && !is_initial {
                continue;
            }
            alive += 1;
            let is_head = is_initial || !matches!(self.touch(group.writer).kind, Kind::Cas(..));
            if is_head {
                let (block, count) = self.walk(value)?;
                grouped += count;
                blocks.push(block);
            }
        }
        if grouped == alive { Ok(blocks) } else { Err(self.circle()) }
    }

    fn walk(&self, head: u32) -> Result<(Block, usize), Found> {
        let is_initial = head == self.register.initial;
        // The initial value was there before every operation: its block comes first.
        let first_return = if is_initial { 0 } else { NEVER };
        let mut block = Block { head, first_return, last_invoke: 0, first: NONE, last: NONE };
        let mut value = head;
        let mut count = 0;
        while value != NONE {
            let group = &self.groups[value as usize];
            if group.writer != NONE {
                self.extend(&mut block, group.writer, group.writer)?;
            }
            if group.first_read != NONE {
                self.extend(&mut block, group.first_read, group.last_read)?;
            }
            count += 1;
            value = group.next;
        }
        Ok((block, count))
    }

    /// Adds the next operations of a chain, of which `first` returned first and `last` was invoked last.
    fn extend(&self, block: &mut Block, first: u32, last: u32) -> Result<(), Found> {
        let returned = moment(self.touch(first).returned);
        if returned < block.last_invoke {
            return Err((ClashKind::OutOfOrder, vec![block.last, first]));
        }
        if returned < block.first_return {
            (block.first_return, block.first) = (returned, first);
        }
        let invoked = moment(self.touch(last).invoked);
        if invoked > block.last_invoke {
            (block.last_invoke, block.last) = (invoked, last);
        }
        Ok(())
    }

    /// A circle of cas: what no chain from a first value reaches is in one.
    fn circle(&self) -> Found {
        let mut is_reached = vec![false; self.groups.len()];
        for (value, group) in (0..).zip(&self.groups) {
            let is_cas =
                group.writer != NONE && matches!(self.touch(group.writer).kind, Kind::Cas(..));
            let mut at = if is_cas { NONE } else { value };
            while at != NONE && !std::mem::replace(&mut is_reached[at as usize], true) {
                at = self.groups[at as usize].next;
            }
        }
        let start = (0..).zip(is_reached).find(|(_, is_reached)| !is_reached);
        let mut guilty = Vec::new();
        let mut value = start.map_or(NONE, |(value, _): (u32, bool)| value);
        while value != NONE && !guilty.contains(&self.groups[value as usize].writer) {
            guilty.push(self.groups[value as usize].writer);
            value = self.groups[value as usize].next;
        }
        (ClashKind::Circle, guilty)
    }

    /// Sorts blocks into an order, or finds two that clash.
    fn arrange(&self, blocks: Vec<Block>) -> Result<Vec<Block>, Found> {
        let is_forward = |block: &Block| block.first_return <= block.last_invoke;
        let (mut forward, backward): (Vec<_>, Vec<_>) = blocks.into_iter().partition(is_forward);
        forward.sort_unstable_by_key(|block| block.first_return);
        for pair in forward.windows(2) {
            if pair[1].first_return < pair[0].last_invoke {
                return Err(Self::both_first(&pair[0], &pair[1]));
            }
        }
        let mut keyed = Vec::with_capacity(forward.len() + backward.len());
        for block in backward {
            let behind = forward.partition_point(|other| other.first_return < block.last_invoke);
            let around = behind.checked_sub(1).map(|at| &forward[at]);
            let key = match around {
                Some(around) if block.first_return < around.last_invoke => {
                    return Err(Self::both_first(around, &block));
                }
                // It must follow the block within which it begins to be possible.
                Some(around) if block.last_invoke < around.last_invoke => around.first_return,
                _ => block.last_invoke,
            };
            keyed.push((key, block.last_invoke + 1, block));
        }
        keyed.extend(forward.into_iter().map(|block| (block.first_return, 0, block)));
        keyed.sort_unstable_by_key(|(key, tie, block)| (*key, *tie, block.head));
        Ok(keyed.into_iter().map(|(_, _, block)| block).collect())
    }

    fn both_first(one: &Block, other: &Block) -> Found {
        let mut guilty = Vec::new();
        for at in [one.first, one.last, other.first, other.last] {
            if at != NONE && !guilty.contains(&at) {
                guilty.push(at);
            }
        }
        (ClashKind::BothFirst, guilty)
    }

    /// What the guilty rest on: who stored the values that they saw, and who proves that an unknown
    /// store was done, or what an append did; of these again the same. A text that nobody can have made
    /// rests on everything.
    fn ties_of(&self, guilty: &[u32]) -> Vec<u32> {
        let mut all = guilty.to_vec();
        let mut from = 0;
        while let Some(&at) = all.get(from) {
            from += 1;
            let touch = self.touch(at);
            let writer = match touch.kind {
                Kind::Read(seen) | Kind::Cas(seen, _) => self.groups[seen as usize].writer,
                Kind::Write(_) | Kind::Miss(_) => NONE,
            };
            let is_inferred = self.register.is_inferred && matches!(touch.kind, Kind::Cas(..));
            let proof = match touch.stored() {
                Some(value) if is_inferred || !touch.is_known() => self.seen_by(value, &all),
                _ => NONE,
            };
            for tie in [writer, proof] {
                if tie != NONE && !all.contains(&tie) {
                    all.push(tie);
                }
            }
        }
        all.split_off(guilty.len())
    }

    fn others(&self, guilty: &[u32]) -> Vec<u32> {
        let all = 0..u32::try_from(self.register.touches.len()).unwrap_or(NONE);
        all.filter(|at| !guilty.contains(at)).collect()
    }

    /// Somebody who saw a value: a known one, if possible one of `among`; else a cas that was seen.
    fn seen_by(&self, value: u32, among: &[u32]) -> u32 {
        let sees = |at: &u32| match self.touch(*at).kind {
            Kind::Read(seen) => seen == value,
            Kind::Cas(seen, to) => {
                seen == value && to != value && self.groups[to as usize].writer == *at
            }
            Kind::Write(_) | Kind::Miss(_) => false,
        };
        let knows = |at: &u32| self.touch(*at).is_known() && sees(at);
        let all = 0..u32::try_from(self.register.touches.len()).unwrap_or(NONE);
        let read = Some(self.groups[value as usize].first_read).filter(|at| *at != NONE);
        let known = among.iter().copied().find(knows).or(read);
        let known = known.or_else(|| all.clone().find(knows));
        known.or_else(|| all.clone().find(sees)).unwrap_or(NONE)
    }

    /// All touches of the blocks, one after another.
    fn order(&self, blocks: &[Block]) -> Vec<u32> {
        let readers = Readers::of(self.register);
        let mut order = Vec::with_capacity(self.register.touches.len());
        for block in blocks {
            let mut value = block.head;
            while value != NONE {
                let group = &self.groups[value as usize];
                if group.writer != NONE {
                    order.push(group.writer);
                }
                order.extend_from_slice(readers.of_value(value));
                value = group.next;
            }
        }
        order
    }
}

/// Groups tied by cas, by their first value. Moments count from one; zero is before everything.
#[derive(Clone, Copy)]
struct Block {
    head: u32,
    first_return: u32,
    last_invoke: u32,
    first: u32,
    last: u32,
}

fn moment(position: u32) -> u32 {
    position.saturating_add(1)
}

/// The reads of each value, in order of invoke.
struct Readers {
    starts: Vec<u32>,
    reads: Vec<u32>,
}

impl Readers {
    fn of(register: &Register) -> Self {
        let mut starts = vec![0u32; register.values as usize + 1];
        let reads = (0..).zip(&register.touches).filter_map(|(at, touch)| match touch.kind {
            Kind::Read(value) => Some((at, value)),
            _ => None,
        });
        for (_, value) in reads.clone() {
            starts[value as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut sorted = vec![0; starts[starts.len() - 1] as usize];
        for (at, value) in reads {
            sorted[next[value as usize] as usize] = at;
            next[value as usize] += 1;
        }
        Self { starts, reads: sorted }
    }

    fn of_value(&self, value: u32) -> &[u32] {
        let (from, to) = (self.starts[value as usize], self.starts[value as usize + 1]);
        &self.reads[from as usize..to as usize]
    }
}
