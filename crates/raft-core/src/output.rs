//! All that a node wants done, in a buffer that belongs to the caller and is used again and again.
//!
//! The fields stand in no order that matters: whatever must wait for a write stays inside the core until the
//! write's token comes back, so nothing here can be carried out too early. Sending first costs no safety
//! and hides the leader's own disk behind the network.

use crate::entries::Entries;
use crate::event::Event;
use crate::ids::{Epoch, Index, NodeId, Term, WriteToken};
use crate::message::Message;
use crate::outcome::{End, Outcome, ReadOutcome, Refused, Unknown};
use crate::snapshot::{SnapshotId, SnapshotMeta};
use crate::trace::Trace;

/// What [`Raft::step`](crate::Raft::step) appends to. Carry it all out, then [`clear`](Output::clear) it.
#[derive(Debug, Default)]
pub struct Output {
    /// Units for storage, in order. A later one is never carried out before an earlier one.
    pub write: Vec<Write>,
    /// Messages, per peer in order. Losing one costs time, never safety.
    pub send: Vec<Envelope>,
    /// What the state machine does, strictly in order.
    pub apply: Vec<Apply>,
    /// Answers to proposals, changes and transfers.
    pub outcomes: Vec<Outcome>,
    /// Answers to reads.
    pub reads: Vec<ReadOutcome>,
    /// What a log line, a metric or an operator wants to know.
    pub events: Vec<Event>,
    /// Every transition, if there is a list to put them in; `None` costs nothing.
    pub trace: Option<Vec<Trace>>,
}

/// How full a buffer was, so that what a step has added can be taken back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    write: usize,
    send: usize,
    apply: usize,
    outcomes: usize,
    reads: usize,
}

/// One thing for the state machine to do. Their order is the whole truth about its state: a snapshot is
/// taken of, or replaces, exactly what the ones before have led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Apply {
    /// Apply these committed entries, also the empty ones: their log time counts. Each index comes once.
    Entries(Entries),
    /// Take a snapshot of the state as it is now, stage it, and report it with
    /// [`Input::SnapshotReady`](crate::Input::SnapshotReady). Taking a handle is enough; the next entries
    /// need not wait for the bytes.
    TakeSnapshot(SnapshotMeta),
    /// Replace the state by this received snapshot, which is current in storage.
    InstallSnapshot(SnapshotMeta),
}

/// One unit of writing. Storage carries it out in the order of its fields, and every prefix of that order is
/// a state that recovery accepts. It is durable once all of it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// To be returned with [`Input::Durable`](crate::Input::Durable).
    pub token: WriteToken,
    /// A staged snapshot that becomes the current one.
    pub snapshot: Option<SnapshotWrite>,
    /// The new content of the vote file.
    pub ballot: Option<Ballot>,
    /// Log records. They may begin at or below what is already written: from there on they replace it.
    pub entries: Entries,
    /// How far is committed: a hint for the next start, stored beside the records. Never a reason to sync. It
    /// counts only together with every record of this unit: beside half of them it would speak of entries that
    /// they were to replace.
    pub commit_index: Index,
}

/// A snapshot that becomes current: made here, or received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotWrite {
    /// Which staged bytes.
    pub id: SnapshotId,
    /// What they stand for.
    pub meta: SnapshotMeta,
    /// What becomes of the records behind it.
    pub log: LogBehind,
}

/// What becomes of the log records behind a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogBehind {
    /// The log holds the snapshot's last entry, so what follows it stays.
    Kept,
    /// The log differs from the snapshot: all of it goes.
    Discarded,
}

/// Term and vote, which live in the vote file and nowhere else. That a node has seen a term and that it has
/// voted in it are two facts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ballot {
    /// The newest term seen.
    pub term: Term,
    /// Who got this node's vote in that term. Changes only from nobody to somebody, or with the term.
    pub vote: Option<NodeId>,
    /// Set while this node recovers a log that was suspect when it started: the newest term in which it
    /// may have acknowledged what it has lost. Kept beside the vote, so that a second restart does not
    /// take the repaired part for the whole.
    pub recovering: Option<Term>,
}

/// A message on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The peer it is for; never this node.
    pub to: NodeId,
    /// The connection it is for: on a newer one it would say what is no longer asked. The driver drops it.
    pub epoch: Epoch,
    /// The last write it rests on, which is durable by now: for an observer to check.
    pub rests_on: WriteToken,
    /// What it says.
    pub message: Message,
}

impl Output {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.write.is_empty()
            && self.send.is_empty()
            && self.apply.is_empty()
            && self.outcomes.is_empty()
            && self.reads.is_empty()
            && self.events.is_empty()
    }

    /// A buffer that also takes every transition.
    #[must_use]
    pub fn tracing() -> Self {
        Self { trace: Some(Vec::new()), ..Self::default() }
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark {
            write: self.write.len(),
            send: self.send.len(),
            apply: self.apply.len(),
            outcomes: self.outcomes.len(),
            reads: self.reads.len(),
        }
    }

    /// Takes back what was added since the mark, except events and transitions, which happened, and answers,
    /// which are given exactly once.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.write.truncate(mark.write);
        self.send.truncate(mark.send);
        self.apply.truncate(mark.apply);
        // Whoever was answered has no other answer coming: it must be one that promises nothing.
        for outcome in self.outcomes.iter_mut().skip(mark.outcomes) {
            outcome.end = End::Unknown(Unknown::Poisoned);
        }
        for read in self.reads.iter_mut().skip(mark.reads) {
            read.index = Err(Refused::Poisoned);
        }
    }

    /// Forgets everything and keeps the memory.
    pub fn clear(&mut self) {
        self.write.clear();
        self.send.clear();
        self.apply.clear();
        self.outcomes.clear();
        self.reads.clear();
        self.events.clear();
        if let Some(trace) = &mut self.trace {
            trace.clear();
        }
    }
}
