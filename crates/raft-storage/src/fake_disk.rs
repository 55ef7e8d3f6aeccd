//! A disk in memory that loses whatever a real one may lose, byte for byte, and nothing else: live and durable
//! bytes of each file, live and durable names, and between them what a crash may keep or drop piece by piece.
//! Reads see the live bytes; a restart sees the durable ones. Time is virtual and chance is a seed.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use raft_core::Time;

use crate::directory::FileName;
use crate::disk::{Completion, Disk, DiskError, Done, Operation, Ticket};

mod crash;
mod dice;
mod inode;

pub use crash::{CrashPoint, Kept};
pub use dice::Dice;
use inode::{Inode, Landing};

/// The disk.
#[derive(Clone, Debug, Default)]
pub struct FakeDisk {
    inodes: Vec<Inode>,
    names: BTreeMap<FileName, usize>,
    durable_names: BTreeMap<FileName, usize>,
    pending_names: Vec<(u64, NameChange)>,
    /// Submitted and not reported yet, with the time at which they are.
    queue: VecDeque<(Ticket, Time, Answer)>,
    /// Operations so far; the next one has this number.
    count: u64,
    faults: BTreeMap<u64, Fault>,
    chances: Option<(Dice, Chances)>,
    now: Time,
    latency_us: u64,
    is_stalled: bool,
    bytes_max: Option<usize>,
    losses: BTreeMap<Loss, u64>,
}

/// What goes wrong with one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It fails. A write is cut off half-way, and a sync loses what it was to keep: the next one has nothing
    /// left to do and succeeds.
    Error,
    /// The disk is full, in the middle of a write.
    NoSpace,
    /// A write that is reported and never reaches the platter: the sector stays stale.
    Stale,
    /// A write that lands so many sectors further on in its file.
    Misdirected(usize),
}

/// How often things go wrong by chance, in ten thousand operations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chances {
    /// [`Fault::Error`].
    pub error: u16,
    /// [`Fault::NoSpace`].
    pub no_space: u16,
    /// [`Fault::Stale`].
    pub stale: u16,
    /// [`Fault::Misdirected`], by one to eight sectors.
    pub misdirected: u16,
    /// A bit of some file flips, on the platter and in memory.
    pub rot: u16,
}

/// What was lost, or went wrong, and can be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Loss {
    /// A sector that was not synced.
    Sector,
    /// The same, with a later sector of the same write kept.
    Hole,
    /// A part of a sector.
    Torn,
    /// The new size of a file.
    Size,
    /// A creation, a rename or a removal.
    Name,
    /// What a failed sync was to keep.
    FailedSync,
    /// The rest of a write to a full disk.
    NoSpace,
    /// The answer to a read.
    FailedRead,
    /// One bit.
    Rot,
    /// A write that went elsewhere.
    Misdirected,
    /// A write that was reported and never happened.
    Stale,
    /// Time, on a slow disk.
    Late,
    /// All time, on a disk that stands still.
    Stalled,
}

/// A change of names; a rename is one change.
#[derive(Clone, Debug)]
struct NameChange {
    taken: Option<FileName>,
    given: Option<(FileName, usize)>,
}

/// What an operation will have led to when it is reported.
#[derive(Clone, Debug)]
enum Answer {
    Now(Result<Done, DiskError>),
    /// Durable is only what was submitted before, and only once it is reported.
    Sync(usize, u64),
    SyncNames(u64),
}

impl FakeDisk {
    /// An empty disk on which nothing goes wrong.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// From here on things go wrong by chance.
    pub fn set_chances(&mut self, seed: u64, chances: Chances) {
        self.chances = Some((Dice::new(seed), chances));
    }

    /// Lets the operation of this number fail; see [`count`](Self::count).
    pub fn fail_at(&mut self, number: u64, fault: Fault) {
        self.faults.insert(number, fault);
    }

    /// How many operations there were so far: the number of the next one.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Bytes that all files together may have.
    pub fn set_bytes_max(&mut self, bytes: usize) {
        self.bytes_max = Some(bytes);
    }

    /// How long each operation takes from here on.
    pub fn set_latency_us(&mut self, latency_us: u64) {
        self.latency_us = latency_us;
    }

    /// Whether nothing completes any more.
    pub fn set_stalled(&mut self, is_stalled: bool) {
        self.is_stalled = is_stalled;
    }

    /// Moves time on; never back.
    pub fn advance_to(&mut self, now: Time) {
        self.now = self.now.max(now);
    }

    /// When the next operation completes; [`Time::NEVER`] if none is under way or the disk stands still.
    #[must_use]
    pub fn next_completion(&self) -> Time {
        match self.queue.front() {
            Some((_, due, _)) if !self.is_stalled => *due,
            Some(_) | None => Time::NEVER,
        }
    }

    /// What was lost so far, by kind.
    #[must_use]
    pub fn losses(&self) -> &BTreeMap<Loss, u64> {
        &self.losses
    }

    /// The power could go now.
    #[must_use]
    pub fn crash_point(&self) -> CrashPoint<'_> {
        CrashPoint::new(self)
    }

    /// Flips bits of one byte, in memory and on the platter. Nothing happens if there is no such byte.
    pub fn rot(&mut self, file: FileName, offset: usize, mask: u8) {
        let Some(inode) = self.names.get(&file).and_then(|number| self.inodes.get_mut(*number))
        else {
            return;
        };
        for bytes in [&mut inode.live, &mut inode.durable] {
            if let Some(byte) = bytes.get_mut(offset) {
                *byte ^= mask;
            }
        }
        self.note(Loss::Rot);
    }

    /// The bytes of a file as readers see them.
    #[must_use]
    pub fn contents(&self, file: FileName) -> Option<&[u8]> {
        let number = self.names.get(&file)?;
        self.inodes.get(*number).map(|inode| inode.live.as_slice())
    }

    /// Puts a file there, whole and durable: for tests that build what a disk may hold.
    pub fn put(&mut self, file: FileName, bytes: &[u8]) {
        let inode = Inode { live: bytes.to_vec(), durable: bytes.to_vec(), pending: Vec::new() };
        self.inodes.push(inode);
        self.names.insert(file, self.inodes.len() - 1);
        self.durable_names.insert(file, self.inodes.len() - 1);
    }

    /// Takes a file away, durably.
    pub fn take(&mut self, file: FileName) {
        self.names.remove(&file);
        self.durable_names.remove(&file);
    }

    /// All names that readers see.
    #[must_use]
    pub fn names(&self) -> Vec<FileName> {
        self.names.keys().copied().collect()
    }

    /// The same files on a disk that has just been started: nothing pending, nothing planned to go wrong.
    fn restarted(&self) -> Self {
        let platter = |inode: &Inode| Inode { durable: inode.durable.clone(), ..Inode::default() };
        Self {
            inodes: self.inodes.iter().map(platter).collect(),
            durable_names: self.durable_names.clone(),
            now: self.now,
            latency_us: self.latency_us,
            bytes_max: self.bytes_max,
            losses: self.losses.clone(),
            ..Self::default()
        }
    }

    fn note(&mut self, loss: Loss) {
        *self.losses.entry(loss).or_default() += 1;
    }

    /// What the operation of the present number suffers.
    fn draw(&mut self) -> Option<Fault> {
        if let Some(fault) = self.faults.remove(&self.count) {
            return Some(fault);
        }
        let (mut dice, chances) = self.chances.take()?;
        if dice.hits(chances.rot) {
            self.rot_by_chance(&mut dice);
        }
        let fault = match () {
            () if dice.hits(chances.error) => Some(Fault::Error),
            () if dice.hits(chances.no_space) => Some(Fault::NoSpace),
            () if dice.hits(chances.stale) => Some(Fault::Stale),
            () if dice.hits(chances.misdirected) => Some(Fault::Misdirected(1 + dice.below(8))),
            () => None,
        };
        self.chances = Some((dice, chances));
        fault
    }

    fn rot_by_chance(&mut self, dice: &mut Dice) {
        let names = self.names();
        let Some(file) = names.get(dice.below(names.len())) else { return };
        let bytes = self.contents(*file).map_or(0, <[u8]>::len);
        self.rot(*file, dice.below(bytes), 1 << dice.below(8));
    }

    fn begin(&mut self, operation: Operation) -> Answer {
        let fault = self.draw();
        let order = self.count;
        self.count += 1;
        match operation {
            Operation::Create { file, bytes } => {
                Answer::Now(self.create(order, file, bytes, fault))
            }
            Operation::Write { file, offset, bytes } => {
                Answer::Now(self.write(order, file, offset, &bytes, fault))
            }
            Operation::Read { file, offset, len } => {
                Answer::Now(self.read(file, offset, len, fault))
            }
            Operation::Sync(file) => self.sync(order, file, fault),
            Operation::SyncDirectory if fault.is_some() => Answer::Now(failed()),
            Operation::SyncDirectory => Answer::SyncNames(order),
            Operation::Rename { from, to } => Answer::Now(self.rename(order, from, to, fault)),
            Operation::Remove(file) => Answer::Now(self.remove(order, file, fault)),
            Operation::List => Answer::Now(self.list(fault)),
        }
    }

    fn create(
        &mut self,
        order: u64,
        file: FileName,
        bytes: u64,
        fault: Option<Fault>,
    ) -> Result<Done, DiskError> {
        if fault == Some(Fault::Error) {
            return failed();
        }
        let number = match self.names.get(&file) {
            Some(number) => *number,
            None => {
                self.inodes.push(Inode::default());
                let number = self.inodes.len() - 1;
                self.rename_to(order, NameChange { taken: None, given: Some((file, number)) });
                number
            }
        };
        let wanted = usize::try_from(bytes).map_err(|_| DiskError::NoSpace)?;
        let room = self.room(number);
        self.inodes[number].clear(order);
        if wanted > room || fault == Some(Fault::NoSpace) {
            self.note(Loss::NoSpace);
            self.inodes[number].resize(order, room.min(wanted / 2));
            return Err(DiskError::NoSpace);
        }
        self.inodes[number].resize(order, wanted);
        Ok(Done::Nothing)
    }

    fn write(
        &mut self,
        order: u64,
        file: FileName,
        offset: u64,
        bytes: &Bytes,
        fault: Option<Fault>,
    ) -> Result<Done, DiskError> {
        let number = *self.names.get(&file).ok_or(DiskError::NotFound)?;
        let offset = usize::try_from(offset).map_err(|_| DiskError::NoSpace)?;
        let fits = self.room(number).saturating_sub(offset).min(bytes.len());
        let (kept, landing, result) = match fault {
            None if fits == bytes.len() => (fits, Landing::Right, Ok(Done::Nothing)),
            None | Some(Fault::NoSpace) => {
                self.note(Loss::NoSpace);
                (fits.min(bytes.len() / 2), Landing::Right, Err(DiskError::NoSpace))
            }
            Some(Fault::Error) => (fits / 2, Landing::Right, failed()),
            Some(Fault::Stale) => {
                self.note(Loss::Stale);
                (fits, Landing::Nowhere, Ok(Done::Nothing))
            }
            Some(Fault::Misdirected(by)) => {
                self.note(Loss::Misdirected);
                (fits, Landing::Off(by), Ok(Done::Nothing))
            }
        };
        if kept > 0 {
            self.inodes[number].write(order, offset, &bytes[..kept], landing);
        }
        result
    }

    fn read(
        &mut self,
        file: FileName,
        offset: u64,
        len: u32,
        fault: Option<Fault>,
    ) -> Result<Done, DiskError> {
        if fault.is_some() {
            self.note(Loss::FailedRead);
            return failed();
        }
        let live = self.contents(file).ok_or(DiskError::NotFound)?;
        let start = usize::try_from(offset).map_err(|_| DiskError::BeyondEnd)?;
        let end = start.checked_add(len as usize).ok_or(DiskError::BeyondEnd)?;
        let bytes = live.get(start..end).ok_or(DiskError::BeyondEnd)?;
        Ok(Done::Bytes(Bytes::copy_from_slice(bytes)))
    }

    fn sync(&mut self, order: u64, file: FileName, fault: Option<Fault>) -> Answer {
        match (self.names.get(&file), fault) {
            (None, _) => Answer::Now(Err(DiskError::NotFound)),
            (Some(number), None) => Answer::Sync(*number, order),
            (Some(number), Some(_)) => {
                if self.inodes[*number].lose() > 0 {
                    self.note(Loss::FailedSync);
                }
                Answer::Now(failed())
            }
        }
    }

    fn rename(
        &mut self,
        order: u64,
        from: FileName,
        to: FileName,
        fault: Option<Fault>,
    ) -> Result<Done, DiskError> {
        if fault.is_some() {
            return failed();
        }
        let number = *self.names.get(&from).ok_or(DiskError::NotFound)?;
        self.rename_to(order, NameChange { taken: Some(from), given: Some((to, number)) });
        Ok(Done::Nothing)
    }

    fn remove(
        &mut self,
        order: u64,
        file: FileName,
        fault: Option<Fault>,
    ) -> Result<Done, DiskError> {
        if fault.is_some() {
            return failed();
        }
        self.names.get(&file).ok_or(DiskError::NotFound)?;
        self.rename_to(order, NameChange { taken: Some(file), given: None });
        Ok(Done::Nothing)
    }

    fn list(&self, fault: Option<Fault>) -> Result<Done, DiskError> {
        if fault.is_some() {
            return failed();
        }
        let size = |number: &usize| self.inodes[*number].live.len() as u64;
        Ok(Done::Files(self.names.iter().map(|(name, number)| (*name, size(number))).collect()))
    }

    fn rename_to(&mut self, order: u64, change: NameChange) {
        change.apply(&mut self.names);
        self.pending_names.push((order, change));
    }

    /// How large this file may become.
    fn room(&self, number: usize) -> usize {
        let Some(max) = self.bytes_max else { return usize::MAX };
        let others = self.names.values().filter(|other| **other != number);
        max.saturating_sub(others.map(|other| self.inodes[*other].live.len()).sum())
    }

    fn end(&mut self, answer: Answer) -> Result<Done, DiskError> {
        match answer {
            Answer::Now(result) => return result,
            Answer::Sync(number, order) => self.inodes[number].sync(order),
            Answer::SyncNames(order) => {
                let at = self.pending_names.partition_point(|(other, _)| *other <= order);
                let later = self.pending_names.split_off(at);
                for (_, change) in std::mem::replace(&mut self.pending_names, later) {
                    change.apply(&mut self.durable_names);
                }
            }
        }
        Ok(Done::Nothing)
    }
}

impl Disk for FakeDisk {
    fn submit(&mut self, ticket: Ticket, operation: Operation) {
        let begun = self.queue.back().map_or(self.now, |(_, due, _)| self.now.max(*due));
        let due = Time(begun.0.saturating_add(self.latency_us));
        if self.latency_us > 0 {
            self.note(Loss::Late);
        }
        let answer = self.begin(operation);
        self.queue.push_back((ticket, due, answer));
    }

    fn complete(&mut self, finished: &mut Vec<Completion>) {
        if self.is_stalled {
            self.note(Loss::Stalled);
            return;
        }
        while self.queue.front().is_some_and(|(_, due, _)| *due <= self.now) {
            let Some((ticket, _, answer)) = self.queue.pop_front() else { return };
            finished.push(Completion { ticket, result: self.end(answer) });
        }
    }

    fn perform(&mut self, operation: Operation) -> Result<Done, DiskError> {
        if self.is_stalled {
            self.note(Loss::Stalled);
            return Err(DiskError::Failed("the disk stands still".to_owned()));
        }
        self.now = Time(self.now.0.saturating_add(self.latency_us));
        let answer = self.begin(operation);
        self.end(answer)
    }
}

impl NameChange {
    fn apply(&self, names: &mut BTreeMap<FileName, usize>) {
        if let Some(taken) = self.taken {
            names.remove(&taken);
        }
        if let Some((name, number)) = self.given {
            names.insert(name, number);
        }
    }
}

fn failed<T>() -> Result<T, DiskError> {
    Err(DiskError::Failed("input/output error".to_owned()))
}
