//! What a cluster may have been through: the log of each term's leader, and how much of it was committed by
//! then. Messages drawn from one history fit together, as those of real peers do.

use raft_core::{
    AppendEntries, AppendEntriesReply, AppendResult, Commit, EntryId, Epoch, Heartbeat,
    HeartbeatReply, Index, Kind, NodeId, RequestPreVote, RequestPreVoteReply, RequestVote,
    RequestVoteReply, Round, VoteRefusal,
};

use super::super::harness::id;
use super::super::harness::random::Random;
use super::super::harness::solo::run;

/// A leader's log as the terms of its entries, and how many of them were committed when its term ended.
#[derive(Clone, Debug)]
pub(crate) struct Reign {
    pub(crate) terms: Vec<u64>,
    pub(crate) committed: u64,
}

/// The reigns of the terms from 1 on; a reign of nobody has an empty log.
#[derive(Clone, Debug)]
pub(crate) struct History(Vec<Reign>);

/// Peers of n1.
pub(crate) const PEERS: [u64; 4] = [2, 3, 4, 5];

impl History {
    pub(crate) fn drawn(random: &mut Random) -> Self {
        let mut reigns: Vec<Reign> = vec![Reign { terms: Vec::new(), committed: 0 }];
        for term in 1..=5 + random.below(4) {
            let committed = reigns.last().map_or(0, |reign| reign.committed);
            let chosen = random.below(reigns.len() as u64);
            let agrees = |reign: &&Reign| agrees(reign, &reigns, committed);
            let electable: Vec<&Reign> = reigns.iter().filter(agrees).collect();
            let base = electable[at(chosen % electable.len() as u64)];
            let kept = committed + random.below(base.terms.len() as u64 - committed + 1);
            let mut terms = base.terms[..at(kept)].to_vec();
            let own = 1 + random.below(4);
            terms.extend((0..own).map(|_| term));
            // Only what stands at or before an entry of its own term is committed by a leader.
            let committed =
                if random.percent(60) { kept + 1 + random.below(own) } else { committed };
            reigns.push(Reign { terms, committed });
        }
        Self(reigns)
    }

    pub(crate) fn reign(&self, term: u64) -> &Reign {
        &self.0[at(term)]
    }

    pub(crate) fn terms(&self) -> u64 {
        self.0.len() as u64 - 1
    }

    /// Who leads a term: one peer, so that no term has two.
    pub(crate) fn leader(term: u64) -> u64 {
        PEERS[at(term % PEERS.len() as u64)]
    }

    /// What the leader of this term may say.
    pub(crate) fn word_of_leader(&self, random: &mut Random, term: u64) -> Kind {
        let reign = self.reign(term);
        let epoch = Epoch(if random.percent(85) { 2 } else { 1 + random.below(3) });
        let commit_index = Index(random.below(reign.committed + 1));
        match random.below(10) {
            0..7 => {
                let from = random.below(reign.terms.len() as u64 + 1);
                let count = random.below(reign.terms.len() as u64 - from + 1);
                let entries = run(from + 1, &reign.terms[at(from)..at(from + count)]);
                let previous = entry(&reign.terms, from);
                Kind::AppendEntries(AppendEntries { epoch, previous, commit_index, entries })
            }
            7 | 8 => {
                let round = Round(random.below(50));
                Kind::Heartbeat(Heartbeat { epoch, round, commit_index, lease_ms: 0 })
            }
            _ => Kind::Commit(Commit { epoch, commit_index }),
        }
    }

    /// What anybody may ask for in this term, with a log as the terms before it have left some.
    pub(crate) fn question(&self, random: &mut Random, term: u64) -> Kind {
        let theirs = self.reign(random.below(term));
        let length = random.below(theirs.terms.len() as u64 + 1).max(theirs.committed);
        let last = entry(&theirs.terms, length);
        let commit = entry(&theirs.terms, random.below(theirs.committed + 1));
        let priority = u8::try_from(random.below(3)).expect("small");
        if random.percent(50) {
            let transfer = random.percent(10);
            Kind::RequestVote(RequestVote { last, commit, transfer, priority })
        } else {
            let round = Round(random.below(50));
            Kind::RequestPreVote(RequestPreVote { round, last, commit, priority })
        }
    }

    /// An answer to what n1 never asked.
    pub(crate) fn answer(&self, random: &mut Random, term: u64) -> Kind {
        let theirs = self.reign(random.below(term));
        let commit = entry(&theirs.terms, random.below(theirs.committed + 1));
        let refusal = random.percent(50).then_some(VoteRefusal::AlreadyVoted { vote: NodeId(3) });
        let (epoch, round) = (Epoch(1), Round(random.below(50)));
        match random.below(4) {
            0 => Kind::RequestVoteReply(RequestVoteReply { refusal, commit }),
            1 => Kind::RequestPreVoteReply(RequestPreVoteReply { round, refusal, commit }),
            2 => {
                let result = AppendResult::Matched(commit.index);
                Kind::AppendEntriesReply(AppendEntriesReply { epoch, result, busy: false })
            }
            _ => {
                let reply = HeartbeatReply { epoch, round, promised: false, busy: false };
                Kind::HeartbeatReply(reply)
            }
        }
    }
}

/// Whether a log holds what is committed by now, so that its owner can be elected.
fn agrees(reign: &Reign, reigns: &[Reign], committed: u64) -> bool {
    let newest = reigns.last().map_or(&[][..], |reign| &reign.terms);
    // The newest reign's log holds all that is committed.
    reign.terms.get(..at(committed)) == newest.get(..at(committed))
}

fn entry(terms: &[u64], index: u64) -> EntryId {
    match index.checked_sub(1).and_then(|before| terms.get(at(before))) {
        Some(term) => id(*term, index),
        None => EntryId::ZERO,
    }
}

fn at(index: u64) -> usize {
    usize::try_from(index).expect("an index fits")
}
