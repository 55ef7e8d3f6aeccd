//! Which bounds have turned proposals away, and when it is worth trying again. Every bound refuses, none
//! waits: the caller knows better what to do meanwhile, and is told when there is room.

use crate::event::Event;
use crate::outcome::Bound;
use crate::output::Output;
use crate::quorum;
use crate::raft::Raft;
use crate::role::Role;

/// Bounds that have refused somebody since they last had room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pressure {
    refused: Vec<Bound>,
    /// The largest proposal among them.
    refused_bytes: u64,
}

impl Pressure {
    pub(crate) fn refused(&mut self, bound: Bound, bytes: u64) {
        self.refused_bytes = self.refused_bytes.max(bytes);
        if !self.refused.contains(&bound) {
            self.refused.push(bound);
        }
    }
}

impl Raft {
    /// The bound that a proposal of this many bytes runs against, if any.
    pub(crate) fn full_bound(&self, bytes: u64) -> Option<Bound> {
        if self.is_uncommitted_full(bytes) {
            return Some(Bound::Uncommitted);
        }
        [Bound::Log, Bound::Apply, Bound::Followers].into_iter().find(|bound| self.is_full(*bound))
    }

    // A leader without anything uncommitted takes one proposal of any size, or a large one never passes.
    fn is_uncommitted_full(&self, bytes: u64) -> bool {
        let uncommitted = self.waiting.own_bytes();
        let is_over = uncommitted.saturating_add(bytes) > self.config.uncommitted_bytes_max as u64;
        is_over && uncommitted > 0
    }

    fn is_full(&self, bound: Bound) -> bool {
        match bound {
            Bound::Uncommitted => self.is_uncommitted_full(self.pressure.refused_bytes),
            Bound::Log => self.log.bytes() >= self.config.log_bytes_max,
            // The state machine has all it may have, and there is more.
            Bound::Apply => self.handed_out < self.commit,
            Bound::Followers => self.are_followers_busy(),
            Bound::Reads => false,
        }
    }

    /// Whether too few voters can keep up for anything to be committed at a good pace.
    fn are_followers_busy(&self) -> bool {
        let Role::Leader(leader) = &self.role else { return false };
        !quorum::agreed(self.membership(), |id| leader.peer(id).is_none_or(|peer| !peer.busy))
    }

    /// Whether this node cannot keep up, as it tells its leader: its log is full, or its disk far behind.
    pub(crate) fn is_busy(&self) -> bool {
        self.log.bytes() >= self.config.log_bytes_max
            || self.durability.pending_bytes() > self.config.uncommitted_bytes_max as u64
    }

    /// Says of each bound that has refused somebody when it has room again.
    pub(crate) fn relieve(&mut self, out: &mut Output) {
        if self.pressure.refused.is_empty() {
            return;
        }
        if !matches!(self.role, Role::Leader(_)) {
            self.pressure = Pressure::default();
            return;
        }
        for bound in std::mem::take(&mut self.pressure.refused) {
            if self.is_full(bound) {
                self.pressure.refused.push(bound);
            } else {
                out.events.push(Event::Resumed(bound));
            }
        }
        if self.pressure.refused.is_empty() {
            self.pressure.refused_bytes = 0;
        }
    }
}
