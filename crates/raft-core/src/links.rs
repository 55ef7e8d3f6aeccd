//! Connections with peers, as the driver reports them. A message counts only if it came on the present
//! connection of its sender; nothing of an earlier one is taken any more.

use crate::event::Event;
use crate::ids::{Epoch, Incarnation, NodeId};
use crate::membership::MEMBERS_MAX;
use crate::output::Output;
use crate::raft::{Raft, StepError};
use crate::role::Role;

/// The latest connection with one peer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    epoch: Epoch,
    is_up: bool,
}

/// Peers whose connections are remembered, at most: members, and those that are about to be.
const LINKS_MAX: usize = MEMBERS_MAX * 4;

impl Raft {
    pub(crate) fn peer_up(
        &mut self,
        peer: NodeId,
        epoch: Epoch,
        incarnation: Incarnation,
        out: &mut Output,
    ) -> Result<(), StepError> {
        if peer == self.config.id {
            return Err(StepError::Misuse("a node has no connection with itself"));
        }
        if self.links.get(&peer).is_some_and(|link| link.epoch >= epoch) {
            return Err(StepError::Misuse("a connection's number does not grow"));
        }
        let is_known = self.links.contains_key(&peer) || self.membership().member(peer).is_some();
        if !is_known && self.links.len() >= LINKS_MAX {
            self.forget_strangers();
        }
        if !is_known && self.links.len() >= LINKS_MAX {
            return Err(StepError::Misuse("more peers are connected than a cluster can have"));
        }
        let is_refused = self.membership().member(peer).is_some_and(|member| {
            member.incarnation != Incarnation::UNKNOWN && member.incarnation != incarnation
        });
        if is_refused {
            out.events.push(Event::IncarnationRefused { member: peer, incarnation });
        }
        self.links.insert(peer, Link { epoch, is_up: !is_refused });
        self.durability.forget_held_for(peer);
        if !is_refused {
            self.greet(peer, out);
        }
        Ok(())
    }

    /// Forgets whoever is no member and has no connection; its next one has a higher number all the same.
    fn forget_strangers(&mut self) {
        let membership = self.log.membership().1;
        self.links.retain(|peer, link| link.is_up || membership.member(*peer).is_some());
    }

    /// What was asked of a peer, or sent to it, while there was no connection, is asked or sent again.
    fn greet(&mut self, peer: NodeId, out: &mut Output) {
        match &self.role {
            Role::PreCandidate(_) => self.ask_pre_vote(peer, out),
            Role::Candidate(_) => self.ask_vote(peer, out),
            Role::Leader(_) => self.greet_as_leader(peer, out),
            Role::Follower(_) => {}
        }
    }

    pub(crate) fn peer_down(&mut self, peer: NodeId, epoch: Epoch) {
        if let Some(link) = self.links.get_mut(&peer)
            && link.epoch == epoch
        {
            link.is_up = false;
        }
    }

    /// Whether a message that came on this connection counts.
    pub(crate) fn is_linked(&self, peer: NodeId, epoch: Epoch) -> bool {
        self.links.get(&peer).is_some_and(|link| link.is_up && link.epoch == epoch)
    }

    /// The connection to send to a peer on, if one is up.
    pub(crate) fn link(&self, peer: NodeId) -> Option<Epoch> {
        self.links.get(&peer).filter(|link| link.is_up).map(|link| link.epoch)
    }
}
