//! What a node does about its own disk: a write that takes too long, and one that fails. A leader whose disk
//! does not answer steps aside while others can still lead, and does not come back before it does.

use crate::event::{Event, StepDown};
use crate::ids::Time;
use crate::outcome::{Refused, Unknown};
use crate::output::Output;
use crate::raft::Raft;
use crate::role::Role;

impl Raft {
    /// When the oldest write becomes overdue.
    pub(crate) fn disk_deadline(&self) -> Time {
        match self.durability.waiting_since() {
            Some(since) if !self.disk_stalled => since.plus_ms(self.patience_ms()),
            _ => Time::NEVER,
        }
    }

    /// Notices that a write is overdue, or no longer is.
    pub(crate) fn watch_disk(&mut self, out: &mut Output) {
        let patience_ms = self.patience_ms();
        let since = self.durability.waiting_since();
        let is_overdue = since.is_some_and(|since| since.plus_ms(patience_ms) <= self.now);
        if is_overdue == self.disk_stalled {
            return;
        }
        self.disk_stalled = is_overdue;
        if is_overdue {
            out.events.push(Event::DiskStalled);
            self.stand_aside(out);
        } else {
            out.events.push(Event::DiskResumed);
        }
    }

    /// A write has failed. What it and those behind it left on disk is unknown, for ever.
    pub(crate) fn write_failed(&mut self, out: &mut Output) {
        self.durability.fail();
        self.stand_aside(out);
        self.waiting.give_up(Unknown::StorageFault, &mut out.outcomes);
    }

    /// Whoever leads gives it up, and whoever campaigns does not go on.
    fn stand_aside(&mut self, out: &mut Output) {
        self.step_down(StepDown::StorageFault, &Refused::StorageFault, out);
        if !matches!(self.role, Role::Follower(_)) {
            self.follow_nobody(out);
        }
    }

    fn patience_ms(&self) -> u64 {
        self.config.election_timeout_ms.saturating_mul(2)
    }
}
