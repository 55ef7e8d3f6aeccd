//! Theme R, two logs that differ: a leader finds where they agree in few questions, and its followers end with
//! its log, whatever stood in theirs.

mod harness;

use std::collections::BTreeSet;

use harness::cluster::{Cluster, election_timeouts};
use harness::solo::{Solo, stored};
use harness::{node, voters};
use raft_core::{AppendResult, Ballot, Kind, Loaded, NodeId, RoleName, Term};

/// A leader n1 and a follower n2, both real, and a third voter who elects n1 and says nothing else.
struct Pair {
    leader: Solo,
    follower: Solo,
    /// How often the follower said no.
    rejections: usize,
    /// How many appends it took to bring it up to the leader's log.
    appends: usize,
}

impl Pair {
    /// Both with one entry for each term given; n1 becomes leader of a newer term than all of them.
    fn with_logs(leader: &[u64], follower: &[u64]) -> Self {
        let newest = leader.iter().chain(follower).max().copied().unwrap_or_default();
        let opened = |id, terms: &[u64]| {
            let ballot = Ballot { term: Term(newest), ..Ballot::default() };
            let loaded = Loaded { ballot: Some(ballot), ..stored(3, terms) };
            Solo::open(loaded, |config| config.id = NodeId(id))
        };
        let (mut leader, follower) = (opened(1, leader), opened(2, follower));
        leader.lead();
        Self { leader, follower, rejections: 0, appends: 0 }
    }

    /// Hands messages over, both ways, until nothing more is said.
    fn talk(&mut self) {
        for _ in 0..100 {
            let said = self.leader.sent_to(2);
            if said.is_empty() {
                return;
            }
            for message in said {
                self.appends += usize::from(matches!(message.kind, Kind::AppendEntries(_)));
                self.follower.receive(1, message.term.0, message.kind);
                self.follower.sync();
                for answer in self.follower.sent_to(1) {
                    self.rejections += usize::from(is_rejection(&answer.kind));
                    self.leader.receive(2, answer.term.0, answer.kind);
                }
            }
        }
        panic!("they do not come to an end: {:?}", self.leader.status().peers);
    }
}

fn is_rejection(kind: &Kind) -> bool {
    matches!(kind, Kind::AppendEntriesReply(reply)
        if matches!(reply.result, AppendResult::Conflict { .. }))
}

fn distinct(terms: &[u64]) -> usize {
    terms.iter().collect::<BTreeSet<_>>().len()
}

/// This many entries of each term, in order.
fn many(of: &[(u64, usize)]) -> Vec<u64> {
    of.iter().flat_map(|(term, count)| std::iter::repeat_n(*term, *count)).collect()
}

#[test]
fn r11_figure7_sync() {
    // n1 leads term 8; n2 to n7 are the paper's a to f.
    let logs: [&[u64]; 7] = [
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6],
        &[1, 1, 1, 4],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 6],
        &[1, 1, 1, 4, 4, 5, 5, 6, 6, 6, 7, 7],
        &[1, 1, 1, 4, 4, 4, 4],
        &[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3],
    ];
    let loaded = |id: NodeId| {
        let terms = logs[usize::try_from(id.0).expect("small") - 1];
        let ballot = Ballot { term: Term(7), ..Ballot::default() };
        Loaded { ballot: Some(ballot), ..stored(7, terms) }
    };
    let mut cluster = Cluster::loaded(voters(7), 7, |_| {}, loaded).elect(1);
    cluster.run_for(election_timeouts(1));

    assert_eq!(cluster.leader(), Some(node(1)));
    assert_eq!(cluster.raft(1).term(), Term(8));
    let expected = ["1@1", "2@1", "3@1", "4@4", "5@4", "6@5", "7@5", "8@6", "9@6", "10@6", "11@8"];
    for id in 1..=7 {
        assert_eq!(cluster.log_ids(id), expected, "n{id}");
        assert_eq!(cluster.commit(id), 11, "n{id}");
    }
    cluster.assert_converged();
}

#[test]
fn r12_fast_rejection_bounds_rounds() {
    let check = |leader: &[u64], follower: &[u64], rejections: usize| {
        let mut pair = Pair::with_logs(leader, follower);
        pair.talk();
        let case = format!("{leader:?} and {follower:?}");
        assert_eq!(pair.follower.log_ids(), pair.leader.log_ids(), "{case}");
        assert_eq!(pair.rejections, rejections, "{case}");
        // Each answer rules out a whole term on either side.
        let bound = distinct(leader).min(distinct(follower) + 1);
        assert!(pair.rejections <= bound, "{case}: {rejections} above {bound}");
        assert_eq!(pair.leader.role(), RoleName::Leader, "{case}");
    };
    // Equal, shorter, longer.
    check(&[1, 1, 1], &[1, 1, 1], 0);
    check(&[1, 1, 1, 1], &[1, 1], 1);
    check(&[1, 1], &[1, 1, 1, 1], 0);
    check(&[1, 2, 3], &[], 1);
    check(&[], &[1, 2, 3], 0);
    // The follower holds a long tail of an older term, of a newer one, of one that the leader never saw.
    check(&[1, 1, 1, 1, 5, 5, 5, 5, 5], &[1, 1, 1, 1, 4, 4, 4, 4, 4, 4, 4], 1);
    check(&[1, 1, 1, 1, 4, 4, 4, 4, 4], &[1, 1, 1, 1, 5, 5, 5, 5, 5, 5, 5], 1);
    check(&[1, 3, 3, 3, 5, 5, 5, 5, 5], &[1, 1, 1, 1, 2, 2], 1);
    check(&[1, 1, 1, 4, 4, 5, 5, 6, 6, 6], &[1, 1, 1, 2, 2, 2, 3, 3, 3, 3, 3], 1);
    check(&[1, 1, 1, 4, 4, 5, 5, 6, 6, 6], &[1, 1, 1, 4, 4, 4, 4], 1);
    // Terms in turn on the two sides: the worst there is.
    check(&[1, 3, 3, 5, 5, 7, 7], &[1, 2, 2, 4, 4, 6, 6], 3);
    check(&[2, 2, 4, 4, 6, 6, 8, 8], &[1, 1, 3, 3, 5, 5, 7, 7], 4);
    check(&[1, 1, 3, 3, 5, 5, 7, 7], &[2, 2, 4, 4, 6, 6, 8, 8], 4);
    check(&many(&[(1, 9), (3, 9), (5, 9)]), &many(&[(1, 5), (2, 9), (4, 9)]), 3);
}

#[test]
fn r12_thousands_of_entries_over_several_terms_need_a_handful_of_rounds() {
    let check = |leader: &[u64], follower: &[u64], rejections_max: usize| {
        let mut pair = Pair::with_logs(leader, follower);
        pair.talk();
        assert_eq!(pair.follower.log_ids().len(), leader.len() + 1);
        assert_eq!(pair.follower.log_ids(), pair.leader.log_ids());
        assert!(pair.rejections <= rejections_max, "{} rejections", pair.rejections);
        // One append for each rejection, one that matches, and the pages of what is missing.
        assert!(pair.appends <= rejections_max + 3, "{} appends", pair.appends);
    };
    let several = many(&[(1, 1_000), (3, 1_000), (5, 1_000), (7, 1_000)]);
    // Behind, with nothing wrong in what is there.
    check(&several, &several[..700], 1);
    check(&several, &[], 1);
    // A thousand entries that no quorum ever held, and then terms in turn.
    check(&several, &many(&[(1, 1_000), (2, 3_000)]), 1);
    check(&several, &many(&[(1, 500), (2, 1_000), (4, 1_000), (6, 1_500)]), 4);
}
