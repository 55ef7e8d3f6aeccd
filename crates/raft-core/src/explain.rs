//! A node in words and numbers: what it is, and why nothing happens if nothing does. Reads everything and
//! changes nothing, also of a node that is poisoned or has stopped.

use crate::event::VoteRefusal;
use crate::ids::{Index, LogTime, NodeId, Term, Time};
use crate::membership::{Member, Membership, Standing};
use crate::progress::{Pace, Progress};
use crate::quorum;
use crate::raft::{Raft, Recovery};
use crate::role::{Leader, Role, Votes};
use crate::status::{Explanation, Health, PeerState, PeerStatus, RoleName, Status};

impl Raft {
    /// This node at this moment.
    #[must_use]
    pub fn status(&self) -> Status {
        let (membership_index, membership) = self.log.membership();
        let peers = match &self.role {
            Role::Leader(leader) => leader.peers.iter().map(|it| self.peer_status(it)).collect(),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => Vec::new(),
        };
        Status {
            id: self.config.id,
            term: self.ballot.term,
            role: self.role(),
            leader: self.leader(),
            last: self.log.last(),
            durable: self.durability.durable(),
            commit: self.commit,
            applied: self.applied,
            snapshot: self.log.snapshot_last(),
            log_bytes: self.log.bytes(),
            log_time: self.log.last_time(),
            membership: membership.clone(),
            membership_index,
            committed_membership: self.log.membership_at(self.commit).clone(),
            waiting: self.waiting.count(),
            peers,
            health: self.health(),
        }
    }

    /// This node's term.
    #[must_use]
    pub fn term(&self) -> Term {
        self.ballot.term
    }

    /// What this node is in its term.
    #[must_use]
    pub fn role(&self) -> RoleName {
        self.role_name()
    }

    /// How far this node knows entries to be committed.
    #[must_use]
    pub fn commit_index(&self) -> Index {
        self.commit
    }

    /// The log time that an entry made now would carry; at a node that does not lead, the last entry's.
    #[must_use]
    pub fn log_time(&self, now: Time) -> LogTime {
        match &self.role {
            Role::Leader(leader) => leader.clock.read(now),
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => self.log.last_time(),
        }
    }

    fn peer_status(&self, peer: &Progress) -> PeerStatus {
        PeerStatus {
            id: peer.id,
            standing: peer.standing,
            matched: peer.matched,
            next: peer.next,
            state: match &peer.pace {
                Pace::Probe { .. } => PeerState::Probe,
                Pace::Replicate(_) => PeerState::Replicate,
            },
            inflight_bytes: peer.inflight_bytes() as u64,
            heard: (peer.heard > Time::default()).then_some(peer.heard),
            connected: self.link(peer.id).is_some(),
        }
    }

    fn health(&self) -> Health {
        if let Some(what) = self.poisoned() {
            return Health::Poisoned(what.clone());
        }
        match self.health {
            Recovery::PromiseLost => Health::PromiseLost,
            _ if self.durability.has_failed() => Health::DiskFailed,
            _ if self.disk_stalled => Health::DiskStalled,
            Recovery::Underway { .. } => Health::Recovering { from: self.recovered_upto() },
            Recovery::Done => Health::Good,
        }
    }

    // What a leader has not sent again is suspect.
    fn recovered_upto(&self) -> Index {
        let last = self.log.last().index;
        last.next().unwrap_or(last)
    }

    /// Why there is no leader, why nothing commits, why a transfer waits: in words, for a person.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        Explanation {
            no_leader: self.leader().is_none().then(|| self.explain_no_leader()),
            not_committing: self.explain_not_committing(),
            transfer_waits: None,
        }
    }

    fn explain_no_leader(&self) -> String {
        let (id, term) = (self.config.id, self.ballot.term);
        if let Some(why) = self.explain_idleness() {
            return why;
        }
        match &self.role {
            Role::PreCandidate(asking) => format!(
                "{id} asks whether it would be elected in term {}: {}",
                term.next().unwrap_or(term),
                self.explain_votes(&asking.votes)
            ),
            Role::Candidate(campaign) => {
                let own = if self.durability.is_ballot_durable() {
                    ""
                } else {
                    "; its own vote is not on its disk yet"
                };
                format!(
                    "{id} campaigns in term {term}: {}{own}",
                    self.explain_votes(&campaign.votes)
                )
            }
            Role::Follower(_) | Role::Leader(_) => format!(
                "{id} has not heard from a leader in term {term}; to be elected it needs the votes of {}",
                needed(self.membership())
            ),
        }
    }

    /// Why this node does not even try.
    fn explain_idleness(&self) -> Option<String> {
        let (id, membership) = (self.config.id, self.membership());
        let standing = membership.member(id).map(|member| member.standing);
        Some(match self.health() {
            Health::Poisoned(what) => {
                format!("{id} met a contradiction and does nothing any more: {what}")
            }
            Health::PromiseLost => format!(
                "{id} has lost what it promised in or before term {}: it takes no part any more; remove \
                 it and add a new member with a new id",
                self.ballot.term
            ),
            Health::DiskFailed => format!("{id} does not campaign: a write to its disk has failed"),
            Health::DiskStalled => {
                format!("{id} does not campaign: a write to its disk is overdue")
            }
            Health::Recovering { from } => format!(
                "{id} does not campaign: its log is suspect from index {from} on, until a leader has \
                 repaired it"
            ),
            Health::Good if membership.is_removed(id) => {
                format!("{id} has been removed from the cluster, and its id is never used again")
            }
            Health::Good if membership.members().is_empty() => {
                format!("{id} belongs to no cluster yet: it waits to be added by a leader")
            }
            Health::Good => match standing {
                None => format!("{id} is not a member as far as it knows: it waits to be added"),
                Some(Standing::Learner | Standing::Promotable) => {
                    format!(
                        "{id} is a learner and does not campaign; it has not heard from a leader"
                    )
                }
                Some(_) => return None,
            },
        })
    }

    fn explain_votes(&self, votes: &Votes) -> String {
        let others = self.membership().members().iter().filter(|member| is_voter(member));
        let mut granted = Vec::new();
        let mut silent = Vec::new();
        for id in others.map(|member| member.id) {
            if votes.granted(id) {
                granted.push(id.to_string());
            } else if !votes.refused(id) {
                let link = if id == self.config.id || self.link(id).is_some() {
                    ""
                } else {
                    " (not connected)"
                };
                silent.push(format!("{id}{link}"));
            }
        }
        let refusals =
            votes.refusals().map(|(id, why)| format!("{id} refuses because {}", reason(why)));
        let mut parts = vec![format!(
            "{} of the {} it needs{}",
            granted.len(),
            needed(self.membership()),
            if granted.is_empty() { String::new() } else { format!(" ({})", granted.join(", ")) }
        )];
        parts.extend(refusals);
        if !silent.is_empty() {
            parts.push(format!("no answer from {}", silent.join(", ")));
        }
        parts.join("; ")
    }

    fn explain_not_committing(&self) -> Option<String> {
        let (id, last) = (self.config.id, self.log.last().index);
        let first = self.commit.next().filter(|first| *first <= last)?;
        let range = if first == last {
            format!("entry {last} is")
        } else {
            format!("entries {first} to {last} are")
        };
        Some(match &self.role {
            Role::Leader(leader) => {
                format!("{range} not committed: {}", self.explain_holders(leader, first))
            }
            Role::Follower(_) | Role::PreCandidate(_) | Role::Candidate(_) => match self.leader() {
                Some(leader) => format!(
                    "{range} in the log of {id} and not known to be committed: {leader} leads and has \
                     not said so"
                ),
                None => format!(
                    "{range} in the log of {id} and not known to be committed: only a leader that \
                     commits an entry of its own term can tell"
                ),
            },
        })
    }

    fn explain_holders(&self, leader: &Leader, index: Index) -> String {
        let target = index.max(leader.own_term_start);
        let lacking = leader.peers.iter().filter(|peer| peer.matched < target && peer.is_voter());
        let mut lacking: Vec<String> = lacking
            .map(|peer| {
                let link = if self.link(peer.id).is_some() { "" } else { ", not connected" };
                format!("{} (has {}{link})", peer.id, peer.matched)
            })
            .collect();
        if self.durability.durable() < target {
            lacking.push(format!(
                "{} (its disk has {})",
                self.config.id,
                self.durability.durable()
            ));
        }
        format!(
            "it must be on the disks of {}; not there yet: {}",
            needed(self.membership()),
            lacking.join(", ")
        )
    }
}

fn is_voter(member: &Member) -> bool {
    member.standing.votes_in_old() || member.standing.votes_in_new()
}

fn needed(membership: &Membership) -> String {
    if membership.is_joint() {
        let (old, new) = (membership.old_voters(), membership.new_voters());
        format!("{} of the old half and {} of the new", majority_of(old), majority_of(new))
    } else {
        majority_of(membership.new_voters())
    }
}

fn majority_of(voters: impl Iterator<Item = NodeId>) -> String {
    let count = voters.count();
    format!("{} of {count} voters", quorum::majority(count))
}

fn reason(why: VoteRefusal) -> String {
    match why {
        VoteRefusal::OldTerm => "it is in a newer term".into(),
        VoteRefusal::AlreadyVoted { vote } => format!("it has voted for {vote}"),
        VoteRefusal::OldLog { theirs, ours } => format!("its log ends at {ours}, behind {theirs}"),
        VoteRefusal::LeaderAlive { leader } => format!("it hears {leader} as its leader"),
        VoteRefusal::LowerPriority => "it has a higher priority and an equal log".into(),
        VoteRefusal::Recovering => "its log is damaged and being repaired".into(),
        VoteRefusal::LeasePending => "it may have granted a lease before it restarted".into(),
        VoteRefusal::PromiseLost => "it has lost what it promised".into(),
        VoteRefusal::StorageFault => "its disk has failed or stalled".into(),
    }
}
