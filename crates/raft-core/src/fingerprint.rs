//! What decides how a node goes on, as one hash: for explorers that must know a state again. Time is left out,
//! and with it everything that only says when: such an explorer decides itself when a timer runs out.

use std::hash::{Hash, Hasher};

use crate::progress::{Pace, Progress};
use crate::raft::Raft;
use crate::role::{Follower, Role, Votes};

impl Raft {
    /// Feeds everything that decides how this node goes on into `hasher`, except time, randomness and the
    /// numbers of rounds; of what is in flight only the sum. An explorer that lets time pass needs more.
    pub fn hash_state(&self, hasher: &mut impl Hasher) {
        (self.config.id, self.ballot.term, self.ballot.vote, self.ballot.recovering).hash(hasher);
        (self.commit, self.handed_out, self.applied, self.health).hash(hasher);
        (self.has_tried, self.disk_stalled, self.poisoned().is_some()).hash(hasher);
        self.log.hash_state(hasher);
        self.durability.hash_state(hasher);
        self.waiting.count().hash(hasher);
        for peer in self.links.keys() {
            (peer, self.link(*peer)).hash(hasher);
        }
        self.hash_role(hasher);
    }

    fn hash_role(&self, hasher: &mut impl Hasher) {
        std::mem::discriminant(&self.role).hash(hasher);
        match &self.role {
            Role::Follower(Follower { leader, .. }) => {
                if let Some(following) = leader {
                    (following.id, following.epoch, following.matched).hash(hasher);
                    (following.commit, following.owed, following.acked).hash(hasher);
                }
            }
            Role::PreCandidate(asking) => self.hash_votes(&asking.votes, hasher),
            Role::Candidate(campaign) => {
                campaign.transfer.hash(hasher);
                self.hash_votes(&campaign.votes, hasher);
            }
            Role::Leader(leader) => {
                (leader.own_term_start, leader.open.byte_len()).hash(hasher);
                leader.peers.iter().for_each(|peer| hash_peer(peer, hasher));
            }
        }
    }

    fn hash_votes(&self, votes: &Votes, hasher: &mut impl Hasher) {
        for member in self.membership().members() {
            (votes.granted(member.id), votes.refused(member.id)).hash(hasher);
        }
    }
}

fn hash_peer(peer: &Progress, hasher: &mut impl Hasher) {
    (peer.id, peer.matched, peer.next, peer.told_commit, peer.busy).hash(hasher);
    match &peer.pace {
        Pace::Probe { sent, .. } => sent.hash(hasher),
        Pace::Replicate(_) => (peer.inflight_bytes(), peer.is_quiet()).hash(hasher),
    }
}
