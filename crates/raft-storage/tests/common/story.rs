//! A node's life by chance: appends, overwritten suffixes, votes, snapshots made and received, idle moments,
//! restarts, with chores in between. Between any two disk operations somebody may look.

use raft_core::{EntryId, LogBehind, Term, Write};
use raft_storage::{Dice, Disk, FakeDisk, FileName, Operation};

use super::node::{Node, ballot, entries, id, unit};
use super::truth::Truth;

/// How often each thing happened: a story in which one never did shows nothing about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chapters {
    pub(crate) appends: usize,
    pub(crate) overwrites: usize,
    pub(crate) votes: usize,
    pub(crate) snapshots: usize,
    pub(crate) discards: usize,
    pub(crate) idle: usize,
    pub(crate) rolls: usize,
    pub(crate) restarts: usize,
    pub(crate) retired: usize,
}

/// A node and the dice that decide.
pub(crate) struct Story {
    pub(crate) node: Option<Node>,
    dice: Dice,
    pub(crate) chapters: Chapters,
    /// Everything that was ever appended, acknowledged or not.
    pub(crate) written: Vec<(EntryId, Vec<u8>)>,
    stamp: u32,
    term: u64,
}

/// What may be found after a crash at this moment.
pub(crate) struct Moment<'a> {
    pub(crate) disk: &'a FakeDisk,
    pub(crate) acknowledged: &'a Truth,
    /// Carried out, and not acknowledged yet.
    pub(crate) under_way: &'a [Write],
    pub(crate) written: &'a [(EntryId, Vec<u8>)],
}

impl Story {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            node: Some(Node::new()),
            dice: Dice::new(seed),
            chapters: Chapters::default(),
            written: Vec::new(),
            stamp: 0,
            term: 1,
        }
    }

    /// One thing happens.
    pub(crate) fn step(&mut self, look: &mut dyn FnMut(&Moment<'_>)) {
        let mut node = self.node.take().expect("a story has a node");
        match self.dice.below(20) {
            0..9 => self.append(&mut node),
            9..11 => self.overwrite(&mut node),
            11..13 => self.vote(&mut node),
            13..15 => self.snapshot(&mut node, LogBehind::Kept),
            15 => self.snapshot(&mut node, LogBehind::Discarded),
            16..18 => self.idle(&mut node),
            18 => {
                self.chapters.restarts += 1;
                node = node.restart();
            }
            _ => {
                self.append(&mut node);
                self.vote(&mut node);
                self.append(&mut node);
            }
        }
        self.flush(&mut node, look);
        self.node = Some(node);
    }

    fn append(&mut self, node: &mut Node) {
        let last = last_appended(node);
        self.append_behind(node, last.index.0);
        self.chapters.appends += 1;
    }

    fn overwrite(&mut self, node: &mut Node) {
        let (base, last) = (node.truth.snapshot.index.0, last_appended(node).index.0);
        if last > base {
            self.term += 1;
            let behind = base + self.dice.below(usize::try_from(last - base).unwrap_or(1)) as u64;
            self.append_behind(node, behind);
            self.chapters.overwrites += 1;
        }
    }

    fn append_behind(&mut self, node: &mut Node, behind: u64) {
        let count = 1 + self.dice.below(3);
        let payloads: Vec<_> = (0..count).map(|_| self.payload()).collect();
        let entries = entries(id(self.term, behind + 1), &payloads);
        self.written.extend(super::truth::lines(&entries));
        let commit_index = node.truth.snapshot.index;
        let ballot = self.ballot_if_due(node);
        node.append(Write { ballot, entries, commit_index, ..unit() }).expect("it follows");
    }

    // Different each time; some of zeros, so that sectors are zero that were really written.
    fn payload(&mut self) -> Vec<u8> {
        self.stamp += 1;
        let mut payload = vec![0; [4, 40, 300, 700, 1_600][self.dice.below(5)]];
        payload[..4].copy_from_slice(&self.stamp.to_le_bytes());
        if self.dice.hits(7_000) {
            payload[4..].fill(0xa5);
        }
        payload
    }

    fn ballot_if_due(&self, node: &Node) -> Option<raft_core::Ballot> {
        let known = node.pending.iter().rev().find_map(|unit| unit.ballot);
        let known = known.unwrap_or(node.truth.ballot).term;
        (known < Term(self.term)).then(|| ballot(self.term, 0))
    }

    fn vote(&mut self, node: &mut Node) {
        self.term += 1;
        let ballot = Some(ballot(self.term, 1 + self.dice.below(3) as u64));
        node.append(Write { ballot, ..unit() }).expect("it follows");
        self.chapters.votes += 1;
    }

    fn snapshot(&mut self, node: &mut Node, log: LogBehind) {
        let last = match log {
            LogBehind::Kept if node.truth.log.is_empty() => return,
            LogBehind::Kept => node.truth.log[self.dice.below(node.truth.log.len())].0,
            LogBehind::Discarded => {
                self.term += 1;
                id(self.term, node.truth.last().index.0 + self.dice.below(4) as u64 + 1)
            }
        };
        let snapshot = node.stage(last, log).expect("nothing fails");
        // A received snapshot may be the first that is heard of its term.
        let ballot = self.ballot_if_due(node);
        node.append(Write { snapshot: Some(snapshot), ballot, ..unit() }).expect("it follows");
        match log {
            LogBehind::Kept => self.chapters.snapshots += 1,
            LogBehind::Discarded => self.chapters.discards += 1,
        }
    }

    fn idle(&mut self, node: &mut Node) {
        if node.wal.next_batch(node.now).is_none() {
            node.now = node.now.plus_ms(5);
            self.chapters.idle += 1;
        } else {
            node.finish(Ok(())).expect("a batch of nothing");
        }
    }

    /// Carries out batches and chores, one disk operation at a time, in turns by chance.
    fn flush(&mut self, node: &mut Node, look: &mut dyn FnMut(&Moment<'_>)) {
        let mut chore: Option<std::vec::IntoIter<Operation>> = None;
        let mut batch: Option<(std::vec::IntoIter<Operation>, usize)> = None;
        loop {
            if batch.is_none() {
                batch = node.wal.next_batch(node.now).map(|batch| {
                    let units = node.pending.iter().filter(|unit| unit.token <= batch.upto).count();
                    self.note_rolls(&batch.operations);
                    (batch.operations.into_iter(), units)
                });
            }
            if chore.is_none() && self.dice.hits(5_000) {
                chore = node.wal.next_chore().map(|chore| chore.operations.into_iter());
            }
            let is_waiting = !node.pending.is_empty() && batch.is_none();
            let units = batch.as_ref().map_or(0, |(_, units)| *units);
            if let Some(operations) = &mut chore
                && (is_waiting || self.dice.hits(5_000))
            {
                match operations.next() {
                    Some(operation) => self.perform(node, operation, units, look),
                    None => {
                        node.wal.chore_done(Ok(())).expect("nothing fails");
                        chore = None;
                    }
                }
            } else if let Some((operations, _)) = &mut batch {
                match operations.next() {
                    Some(operation) => self.perform(node, operation, units, look),
                    None => {
                        node.finish(Ok(())).expect("nothing fails");
                        batch = None;
                    }
                }
            } else if chore.is_none() && !is_waiting {
                return;
            }
        }
    }

    fn perform(
        &mut self,
        node: &mut Node,
        operation: Operation,
        units: usize,
        look: &mut dyn FnMut(&Moment<'_>),
    ) {
        let is_retired = matches!(
            operation,
            Operation::Remove(FileName::Segment(_))
                | Operation::Rename { from: FileName::Segment(_), .. }
        );
        self.chapters.retired += usize::from(is_retired);
        node.disk.perform(operation).expect("nothing fails");
        look(&Moment {
            disk: &node.disk,
            acknowledged: &node.truth,
            under_way: &node.pending[..units],
            written: &self.written,
        });
    }

    fn note_rolls(&mut self, operations: &[Operation]) {
        let is_roll = |it: &Operation| {
            matches!(it, Operation::Write { file: FileName::Segment(_), offset: 0, .. })
        };
        self.chapters.rolls += operations.iter().filter(|it| is_roll(it)).count();
    }
}

fn last_appended(node: &Node) -> EntryId {
    let mut truth = node.truth.clone();
    for unit in &node.pending {
        truth.apply(unit);
    }
    truth.last()
}

impl Chapters {
    pub(crate) fn add(&mut self, other: Self) {
        self.appends += other.appends;
        self.overwrites += other.overwrites;
        self.votes += other.votes;
        self.snapshots += other.snapshots;
        self.discards += other.discards;
        self.idle += other.idle;
        self.rolls += other.rolls;
        self.restarts += other.restarts;
        self.retired += other.retired;
    }
}
