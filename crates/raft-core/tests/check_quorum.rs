//! What keeps a leader in place and what ends it: a quorum that answers, voters that hold on to it, nodes that
//! come back from elsewhere, and its own disk. Continues the theme of `prevote.rs`.

mod harness;
mod roles;

use harness::cluster::{Cluster, election_timeouts};
use harness::solo::{
    Solo, append, heartbeat, heartbeat_reply, matched, request_pre_vote, request_vote, stored,
    vote_granted,
};
use harness::{ELECTION_TIMEOUT_MS, HEARTBEAT_MS, id, node, voters};
use raft_core::{
    Ballot, Config, End, Event, Input, Loaded, Member, Membership, Message, NodeId, Refused,
    RoleName, Standing, StepDown, Term, Unknown, VoteRefusal,
};
use roles::{answers_to, durable_vote, elections, has_campaigned, in_role, voters_and_a_learner};

/// Heartbeats go by, and only these peers answer them.
fn answered_by(solo: &mut Solo, peers: &[u64], heartbeats: u64) {
    let term = solo.term();
    for _ in 0..heartbeats {
        solo.pass(HEARTBEAT_MS);
        for peer in peers {
            solo.receive(*peer, term, heartbeat_reply(1));
        }
    }
}

#[test]
fn p12_checkquorum_steps_down() {
    let mut solo = Solo::of(5);
    solo.lead();
    for peer in 2..=5 {
        solo.ack(peer, 1);
    }
    let logged = solo.propose("logged");
    solo.flush();
    answered_by(&mut solo, &[2], 5);
    solo.pass(ELECTION_TIMEOUT_MS - 5 * HEARTBEAT_MS - 1);
    assert_eq!((solo.role(), solo.term()), (RoleName::Leader, 1));
    let taken = solo.propose("taken");
    solo.sleep(1);
    solo.tick();
    assert_eq!((solo.role(), solo.term()), (RoleName::Follower, 1));
    assert_eq!((solo.raft.leader(), solo.vote()), (None, Some(node(1))));
    let cause = StepDown::QuorumLost { answering: 2, needed: 3 };
    assert!(solo.events.contains(&Event::SteppedDown { term: Term(1), cause }));

    // What never left is refused, and so is what comes now; what is in the log may still come true.
    let refused = End::Refused(Refused::NotLeader { leader: None });
    assert_eq!(solo.outcome(taken), Some(&refused));
    let late = solo.propose("late");
    assert_eq!(solo.outcome(late), Some(&refused));
    assert_eq!(solo.outcome(logged), None);
    solo.pass(2 * ELECTION_TIMEOUT_MS);
    assert!(matches!(solo.outcome(logged), Some(End::Unknown(Unknown::SteppedDown { .. }))));

    // Nobody at all answers from the beginning.
    let mut solo = in_role(RoleName::Leader);
    solo.pass(ELECTION_TIMEOUT_MS - 1);
    assert_eq!(solo.role(), RoleName::Leader);
    solo.pass(1);
    assert_eq!((solo.role(), solo.term()), (RoleName::Follower, 2));
}

#[test]
fn p13_checkquorum_keeps_active() {
    let mut solo = Solo::of(5);
    solo.lead_and_settle();
    answered_by(&mut solo, &[2, 3], 100);
    assert_eq!((solo.role(), solo.term()), (RoleName::Leader, 1));
    // Whoever answers in turn, and whatever it is: one that is just in time is enough.
    let mut solo = Solo::of(3);
    solo.lead();
    for turn in 0..20 {
        solo.pass(ELECTION_TIMEOUT_MS - 1);
        assert_eq!(solo.role(), RoleName::Leader, "turn {turn}");
        let answer = if turn % 4 < 2 { heartbeat_reply(1) } else { matched(1, 1) };
        solo.receive(2 + turn % 2, 1, answer);
    }
    // A leader alone is a quorum of one.
    let mut solo = Solo::of(1);
    solo.lead();
    solo.pass(20 * ELECTION_TIMEOUT_MS);
    assert_eq!(solo.role(), RoleName::Leader);
}

fn member(id: u64, standing: Standing) -> Member {
    Member { standing, ..Member::voter(node(id)) }
}

/// n1 leads this membership by everybody's vote, and has heard nothing since.
fn leader_of(members: Vec<Member>) -> Solo {
    let membership = Membership::new(members, Vec::new()).expect("a voter in each half");
    let peers: Vec<u64> = membership.members().iter().map(|member| member.id.0).skip(1).collect();
    let mut solo = Solo::open(Loaded::genesis(membership), |_| {});
    solo.campaign();
    for peer in peers {
        if solo.role() == RoleName::Candidate {
            solo.receive(peer, 1, vote_granted());
        }
    }
    assert_eq!(solo.role(), RoleName::Leader);
    solo.sync();
    solo
}

#[test]
fn p14_checkquorum_counts_only_voters_of_both_configs() {
    let check = |members: &[Member], answering: &[u64], stays: bool| {
        let mut solo = leader_of(members.to_vec());
        answered_by(&mut solo, answering, 5);
        assert_eq!(solo.role(), RoleName::Leader);
        answered_by(&mut solo, answering, 20);
        assert_eq!(solo.role() == RoleName::Leader, stays, "answered by {answering:?}");
        assert_eq!(solo.raft.leader().is_some(), stays);
    };
    let voter = |id| member(id, Standing::Voter);
    let learners = [4, 5].map(|id| member(id, Standing::Learner));
    let learning = [vec![voter(1), voter(2), voter(3)], learners.to_vec()].concat();
    check(&learning, &[4, 5], false);
    check(&learning, &[2], true);
    let promotable = [voter(1), voter(2), voter(3), member(4, Standing::Promotable)];
    check(&promotable, &[4], false);

    // n1 to n3 decide with n1, n4 and n5: a majority here and a majority there.
    let joint = [
        voter(1),
        member(2, Standing::Outgoing),
        member(3, Standing::Demoted),
        member(4, Standing::Incoming),
        member(5, Standing::Incoming),
    ];
    check(&joint, &[2, 3], false);
    check(&joint, &[4, 5], false);
    check(&joint, &[2, 4], true);
    check(&joint, &[3, 5], true);
    check(&joint, &[2, 3, 4, 5], true);
}

#[test]
fn p15_superseding_denied_then_allowed() {
    let follows = || {
        let mut solo = in_role(RoleName::Follower);
        solo.receive(2, 2, heartbeat(1, 0));
        solo.sleep(ELECTION_TIMEOUT_MS - 1);
        solo.sent();
        solo
    };
    let alive = Some(VoteRefusal::LeaderAlive { leader: node(2) });
    let mut solo = follows();
    solo.receive(3, 2, request_pre_vote(1, id(1, 1)));
    assert_eq!(answers_to(&mut solo, 3), [alive]);
    solo.sleep(1);
    solo.receive(3, 2, request_pre_vote(2, id(1, 1)));
    assert_eq!(answers_to(&mut solo, 3), [None]);

    let mut solo = follows();
    solo.receive(3, 3, request_vote(id(1, 1)));
    solo.sync();
    assert_eq!((solo.term(), solo.sent()), (2, vec![]));
    solo.sleep(1);
    solo.receive(3, 3, request_vote(id(1, 1)));
    solo.sync();
    assert_eq!(answers_to(&mut solo, 3), [None]);
    assert_eq!(durable_vote(&solo), (3, Some(node(3))));

    // n3 would like to lead all the time, and n2 holds on to n1 for as long as it may be alive.
    let impatient = |config: &mut Config| {
        if config.id == node(3) {
            config.heartbeat_interval_ms = 10;
            config.election_timeout_ms = 30;
        }
    };
    let mut cluster = Cluster::with(voters(3), impatient).elect(1);
    cluster.run_for(election_timeouts(10));
    assert_eq!((cluster.leader(), cluster.raft(1).term()), (Some(node(1)), Term(1)));
    let crashed_at = cluster.now_ms();
    cluster.crash(1);
    assert!(cluster.run_until(election_timeouts(2), |it| it.leader().is_some()));
    let waited = cluster.now_ms() - crashed_at;
    assert!((ELECTION_TIMEOUT_MS - HEARTBEAT_MS - 5..500).contains(&waited), "{waited}");
    let refused = |event: &&Event| match event {
        Event::VoteRefused { to, why: VoteRefusal::LeaderAlive { leader }, .. } => {
            (*to, *leader) == (node(3), node(1))
        }
        _ => false,
    };
    assert!(cluster.events(2).iter().filter(refused).count() > 3);
}

/// What a node has stored that has been in `term` and holds these entries.
fn stored_in_term(log: &[u64], term: u64) -> Loaded {
    let ballot = Some(Ballot { term: Term(term), ..Ballot::default() });
    Loaded { ballot, ..stored(3, log) }
}

#[test]
fn p16_free_stuck_candidate() {
    // n3 was in term 8 while it was away; it can neither win nor follow a leader of an older term.
    for n3_log in [&[1_u64][..], &[1, 1]] {
        let loaded = |it: NodeId| match it.0 {
            3 => stored_in_term(n3_log, 8),
            _ => stored(3, &[1, 1]),
        };
        let mut cluster = Cluster::loaded(voters(3), 5, |_| {}, loaded);
        cluster.isolate(3);
        cluster.make_leader(1);
        cluster.write("x");
        assert_eq!(cluster.raft(1).term(), Term(2));
        cluster.run_for(election_timeouts(4));
        assert_eq!(cluster.role(3), RoleName::PreCandidate);
        cluster.heal();
        let is_stable = |it: &Cluster| it.leader().is_some_and(|id| it.raft(id.0).term() > Term(8));
        assert!(cluster.run_until(election_timeouts(6), is_stable));
        let cause = StepDown::NewerTerm { term: Term(8), from: node(3) };
        assert!(cluster.events(1).contains(&Event::SteppedDown { term: Term(2), cause }));
        cluster.run_for(election_timeouts(2));
        cluster.write("y");
        cluster.assert_converged();
        assert_eq!(cluster.applied(3)[2..], ["x", "y"]);
        assert_eq!(cluster.raft(3).term(), Term(9), "one election has freed everybody");
    }
}

#[test]
fn p17_non_promotable_voter() {
    let others = || Membership::of_voters([2, 3].map(NodeId)).expect("two voters");
    let mut solo = Solo::open(Loaded::genesis(others()), |_| {});
    solo.receive(2, 1, append(id(0, 0), &[1, 1], 1));
    solo.sync();
    assert_eq!((solo.raft.leader(), solo.commit()), (Some(node(2)), 1));
    assert_eq!(solo.sent_to(2).last().map(|it| it.kind.clone()), Some(matched(1, 2)));
    solo.pass(20 * ELECTION_TIMEOUT_MS);
    assert_eq!((solo.role(), solo.term(), solo.sent()), (RoleName::Follower, 1, vec![]));
    assert!(!has_campaigned(&solo.events));

    // n3 does not know that it is a voter; the leader does, and counts on it.
    let loaded = |it: NodeId| {
        let known = Membership::of_voters([1, 2].map(NodeId)).expect("two voters");
        Loaded::genesis(if it == node(3) { known } else { voters(3) })
    };
    let mut cluster = Cluster::loaded(voters(3), 7, |_| {}, loaded).elect(1);
    cluster.isolate(3);
    cluster.run_for(election_timeouts(20));
    assert_eq!(cluster.role(3), RoleName::Follower);
    cluster.heal();
    cluster.isolate(2);
    let write = cluster.write("x");
    cluster.run_for(election_timeouts(20));
    assert!(cluster.is_committed(write));
    assert_eq!(cluster.applied(3), ["x"]);
    assert!(!has_campaigned(cluster.events(3)));
    assert_eq!((cluster.leader(), cluster.raft(1).term()), (Some(node(1)), Term(1)));
}

// Pre-vote has no switch, so only the half with it is to be seen.
#[test]
fn p18_disruptive_follower_without_prevote() {
    let mut cluster = Cluster::of(3).elect(1);
    for _ in 0..5 {
        cluster.isolate(3);
        cluster.run_for(election_timeouts(10));
        assert_eq!((cluster.role(3), cluster.raft(3).term()), (RoleName::PreCandidate, Term(1)));
        cluster.heal();
        cluster.run_for(election_timeouts(4));
        assert_eq!((cluster.leader(), cluster.raft(1).term()), (Some(node(1)), Term(1)));
        assert_eq!(cluster.role(3), RoleName::Follower);
    }
    let stepped_down = |event: &Event| matches!(event, Event::SteppedDown { .. });
    assert!(!cluster.events(1).iter().any(stepped_down));
    cluster.assert_converged();
}

#[test]
fn p19_removed_node_cannot_disrupt() {
    for n4_term in [0, 30] {
        // n4 has been removed, everybody knows it but n4, and n4 has seen terms that nobody else has.
        let members = Membership::new(voters(3).members().to_vec(), vec![node(4)]);
        let members = members.expect("three voters");
        let loaded = |it: NodeId| {
            if it != node(4) {
                return Loaded::genesis(members.clone());
            }
            let ballot = Some(Ballot { term: Term(n4_term), ..Ballot::default() });
            Loaded { ballot, ..Loaded::genesis(voters(4)) }
        };
        let mut cluster = Cluster::loaded(voters(4), 19, |_| {}, loaded);
        cluster.membership = members.clone();
        cluster.make_leader(1);
        let term = cluster.raft(1).term();
        cluster.write("x");
        cluster.run_for(election_timeouts(40));
        assert!(has_campaigned(cluster.events(4)), "it asks again and again");
        assert_eq!(elections(cluster.events(4)), []);
        // If it campaigned all the same, nobody would listen.
        for id in 1..=3 {
            let before = cluster.status(id);
            let ask = Message { term: Term(99), kind: request_vote(harness::id(98, 500)) };
            cluster.receive(id, 4, ask);
            assert_eq!(cluster.status(id), before);
        }
        cluster.write("y");
        assert_eq!((cluster.leader(), cluster.raft(1).term()), (Some(node(1)), term));
        for id in 1..=3 {
            assert_eq!((cluster.raft(id).term(), cluster.applied(id).len()), (term, 2), "n{id}");
        }
    }
}

#[test]
fn p20_nonvoter_with_higher_term_joins() {
    let members = voters_and_a_learner(3);
    let loaded = |it: NodeId| {
        let term = if it == node(4) { 9 } else { 0 };
        let ballot = Some(Ballot { term: Term(term), ..Ballot::default() });
        Loaded { ballot, ..Loaded::genesis(members.clone()) }
    };
    let mut cluster = Cluster::loaded(members.clone(), 20, |_| {}, loaded);
    cluster.isolate(4);
    cluster.make_leader(1);
    cluster.write("x");
    assert_eq!(cluster.raft(1).term(), Term(1));
    cluster.heal();
    let is_stable = |it: &Cluster| it.leader().is_some_and(|id| it.raft(id.0).term() > Term(9));
    assert!(cluster.run_until(election_timeouts(6), is_stable));
    cluster.run_for(election_timeouts(20));
    let held = (1..=4).flat_map(|id| elections(cluster.events(id))).filter(|term| *term > 1);
    assert_eq!(held.collect::<Vec<_>>(), [10], "one election");
    cluster.write("y");
    cluster.assert_converged();
    assert_eq!(cluster.applied(4), ["x", "y"]);
}

#[test]
fn p21_one_way_isolation() {
    // The leader is heard and hears nothing: it cannot know, so it must not lead.
    let mut cluster = Cluster::of(3).elect(1);
    cluster.deafen(1);
    let write = cluster.propose(1, "x");
    cluster.run_for(ELECTION_TIMEOUT_MS + HEARTBEAT_MS);
    assert_ne!(cluster.role(1), RoleName::Leader);
    assert_eq!(cluster.raft(1).term(), Term(1));
    assert!(!cluster.is_committed(write));
    assert!(cluster.run_until(election_timeouts(6), |it| it.leader().is_some()));
    assert_ne!(cluster.leader(), Some(node(1)));
    cluster.run_for(election_timeouts(20));
    let (leader, term) = (cluster.leader(), cluster.raft(2).term());
    assert_eq!((cluster.raft(1).term(), elections(cluster.events(1))), (Term(1), vec![1]));
    cluster.heal();
    cluster.run_for(election_timeouts(4));
    assert_eq!((cluster.leader(), cluster.raft(2).term()), (leader, term));
    cluster.assert_converged();

    // A follower is heard and hears nothing: it asks, and its term stays.
    let mut cluster = Cluster::of(3).elect(1);
    cluster.deafen(3);
    cluster.run_for(election_timeouts(30));
    assert_eq!((cluster.role(3), cluster.raft(3).term()), (RoleName::PreCandidate, Term(1)));
    assert_eq!((cluster.leader(), cluster.raft(1).term()), (Some(node(1)), Term(1)));
    cluster.heal();
    cluster.run_for(election_timeouts(2));
    assert_eq!((cluster.leader(), cluster.raft(1).term()), (Some(node(1)), Term(1)));
    cluster.assert_converged();
}

#[test]
fn p23_storage_stalled_leader() {
    let mut cluster = Cluster::of(3).elect(1);
    cluster.stick_disk(1);
    let write = cluster.propose(1, "x");
    cluster.run_for(2 * ELECTION_TIMEOUT_MS - 10);
    assert_eq!(cluster.role(1), RoleName::Leader);
    assert!(cluster.is_committed(write), "the others hold it");
    cluster.run_for(20);
    assert_ne!(cluster.role(1), RoleName::Leader);
    let stalled = Event::SteppedDown { term: Term(1), cause: StepDown::StorageFault };
    assert!(cluster.events(1).contains(&stalled));
    assert!(cluster.run_until(election_timeouts(6), |it| it.leader().is_some()));
    let leader = cluster.leader().expect("one of the others").0;
    assert_ne!(leader, 1);

    // Even when it is the only one who could: with the new leader gone, n1 neither leads nor helps.
    cluster.crash(leader);
    cluster.run_for(election_timeouts(20));
    assert_eq!(cluster.leader(), None);
    assert_eq!(elections(cluster.events(1)), [1]);
    cluster.free_disk(1);
    assert!(cluster.run_until(election_timeouts(8), |it| it.leader().is_some()));

    // A write that fails: at once, and for ever.
    let mut solo = Solo::of(3);
    solo.lead_and_settle();
    let write = solo.propose("x");
    solo.flush();
    solo.step(Input::WriteFailed);
    assert_eq!((solo.role(), solo.term()), (RoleName::Follower, 1));
    let cause = StepDown::StorageFault;
    assert!(solo.events.contains(&Event::SteppedDown { term: Term(1), cause }));
    assert_eq!(solo.outcome(write), Some(&End::Unknown(Unknown::StorageFault)));
    solo.sent();
    solo.pass(20 * ELECTION_TIMEOUT_MS);
    assert!(!has_campaigned(&solo.events));
    assert_eq!((solo.sent(), solo.role()), (vec![], RoleName::Follower));
}
