//! Theme R, the log on its way: what a leader sends, what a follower takes, and what neither believes. How
//! two logs that differ come to agree stands in `agreement.rs`, and what is committed in `commit.rs`.

mod harness;

use std::collections::BTreeSet;

use harness::cluster::{Cluster, election_timeouts};
use harness::solo::{
    Solo, append, append_on, conflict, matched, pre_vote_granted, request_pre_vote, stored,
    vote_granted,
};
use harness::{id, node, voters};
use raft_core::{
    AppendEntries, AppendResult, EntryId, Epoch, Event, Incarnation, Index, Input, Kind, Loaded,
    Member, Membership, NodeId, PeerState, PeerStatus, RoleName, Standing, StepError,
};

/// The ids in an append, as `index@term`.
fn ids(append: &AppendEntries) -> Vec<String> {
    append.entries.iter().map(|entry| entry.id.to_string()).collect()
}

/// Whom it has sent something since the last look.
fn destinations(solo: &mut Solo) -> BTreeSet<u64> {
    solo.sent().into_iter().map(|(to, _)| to.0).collect()
}

/// A peer as the leader sees it.
fn peer(solo: &Solo, id: u64) -> PeerStatus {
    solo.status().peers.into_iter().find(|peer| peer.id == NodeId(id)).expect("a member")
}

/// The answers to appends that it has sent to a peer since the last look, each with its term.
fn answers(solo: &mut Solo, to: u64) -> Vec<(u64, AppendResult)> {
    let sent = solo.sent_to(to).into_iter();
    sent.filter_map(|message| match message.kind {
        Kind::AppendEntriesReply(reply) => Some((message.term.0, reply.result)),
        _ => None,
    })
    .collect()
}

/// Whether an answer acknowledges less than another one does.
fn is_match_below(answer: AppendResult, other: AppendResult) -> bool {
    matches!((answer, other), (AppendResult::Matched(less), AppendResult::Matched(more)) if less < more)
}

/// Writes of log records so far.
fn record_writes(solo: &Solo) -> usize {
    solo.writes.iter().filter(|write| !write.entries.is_empty()).count()
}

#[test]
fn r01_propose_append_send() {
    let learner = Member { standing: Standing::Learner, ..Member::voter(node(4)) };
    let mut members: Vec<Member> = voters(3).members().to_vec();
    members.push(learner);
    let membership = Membership::new(members, Vec::new()).expect("three voters and a learner");
    let mut solo = Solo::open(Loaded::genesis(membership), |_| {});
    solo.lead_and_settle();

    solo.propose("x");
    assert_eq!(solo.sent(), [], "it leaves with the next tick");
    solo.flush();

    assert_eq!(solo.log_ids(), ["1@1", "2@1"], "given to storage in the leader's term");
    let sent = solo.sent();
    assert_eq!(sent.iter().map(|(to, _)| to.0).collect::<Vec<_>>(), [2, 3, 4]);
    for (to, message) in sent {
        assert_eq!(message.term.0, 1);
        let Kind::AppendEntries(append) = message.kind else { panic!("{to} gets {message:?}") };
        assert_eq!(append.previous, id(1, 1), "{to} is told which entry comes before");
        assert_eq!(append.commit_index, Index(1));
        assert_eq!(ids(&append), ["2@1"]);
        let payload = append.entries.iter().next().expect("one entry").payload;
        assert_eq!(payload.bytes(), b"x");
    }
}

#[test]
fn r08_consistency_check_table() {
    use AppendResult::{Conflict, Matched};
    // A follower with the log 1@1 2@1 3@2 4@2 hears a leader of term 3.
    let check = |previous: EntryId, expected: AppendResult| {
        let mut solo = Solo::with_log(&[1, 1, 2, 2]);
        solo.receive(2, 3, append(previous, &[3], 0));
        solo.sync();
        // What was durable before may be acknowledged before the rest is.
        let mut answers = answers(&mut solo, 2);
        assert_eq!(answers.pop(), Some((3, expected)), "behind {previous}");
        assert!(answers.iter().all(|it| is_match_below(it.1, expected)), "{answers:?}");
        let (kept, new) = match expected {
            Matched(upto) => (usize::try_from(upto.0).expect("small") - 1, true),
            Conflict { .. } => (4, false),
        };
        let mut log = ["1@1", "2@1", "3@2", "4@2"].map(String::from)[..kept].to_vec();
        if new {
            log.push(format!("{}@3", previous.index.0 + 1));
        }
        assert_eq!(solo.log_ids(), log, "behind {previous}");
        assert_eq!(record_writes(&solo), usize::from(new), "behind {previous}");
        assert_eq!(solo.commit(), 0);
    };
    let refused = |rejected: EntryId, hint: EntryId| check(rejected, Conflict { rejected, hint });
    // The one before is missing.
    refused(id(2, 5), id(2, 4));
    refused(id(3, 9), id(2, 4));
    refused(id(1, 9), id(1, 2));
    // The one before is of another term.
    refused(id(3, 4), id(2, 4));
    refused(id(1, 4), id(1, 2));
    refused(id(1, 3), id(1, 2));
    refused(id(2, 2), id(1, 2));
    // The one before is there.
    check(EntryId::ZERO, Matched(Index(1)));
    check(id(1, 1), Matched(Index(2)));
    check(id(1, 2), Matched(Index(3)));
    check(id(2, 4), Matched(Index(5)));
}

#[test]
fn r09_append_truncates_only_on_conflict() {
    let mut solo = Solo::with_log(&[1, 1, 1, 1]);
    let shorter: [(u64, &[u64]); 4] = [(0, &[1, 1]), (1, &[1]), (1, &[]), (0, &[])];
    for (previous, terms) in shorter {
        let previous = if previous == 0 { EntryId::ZERO } else { id(1, previous) };
        solo.receive(2, 1, append(previous, terms, 0));
        assert_eq!(solo.log_ids(), ["1@1", "2@1", "3@1", "4@1"], "{previous} {terms:?}");
        assert_eq!(solo.status().last, id(1, 4), "{previous} {terms:?}");
        assert_eq!(record_writes(&solo), 0, "nothing is written again");
        // What the message did not reach is not proven to agree, so it is not acknowledged.
        assert_eq!(answers(&mut solo, 2), [(1, AppendResult::Matched(Index(2)))]);
    }
    // One that overlaps adds only what is new.
    solo.receive(2, 1, append(id(1, 2), &[1, 1, 1], 0));
    assert_eq!(solo.log_ids(), ["1@1", "2@1", "3@1", "4@1", "5@1"]);
    let written = solo.writes.last().expect("the new entry");
    assert_eq!(written.entries.first(), Some(id(1, 5)));
    assert!(!solo.events.iter().any(|event| matches!(event, Event::Truncated { .. })));
}

#[test]
fn r10_conflict_truncates_suffix() {
    let mut solo = Solo::with_log(&[1, 1, 1, 1]);
    solo.receive(2, 1, append(id(1, 2), &[], 2));
    assert_eq!(solo.commit(), 2);
    solo.sent();

    // Another leader has other entries from 3 on; one more than it replaces, then one fewer.
    solo.receive(3, 2, append(id(1, 1), &[1, 2, 2, 2], 0));
    assert_eq!(solo.log_ids(), ["1@1", "2@1", "3@2", "4@2", "5@2"]);
    assert!(solo.events.contains(&Event::Truncated { from: Index(3), entries: 2 }));
    let write = solo.writes.last().expect("the new entries");
    assert_eq!(write.entries.first(), Some(id(2, 3)), "only what differs is written");
    assert_eq!(solo.status().durable, Index(2), "what is on its way proves nothing yet");
    assert_eq!(answers(&mut solo, 3), [], "and the term is not durable either");
    solo.sync();
    let kept_and_all = [2, 5].map(|index| (2, AppendResult::Matched(Index(index))));
    assert_eq!(answers(&mut solo, 3), kept_and_all, "what was kept, and then all of it");

    solo.receive(2, 3, append(id(2, 3), &[3], 0));
    assert_eq!(solo.log_ids(), ["1@1", "2@1", "3@2", "4@3"]);
    assert_eq!(solo.status().last, id(3, 4));
    solo.sync();
    let kept_and_all = [3, 4].map(|index| (3, AppendResult::Matched(Index(index))));
    assert_eq!(answers(&mut solo, 2), kept_and_all);
}

#[test]
fn r10_committed_entries_are_never_dropped() {
    let mut solo = Solo::with_log(&[1, 1, 1, 1]);
    solo.receive(2, 1, append(id(1, 3), &[], 3));
    assert_eq!(solo.commit(), 3);
    solo.receive(3, 2, append(id(1, 4), &[], 0));
    solo.sync();
    solo.sent();
    let writes = record_writes(&solo);
    for (previous, terms) in [(id(1, 1), [2, 2]), (id(1, 2), [2, 2]), (EntryId::ZERO, [2, 2])] {
        solo.events.clear();
        solo.receive(3, 2, append(previous, &terms, 9));
        let why = "its entries differ from committed ones";
        assert_eq!(solo.events, [Event::MessageRefused { from: node(3), why }]);
        assert_eq!(answers(&mut solo, 3), [], "nothing is acknowledged");
        assert_eq!(solo.log_ids(), ["1@1", "2@1", "3@1", "4@1"]);
        assert_eq!(solo.commit(), 3);
        assert_eq!(record_writes(&solo), writes);
    }
    // Behind what is committed it may still be replaced, by another leader.
    solo.receive(2, 3, append(id(1, 3), &[3], 0));
    assert_eq!(solo.log_ids(), ["1@1", "2@1", "3@1", "4@3"]);
}

#[test]
fn r13_stale_rejection_ignored() {
    let mut solo = Solo::with_log(&[1, 1, 1, 1, 1]);
    solo.lead();
    let probe = solo.appends_to(2).remove(0);
    assert_eq!(probe.previous, id(1, 5));
    solo.receive(2, 2, conflict(1, id(1, 5), id(1, 2)));
    assert_eq!(solo.appends_to(2).remove(0).previous, id(1, 2), "probed where the hint says");

    // While 2 is being asked about, an answer about anything else says nothing.
    let before = peer(&solo, 2);
    for (rejected, hint) in
        [(id(1, 5), id(1, 2)), (id(1, 5), id(1, 1)), (id(1, 3), id(1, 1)), (id(1, 1), id(1, 1))]
    {
        let hint = if hint.index >= rejected.index { EntryId::ZERO } else { hint };
        solo.receive(2, 2, conflict(1, rejected, hint));
        assert_eq!(peer(&solo, 2), before, "rejected {rejected}");
        assert_eq!(solo.appends_to(2), [], "rejected {rejected}");
    }

    // While entries are streamed, an answer about what is known to match says nothing.
    solo.ack(2, 6);
    solo.sent();
    let before = peer(&solo, 2);
    assert_eq!((before.state, before.matched), (PeerState::Replicate, Index(6)));
    for rejected in [id(1, 2), id(1, 5), id(2, 6)] {
        solo.receive(2, 2, conflict(1, rejected, EntryId::ZERO));
        assert_eq!(peer(&solo, 2), before, "rejected {rejected}");
        assert_eq!(solo.appends_to(2), [], "rejected {rejected}");
    }
}

#[test]
fn r14_stale_ack_ignored() {
    let mut solo = Solo::with_log(&[1]);
    solo.lead_and_settle();
    for command in ["a", "b", "c"] {
        solo.propose(command);
        solo.flush();
    }
    solo.ack(2, 4);
    solo.sync();
    assert_eq!((peer(&solo, 2).matched, solo.commit()), (Index(4), 4));

    // Below what has matched, in order of arrival or not: it never goes back.
    for index in [3, 1, 0, 4, 2] {
        solo.ack(2, index);
        let now = peer(&solo, 2);
        assert_eq!((now.matched, now.next), (Index(4), Index(6)), "after an ack of {index}");
    }
    // Of an older term, of another connection by its own number, and on another connection: nothing of it
    // counts, not even as a sign of life.
    let before = peer(&solo, 2);
    solo.sent();
    solo.sleep(1);
    solo.receive(2, 1, matched(1, 5));
    solo.receive(2, 2, matched(0, 5));
    solo.receive(2, 2, matched(2, 5));
    solo.receive_on(2, 2, 2, matched(1, 5));
    assert_eq!(peer(&solo, 2), before);
    assert_eq!(solo.commit(), 4);
    assert_eq!(solo.sent(), []);
    // The same ack, on this connection and in this term, counts.
    solo.ack(2, 5);
    assert_eq!((peer(&solo, 2).matched, solo.commit()), (Index(5), 5));
}

/// Every order of four things.
fn orders_of_four() -> impl Iterator<Item = [usize; 4]> {
    let digits = (0..256_usize).map(|n| [n % 4, n / 4 % 4, n / 16 % 4, n / 64]);
    digits.filter(|order| BTreeSet::from(*order).len() == 4)
}

#[test]
fn r15_duplicate_and_reordered_appends() {
    assert_eq!(orders_of_four().count(), 24);
    for order in orders_of_four() {
        let mut cluster = Cluster::of(3).elect(1);
        cluster.is_manual = true;
        for command in ["a", "b", "c", "d"] {
            cluster.propose(1, command);
            cluster.step(1, Input::Tick);
        }
        let (to_third, rest): (Vec<_>, Vec<_>) =
            cluster.network.take_all().into_iter().partition(|flight| flight.to == node(3));
        assert_eq!(to_third.len(), 4, "one append for each");
        for flight in &rest {
            cluster.deliver(flight);
        }
        // Each comes twice: at once, and again after all the others.
        for at in order.iter().flat_map(|at| [at, at]).chain(&order) {
            cluster.deliver(&to_third[*at]);
        }
        cluster.settle();
        cluster.is_manual = false;
        cluster.run_for(200);
        cluster.assert_converged();
        assert_eq!(cluster.applied(3), ["a", "b", "c", "d"], "{order:?}");
    }
}

#[test]
fn r15_reordered_and_duplicated_traffic_of_every_kind() {
    for seed in 1..=20 {
        let mut cluster =
            Cluster::loaded(voters(3), seed, |_| {}, |_| Loaded::genesis(voters(3))).elect(1);
        cluster.weather.latency_us = (100, 20_000);
        cluster.weather.double_percent = 40;
        cluster.weather.overtake_percent = 60;
        let commands: Vec<String> = (0..40).map(|number| format!("c{number}")).collect();
        for command in &commands {
            cluster.propose(1, command);
            cluster.run_for(3);
        }
        cluster.run_for(1_000);
        assert_eq!(cluster.leader(), Some(node(1)), "seed {seed}");
        cluster.assert_converged();
        assert_eq!(cluster.applied(3), commands, "seed {seed}");
    }
}

#[test]
fn r16_old_leader_messages() {
    let mut cluster = Cluster::of(3).elect(1);
    cluster.write("kept");
    // n1 says something that does not arrive while it leads.
    cluster.is_manual = true;
    let lost = cluster.propose(1, "lost");
    cluster.step(1, Input::Tick);
    let late = cluster.network.take_all();
    assert_eq!(late.len(), 2, "an append for each");
    cluster.is_manual = false;
    cluster.isolate(1);
    assert!(cluster.run_until(election_timeouts(8), |it| it.leader().is_some_and(|n| n.0 != 1)));
    cluster.run_for(30);
    cluster.write("new");
    let (term, log) = (cluster.raft(2).term(), cluster.log_ids(2));

    for flight in &late {
        let receiver = flight.to.0;
        cluster.receive(receiver, 1, flight.message());
        assert_eq!(cluster.raft(receiver).term(), term);
        assert_eq!(cluster.log_ids(receiver), log, "{} takes nothing of it", flight.to);
    }
    assert!(cluster.log_ids(1).iter().any(|id| id == "3@1"), "n1 still holds it");

    cluster.heal();
    cluster.run_for(election_timeouts(3));
    cluster.assert_converged();
    assert!(!cluster.log_ids(1).iter().any(|id| id == "3@1"), "its tail is overwritten");
    assert_eq!(cluster.applied(1), ["kept", "new"]);
    assert!(!cluster.is_committed(lost));
}

#[test]
fn r16_an_append_of_an_old_term_is_answered_with_the_new_one() {
    let mut solo = Solo::open(stored(3, &[1, 1]), |_| {});
    solo.receive(2, 3, append(id(1, 2), &[3], 0));
    solo.sync();
    solo.sent();
    solo.receive(3, 2, append(id(1, 1), &[2, 2], 3));
    let (rejected, hint) = (id(1, 1), EntryId::ZERO);
    assert_eq!(answers(&mut solo, 3), [(3, AppendResult::Conflict { rejected, hint })]);
    assert_eq!(solo.log_ids(), ["1@1", "2@1", "3@3"]);
    assert_eq!((solo.status().leader, solo.commit()), (Some(node(2)), 0));
}

#[test]
fn r28_batch_append_coalesces() {
    let mut solo = Solo::of(3);
    solo.lead_and_settle();
    let writes = record_writes(&solo);
    let commands: Vec<String> = (0..7).map(|number| format!("c{number}")).collect();
    for command in &commands {
        solo.propose(command);
    }
    assert_eq!(solo.sent(), []);
    solo.flush();
    let sent = solo.sent();
    assert_eq!(sent.iter().map(|(to, _)| to.0).collect::<Vec<_>>(), [2, 3], "one for each");
    for (to, message) in sent {
        let Kind::AppendEntries(append) = message.kind else { panic!("{to} gets {message:?}") };
        let payloads = append.entries.iter().map(|entry| entry.payload.bytes().to_vec());
        let payloads: Vec<_> = payloads.map(|it| String::from_utf8(it).expect("ours")).collect();
        assert_eq!(payloads, commands);
    }
    assert_eq!(record_writes(&solo), writes + 1, "and one write");

    // The log is the same as if each had gone alone.
    let mut single = Solo::of(3);
    single.lead_and_settle();
    for command in &commands {
        single.propose(command);
        single.flush();
    }
    assert_eq!(record_writes(&single), writes + 7);
    let content = |solo: &Solo| {
        let log = solo.disk.written.log.iter();
        log.map(|record| (record.id, record.payload.clone())).collect::<Vec<_>>()
    };
    assert_eq!(content(&single), content(&solo));
}

#[test]
fn r29_no_self_messages() {
    let mut solo = Solo::of(3);
    let to_itself = Input::PeerUp { peer: node(1), epoch: Epoch(1), incarnation: Incarnation(1) };
    assert!(matches!(solo.try_step(to_itself), Err(StepError::Misuse(_))));
    // A connection proves nothing: n9 is no member, and nothing is said to it of one's own accord.
    solo.connect(9, 1);
    let members = BTreeSet::from([2, 3]);

    solo.time_out();
    assert_eq!(solo.role(), RoleName::PreCandidate);
    let asked = solo.sent();
    assert_eq!(asked.iter().map(|(to, _)| to.0).collect::<BTreeSet<_>>(), members);
    let Kind::RequestPreVote(ask) = &asked[0].1.kind else { panic!("{asked:?}") };
    solo.receive(2, 0, pre_vote_granted(ask.round));
    solo.sync();
    assert_eq!(solo.role(), RoleName::Candidate);
    assert_eq!(destinations(&mut solo), members);
    solo.receive(3, 1, vote_granted());
    assert_eq!(solo.role(), RoleName::Leader);
    assert_eq!(destinations(&mut solo), members);
    solo.sync();
    solo.ack(2, 1);
    solo.ack(3, 1);
    solo.pass(6);
    assert_eq!(destinations(&mut solo), members, "the commit is told");
    solo.propose("x");
    solo.flush();
    assert_eq!(destinations(&mut solo), members);
    solo.pass(60);
    assert_eq!(destinations(&mut solo), members, "heartbeats");
    solo.connect(9, 2);
    assert_eq!(solo.sent(), [], "nobody greets it");

    // What a non-member says as if it followed is not answered.
    solo.receive_on(9, 2, 1, matched(1, 2));
    solo.receive_on(9, 2, 1, conflict(1, id(1, 1), EntryId::ZERO));
    assert_eq!(destinations(&mut solo), BTreeSet::new());
    // A question is answered, to the asker only: its membership may be newer than ours.
    solo.receive_on(9, 2, 1, request_pre_vote(7, id(1, 1)));
    assert_eq!(destinations(&mut solo), BTreeSet::from([9]));
    // The leader of a newer term may be somebody not heard of yet. It is answered, and only it.
    solo.receive_on(9, 2, 2, append_on(2, id(1, 2), &[], 0));
    solo.sync();
    assert_eq!(destinations(&mut solo), BTreeSet::from([9]));
    assert_eq!(solo.role(), RoleName::Follower);
}
