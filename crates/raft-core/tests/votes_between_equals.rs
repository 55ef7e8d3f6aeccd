//! Votes beside the log: who goes first between equals, what a newer term with an older log does, and what an
//! election tells of what is committed. Continues `votes.rs`.

mod harness;
mod roles;

use harness::cluster::{Cluster, election_timeouts};
use harness::solo::{Solo, pre_vote_granted, request_pre_vote, request_vote, stored};
use harness::{id, node, voters};
use raft_core::{
    Ballot, Config, EntryId, Index, Input, Kind, Loaded, Membership, NodeId, RequestPreVote,
    RequestPreVoteReply, RequestVote, RequestVoteReply, RoleName, Round, SnapshotMeta, Term,
    VoteRefusal,
};
use roles::{answers_to, ask_for_pre_votes, durable_vote, voters_and_a_learner};

fn ask_with_priority(last: EntryId, priority: u8) -> [Kind; 2] {
    let (commit, round) = (EntryId::ZERO, Round(1));
    [
        Kind::RequestPreVote(RequestPreVote { round, last, commit, priority }),
        Kind::RequestVote(RequestVote { last, commit, transfer: false, priority }),
    ]
}

#[test]
fn v10_priority_defers_but_never_blocks() {
    let voter = || Solo::open(stored(3, &[1, 1]), |config| config.priority = 5);
    let check = |mut solo: Solo, last: EntryId, priority: u8, refusal: Option<VoteRefusal>| {
        let term = solo.term() + 1;
        for (ask, term) in ask_with_priority(last, priority).into_iter().zip([term - 1, term]) {
            solo.receive(2, term, ask);
            solo.sync();
            let answer = answers_to(&mut solo, 2);
            assert_eq!(answer, [refusal], "{last} of priority {priority}, term {term}");
        }
        assert_eq!(solo.vote(), refusal.is_none().then_some(node(2)));
    };
    let (equal, longer, newer) = (id(1, 2), id(1, 3), id(2, 1));
    check(voter(), equal, 4, Some(VoteRefusal::LowerPriority));
    check(voter(), equal, 0, Some(VoteRefusal::LowerPriority));
    check(voter(), equal, 5, None);
    check(voter(), equal, 6, None);
    check(voter(), longer, 0, None);
    // The newest term decides, as ever.
    let mut newer_term = voter();
    newer_term.receive(3, 2, request_vote(id(1, 1)));
    check(newer_term, newer, 0, None);
    // Priority never makes up for a worse log.
    let worse = VoteRefusal::OldLog { theirs: id(1, 1), ours: equal };
    check(voter(), id(1, 1), 200, Some(worse));
    // Who has tried and was not elected stands in nobody's way.
    let mut tried = voter();
    tried.time_out();
    tried.sent();
    check(tried, equal, 0, None);
    // Nor does a learner, who cannot lead.
    let learner = || {
        let mut members = voters_and_a_learner(2).members().to_vec();
        members.rotate_right(1);
        for (member, id) in members.iter_mut().zip(1..) {
            member.id = node(id);
        }
        Membership::new(members, Vec::new()).expect("two voters")
    };
    let log = stored(3, &[1, 1]);
    let snapshot = SnapshotMeta::genesis(learner());
    check(Solo::open(Loaded { snapshot, ..log }, |it| it.priority = 5), equal, 0, None);

    // And so every cluster elects, also one whose most wanted leader is down.
    let elects = |priorities: [u8; 3], down: Option<u64>| {
        for seed in 1..=10 {
            let priority = |id: NodeId| priorities[usize::try_from(id.0).expect("small") - 1];
            let genesis = |_| Loaded::genesis(voters(3));
            let configure = |config: &mut Config| config.priority = priority(config.id);
            let mut cluster = Cluster::loaded(voters(3), seed, configure, genesis);
            if let Some(down) = down {
                cluster.crash(down);
            }
            let is_led = cluster.run_until(election_timeouts(10), |it| it.leader().is_some());
            assert!(is_led, "{priorities:?} without {down:?}, seed {seed}");
        }
    };
    elects([1, 1, 1], None);
    elects([1, 2, 3], None);
    elects([0, 0, 200], Some(3));
    elects([0, 1, 200], Some(3));
    elects([0, 1, 200], Some(2));
}

#[test]
fn v11_candidate_with_higher_term_shorter_log() {
    let mut solo = Solo::with_log(&[1, 1]);
    solo.receive(3, 9, request_vote(id(1, 1)));
    solo.sync();
    assert_eq!((solo.term(), solo.role()), (9, RoleName::Follower));
    assert_eq!(durable_vote(&solo), (9, None));
    let old_log = VoteRefusal::OldLog { theirs: id(1, 1), ours: id(1, 2) };
    assert_eq!(answers_to(&mut solo, 3), [Some(old_log)]);
    solo.lead();
    assert_eq!(solo.term(), 10);

    // n3 has the highest term and the shortest log; n1 or n2 leads within three election timeouts.
    for seed in 1..=20 {
        let loaded = |id: NodeId| {
            if id != node(3) {
                return stored(3, &[1, 1]);
            }
            let ballot = Some(Ballot { term: Term(8), ..Ballot::default() });
            Loaded { ballot, ..stored(3, &[1]) }
        };
        let mut cluster = Cluster::loaded(voters(3), seed, |_| {}, loaded);
        let is_stable = |it: &Cluster| it.leader().is_some_and(|id| it.raft(id.0).term() > Term(8));
        assert!(cluster.run_until(election_timeouts(6), is_stable), "seed {seed}");
        assert_ne!(cluster.leader(), Some(node(3)), "seed {seed}");
        cluster.run_for(election_timeouts(2));
        cluster.assert_converged();
        assert_eq!(cluster.log_ids(3)[..2], ["1@1", "2@1"]);
    }
}

/// The four ways in which an election tells what is committed, to a node with the log 1@1 2@1 3@2.
fn told(commit: EntryId, last: EntryId) -> Vec<Solo> {
    let listens = || Solo::open(stored(3, &[1, 1, 2]), |_| {});
    let (round, refusal) = (Round(1), Some(VoteRefusal::Recovering));
    let mut asked_before = listens();
    let ask = RequestPreVote { round, last, commit, priority: 0 };
    asked_before.receive(2, 6, Kind::RequestPreVote(ask));
    let mut asked = listens();
    let ask = RequestVote { last, commit, transfer: false, priority: 0 };
    asked.receive(2, 6, Kind::RequestVote(ask));
    let mut asks_before = listens();
    let round = ask_for_pre_votes(&mut asks_before);
    let reply = RequestPreVoteReply { round, refusal, commit };
    asks_before.receive(2, 2, Kind::RequestPreVoteReply(reply));
    let mut asks = listens();
    asks.campaign();
    let reply = RequestVoteReply { refusal, commit };
    asks.receive(2, 3, Kind::RequestVoteReply(reply));
    vec![asked_before, asked, asks_before, asks]
}

#[test]
fn v12_vote_conveys_commit() {
    let check = |commit: EntryId, last: EntryId, expected: u64| {
        for (way, solo) in told(commit, last).into_iter().enumerate() {
            assert_eq!(solo.commit(), expected, "{commit} of {last}, way {way}");
            assert_eq!(solo.applied.len() as u64, expected, "{commit} of {last}, way {way}");
        }
    };
    check(id(1, 1), id(2, 3), 1);
    check(id(2, 3), id(2, 3), 3);
    check(EntryId::ZERO, id(2, 3), 0);
    // Also from somebody who is refused for its old log.
    check(id(1, 2), id(1, 2), 2);
    // Beyond its own log, or in a term that its own log does not have there: nothing is proven.
    check(id(2, 4), id(2, 4), 0);
    check(id(2, 2), id(2, 2), 0);
    check(id(1, 3), id(1, 3), 0);

    // And it says what it knows, in all four.
    let knows = || Loaded { commit_hint: Index(2), ..stored(3, &[1, 1, 2]) };
    let mut solo = Solo::open(knows(), |_| {});
    solo.receive(2, 2, request_pre_vote(1, id(2, 3)));
    solo.receive(2, 3, request_vote(id(2, 3)));
    solo.step(Input::Tick);
    solo.sync();
    let mut said = solo.sent_to(2);
    let mut solo = Solo::open(knows(), |_| {});
    let round = {
        solo.time_out();
        let first = solo.sent_to(2);
        let Kind::RequestPreVote(ask) = first[0].kind else { panic!("{first:?}") };
        said.extend(first);
        ask.round
    };
    solo.receive(2, 2, pre_vote_granted(round));
    solo.sync();
    said.extend(solo.sent_to(2));
    let commits = said.iter().map(|message| match &message.kind {
        Kind::RequestPreVote(it) => it.commit,
        Kind::RequestPreVoteReply(it) => it.commit,
        Kind::RequestVote(it) => it.commit,
        Kind::RequestVoteReply(it) => it.commit,
        other => panic!("{other:?}"),
    });
    assert_eq!(commits.collect::<Vec<_>>(), [id(1, 2); 4]);
}
