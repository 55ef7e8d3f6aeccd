//! Elections and terms, one node at a time: what a newer or older term does to each role, how a node comes to
//! campaign, and how it gives way. How elections end is in `elections_outcomes.rs`.

mod harness;
mod roles;

use harness::cluster::{Cluster, election_timeouts};
use harness::solo::{
    Solo, append, heartbeat, heartbeat_reply, matched, pre_vote_granted, request_pre_vote,
    request_vote, vote_granted, vote_refused,
};
use harness::{ELECTION_TIMEOUT_MS, HEARTBEAT_MS, id, node};
use raft_core::{
    AppendResult, EntryId, Event, Kind, Loaded, NodeId, Refused, RoleName, Round, StepDown, Term,
    VoteRefusal,
};
use roles::{
    ROLES, after_round, answers_to, ask_for_pre_votes, commit_notice, durable_vote, in_role,
    of_a_leader, of_a_peer, of_other_parts, state, transfer_vote, voters_and_a_learner,
};

#[test]
fn e01_starts_as_follower() {
    let mut fresh = Solo::of(3);
    assert_eq!((fresh.role(), fresh.term(), fresh.vote()), (RoleName::Follower, 0, None));
    assert_eq!(fresh.raft.leader(), None);
    fresh.sleep(ELECTION_TIMEOUT_MS - 1);
    fresh.tick();
    assert_eq!((fresh.role(), fresh.sent()), (RoleName::Follower, vec![]));

    let mut led = Solo::with_log(&[4]);
    led.lead_and_settle();
    assert_eq!((led.role(), led.term()), (RoleName::Leader, 5));
    let mut again = Solo::open(led.disk.durable.loaded(), |_| {});
    assert_eq!((again.role(), again.term()), (RoleName::Follower, 5));
    assert_eq!((again.raft.leader(), again.vote()), (None, Some(node(1))));
    assert_eq!(again.sent(), []);

    let mut cluster = Cluster::of(3).elect(1);
    cluster.write("x");
    let term = cluster.raft(1).term();
    cluster.crash(1);
    cluster.restart(1);
    assert_eq!((cluster.role(1), cluster.raft(1).term()), (RoleName::Follower, term));
    assert_eq!(cluster.raft(1).leader(), None);
}

/// A node in `role` and in term 2 hears of term 7 from n2, in each way in which that can happen.
fn check_adopts_term(role: RoleName) {
    let check = |kind: Kind, leader: Option<Option<NodeId>>| {
        let what = format!("{role}: {kind:?}");
        let mut solo = in_role(role);
        solo.receive(2, 7, kind);
        assert_eq!((solo.role(), solo.term()), (RoleName::Follower, 7), "{what}");
        assert_eq!(solo.vote(), None, "{what}");
        if let Some(leader) = leader {
            assert_eq!(solo.raft.leader(), leader, "{what}");
        }
        let cause = StepDown::NewerTerm { term: Term(7), from: node(2) };
        let stepped_down = Event::SteppedDown { term: Term(2), cause };
        assert_eq!(solo.events.contains(&stepped_down), role == RoleName::Leader, "{what}");
        solo.sync();
        assert_eq!(durable_vote(&solo), (7, None), "{what}");
        // The vote of the new term is free.
        solo.receive(3, 7, transfer_vote(id(6, 9)));
        assert_eq!(solo.vote(), Some(node(3)), "{what}");
    };
    of_a_leader().into_iter().for_each(|kind| check(kind, Some(Some(node(2)))));
    of_a_peer().into_iter().for_each(|kind| check(kind, Some(None)));
    of_other_parts().into_iter().for_each(|kind| check(kind, None));

    // A pre-vote is about a term that nobody is in yet, and so is an answer that grants one.
    for kind in [request_pre_vote(9, id(6, 9)), pre_vote_granted(Round(999))] {
        let mut solo = in_role(role);
        let before = state(&solo);
        solo.receive(2, 7, kind);
        assert_eq!(state(&solo), before);
    }
}

#[test]
fn e02_follower_adopts_higher_term() {
    check_adopts_term(RoleName::Follower);
}

#[test]
fn e03_candidate_adopts_higher_term() {
    check_adopts_term(RoleName::PreCandidate);
    check_adopts_term(RoleName::Candidate);
}

#[test]
fn e04_leader_adopts_higher_term() {
    check_adopts_term(RoleName::Leader);

    // What it had taken and not yet put in the log has no effect.
    let mut solo = in_role(RoleName::Leader);
    let write = solo.propose("x");
    solo.receive(2, 7, heartbeat_reply(1));
    let refused = raft_core::End::Refused(Refused::NotLeader { leader: None });
    assert_eq!(solo.outcome(write), Some(&refused));
    assert_eq!(solo.log_ids(), ["1@1", "2@2"]);
}

#[test]
fn e05_stale_term_message_rejected() {
    let says_no = |kind: &Kind| match kind {
        Kind::RequestVoteReply(reply) => reply.refusal == Some(VoteRefusal::OldTerm),
        Kind::RequestPreVoteReply(reply) => reply.refusal == Some(VoteRefusal::OldTerm),
        Kind::AppendEntriesReply(reply) => !matches!(reply.result, AppendResult::Matched(_)),
        Kind::HeartbeatReply(reply) => !reply.promised,
        _ => false,
    };
    let check = |role: RoleName, kind: Kind, is_answered: bool| {
        let what = format!("{role}: {kind:?}");
        let mut solo = in_role(role);
        solo.sleep(20);
        let before = state(&solo);
        solo.receive(2, 1, kind);
        assert_eq!(state(&solo), before, "{what}");
        let sent = solo.sent();
        assert_eq!(sent.len(), usize::from(is_answered), "{what}: {sent:?}");
        for (to, message) in sent {
            assert_eq!((to, message.term), (node(2), Term(2)), "{what}");
            assert!(says_no(&message.kind), "{what}: {message:?}");
        }
    };
    for role in ROLES {
        check(role, request_vote(EntryId::ZERO), true);
        check(role, transfer_vote(EntryId::ZERO), true);
        check(role, request_pre_vote(1, id(1, 1)), true);
        check(role, append(EntryId::ZERO, &[1, 1], 2), true);
        check(role, heartbeat(1, 1), true);
        check(role, commit_notice(1), false);
        check(role, vote_granted(), false);
        check(role, vote_refused(), false);
        check(role, pre_vote_granted(Round(999)), false);
        check(role, matched(1, 1), false);
        check(role, heartbeat_reply(1), false);
    }
}

#[test]
fn e06_leader_heartbeats_on_tick() {
    let mut solo = Solo::open(Loaded::genesis(voters_and_a_learner(3)), |_| {});
    solo.lead_and_settle();
    let beats = |solo: &mut Solo| {
        let sent = solo.sent().into_iter();
        let beats = sent.filter_map(|(to, message)| match message.kind {
            Kind::Heartbeat(beat) => Some((to.0, beat.round)),
            _ => None,
        });
        beats.collect::<Vec<_>>()
    };
    // Ten milliseconds of the first interval are over.
    solo.pass(HEARTBEAT_MS - 11);
    assert_eq!(beats(&mut solo), []);
    solo.pass(1);
    let first = beats(&mut solo);
    assert_eq!(first.iter().map(|(to, _)| *to).collect::<Vec<_>>(), [2, 3, 4]);
    let rounds: Vec<Round> = first.iter().map(|(_, round)| *round).collect();
    assert!(rounds.iter().all(|round| *round == rounds[0]), "one round: {rounds:?}");

    solo.pass(HEARTBEAT_MS - 1);
    assert_eq!(beats(&mut solo), []);
    solo.pass(1);
    let second = beats(&mut solo);
    assert_eq!(second.len(), 3);
    assert!(second[0].1 > rounds[0], "each round has a number of its own");

    // However late the tick, it is one heartbeat.
    solo.sleep(3 * HEARTBEAT_MS);
    solo.tick();
    assert_eq!(beats(&mut solo).len(), 3);
}

#[test]
fn e07_follower_starts_election_on_timeout() {
    let mut solo = Solo::open(Loaded::genesis(voters_and_a_learner(4)), |_| {});
    solo.receive(2, 1, heartbeat(1, 0));
    solo.sync();
    let (now, deadline) = (solo.now_ms() * 1_000, solo.raft.deadline().0);
    assert!((now + 300_000..now + 600_000).contains(&deadline), "{now} {deadline}");
    solo.sent();
    solo.sleep(ELECTION_TIMEOUT_MS - 1);
    solo.tick();
    assert_eq!((solo.role(), solo.sent()), (RoleName::Follower, vec![]));
    let writes = solo.writes.len();

    solo.time_out();
    assert_eq!((solo.role(), solo.term()), (RoleName::PreCandidate, 1));
    assert_eq!(solo.writes.len(), writes);
    let mut asked = Vec::new();
    for (to, message) in solo.sent() {
        let Kind::RequestPreVote(ask) = message.kind else { panic!("{message:?} comes too early") };
        asked.push((to.0, message.term.0, ask.round));
    }
    let round = asked[0].2;
    assert_eq!(asked, [(2, 1, round), (3, 1, round), (4, 1, round)]);
    for peer in [2, 3] {
        solo.receive(peer, 1, pre_vote_granted(round));
    }

    assert_eq!((solo.role(), solo.term(), solo.vote()), (RoleName::Candidate, 2, Some(node(1))));
    assert_eq!(solo.sent(), [], "its own vote is not durable yet");
    assert_ne!(durable_vote(&solo), (2, Some(node(1))));
    solo.sync();
    assert_eq!(durable_vote(&solo), (2, Some(node(1))));
    let sent = solo.sent();
    assert!(sent.iter().all(|(_, it)| matches!(it.kind, Kind::RequestVote(_))), "{sent:?}");
    let asked: Vec<(u64, u64)> = sent.iter().map(|(to, it)| (to.0, it.term.0)).collect();
    assert_eq!(asked, [(2, 2), (3, 2), (4, 2)]);
}

#[test]
fn e08_candidate_restarts_election() {
    let mut solo = Solo::of(5);
    let first = ask_for_pre_votes(&mut solo);
    for peer in [2, 3] {
        solo.receive(peer, 0, pre_vote_granted(first));
    }
    solo.sync();
    solo.receive(2, 1, vote_granted());
    assert_eq!((solo.role(), solo.term()), (RoleName::Candidate, 1));

    let second = ask_for_pre_votes(&mut solo);
    assert!(second > first);
    assert_eq!((solo.role(), solo.term()), (RoleName::PreCandidate, 1));
    for peer in [2, 3, 4] {
        solo.receive(peer, 1, pre_vote_granted(first));
        solo.receive(peer, 1, vote_granted());
    }
    assert_eq!((solo.role(), solo.term()), (RoleName::PreCandidate, 1));
    for peer in [2, 3] {
        solo.receive(peer, 1, pre_vote_granted(second));
    }
    assert_eq!((solo.role(), solo.term()), (RoleName::Candidate, 2));
    solo.sync();

    // With the vote that n2 gave in term 1 this would be a majority.
    solo.receive(3, 2, vote_granted());
    solo.receive(2, 1, vote_granted());
    assert_eq!(solo.role(), RoleName::Candidate);
    solo.receive(4, 2, vote_granted());
    assert_eq!((solo.role(), solo.term()), (RoleName::Leader, 2));

    // A round of pre-votes that nobody finished is forgotten in the same way.
    let mut solo = Solo::of(5);
    let first = ask_for_pre_votes(&mut solo);
    solo.receive(2, 0, pre_vote_granted(first));
    let second = ask_for_pre_votes(&mut solo);
    solo.receive(3, 0, pre_vote_granted(second));
    assert_eq!((solo.role(), solo.term()), (RoleName::PreCandidate, 0));
    solo.receive(4, 0, pre_vote_granted(second));
    assert_eq!((solo.role(), solo.term()), (RoleName::Candidate, 1));
}

#[test]
fn e10_candidate_yields_to_leader() {
    let check = |role: RoleName, term: u64, kind: Kind, log: &[&str]| {
        let what = format!("{role}, term {term}: {kind:?}");
        let (mut solo, round) = after_round(role);
        let vote = solo.vote();
        solo.receive(2, term, kind);
        assert_eq!((solo.role(), solo.term()), (RoleName::Follower, term), "{what}");
        assert_eq!(solo.raft.leader(), Some(node(2)), "{what}");
        assert_eq!(solo.vote(), if term == 2 { vote } else { None }, "{what}");
        assert_eq!(solo.log_ids(), log, "{what}");
        let follows = Event::Following { term: Term(term), leader: node(2) };
        assert!(solo.events.contains(&follows), "{what}");
        // The election is over: answers that are late change nothing.
        solo.receive(3, 2, pre_vote_granted(round));
        solo.receive(3, 2, vote_granted());
        solo.sync();
        assert_eq!((solo.role(), solo.term()), (RoleName::Follower, term), "{what}");
    };
    for role in [RoleName::PreCandidate, RoleName::Candidate] {
        for term in [2, 3] {
            check(role, term, append(id(1, 1), &[2], 0), &["1@1", "2@2"]);
            check(role, term, append(id(2, 7), &[2], 0), &["1@1"]);
            check(role, term, heartbeat(1, 0), &["1@1"]);
            check(role, term, commit_notice(0), &["1@1"]);
        }
    }
}

#[test]
fn e15_vote_from_any_state() {
    let check = |mut solo: Solo, ask: Kind| {
        let what = format!("{}: {ask:?}", solo.role());
        solo.sleep(ELECTION_TIMEOUT_MS - 1);
        let soonest = solo.now_ms() + ELECTION_TIMEOUT_MS;
        assert!(solo.raft.deadline().0 < soonest * 1_000, "{what}: the old timer is nearly over");
        solo.receive(2, 3, ask);
        assert_eq!((solo.role(), solo.term()), (RoleName::Follower, 3), "{what}");
        assert_eq!((solo.raft.leader(), solo.vote()), (None, Some(node(2))), "{what}");
        let deadline = solo.raft.deadline().0 / 1_000;
        assert!((soonest..=soonest + ELECTION_TIMEOUT_MS).contains(&deadline), "{what}");
        assert_eq!(solo.sent(), [], "{what}: the vote is not durable yet");
        solo.sync();
        assert_eq!(answers_to(&mut solo, 2), [None], "{what}");
        assert_eq!(durable_vote(&solo), (3, Some(node(2))), "{what}");
    };
    for role in ROLES {
        check(in_role(role), transfer_vote(id(2, 9)));
        if role != RoleName::Leader {
            check(in_role(role), request_vote(id(2, 9)));
        }
    }
    let mut follower = in_role(RoleName::Follower);
    follower.receive(3, 2, heartbeat(1, 0));
    follower.sent();
    assert_eq!(follower.raft.leader(), Some(node(3)));
    check(follower, transfer_vote(id(2, 9)));
}

#[test]
fn e20_all_server_stepdown() {
    let check = |role: RoleName, kind: Kind, leader: Option<NodeId>| {
        let what = format!("{role}: {kind:?}");
        let mut solo = in_role(role);
        let log = solo.log_ids();
        solo.receive(2, 3, kind);
        assert_eq!((solo.role(), solo.term()), (RoleName::Follower, 3), "{what}");
        assert_eq!(solo.raft.leader(), leader, "{what}");
        assert_eq!(solo.log_ids(), log, "{what}");
    };
    for role in ROLES {
        let (granted, refused) = (transfer_vote(id(2, 9)), transfer_vote(EntryId::ZERO));
        check(role, granted, None);
        check(role, refused, None);
        of_a_leader().into_iter().for_each(|kind| check(role, kind, Some(node(2))));
    }
    // The same in a cluster: a leader that was away finds another one in a newer term.
    let mut cluster = Cluster::of(3).elect(1);
    cluster.pause(1);
    assert!(cluster.run_until(election_timeouts(6), |it| it.leader() != Some(node(1))));
    cluster.resume(1);
    cluster.run_for(election_timeouts(1));
    assert_eq!(cluster.role(1), RoleName::Follower);
    cluster.assert_converged();
}
