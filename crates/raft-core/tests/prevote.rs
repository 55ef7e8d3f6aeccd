//! Asking before campaigning: a pre-vote changes nobody, keeps those out who could not win, and never keeps out
//! those who must. What keeps a leader in place, and what ends it, is in `check_quorum.rs`.

mod harness;
mod roles;

use harness::cluster::{Cluster, election_timeouts};
use harness::solo::{
    Solo, append, heartbeat, pre_vote_granted, pre_vote_refused, request_pre_vote, request_vote,
    stored,
};
use harness::{ELECTION_TIMEOUT_MS, id, node, voters};
use raft_core::{
    Ballot, EntryId, Event, Kind, Loaded, NodeId, RequestPreVoteReply, RoleName, Term, VoteRefusal,
};
use roles::{
    ROLES, after_round, answers_to, ask_for_pre_votes, commit_notice, durable_vote, elections,
    in_role, state, transfer_vote,
};

fn leader_alive(id: u64) -> Option<VoteRefusal> {
    Some(VoteRefusal::LeaderAlive { leader: node(id) })
}

#[test]
fn p01_prevote_does_not_change_state() {
    // Whoever is asked, by a newer log and by an older one, in this term and in another.
    for role in ROLES {
        for (term, last) in
            [(1, id(1, 1)), (2, id(1, 1)), (2, id(2, 9)), (9, id(9, 9)), (9, id(1, 1))]
        {
            let mut solo = in_role(role);
            let before = state(&solo);
            solo.receive(2, term, request_pre_vote(1, last));
            assert_eq!(answers_to(&mut solo, 2).len(), 1, "{role} is asked in term {term}");
            assert_eq!(state(&solo), before, "{role} is asked in term {term}");
        }
    }
    // Whoever asks.
    for role in [RoleName::Follower, RoleName::PreCandidate, RoleName::Candidate] {
        let mut solo = in_role(role);
        let before = (solo.term(), solo.vote(), durable_vote(&solo), solo.writes.len());
        ask_for_pre_votes(&mut solo);
        assert_eq!(solo.role(), RoleName::PreCandidate);
        let after = (solo.term(), solo.vote(), durable_vote(&solo), solo.writes.len());
        assert_eq!(after, before, "{role}");
    }
    // All together: n3 hears nobody and asks for ever.
    let mut cluster = Cluster::of(3).elect(1);
    let ballots = |it: &Cluster| [1, 2, 3].map(|id| it.disks[&node(id)].written.ballot);
    let before = ballots(&cluster);
    cluster.deafen(3);
    cluster.run_for(election_timeouts(30));
    let asked = |it: &&Event| matches!(it, Event::PreVoteStarted { .. });
    assert!(cluster.events(3).iter().filter(asked).count() > 10);
    assert_eq!(ballots(&cluster), before);
}

#[test]
fn p02_prevote_blocks_stale_log() {
    let mut cluster = Cluster::of(3).elect(1);
    cluster.isolate(3);
    cluster.write("x");
    cluster.run_for(election_timeouts(10));
    assert_eq!(cluster.role(3), RoleName::PreCandidate);
    cluster.heal();
    cluster.run_for(election_timeouts(4));
    assert_eq!((cluster.leader(), cluster.raft(1).term()), (Some(node(1)), Term(1)));
    cluster.assert_converged();

    // Without a leader, too: n3 asks n2, who is behind nobody, and n2 is elected in the very next term.
    cluster.isolate(3);
    cluster.write("y");
    cluster.crash(1);
    cluster.heal();
    assert!(cluster.run_until(election_timeouts(10), |it| it.leader().is_some()));
    assert_eq!((cluster.leader(), cluster.raft(2).term()), (Some(node(2)), Term(2)));
    assert_eq!((elections(cluster.events(3)), elections(cluster.events(2))), (vec![], vec![2]));
    let is_old_log = |event: &Event| match event {
        Event::VoteRefused { to, why: VoteRefusal::OldLog { .. }, .. } => *to == node(3),
        _ => false,
    };
    // Whether n3 has asked before n2 is a matter of timers; asked, n2 refuses.
    let mut solo = Solo::with_log(&[1, 1]);
    solo.receive(3, 1, request_pre_vote(1, id(1, 1)));
    assert!(solo.events.iter().any(is_old_log));
    let old_log = VoteRefusal::OldLog { theirs: id(1, 1), ours: id(1, 2) };
    assert_eq!(answers_to(&mut solo, 3), [Some(old_log)]);
}

#[test]
fn p03_prevote_success_then_real_vote() {
    let mut solo = Solo::open(stored(5, &[1]), |_| {});
    let round = ask_for_pre_votes(&mut solo);
    solo.receive(2, 1, pre_vote_granted(round));
    assert_eq!((solo.role(), solo.term()), (RoleName::PreCandidate, 1), "two of five");
    assert!(solo.writes.is_empty());
    solo.receive(3, 1, pre_vote_granted(round));
    assert_eq!((solo.role(), solo.term()), (RoleName::Candidate, 2));
    assert_eq!(solo.writes.len(), 1);
    let ballot = Ballot { term: Term(2), vote: Some(node(1)), recovering: None };
    assert_eq!(solo.writes[0].ballot, Some(ballot));

    let cluster = Cluster::of(3).elect(1);
    let story: Vec<&Event> = cluster.events(1).iter().take(3).collect();
    assert!(
        matches!(
            story[..],
            [
                Event::PreVoteStarted { term: Term(1) },
                Event::ElectionStarted { term: Term(1), transfer: false },
                Event::Elected { term: Term(1), voters: 3, .. },
            ]
        ),
        "{story:?}"
    );
}

#[test]
fn p04_prevote_split_vote_retries() {
    for seed in 1..=10 {
        let genesis = |_| Loaded::genesis(voters(3));
        let mut cluster = Cluster::loaded(voters(3), seed, |_| {}, genesis).elect(1);
        let term = cluster.raft(1).term().0;
        cluster.crash(1);
        cluster.pause(2);
        cluster.pause(3);
        cluster.run_for(election_timeouts(2));
        cluster.resume(2);
        cluster.resume(3);
        cluster.run_for(20);
        // Each has asked while the other did, was encouraged, and has voted for itself.
        for id in [2, 3] {
            let found = (cluster.role(id), cluster.raft(id).term());
            assert_eq!(found, (RoleName::Candidate, Term(term + 1)), "n{id}, seed {seed}");
        }
        assert!(cluster.run_until(election_timeouts(4), |it| it.leader().is_some()), "{seed}");
        let leader = cluster.leader().expect("one leads").0;
        assert_eq!(cluster.raft(leader).term(), Term(term + 2), "seed {seed}");
        cluster.run_for(100);
        cluster.assert_converged();
    }
}

#[test]
fn p05_prevote_plus_checkquorum_stickiness() {
    let said_by_the_leader = [heartbeat(1, 0), append(id(1, 1), &[], 0), commit_notice(0)];
    let listens = |solo: &mut Solo, leader: u64| {
        let before = state(solo);
        solo.receive(3, 2, request_pre_vote(1, id(2, 9)));
        assert_eq!(answers_to(solo, 3), [leader_alive(leader)]);
        // A vote is not even answered, and its term not taken: else the answer would end the leader.
        solo.receive(3, 8, request_vote(id(2, 9)));
        assert_eq!(solo.sent(), []);
        assert_eq!(state(solo), before);
        let refusals = solo.events.iter().filter(|it| matches!(it, Event::VoteRefused { .. }));
        assert_eq!(refusals.count(), 2);
        // At the leader's own wish it is another matter.
        solo.receive(3, 8, transfer_vote(id(2, 9)));
        solo.sync();
        assert_eq!(answers_to(solo, 3), [None]);
        assert_eq!(durable_vote(solo), (8, Some(node(3))));
    };
    for said in said_by_the_leader {
        for role in [RoleName::Follower, RoleName::PreCandidate, RoleName::Candidate] {
            let mut solo = in_role(role);
            solo.receive(2, 2, said.clone());
            solo.sleep(ELECTION_TIMEOUT_MS - 1);
            solo.sent();
            listens(&mut solo, 2);
        }
    }
    listens(&mut in_role(RoleName::Leader), 1);
}

#[test]
fn p06_precandidate_clears_leader() {
    let mut solo = in_role(RoleName::Follower);
    solo.receive(2, 2, heartbeat(1, 0));
    assert_eq!(solo.raft.leader(), Some(node(2)));
    let round = ask_for_pre_votes(&mut solo);
    assert_eq!((solo.role(), solo.raft.leader()), (RoleName::PreCandidate, None));
    solo.receive(3, 2, request_pre_vote(1, id(1, 1)));
    assert_eq!(answers_to(&mut solo, 3), [None]);
    // Refused itself, it does not believe in it again.
    solo.receive(2, 2, pre_vote_refused(round));
    solo.receive(3, 2, pre_vote_refused(round));
    assert_eq!((solo.role(), solo.raft.leader()), (RoleName::Follower, None));
    solo.receive(3, 2, request_pre_vote(2, id(1, 1)));
    assert_eq!(answers_to(&mut solo, 3), [None]);

    // Two that have lost their leader find a new one, whoever asks first.
    let mut cluster = Cluster::of(3).elect(1);
    cluster.crash(1);
    assert!(cluster.run_until(election_timeouts(4), |it| it.leader().is_some()));
}

#[test]
fn p07_quorum_of_precandidates_can_elect() {
    // n2 and n3 are so impatient that they ask between two heartbeats of n1, whom everybody hears.
    let impatient = |config: &mut raft_core::Config| {
        if config.id != node(1) {
            config.heartbeat_interval_ms = 5;
            config.election_timeout_ms = 15;
        }
    };
    let mut cluster = Cluster::with(voters(3), impatient).elect(1);
    let led_by_n1 = cluster.judge.leaders().iter().find(|(_, leader)| **leader == node(1));
    let first = *led_by_n1.expect("n1 has led").0;
    assert!(cluster.run_until(election_timeouts(2), |it| it.leader() != Some(node(1))));
    assert!(cluster.leader().is_some_and(|leader| cluster.raft(leader.0).term() > first));
    let refused = |event: &Event| match event {
        Event::VoteRefused { why, .. } => Some(*why) == leader_alive(1),
        _ => false,
    };
    assert!(cluster.events(1).iter().any(refused), "n1 was asked, and was there");
    let cause = |event: &Event| matches!(event, Event::SteppedDown { term, .. } if *term == first);
    assert!(cluster.events(1).iter().any(cause));
}

#[test]
fn p08_prevote_rejection_carries_term() {
    let mut solo = Solo::with_log(&[1, 1, 1]);
    let round = ask_for_pre_votes(&mut solo);
    let (refusal, commit) = (Some(VoteRefusal::OldTerm), EntryId::ZERO);
    let reply = RequestPreVoteReply { round, refusal, commit };
    solo.receive(2, 8, Kind::RequestPreVoteReply(reply));
    assert_eq!((solo.role(), solo.term(), solo.vote()), (RoleName::Follower, 8, None));
    // And who is asked by an older term says so.
    let mut solo = Solo::with_log(&[1, 8]);
    solo.receive(2, 1, request_pre_vote(1, id(1, 9)));
    let said = solo.sent_to(2);
    assert!(matches!(said[0].kind, Kind::RequestPreVoteReply(it) if it.refusal == refusal));
    assert_eq!((said.len(), said[0].term), (1, Term(8)));

    // Two of three are up: n1 with the longest log and n2 with the highest term. Only n1 can win.
    for seed in 1..=20 {
        let loaded = |id: NodeId| {
            if id == node(1) {
                return stored(3, &[1, 1, 1]);
            }
            let ballot = Some(Ballot { term: Term(8), ..Ballot::default() });
            Loaded { ballot, ..stored(3, &[1]) }
        };
        let mut cluster = Cluster::loaded(voters(3), seed, |_| {}, loaded);
        cluster.crash(3);
        let found = cluster.run_until(election_timeouts(8), |it| it.leader().is_some());
        assert!(found, "seed {seed}: {} {}", cluster.raft(1).explain(), cluster.raft(2).explain());
        assert_eq!((cluster.leader(), cluster.raft(1).term()), (Some(node(1)), Term(9)));
        cluster.run_for(election_timeouts(1));
        assert_eq!(cluster.log_ids(2), ["1@1", "2@1", "3@1", "4@9"]);
        cluster.assert_converged();
    }
}

#[test]
fn p10_late_prevote_replies_ignored() {
    // Won, or lost: what still comes in of that round is answered by nothing.
    for role in [RoleName::Follower, RoleName::Candidate, RoleName::Leader] {
        let (mut solo, round) = after_round(role);
        let before = state(&solo);
        for answer in [pre_vote_granted(round), pre_vote_refused(round)] {
            for peer in [2, 3, 2, 3] {
                solo.receive(peer, 1, answer.clone());
                solo.receive(peer, 2, answer.clone());
                assert_eq!(state(&solo), before, "{role}");
            }
        }
        assert_eq!((solo.sent(), solo.events.len()), (vec![], 0), "{role}");
    }
    // In the next round an answer to the last one is none.
    let (mut solo, old) = after_round(RoleName::Follower);
    let new = ask_for_pre_votes(&mut solo);
    for peer in [2, 3] {
        solo.receive(peer, 2, pre_vote_granted(old));
        solo.receive(peer, 2, pre_vote_refused(old));
    }
    assert_eq!((solo.role(), solo.term()), (RoleName::PreCandidate, 2));
    // Nor, once a leader is there, an answer to the present one.
    solo.receive(2, 2, heartbeat(1, 0));
    let before = state(&solo);
    solo.receive(3, 2, pre_vote_granted(new));
    assert_eq!(state(&solo), before);
}

#[test]
fn p11_prevote_not_rejected_by_leader_itself() {
    // n2 led and asks now: nobody holds on to n2 against n2.
    let mut solo = in_role(RoleName::Follower);
    solo.receive(2, 2, heartbeat(1, 0));
    solo.sleep(100);
    solo.sent();
    solo.receive(2, 3, transfer_vote(id(1, 1)));
    solo.sync();
    assert_eq!(answers_to(&mut solo, 2), [None], "asked at the leader's own wish");

    let mut solo = in_role(RoleName::Follower);
    solo.receive(2, 2, heartbeat(1, 0));
    solo.sleep(100);
    solo.sent();
    solo.receive(3, 2, request_pre_vote(1, id(1, 1)));
    assert_eq!(answers_to(&mut solo, 3), [leader_alive(2)], "n3 must wait");
    solo.receive(2, 2, request_pre_vote(1, id(1, 1)));
    assert_eq!(answers_to(&mut solo, 2), [None], "a pre-vote");
    solo.receive(2, 3, request_vote(id(1, 1)));
    solo.sync();
    assert_eq!(answers_to(&mut solo, 2), [None], "a vote");
    assert_eq!(durable_vote(&solo), (3, Some(node(2))));
}
