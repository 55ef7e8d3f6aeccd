//! What must never count in an election: every role against every event, answers to another question, votes
//! that became durable too late, and terms behind which no election could follow.

mod harness;
mod roles;

use harness::solo::{
    Solo, append, heartbeat, heartbeat_reply, pre_vote_granted, pre_vote_refused, request_pre_vote,
    request_vote, vote_granted, vote_refused,
};
use harness::{ELECTION_TIMEOUT_MS, id, node, voters};
use raft_core::{
    Ballot, Epoch, Event, Health, Incarnation, Index, Input, Kind, Loaded, Message, OpenError,
    Raft, RoleName, Round, StepError, Term, WriteToken,
};
use roles::{
    ROLES, after_round, ask_for_pre_votes, durable_vote, has_campaigned, in_role, of_a_leader,
    of_a_peer, of_other_parts, state, transfer_vote, voters_and_a_learner,
};

use RoleName::{Candidate, Follower, Leader, PreCandidate};

/// What each role becomes when `event` happens: follower, pre-candidate, candidate, leader, in this order.
fn check_transitions(what: &str, event: fn(&mut Solo, Round), becomes: [RoleName; 4]) {
    for (role, expected) in ROLES.into_iter().zip(becomes) {
        let (mut solo, round) = after_round(role);
        let term = solo.term();
        event(&mut solo, round);
        assert_eq!(solo.role(), expected, "{role}: {what}");
        let is_new_role = expected != role;
        let must_vote = is_new_role && expected == Candidate;
        assert!(!must_vote || solo.term() == term + 1, "{role}: {what}");
        assert_eq!(solo.status().health, Health::Good, "{role}: {what}");
    }
}

fn both_say(solo: &mut Solo, kind: &Kind) {
    solo.receive(2, 2, kind.clone());
    solo.receive(3, 2, kind.clone());
}

const SAME: [RoleName; 4] = ROLES;
const DOWN: [RoleName; 4] = [Follower; 4];

#[test]
fn e19_state_transition_table() {
    let check = check_transitions;
    check("a tick that is not due", |it, _| it.tick(), SAME);
    let silence = |it: &mut Solo, _| {
        it.sleep(2 * ELECTION_TIMEOUT_MS);
        it.tick();
    };
    check("nobody is heard", silence, [PreCandidate, PreCandidate, PreCandidate, Follower]);
    let granted = |it: &mut Solo, round| both_say(it, &pre_vote_granted(round));
    check("everybody grants a pre-vote", granted, [Follower, Candidate, Candidate, Leader]);
    let refused = |it: &mut Solo, round| both_say(it, &pre_vote_refused(round));
    check("everybody refuses a pre-vote", refused, [Follower, Follower, Candidate, Leader]);
    let granted = |it: &mut Solo, _| both_say(it, &vote_granted());
    check("everybody grants a vote", granted, [Follower, PreCandidate, Leader, Leader]);
    let refused = |it: &mut Solo, _| both_say(it, &vote_refused());
    check("everybody refuses a vote", refused, [Follower, PreCandidate, Follower, Leader]);

    // A second leader in a leader's own term cannot be, and is not listened to.
    let led = [Follower, Follower, Follower, Leader];
    check("an append of this term", |it, _| it.receive(2, 2, append(id(1, 1), &[2], 0)), led);
    check("a heartbeat of this term", |it, _| it.receive(2, 2, heartbeat(1, 0)), led);
    check("an append of a newer term", |it, _| it.receive(2, 3, append(id(1, 1), &[3], 0)), DOWN);
    check("a heartbeat of a newer term", |it, _| it.receive(2, 3, heartbeat(1, 0)), DOWN);
    check(
        "a vote asked for by the leader",
        |it, _| it.receive(2, 3, transfer_vote(id(2, 9))),
        DOWN,
    );
    check("an answer of a newer term", |it, _| it.receive(2, 3, heartbeat_reply(1)), DOWN);
    let asked = |it: &mut Solo, _| it.receive(2, 3, request_vote(id(2, 9)));
    check("a vote asked for in a newer term", asked, [Follower, Follower, Follower, Leader]);
    let asked = |it: &mut Solo, _| it.receive(2, 3, request_pre_vote(9, id(2, 9)));
    check("a pre-vote asked for", asked, SAME);
    check("a message of an older term", |it, _| it.receive(2, 1, heartbeat(1, 0)), SAME);

    let lost = |it: &mut Solo, _| it.step(Input::PeerDown { peer: node(2), epoch: Epoch(1) });
    check("a connection is lost", lost, SAME);
    check("a connection is made anew", |it, _| it.connect(2, 2), SAME);
    let proposed = |it: &mut Solo, _| {
        it.propose("x");
    };
    check("a proposal", proposed, SAME);
    check("an answer about what was applied", |it, _| it.finish_applying(), SAME);
}

#[test]
fn e19_state_transition_table_of_what_cannot_be() {
    let check = |what: &str, input: fn(&Solo) -> Input<'static>| {
        for role in ROLES {
            let mut solo = in_role(role);
            let before = state(&solo);
            let input = input(&solo);
            let error = solo.try_step(input).expect_err(what);
            assert!(matches!(error, StepError::Misuse(_)), "{role}, {what}: {error}");
            assert_eq!(state(&solo), before, "{role}: {what}");
            assert_eq!(solo.sent(), []);
            // And it goes on as if nothing had been said.
            solo.receive(2, 9, heartbeat(1, 0));
            assert_eq!(solo.raft.leader(), Some(node(2)));
        }
    };
    check("a write that was never asked for", |it| {
        Input::Durable(WriteToken(it.writes.len() as u64 + 9))
    });
    check("applied beyond what was handed out", |_| Input::Applied { upto: Index(99), bytes: 0 });
    check("more bytes applied than handed out", |_| Input::Applied { upto: Index(0), bytes: 1 });
    check("a connection with itself", |_| Input::PeerUp {
        peer: node(1),
        epoch: Epoch(1),
        incarnation: Incarnation(1),
    });
    check("a connection that goes back", |_| Input::PeerUp {
        peer: node(2),
        epoch: Epoch(1),
        incarnation: Incarnation(1),
    });
}

#[test]
fn e19_state_transition_table_of_the_end() {
    for role in ROLES {
        let mut failed = in_role(role);
        failed.step(Input::WriteFailed);
        assert_ne!(failed.role(), Leader);
        failed.pass(20 * ELECTION_TIMEOUT_MS);
        assert!(!has_campaigned(&failed.events), "{role}: its disk has failed");
        assert_eq!(failed.role(), Follower);

        let mut stopped = in_role(role);
        stopped.step(Input::Stop);
        stopped.sleep(ELECTION_TIMEOUT_MS * 9);
        for input in [Input::Tick, Input::Stop, Input::WriteFailed] {
            assert_eq!(stopped.try_step(input), Err(StepError::Stopped));
        }
        assert_eq!((stopped.sent(), stopped.term()), (vec![], 2));
        assert_ne!(stopped.role(), Leader);
    }
}

#[test]
fn e21_old_grants_do_not_elect() {
    // Five voters and n6, who learns; n9 is connected and nobody knows it.
    let mut solo = Solo::open(Loaded::genesis(voters_and_a_learner(5)), |_| {});
    solo.connect(9, 1);
    let old = ask_for_pre_votes(&mut solo);
    for peer in [2, 3] {
        solo.receive(peer, 0, pre_vote_granted(old));
    }
    solo.sync();
    assert_eq!((solo.role(), solo.term()), (Candidate, 1));

    let round = ask_for_pre_votes(&mut solo);
    for peer in [2, 3, 4, 5] {
        solo.receive(peer, 1, pre_vote_granted(old));
    }
    for peer in [2, 2, 2, 6, 9] {
        solo.receive(peer, 1, pre_vote_granted(round));
    }
    assert_eq!((solo.role(), solo.term()), (PreCandidate, 1), "n1 and n2 are two of five");
    solo.receive(3, 1, pre_vote_granted(round));
    solo.sync();
    assert_eq!((solo.role(), solo.term()), (Candidate, 2));

    for peer in [2, 3, 4, 5] {
        solo.receive(peer, 1, vote_granted());
    }
    for peer in [2, 2, 2, 6, 9] {
        solo.receive(peer, 2, vote_granted());
    }
    // What comes on a connection that has been replaced, or without one, is nobody's word.
    solo.connect(4, 2);
    solo.receive_on(4, 1, 2, vote_granted());
    solo.receive(8, 2, vote_granted());
    assert_eq!((solo.role(), solo.term()), (Candidate, 2), "n1 and n2 are two of five");
    solo.receive(3, 2, vote_granted());
    assert_eq!((solo.role(), solo.term()), (Leader, 2));
    let elected = Event::Elected { term: Term(2), votes: 3, voters: 5 };
    assert!(solo.events.contains(&elected));
}

#[test]
fn e22_lost_election_keeps_self_vote() {
    // Alone: the vote of term 1 comes in while term 2 is asked for.
    let mut solo = Solo::of(1);
    solo.time_out();
    solo.time_out();
    assert_eq!((solo.role(), solo.term()), (Candidate, 2));
    solo.sync_one();
    assert_eq!((solo.role(), solo.term()), (Candidate, 2));
    solo.sync_one();
    assert_eq!((solo.role(), solo.term()), (Leader, 2));

    // Among three: it loses term 1 to n2, who leads term 2, before its disk has caught up.
    let mut solo = Solo::of(3);
    let round = ask_for_pre_votes(&mut solo);
    solo.receive(2, 0, pre_vote_granted(round));
    assert_eq!((solo.role(), solo.term(), solo.vote()), (Candidate, 1, Some(node(1))));
    solo.receive(2, 2, heartbeat(1, 0));
    solo.sync_one();
    assert_eq!(durable_vote(&solo), (1, Some(node(1))));
    assert_eq!((solo.role(), solo.term(), solo.vote()), (Follower, 2, None));
    assert_eq!(solo.sent(), [], "nobody is asked for a vote of term 1 any more");
    solo.sync_one();

    // It tries again, and n3 is there before its own disk.
    let round = ask_for_pre_votes(&mut solo);
    solo.receive(3, 2, pre_vote_granted(round));
    solo.receive(3, 3, vote_granted());
    assert_eq!((durable_vote(&solo), solo.role()), ((2, None), Candidate));
    solo.sync_one();
    assert_eq!((durable_vote(&solo), solo.role()), ((3, Some(node(1))), Leader));
}

#[test]
fn e23_term_exhaustion_is_error() {
    // Observed: nothing of such a message is taken.
    let kinds = [of_a_leader(), of_a_peer(), of_other_parts(), vec![request_pre_vote(1, id(1, 1))]];
    for kind in kinds.concat() {
        for role in ROLES {
            let mut solo = in_role(role);
            let before = state(&solo);
            solo.receive(2, u64::MAX, kind.clone());
            assert_eq!(state(&solo), before, "{role}: {kind:?}");
            assert_eq!(solo.sent(), []);
            let is_refused = |event: &Event| matches!(event, Event::MessageRefused { .. });
            assert!(solo.events.iter().any(is_refused), "{role}: {kind:?}");
        }
        // No node sends it either.
        let message = Message { term: Term(u64::MAX), kind };
        message.encode(&mut Vec::new()).expect_err("a term without a next one");
    }
    let ballot = Some(Ballot { term: Term(u64::MAX), ..Ballot::default() });
    let config = raft_core::Config::new(raft_core::ClusterId(1), node(1), 1);
    let opened = Raft::open(config, Loaded { ballot, ..Loaded::genesis(voters(3)) });
    assert!(matches!(opened, Err(OpenError::Loaded(_))), "{opened:?}");

    // Needed: in the last term of all a node follows and votes, and never campaigns.
    for role in ROLES {
        let mut solo = in_role(role);
        solo.receive(2, Term::MAX.0, heartbeat(1, 0));
        solo.sync();
        solo.pass(20 * ELECTION_TIMEOUT_MS);
        assert_eq!((solo.role(), solo.term()), (Follower, Term::MAX.0));
        assert!(!has_campaigned(&solo.events));
        solo.receive(3, Term::MAX.0, request_vote(id(9, 9)));
        solo.sync();
        assert_eq!(durable_vote(&solo), (Term::MAX.0, Some(node(3))));
    }
}
