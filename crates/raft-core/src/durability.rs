//! What has been given to storage, what of it is durable, and what waits for it. The one mechanism for
//! followers, leaders and single voters alike: a unit of writing has a token, and whatever rests on it stays
//! here until the token comes back.
//!
//! ```text
//!   stage ──► issue (one unit a step, numbered) ──► storage ──► durable(token)
//!                     │                                             │
//!                     └── holds messages that rest on it ───────────┴──► they leave
//! ```
//!
//! Invariant: `durable <= last`; tokens come back in order, each implying the ones before.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use crate::entries::Entries;
use crate::ids::{Index, NodeId, Time, WriteToken};
use crate::membership::MEMBERS_MAX;
use crate::output::{Ballot, Envelope, Output, Write};

/// The writes of one node.
#[derive(Clone, Debug)]
pub(crate) struct Durability {
    /// The last token given out.
    issued: WriteToken,
    /// The last token that came back.
    returned: WriteToken,
    /// The unit that holds the present ballot.
    ballot_token: WriteToken,
    pending: VecDeque<Pending>,
    staged_ballot: Option<Ballot>,
    staged_entries: Entries,
    /// The log is durable up to here: it is on disk, and nothing later has replaced it.
    durable: Index,
    held: VecDeque<Envelope>,
    failed: bool,
}

/// A unit that storage has and has not returned.
#[derive(Clone, Debug)]
struct Pending {
    token: WriteToken,
    issued_at: Time,
    /// Up to here the log as it now is will be durable with this unit. Cut down when a later unit replaces
    /// what this one writes: an index alone would then vouch for bytes that are gone.
    covers: Index,
    bytes: u64,
}

impl Durability {
    /// Everything loaded is durable.
    pub(crate) fn new(durable: Index) -> Self {
        Self {
            issued: WriteToken::NONE,
            returned: WriteToken::NONE,
            ballot_token: WriteToken::NONE,
            pending: VecDeque::new(),
            staged_ballot: None,
            staged_entries: Entries::empty(),
            durable,
            held: VecDeque::new(),
            failed: false,
        }
    }

    /// The log is on this node's disk up to here.
    pub(crate) fn durable(&self) -> Index {
        self.durable
    }

    /// The last token that came back.
    pub(crate) fn returned(&self) -> WriteToken {
        self.returned
    }

    /// A write has failed: nothing will be durable any more.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed
    }

    /// The token that makes the present ballot durable, whether or not it has left already.
    pub(crate) fn ballot_token(&self) -> WriteToken {
        if self.staged_ballot.is_some() { self.next_token() } else { self.ballot_token }
    }

    /// Whether the present ballot is durable.
    pub(crate) fn is_ballot_durable(&self) -> bool {
        self.ballot_token() <= self.returned
    }

    /// Bytes given to storage and not durable yet.
    pub(crate) fn pending_bytes(&self) -> u64 {
        self.pending.iter().map(|unit| unit.bytes).fold(0, u64::saturating_add)
    }

    /// When the oldest write that is not durable was issued.
    pub(crate) fn waiting_since(&self) -> Option<Time> {
        self.pending.front().map(|unit| unit.issued_at)
    }

    /// The ballot has changed; it goes out with this step's unit.
    pub(crate) fn stage_ballot(&mut self, ballot: Ballot) {
        self.staged_ballot = Some(ballot);
    }

    /// Entries were appended to the log; they go out with this step's unit, or begin the next one.
    pub(crate) fn stage_entries(
        &mut self,
        run: &Entries,
        now: Time,
        commit: Index,
        out: &mut Output,
    ) {
        if !self.staged_entries.is_empty() {
            self.issue(now, commit, out);
        }
        self.staged_entries = run.clone();
    }

    /// The log was cut at `from`. What was written there, or is on its way, vouches for nothing any more.
    pub(crate) fn truncated(&mut self, from: Index) {
        let kept = from.previous();
        self.durable = self.durable.min(kept);
        self.staged_entries = self.staged_entries.ending_at(kept);
        for unit in &mut self.pending {
            unit.covers = unit.covers.min(kept);
        }
    }

    /// Hands what is staged to storage, as one unit.
    pub(crate) fn issue(&mut self, now: Time, commit_index: Index, out: &mut Output) {
        if self.failed || self.staged_ballot.is_none() && self.staged_entries.is_empty() {
            return;
        }
        let token = self.next_token();
        let entries = std::mem::replace(&mut self.staged_entries, Entries::empty());
        let ballot = self.staged_ballot.take();
        if ballot.is_some() {
            self.ballot_token = token;
        }
        self.issued = token;
        self.pending.push_back(Pending {
            token,
            issued_at: now,
            covers: entries.last().map_or(Index::ZERO, |last| last.index),
            bytes: entries.bytes().len() as u64,
        });
        out.write.push(Write { token, snapshot: None, ballot, entries, commit_index });
    }

    /// A token came back: it and all before it are durable. Says whether that is news.
    pub(crate) fn returned_with(&mut self, token: WriteToken) -> Result<bool, &'static str> {
        if token > self.issued {
            return Err("a write was reported durable that was never asked for");
        }
        if token <= self.returned || self.failed {
            return Ok(false);
        }
        self.returned = token;
        while let Some(unit) = self.pending.pop_front_if(|unit| unit.token <= token) {
            self.durable = self.durable.max(unit.covers);
        }
        Ok(true)
    }

    /// A write failed. What the disk kept is unknown, so no token is taken any more, and nothing leaves that
    /// waits for one.
    pub(crate) fn fail(&mut self) {
        self.failed = true;
        self.held.clear();
    }

    /// Sends a message once the unit it rests on is durable: now, if it is.
    pub(crate) fn send(&mut self, envelope: Envelope, out: &mut Output) {
        if envelope.rests_on <= self.returned {
            out.send.push(envelope);
        } else if !self.failed {
            self.hold(envelope);
        }
    }

    // Of two messages of a kind to one peer the newer says all: so at most one of each kind is held per peer,
    // and the bound is never met by members.
    fn hold(&mut self, envelope: Envelope) {
        let same_kind = |held: &Envelope| {
            held.to == envelope.to
                && std::mem::discriminant(&held.message.kind)
                    == std::mem::discriminant(&envelope.message.kind)
        };
        self.held.retain(|held| !same_kind(held));
        if self.held.len() >= HELD_MAX {
            self.held.pop_front();
        }
        self.held.push_back(envelope);
    }

    /// Lets go of what rests on durable units.
    pub(crate) fn release(&mut self, out: &mut Output) {
        if self.held.is_empty() {
            return;
        }
        let returned = self.returned;
        let (free, held) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|envelope| envelope.rests_on <= returned);
        self.held = held;
        out.send.extend::<VecDeque<_>>(free);
    }

    /// A new connection: what was to be said on the old one is no longer asked.
    pub(crate) fn forget_held_for(&mut self, peer: NodeId) {
        self.held.retain(|envelope| envelope.to != peer);
    }

    /// The term has changed: what was to be said in the old one is of no use to anybody.
    pub(crate) fn forget_held(&mut self) {
        self.held.clear();
    }

    fn next_token(&self) -> WriteToken {
        WriteToken(self.issued.0.saturating_add(1))
    }

    /// Everything but when a write was issued.
    pub(crate) fn hash_state(&self, hasher: &mut impl Hasher) {
        let outstanding = |token: WriteToken| token.0.saturating_sub(self.returned.0);
        (self.durable, self.failed, outstanding(self.ballot_token)).hash(hasher);
        for unit in &self.pending {
            (outstanding(unit.token), unit.covers).hash(hasher);
        }
        for envelope in &self.held {
            (envelope.to, outstanding(envelope.rests_on)).hash(hasher);
            let mut bytes = Vec::new();
            if let Ok(entries) = envelope.message.encode(&mut bytes) {
                (bytes, entries).hash(hasher);
            }
        }
    }

    /// What must hold of it, for a log that ends at `last`.
    pub(crate) fn check(&self, last: Index) -> Result<(), &'static str> {
        if self.durable > last {
            return Err("more is durable than the log holds");
        }
        if self.returned > self.issued {
            return Err("more tokens came back than were given out");
        }
        if self.pending.iter().any(|unit| unit.covers > last) {
            return Err("a write on its way vouches for more than the log holds");
        }
        if self.held.iter().any(|envelope| envelope.rests_on <= self.returned) {
            return Err("a message is held back that rests on nothing any more");
        }
        Ok(())
    }
}

/// Messages held back at most. Members are few, and of each kind only the newest is kept.
const HELD_MAX: usize = MEMBERS_MAX * 4;
