//! What a vote is given for, what it is not given for, and that it is on disk before anyone hears of it.

mod harness;
mod roles;

use harness::cluster::Cluster;
use harness::solo::{
    Solo, append, conflict, heartbeat, heartbeat_reply, pre_vote_granted, pre_vote_refused,
    request_pre_vote, request_vote, stored, vote_granted, vote_refused,
};
use harness::{ELECTION_TIMEOUT_MS, id, node, voters};
use raft_core::{
    EntryId, Event, Kind, Loaded, Member, Membership, Message, NodeId, RoleName, Round,
    SnapshotMeta, Standing, StepDown, Term, VoteRefusal,
};
use roles::{
    after_round, answers_to, ask_for_pre_votes, durable_vote, has_campaigned, in_role, state,
    transfer_vote, voters_and_a_learner,
};

fn voted_for(id: u64) -> Option<VoteRefusal> {
    Some(VoteRefusal::AlreadyVoted { vote: node(id) })
}

#[test]
fn v01_one_vote_per_term() {
    let mut solo = Solo::with_log(&[1]);
    solo.receive(2, 5, request_vote(id(1, 1)));
    solo.sync();
    assert_eq!(answers_to(&mut solo, 2), [None]);
    let check = |solo: &mut Solo| {
        // However much better the log of the second is.
        solo.receive(3, 5, request_vote(id(4, 9)));
        assert_eq!(answers_to(solo, 3), [voted_for(2)]);
        let writes = solo.writes.len();
        solo.receive(2, 5, request_vote(id(1, 1)));
        assert_eq!(answers_to(solo, 2), [None]);
        assert_eq!((solo.writes.len(), solo.vote()), (writes, Some(node(2))));
    };
    check(&mut solo);
    check(&mut solo);
    check(&mut Solo::open(solo.disk.durable.loaded(), |_| {}));

    // A candidate has given its vote to itself.
    let mut candidate = in_role(RoleName::Candidate);
    candidate.receive(3, 2, request_vote(id(1, 9)));
    assert_eq!(answers_to(&mut candidate, 3), [voted_for(1)]);
}

#[test]
fn v02_up_to_date_check() {
    let entries: Vec<EntryId> =
        (1..=4).flat_map(|term| (1..=4).map(move |index| id(term, index))).collect();
    let ours: [&[u64]; 6] = [&[], &[1], &[1, 1, 1], &[1, 2], &[2, 2, 2], &[1, 1, 3]];
    let mut counts = [0; 2];
    for log in ours {
        let last = log.last().map_or(EntryId::ZERO, |term| id(*term, log.len() as u64));
        for theirs in entries.iter().copied().chain([EntryId::ZERO]) {
            let is_granted =
                theirs.term > last.term || (theirs.term == last.term && theirs.index >= last.index);
            let refusal = (!is_granted).then_some(VoteRefusal::OldLog { theirs, ours: last });
            counts[usize::from(is_granted)] += 1;

            let mut solo = Solo::with_log(log);
            solo.receive(2, 4, request_pre_vote(1, theirs));
            assert_eq!(answers_to(&mut solo, 2), [refusal], "pre-vote for {theirs} at {last}");
            solo.receive(2, 5, request_vote(theirs));
            solo.sync();
            assert_eq!(answers_to(&mut solo, 2), [refusal], "vote for {theirs} at {last}");
            assert_eq!(durable_vote(&solo), (5, is_granted.then_some(node(2))));
        }
    }
    assert!(counts.iter().all(|count| *count > 20), "{counts:?}");
}

#[test]
fn v03_vote_request_carries_log_position() {
    let logs: [&[u64]; 4] = [&[], &[1], &[1, 1, 2], &[1, 2, 2, 2, 5]];
    for log in logs {
        let last = log.last().map_or(EntryId::ZERO, |term| id(*term, log.len() as u64));
        let mut solo = Solo::open(stored(5, log), |_| {});
        let term = solo.term();
        solo.time_out();
        let pre_votes = solo.sent();
        let mut round = None;
        for ((to, message), peer) in pre_votes.iter().zip(2..=5) {
            let Kind::RequestPreVote(ask) = &message.kind else { panic!("{message:?}") };
            assert_eq!((*to, message.term, ask.last), (node(peer), Term(term), last));
            round = Some(ask.round);
        }
        let round = round.expect("four pre-votes were asked for");
        (2..=5).for_each(|peer| solo.receive(peer, term, pre_vote_granted(round)));
        solo.sync();
        let votes = solo.sent();
        for ((to, message), peer) in votes.iter().zip(2..=5) {
            let Kind::RequestVote(ask) = &message.kind else { panic!("{message:?}") };
            let found = (*to, message.term, ask.last, ask.transfer);
            assert_eq!(found, (node(peer), Term(term + 1), last, false));
        }
        assert_eq!((pre_votes.len(), votes.len()), (4, 4));
    }
}

#[test]
fn v04_vote_reset_only_on_term_increase() {
    // It has voted in term 2, and stays in term 2 whatever happens.
    let check = |what: &str, role: RoleName, event: fn(&mut Solo, Round)| {
        let (mut solo, round) = after_round(role);
        let (vote, writes) = (durable_vote(&solo), solo.writes.len());
        event(&mut solo, round);
        solo.sync();
        assert_eq!((solo.role(), solo.term()), (RoleName::Follower, 2), "{what}");
        assert_eq!((solo.vote(), durable_vote(&solo)), (vote.1, vote), "{what}");
        assert!(solo.writes[writes..].iter().all(|write| write.ballot.is_none()), "{what}");
        let voted = vote.1.expect("every role has voted").0;
        let second = if voted == 3 { 2 } else { 3 };
        solo.sent();
        solo.receive(second, 2, request_vote(id(1, 9)));
        assert_eq!(answers_to(&mut solo, second), [voted_for(voted)], "{what}");
    };
    let append_fits = |it: &mut Solo, _| it.receive(2, 2, append(id(1, 1), &[2], 0));
    let append_does_not = |it: &mut Solo, _| it.receive(2, 2, append(id(2, 9), &[2], 0));
    for role in [RoleName::Follower, RoleName::PreCandidate, RoleName::Candidate] {
        check("an append that fits", role, append_fits);
        check("an append that does not fit", role, append_does_not);
        check("a heartbeat", role, |it, _| it.receive(2, 2, heartbeat(1, 0)));
    }
    check("a lost pre-vote", RoleName::PreCandidate, |it, round| {
        it.receive(2, 2, pre_vote_refused(round));
        it.receive(3, 2, pre_vote_refused(round));
    });
    check("a lost vote", RoleName::Candidate, |it, _| {
        it.receive(2, 2, vote_refused());
        it.receive(3, 2, vote_refused());
    });
    check("a lost vote and a lost pre-vote", RoleName::Candidate, |it, _| {
        let round = ask_for_pre_votes(it);
        it.receive(2, 2, pre_vote_refused(round));
        it.receive(3, 2, pre_vote_refused(round));
    });
    check("a lost quorum", RoleName::Leader, |it, _| it.pass(ELECTION_TIMEOUT_MS));
}

#[test]
fn v05_vote_durable_before_grant() {
    let asked = || {
        let mut solo = Solo::with_log(&[1]);
        solo.receive(2, 5, request_vote(id(1, 1)));
        assert_eq!((solo.vote(), solo.sent()), (Some(node(2)), vec![]), "decided, and not said");
        solo
    };
    let ask_again = |solo: &Solo| {
        let mut again = Solo::open(solo.disk.durable.loaded(), |_| {});
        again.receive(3, 5, request_vote(id(1, 1)));
        again.sync();
        answers_to(&mut again, 3)
    };
    // The vote is lost with the crash, and nobody has heard of it.
    let mut lost = asked();
    lost.disk.crash(0, None);
    assert_eq!(ask_again(&lost), [None]);
    // It was on disk and not reported back yet: it counts, although nobody has heard of it.
    let mut kept = asked();
    kept.disk.crash(1, None);
    assert_eq!(ask_again(&kept), [voted_for(2)]);
    // Said.
    let mut said = asked();
    said.sync();
    assert_eq!(answers_to(&mut said, 2), [None]);
    said.disk.crash(0, None);
    assert_eq!(ask_again(&said), [voted_for(2)]);

    // In a cluster, where every vote that is sent is counted: n2 decides for n1, forgets, and decides for n3.
    let mut cluster = Cluster::of(3);
    cluster.stick_disk(2);
    let ask = || Message { term: Term(1), kind: request_vote(EntryId::ZERO) };
    let grants = |cluster: &Cluster| {
        cluster.under_way(|it| matches!(it, Kind::RequestVoteReply(it) if it.refusal.is_none()))
    };
    cluster.receive(2, 1, ask());
    cluster.run_for(50);
    assert_eq!(grants(&cluster), 0);
    cluster.crash(2);
    cluster.free_disk(2);
    cluster.restart(2);
    cluster.receive(2, 3, ask());
    assert_eq!(grants(&cluster), 0);
    cluster.complete_write(2);
    assert_eq!(grants(&cluster), 1);
    assert_eq!(cluster.disks[&node(2)].durable.ballot.vote, Some(node(3)));
}

#[test]
fn v06_denial_does_not_bump_timer() {
    let asked = |from: u64, term: u64, kind: Kind, is_granted: bool| {
        let what = format!("n{from}, term {term}: {kind:?}");
        let mut solo = Solo::open(stored(3, &[1, 1]), |config| config.priority = 3);
        solo.receive(2, 2, request_vote(id(1, 9)));
        solo.sync();
        answers_to(&mut solo, 2);
        solo.sleep(100);
        let before = solo.raft.deadline();
        solo.receive(from, term, kind.clone());
        solo.sync();
        let answers = answers_to(&mut solo, from);
        assert!(answers.len() == 1 && answers[0].is_none() == is_granted, "{what}: {answers:?}");
        let is_vote = matches!(kind, Kind::RequestVote(_));
        let is_reset = solo.raft.deadline() != before;
        assert_eq!(is_reset, is_granted && is_vote, "{what}");
        let soonest = (solo.now_ms() + ELECTION_TIMEOUT_MS) * 1_000;
        assert!(!is_reset || solo.raft.deadline().0 >= soonest, "{what}");
    };
    // Of a newer term, of this one, of an older one.
    asked(3, 4, request_vote(id(1, 9)), true);
    asked(3, 4, request_vote(id(1, 1)), false);
    asked(3, 4, request_vote(id(1, 2)), false);
    asked(2, 2, request_vote(id(1, 9)), true);
    asked(3, 2, request_vote(id(1, 9)), false);
    asked(3, 1, request_vote(EntryId::ZERO), false);
    // A pre-vote changes nothing, also if it is granted.
    asked(3, 2, request_pre_vote(1, id(1, 9)), true);
    asked(3, 2, request_pre_vote(1, id(1, 1)), false);

    // Nor does it help somebody else that a leader is alive.
    let mut solo = in_role(RoleName::Follower);
    solo.receive(2, 2, heartbeat(1, 0));
    solo.sleep(100);
    let before = solo.raft.deadline();
    solo.receive(3, 9, request_vote(id(1, 9)));
    solo.receive(3, 9, request_pre_vote(1, id(1, 9)));
    assert_eq!(solo.raft.deadline(), before);
}

#[test]
fn v07_stepping_down_leader_vote_not_grant() {
    let check = |from: u64, kind: Kind| {
        let mut solo = in_role(RoleName::Leader);
        solo.receive(from, 9, kind.clone());
        solo.sync();
        assert_eq!((solo.role(), solo.term()), (RoleName::Follower, 9));
        assert_eq!(durable_vote(&solo), (9, None), "{kind:?}: the term is recorded, and no vote");
        let cause = StepDown::NewerTerm { term: Term(9), from: node(from) };
        assert!(solo.events.contains(&Event::SteppedDown { term: Term(2), cause }));
        assert!(answers_to(&mut solo, from).iter().all(Option::is_some), "{kind:?}");
        // Who asks with a good log gets what nobody has got.
        solo.receive(3, 9, request_vote(id(2, 2)));
        solo.sync();
        assert_eq!(answers_to(&mut solo, 3), [None], "{kind:?}");
        assert_eq!(durable_vote(&solo), (9, Some(node(3))), "{kind:?}");
    };
    let stale = id(1, 1);
    check(2, transfer_vote(stale));
    check(2, heartbeat_reply(1));
    check(2, conflict(1, id(2, 2), stale));
    check(2, vote_refused());
    // Without the leader's own wish it is not even listened to.
    let mut solo = in_role(RoleName::Leader);
    let before = state(&solo);
    solo.receive(2, 9, request_vote(stale));
    assert_eq!(state(&solo), before);
}

#[test]
fn v08_learner_asked_may_vote() {
    let learns = || {
        let mut members: Vec<Member> = voters_and_a_learner(3).members().to_vec();
        // n1 learns, the others vote.
        members[0].standing = Standing::Learner;
        members[3].standing = Standing::Voter;
        Membership::new(members, Vec::new()).expect("three voters")
    };
    let without = Membership::of_voters([2, 3].map(NodeId)).expect("two voters");
    for membership in [learns(), without, Membership::none()] {
        let snapshot = SnapshotMeta::genesis(membership);
        let mut solo = Solo::open(Loaded { snapshot, ..stored(3, &[1, 1]) }, |_| {});
        for peer in [2, 3] {
            if solo.status().membership.member(node(peer)).is_none() {
                solo.connect(peer, 1);
            }
        }
        solo.receive(2, 2, request_pre_vote(1, id(1, 2)));
        assert_eq!(answers_to(&mut solo, 2), [None]);
        solo.receive(2, 3, request_vote(id(1, 1)));
        solo.sync();
        let old_log = VoteRefusal::OldLog { theirs: id(1, 1), ours: id(1, 2) };
        assert_eq!(answers_to(&mut solo, 2), [Some(old_log)]);
        solo.receive(3, 3, request_vote(id(1, 2)));
        assert_eq!(solo.sent(), [], "not before it is durable");
        solo.sync();
        assert_eq!(answers_to(&mut solo, 3), [None]);
        assert_eq!(durable_vote(&solo), (3, Some(node(3))));
        solo.receive(2, 3, request_vote(id(1, 2)));
        assert_eq!(answers_to(&mut solo, 2), [voted_for(3)]);
        // It votes, and does not campaign.
        solo.pass(10 * ELECTION_TIMEOUT_MS);
        assert!(!has_campaigned(&solo.events));
    }
}

#[test]
fn v09_non_member_vote_ignored() {
    // Three voters; n7 has been removed, n9 was never heard of, n8 is not even connected.
    let members = voters(3).members().to_vec();
    let membership = Membership::new(members, vec![node(7)]).expect("three voters");
    let strangers = [7, 8, 9];
    let mut solo = Solo::open(Loaded::genesis(membership), |_| {});
    solo.connect(7, 1);
    solo.connect(9, 1);
    let round = ask_for_pre_votes(&mut solo);
    for from in strangers {
        solo.receive(from, 0, pre_vote_granted(round));
        assert_eq!((solo.role(), solo.term()), (RoleName::PreCandidate, 0));
    }
    // Their refusals are as little worth, and do not stand in the way of a change of mind.
    let round = ask_for_pre_votes(&mut solo);
    strangers.iter().for_each(|from| solo.receive(*from, 0, pre_vote_refused(round)));
    assert_eq!(solo.role(), RoleName::PreCandidate);
    solo.receive(2, 0, pre_vote_granted(round));
    solo.sync();
    assert_eq!((solo.role(), solo.term()), (RoleName::Candidate, 1));
    for answer in [vote_granted(), vote_refused(), vote_granted()] {
        strangers.iter().for_each(|from| solo.receive(*from, 1, answer.clone()));
        assert_eq!((solo.role(), solo.term()), (RoleName::Candidate, 1));
    }
    solo.receive(3, 1, vote_granted());
    assert_eq!(solo.role(), RoleName::Leader);
    let before = state(&solo);
    for from in strangers {
        solo.receive(from, 1, vote_granted());
        solo.receive(from, 1, heartbeat_reply(1));
    }
    assert_eq!(state(&solo), before);
}
