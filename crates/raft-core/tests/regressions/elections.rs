//! Votes and terms: what a node has promised, what it has only seen, and whose answer counts.

use raft_core::{
    Ballot, EntryId, Kind, Loaded, Message, NodeId, RequestPreVoteReply, RoleName, Round, Term,
    VoteRefusal,
};

use crate::harness::cluster::{Cluster, election_timeouts};
use crate::harness::solo::{
    Solo, append, heartbeat, matched, pre_vote_granted, pre_vote_refused, request_pre_vote,
    request_vote, stored, vote_granted,
};
use crate::harness::{id, node, voters};

/// Everything said about a vote, as who was told and why not.
fn votes(sent: Vec<(NodeId, Message)>) -> Vec<(u64, Option<VoteRefusal>)> {
    let votes = sent.into_iter().filter_map(|(to, message)| match message.kind {
        Kind::RequestVoteReply(reply) => Some((to.0, reply.refusal)),
        _ => None,
    });
    votes.collect()
}

/// Every vote file that was written, in order.
fn ballots(solo: &Solo) -> Vec<Ballot> {
    solo.writes.iter().filter_map(|write| write.ballot).collect()
}

#[test]
fn b02_a_step_down_within_a_term_keeps_the_vote() {
    let mut solo = Solo::of(3);
    solo.campaign();
    assert_eq!((solo.term(), solo.role()), (1, RoleName::Candidate));
    // Another has won this term. Its append does not even match.
    solo.receive(2, 1, append(id(1, 7), &[1], 0));
    assert_eq!(solo.role(), RoleName::Follower);
    solo.receive(2, 1, append(EntryId::ZERO, &[1], 0));
    // It hears no more of it, asks for a pre-vote, and is refused by everybody.
    solo.time_out();
    for (to, message) in solo.sent() {
        let Kind::RequestPreVote(ask) = message.kind else { continue };
        solo.receive(to.0, 1, pre_vote_refused(ask.round));
    }
    assert_eq!(solo.role(), RoleName::Follower);
    solo.sync();
    solo.sleep(600);
    solo.sent();

    solo.receive(3, 1, request_vote(id(0, 0)));
    solo.sync();
    let refusal = Some(VoteRefusal::AlreadyVoted { vote: NodeId(1) });
    assert_eq!(votes(solo.sent()), [(3, refusal)]);
    assert_eq!(solo.vote(), Some(node(1)));
    for pair in ballots(&solo).windows(2) {
        let is_kept = pair[0].vote.is_none() || pair[0].vote == pair[1].vote;
        assert!(pair[0].term < pair[1].term || is_kept, "a vote file changes a vote: {pair:?}");
    }
}

#[test]
fn b03_nothing_of_a_term_leaves_before_the_term_and_the_vote_are_durable() {
    // The request of a candidate.
    let mut solo = Solo::of(3);
    solo.time_out();
    for (to, message) in solo.sent() {
        let Kind::RequestPreVote(ask) = message.kind else { continue };
        solo.receive(to.0, 0, pre_vote_granted(ask.round));
    }
    assert_eq!(solo.role(), RoleName::Candidate);
    assert_eq!(solo.sent(), []);
    assert_eq!(ballots(&solo), [Ballot { term: Term(1), vote: Some(node(1)), recovering: None }]);
    solo.sync();
    let asked: Vec<u64> = solo.sent().iter().map(|(to, _)| to.0).collect();
    assert_eq!(asked, [2, 3]);

    // Its own vote, which an earlier write says nothing about.
    let mut solo = Solo::of(3);
    solo.receive(3, 1, append(EntryId::ZERO, &[1], 0));
    solo.sync();
    solo.receive(3, 1, append(id(1, 1), &[1], 0));
    solo.time_out();
    for (to, message) in solo.sent() {
        let Kind::RequestPreVote(ask) = message.kind else { continue };
        solo.receive(to.0, 1, pre_vote_granted(ask.round));
    }
    assert_eq!(solo.role(), RoleName::Candidate);
    solo.receive(2, 2, vote_granted());
    solo.sync_one();
    assert_eq!(solo.role(), RoleName::Candidate, "the entry is durable, the vote is not");
    solo.sync_one();
    assert_eq!(solo.role(), RoleName::Leader);

    // The grant of a voter.
    let mut solo = Solo::of(3);
    solo.receive(2, 1, request_vote(EntryId::ZERO));
    assert_eq!(solo.sent(), []);
    solo.sync();
    assert_eq!(votes(solo.sent()), [(2, None)]);

    // The answer to a leader of a newer term, and a refusal that tells a newer term.
    let mut solo = Solo::of(3);
    solo.receive(2, 4, heartbeat(1, 0));
    solo.receive(3, 3, request_vote(EntryId::ZERO));
    solo.receive(3, 3, request_pre_vote(1, EntryId::ZERO));
    assert_eq!(solo.sent(), []);
    solo.sync();
    let told: Vec<u64> = solo.sent().iter().map(|(_, message)| message.term.0).collect();
    assert_eq!(told, [4, 4, 4]);
}

#[test]
fn b04_a_leader_that_sees_a_newer_term_has_not_voted_in_it() {
    let mut solo = Solo::with_log(&[1]);
    solo.lead();
    solo.ack(2, 2);
    assert_eq!(solo.commit(), 2);
    // n3 campaigns in term 5 and says so in its answers; that is no vote for it.
    solo.receive(3, 5, matched(1, 0));
    assert_eq!((solo.role(), solo.term()), (RoleName::Follower, 5));
    assert_eq!(solo.vote(), None);
    solo.sync();
    solo.sent();

    solo.receive(3, 5, request_vote(id(1, 1)));
    let (theirs, ours) = (id(1, 1), id(2, 2));
    let refusal = VoteRefusal::OldLog { theirs, ours };
    assert_eq!(votes(solo.sent()), [(3, Some(refusal))]);
    assert_eq!(solo.vote(), None);

    solo.receive(2, 5, request_vote(id(2, 2)));
    solo.sync();
    assert_eq!(votes(solo.sent()), [(2, None)]);
    assert_eq!(solo.vote(), Some(node(2)));
}

#[test]
fn b05_an_answer_counts_in_its_own_term_and_round_only() {
    let mut solo = Solo::of(5);
    solo.campaign();
    solo.receive(2, 1, vote_granted());
    // Not enough in time: a second campaign, and an answer to the first arrives.
    solo.campaign();
    assert_eq!((solo.term(), solo.role()), (2, RoleName::Candidate));
    solo.receive(3, 1, vote_granted());
    solo.receive(4, 1, vote_granted());
    assert_eq!(solo.role(), RoleName::Candidate, "grants of term 1 do not elect in term 2");
    // A pre-vote is no vote.
    solo.receive(3, 2, pre_vote_granted(Round(2)));
    solo.receive(4, 2, pre_vote_granted(Round(2)));
    assert_eq!(solo.role(), RoleName::Candidate, "pre-votes do not elect");
    // The same voter twice is one vote, and somebody from elsewhere is none.
    solo.connect(9, 1);
    solo.receive(9, 2, vote_granted());
    solo.receive(2, 2, vote_granted());
    solo.receive(2, 2, vote_granted());
    assert_eq!(solo.role(), RoleName::Candidate, "two of five");
    solo.receive(3, 2, vote_granted());
    assert_eq!(solo.role(), RoleName::Leader);

    // An answer to an earlier round of pre-votes.
    let mut solo = Solo::of(3);
    solo.time_out();
    solo.time_out();
    let Kind::RequestPreVote(first) = solo.sent()[0].1.kind else { panic!("a pre-vote first") };
    solo.receive(2, 0, pre_vote_granted(first.round));
    assert_eq!(solo.role(), RoleName::PreCandidate, "it asks anew");
    solo.receive(2, 0, pre_vote_granted(Round(first.round.0 + 1)));
    assert_eq!(solo.role(), RoleName::Candidate);
}

#[test]
fn b11_a_refused_pre_vote_teaches_the_newer_term() {
    let mut asked = Solo::open(Loaded { ballot: term(5), ..stored(3, &[1]) }, |_| {});
    asked.receive(2, 1, request_pre_vote(7, id(1, 3)));
    let [(to, reply)] = &asked.sent()[..] else { panic!("one answer") };
    assert_eq!((to.0, reply.term), (2, Term(5)));
    let Kind::RequestPreVoteReply(refused) = reply.kind else { panic!("{reply:?}") };
    assert_eq!(refused.refusal, Some(VoteRefusal::OldTerm));

    let mut asking = Solo::with_log(&[1, 1, 1]);
    asking.time_out();
    let Kind::RequestPreVote(ask) = asking.sent()[0].1.kind else { panic!("a pre-vote first") };
    let refused = RequestPreVoteReply { round: ask.round, ..refused };
    asking.receive(2, 5, Kind::RequestPreVoteReply(refused));
    assert_eq!((asking.term(), asking.role()), (5, RoleName::Follower));
    assert_eq!(asking.vote(), None);
}

/// The vote file of a node that has seen this term.
fn term(term: u64) -> Option<Ballot> {
    Some(Ballot { term: Term(term), ..Ballot::default() })
}

#[test]
fn b11_two_of_three_find_a_leader_whatever_their_terms_and_logs() {
    let logs: [&[u64]; 4] = [&[], &[1], &[1, 1, 1], &[1, 2]];
    for (mine, theirs) in logs.iter().flat_map(|mine| logs.iter().map(move |it| (mine, it))) {
        for (my_term, their_term) in [(2, 2), (2, 9), (9, 2), (3, 4), (4, 3)] {
            let loaded = |id: NodeId| match id.0 {
                1 => Loaded { ballot: term(my_term), ..stored(3, mine) },
                2 => Loaded { ballot: term(their_term), ..stored(3, theirs) },
                _ => Loaded::genesis(voters(3)),
            };
            let mut cluster = Cluster::loaded(voters(3), 7, |_| {}, loaded);
            cluster.crash(3);
            let is_led = cluster.run_until(election_timeouts(8), |it| it.leader().is_some());
            let case = format!("{mine:?} in term {my_term}, {theirs:?} in term {their_term}");
            assert!(is_led, "nobody leads: {case}");
            cluster.run_for(200);
            cluster.assert_converged();
        }
    }
}

#[test]
fn b08_a_vote_goes_by_the_last_entry_whatever_is_committed() {
    // Nothing is known to be committed here, and still whoever lacks an entry is refused.
    for (theirs, is_granted) in
        [((0, 0), false), ((1, 9), false), ((2, 2), false), ((2, 3), true), ((3, 1), true)]
    {
        let mut solo = Solo::with_log(&[1, 1, 2]);
        solo.receive(2, 5, request_vote(id(theirs.0, theirs.1)));
        solo.sync();
        let said = votes(solo.sent());
        assert_eq!(said.len(), 1);
        assert_eq!(said[0].1.is_none(), is_granted, "the candidate's log ends at {theirs:?}");
    }
}

#[test]
fn b15_a_node_that_was_away_does_not_depose_a_leader_that_is_heard() {
    let mut follower = Solo::of(3);
    follower.receive(2, 1, append(EntryId::ZERO, &[1], 0));
    follower.sync();
    follower.sent();
    follower.sleep(299);
    follower.receive(3, 7, request_vote(id(1, 1)));
    follower.sync();
    assert_eq!((follower.term(), follower.raft.leader()), (1, Some(node(2))));
    assert_eq!(follower.sent(), []);
    // Once the leader has been silent for an election timeout, the candidate is listened to.
    follower.sleep(1);
    follower.receive(3, 7, request_vote(id(1, 1)));
    follower.sync();
    assert_eq!((follower.term(), votes(follower.sent())), (7, vec![(3, None)]));

    let mut leader = Solo::of(3);
    leader.lead_and_settle();
    leader.receive(3, 7, request_vote(id(1, 1)));
    leader.sync();
    assert_eq!((leader.term(), leader.role()), (1, RoleName::Leader));
    assert_eq!(leader.sent(), []);
}

#[test]
fn a_deposed_leader_does_not_keep_a_follower_waiting() {
    let mut solo = Solo::of(3);
    solo.receive(2, 2, append(EntryId::ZERO, &[2], 0));
    solo.sync();
    let deadline = solo.raft.deadline();
    for stale in [append(EntryId::ZERO, &[1], 0), append(id(1, 4), &[], 4), heartbeat(3, 0)] {
        solo.sleep(50);
        solo.receive(3, 1, stale);
        assert_eq!(solo.raft.deadline(), deadline);
        assert_eq!((solo.term(), solo.raft.leader()), (2, Some(node(2))));
    }
}
