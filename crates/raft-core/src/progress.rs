//! One peer as the leader sees it: how far its log agrees with ours, and what is in flight. Knows nothing of
//! elections or the wire; the leader asks whether to send and tells what came back.
//!
//! ```text
//!              an append matches
//!    Probe ──────────────────────► Replicate
//!    one append at a time ◄─────── streaming within the window
//!              a conflict, or a new connection
//! ```
//!
//! Invariant: `matched < next`.

use std::collections::VecDeque;

use crate::ids::{Index, NodeId, Time};
use crate::membership::Standing;

/// One peer.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    pub(crate) id: NodeId,
    pub(crate) standing: Standing,
    /// The logs are proven to agree, on the peer's disk, up to here; on this connection.
    pub(crate) matched: Index,
    /// The next entry to send.
    pub(crate) next: Index,
    pub(crate) pace: Pace,
    /// The highest commit index it has been sent.
    pub(crate) told_commit: Index,
    /// When it last answered in this term.
    pub(crate) heard: Time,
    /// It says that it cannot keep up.
    pub(crate) busy: bool,
}

/// How a peer is being served.
#[derive(Clone, Debug)]
pub(crate) enum Pace {
    /// Where the logs agree is not known: one append, and then wait for its answer.
    Probe {
        /// The append that is on its way, as in a window.
        sent: Option<(Index, usize)>,
        /// Nothing was answered since the last heartbeat was.
        quiet: bool,
    },
    /// Entries are sent as they come, before the ones ahead of them are answered.
    Replicate(Window),
}

/// Appends that were sent and not answered. The byte count is kept with the content, and derived from it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    sent: VecDeque<(Index, usize)>,
    bytes: usize,
    /// Nothing was answered since the last heartbeat was.
    quiet: bool,
}

impl Progress {
    /// A peer of a new leader, whose log ends with `last`: taken to be equal until it says otherwise.
    pub(crate) fn new(id: NodeId, standing: Standing, last: Index, now: Time) -> Self {
        Self {
            id,
            standing,
            matched: Index::ZERO,
            next: last.next().unwrap_or(last),
            pace: Pace::PROBE,
            told_commit: Index::ZERO,
            heard: now,
            busy: false,
        }
    }

    /// A new connection: what was sent on the old one may be lost, and what was proven on it may have
    /// been another life of the peer's disk.
    pub(crate) fn reconnected(&mut self, last: Index) {
        self.matched = Index::ZERO;
        self.next = last.next().unwrap_or(last);
        self.pace = Pace::PROBE;
        self.told_commit = Index::ZERO;
        self.busy = false;
    }

    /// Everything up to `index` agrees and is durable there. Says whether that is news.
    pub(crate) fn acknowledged(&mut self, index: Index) -> bool {
        let is_news = index > self.matched;
        self.matched = self.matched.max(index);
        self.next = self.next.max(index.next().unwrap_or(index));
        let mut window = match std::mem::replace(&mut self.pace, Pace::PROBE) {
            // What the probe carried beyond this may be on its way to the peer's disk; it need not go again.
            Pace::Probe { sent, .. } => {
                let window = Window::of(sent);
                self.next = self.next.max(window.next());
                window
            }
            Pace::Replicate(window) => window,
        };
        window.acknowledged(index);
        self.pace = Pace::Replicate(window);
        is_news
    }

    /// The peer does not hold `rejected`; `hint` is the last position where agreement is possible. Stale
    /// answers, to something else than what was asked last, change nothing.
    pub(crate) fn conflicted(&mut self, rejected: Index, hint: Index) -> bool {
        let is_current = match &self.pace {
            Pace::Probe { .. } => rejected == self.next.previous(),
            Pace::Replicate(_) => rejected > self.matched,
        };
        if is_current {
            let next = hint.min(rejected.previous()).max(self.matched);
            self.next = next.next().unwrap_or(next);
            self.pace = Pace::PROBE;
        }
        is_current
    }

    /// A heartbeat was answered, so the connection works. Says whether something should be sent to find out
    /// what became of the rest: a probe may have been lost, or everything in the window, or its acks.
    pub(crate) fn heartbeat_answered(&mut self) -> bool {
        match &mut self.pace {
            Pace::Probe { sent: None, .. } => false,
            Pace::Probe { quiet, .. } => std::mem::replace(quiet, true),
            Pace::Replicate(window) => window.heartbeat_answered(),
        }
    }

    /// An append of entries up to `last` was sent.
    pub(crate) fn sent(&mut self, last: Index, bytes: usize) {
        match &mut self.pace {
            Pace::Probe { sent, quiet } => (*sent, *quiet) = (Some((last, bytes)), false),
            Pace::Replicate(window) => {
                window.sent(last, bytes);
                self.next = last.next().unwrap_or(last);
            }
        }
    }

    /// Whether nothing is waiting for an answer, so that an entry above every limit may go alone.
    pub(crate) fn is_quiet(&self) -> bool {
        match &self.pace {
            Pace::Probe { sent, .. } => sent.is_none(),
            Pace::Replicate(window) => window.sent.is_empty(),
        }
    }

    /// How many bytes may be sent now; `None` if nothing may.
    pub(crate) fn room(&self, limits: &WindowLimits) -> Option<usize> {
        match &self.pace {
            Pace::Probe { sent, .. } => sent.is_none().then_some(limits.append_bytes_max),
            Pace::Replicate(window) => window.room(limits),
        }
    }

    /// Whether its acks count.
    pub(crate) fn is_voter(&self) -> bool {
        self.standing.votes_in_old() || self.standing.votes_in_new()
    }

    /// Bytes streamed and not answered.
    pub(crate) fn inflight_bytes(&self) -> usize {
        match &self.pace {
            Pace::Probe { .. } => 0,
            Pace::Replicate(window) => window.bytes,
        }
    }

    /// What must hold of it.
    pub(crate) fn check(&self, last: Index) -> Result<(), &'static str> {
        if self.matched >= self.next {
            return Err("a peer's next entry is not behind what it is known to hold");
        }
        if self.matched > last {
            return Err("a peer is known to hold more than the leader");
        }
        let Pace::Replicate(window) = &self.pace else { return Ok(()) };
        if window.bytes != window.sent.iter().map(|(_, bytes)| bytes).sum::<usize>() {
            return Err("the bytes in flight are not the sum of what is in flight");
        }
        if window.sent.iter().any(|(sent, _)| *sent <= self.matched || *sent >= self.next) {
            return Err("something is in flight that was answered, or never sent");
        }
        Ok(())
    }
}

/// The bounds of a window.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WindowLimits {
    pub(crate) append_bytes_max: usize,
    pub(crate) bytes_max: usize,
    pub(crate) messages_max: usize,
}

impl Pace {
    /// Nothing is known, and nothing on its way.
    const PROBE: Self = Self::Probe { sent: None, quiet: false };
}

impl Window {
    fn of(sent: Option<(Index, usize)>) -> Self {
        Self {
            sent: sent.into_iter().collect(),
            bytes: sent.map_or(0, |(_, bytes)| bytes),
            quiet: false,
        }
    }

    /// The entry behind the last one sent.
    fn next(&self) -> Index {
        self.sent.back().and_then(|(last, _)| last.next()).unwrap_or_default()
    }

    fn sent(&mut self, last: Index, bytes: usize) {
        self.sent.push_back((last, bytes));
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn acknowledged(&mut self, index: Index) {
        self.quiet = false;
        while let Some((_, bytes)) = self.sent.pop_front_if(|(last, _)| *last <= index) {
            self.bytes = self.bytes.saturating_sub(bytes);
        }
    }

    fn heartbeat_answered(&mut self) -> bool {
        let was_quiet = std::mem::replace(&mut self.quiet, true);
        was_quiet && !self.sent.is_empty()
    }

    fn room(&self, limits: &WindowLimits) -> Option<usize> {
        if self.sent.is_empty() {
            return Some(limits.append_bytes_max);
        }
        if self.sent.len() >= limits.messages_max {
            return None;
        }
        let left = limits.bytes_max.saturating_sub(self.bytes);
        (left > 0).then(|| left.min(limits.append_bytes_max))
    }
}
