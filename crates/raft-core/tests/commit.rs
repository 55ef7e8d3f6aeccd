//! Theme R, what is committed: what a leader counts and what it must not, and how much of it a follower
//! believes. Whose disk counts, and who is told, stands in `commit_told.rs`.

mod harness;

use harness::cluster::{Cluster, election_timeouts};
use harness::solo::{Solo, append, heartbeat, stored};
use harness::{HEARTBEAT_MS, id, node, voters};
use raft_core::{Config, End, EntryId, Index, Kind, Message, NodeId, Payload, RoleName, Term};

fn applied_ids(solo: &Solo) -> Vec<String> {
    solo.applied.iter().map(|(id, _)| id.to_string()).collect()
}

/// The commit notices in what was sent, by receiver.
fn notices(sent: &[(NodeId, Message)]) -> Vec<(u64, u64)> {
    let of = |(to, message): &(NodeId, Message)| match &message.kind {
        Kind::Commit(notice) => Some((to.0, notice.commit_index.0)),
        _ => None,
    };
    sent.iter().filter_map(of).collect()
}

#[test]
fn r02_commit_on_majority() {
    let check = |size: u64, acks: &[u64], commits: bool| {
        let mut solo = Solo::of(size);
        solo.lead_and_settle();
        let write = solo.propose("x");
        solo.flush();
        solo.sync();
        for peer in acks {
            solo.ack(*peer, 2);
        }
        let case = format!("{acks:?} of {size}");
        assert_eq!(solo.commit(), if commits { 2 } else { 1 }, "{case}");
        let committed = End::Committed(id(1, 2));
        assert_eq!(solo.outcome(write), commits.then_some(&committed), "{case}");
        let surfaced = if commits { vec!["1@1", "2@1"] } else { vec!["1@1"] };
        assert_eq!(applied_ids(&solo), surfaced, "{case}");
        // It is told to everybody, within the moment it may wait for an append to carry it.
        solo.pass(5);
        let everybody = (2..=size).map(|peer| (peer, 2)).filter(|_| commits);
        assert_eq!(notices(&solo.sent()), everybody.collect::<Vec<_>>(), "{case}");
        // The other acks change nothing any more: it surfaces once.
        for peer in 2..=size {
            solo.ack(peer, 2);
        }
        solo.sync();
        solo.finish_applying();
        assert_eq!(applied_ids(&solo), ["1@1", "2@1"], "{case}");
        assert_eq!(solo.outcomes.len(), 1, "{case}");
    };
    check(1, &[], true);
    check(2, &[], false);
    check(2, &[2], true);
    check(3, &[], false);
    check(3, &[2], true);
    check(3, &[3], true);
    check(3, &[2, 3], true);
    check(4, &[2], false);
    check(4, &[2, 4], true);
    check(5, &[], false);
    check(5, &[2], false);
    check(5, &[2, 2, 2], false);
    check(5, &[3, 5], true);
    check(5, &[2, 3, 4, 5], true);
}

#[test]
fn r03_commit_covers_predecessors() {
    let mut solo = Solo::with_log(&[1, 1, 2, 3]);
    solo.lead();
    assert_eq!((solo.term(), solo.commit()), (4, 0));
    solo.ack(3, 5);
    assert_eq!(solo.commit(), 5);
    assert_eq!(applied_ids(&solo), ["1@1", "2@1", "3@2", "4@3", "5@4"]);
}

#[test]
fn r04_never_commit_old_term_by_count() {
    let mut solo = Solo::with_log(&[1, 2, 2]);
    solo.lead();
    // Everybody holds the old entries, and then the first of this term is on a majority.
    for index in [1, 2, 3] {
        solo.ack(2, index);
        solo.ack(3, index);
        assert_eq!((solo.commit(), applied_ids(&solo).len()), (0, 0), "{index} is on all three");
    }
    solo.ack(2, 4);
    assert_eq!(solo.commit(), 4);
}

/// Lets this node be elected by these, who alone hear each other; what it then sends is still on its way.
fn elect_by(cluster: &mut Cluster, id: u64, voters: &[u64]) {
    cluster.is_manual = true;
    let asks = |kind: &Kind| matches!(kind, Kind::RequestPreVote(_) | Kind::RequestVote(_));
    for _ in 0..10 {
        cluster.network.lose(|_| true);
        cluster.run_until(5_000, |it| {
            it.network.flights().any(|flight| flight.from.0 == id && asks(&flight.message().kind))
        });
        while cluster.under_way(|_| true) > 0 {
            for flight in cluster.network.take_all() {
                let is_ask = flight.from.0 == id && voters.contains(&flight.to.0);
                let is_answer = flight.to.0 == id && voters.contains(&flight.from.0);
                if is_ask || is_answer && !asks(&flight.message().kind) {
                    cluster.deliver(&flight);
                    finish_writes(cluster, flight.to.0);
                }
                if cluster.role(id) == RoleName::Leader {
                    return finish_writes(cluster, id);
                }
            }
        }
    }
    panic!("n{id} is not elected: {}", cluster.raft(id).explain());
}

fn finish_writes(cluster: &mut Cluster, id: u64) {
    while !cluster.disks[&node(id)].pending.is_empty() {
        cluster.complete_write(id);
    }
}

/// Hands over what a node has sent to these, and what they answer; everything else is lost.
fn hand_over(cluster: &mut Cluster, from: u64, to: &[u64]) {
    let flights = cluster.network.take_all();
    for flight in flights.iter().filter(|it| it.from.0 == from && to.contains(&it.to.0)) {
        cluster.deliver(flight);
        finish_writes(cluster, flight.to.0);
    }
    let answers = cluster.network.take_all();
    for flight in answers.iter().filter(|it| it.to.0 == from && to.contains(&it.from.0)) {
        cluster.deliver(flight);
    }
}

/// Figure 8 up to (c): 2@2 is on a majority, and n1, which leads term 4, knows it; n5 holds 2@3. Nobody but n1
/// holds an entry of term 4 yet.
fn figure_8() -> Cluster {
    let start = |_| stored(5, &[1]);
    let one_entry_each = |config: &mut Config| config.append_bytes_max = 1;
    let mut cluster = Cluster::loaded(voters(5), 8, one_entry_each, start);
    // (a) n1 leads term 2 and reaches n2 with its first entry.
    elect_by(&mut cluster, 1, &[2, 3]);
    hand_over(&mut cluster, 1, &[2]);
    assert_eq!(
        (cluster.log_ids(1), cluster.log_ids(2)),
        (ids(&["1@1", "2@2"]), ids(&["1@1", "2@2"]))
    );
    cluster.crash(1);
    // (b) n5 leads term 3 and reaches nobody.
    elect_by(&mut cluster, 5, &[3, 4]);
    assert_eq!(cluster.log_ids(5), ids(&["1@1", "2@3"]));
    cluster.crash(5);
    cluster.restart(1);
    // (c) n1 leads term 4 and brings 2@2 to n3 and n4: of what n2 holds it knows nothing yet.
    elect_by(&mut cluster, 1, &[2, 3, 4]);
    assert_eq!(cluster.raft(1).term(), Term(4));
    // The first append asks where they are, the second carries 2@2.
    hand_over(&mut cluster, 1, &[3, 4]);
    hand_over(&mut cluster, 1, &[3, 4]);
    for id in [3, 4] {
        assert_eq!(cluster.log_ids(id), ids(&["1@1", "2@2"]));
        let known = cluster.status(1).peers.into_iter().find(|peer| peer.id == node(id));
        assert_eq!(known.expect("a member").matched, Index(2));
    }
    assert_eq!(cluster.status(1).durable, Index(3), "with n1 these are three of five");
    cluster
}

fn ids(of: &[&str]) -> Vec<String> {
    of.iter().map(ToString::to_string).collect()
}

#[test]
fn r04_figure_8_the_old_entry_is_overwritten() {
    let mut cluster = figure_8();
    for id in 1..=4 {
        assert_eq!(cluster.commit(id), 0, "n{id} must not count 2@2");
    }
    // (d) n1 dies, and n5, whose last entry is of term 3, replaces 2@2 everywhere.
    cluster.crash(1);
    cluster.restart(5);
    elect_by(&mut cluster, 5, &[2, 3, 4]);
    cluster.restart(1);
    cluster.is_manual = false;
    cluster.run_for(election_timeouts(4));
    cluster.assert_converged();
    assert_eq!(cluster.log_ids(1)[..2], ids(&["1@1", "2@3"]));
    assert!(cluster.commit(1) >= 3);
}

#[test]
fn r04_figure_8_an_entry_of_its_own_term_saves_the_old_one() {
    let mut cluster = figure_8();
    // (e) n1's entry of term 4 reaches n2 and n3 too: with it everything before is committed.
    cluster.network.lose(|_| true);
    for _ in 0..4 {
        cluster.run_for(HEARTBEAT_MS);
        let beats = cluster.network.take_all();
        for flight in beats.iter().filter(|it| it.from == node(1) && it.to.0 <= 3) {
            cluster.deliver(flight);
        }
        let answers = cluster.network.take_all();
        answers.iter().filter(|it| it.to == node(1)).for_each(|it| cluster.deliver(it));
        cluster.settle();
    }
    assert_eq!(cluster.commit(1), 3);
    assert_eq!(cluster.log_ids(3), ids(&["1@1", "2@2", "3@4"]));
    cluster.crash(1);
    cluster.restart(5);
    cluster.is_manual = false;
    cluster.run_for(election_timeouts(8));
    assert_ne!(cluster.leader(), None);
    cluster.assert_converged();
    assert_eq!(cluster.log_ids(5)[..3], ids(&["1@1", "2@2", "3@4"]), "n5 could not win");
}

#[test]
fn r05_noop_on_election() {
    let mut solo = Solo::with_log(&[1, 1]);
    solo.lead();
    let own = solo.disk.written.log.last().expect("an entry of its own").clone();
    assert_eq!((own.id, own.kind, own.payload.len()), (id(2, 3), 1, 0), "it is empty");
    let sent = solo.sent().into_iter().filter_map(|(to, message)| match message.kind {
        Kind::AppendEntries(append) => Some((to.0, append)),
        _ => None,
    });
    let sent: Vec<_> = sent.collect();
    assert_eq!(sent.iter().map(|(to, _)| *to).collect::<Vec<_>>(), [2, 3]);
    for (_, append) in &sent {
        assert_eq!(append.previous, id(1, 2));
        let entries: Vec<_> = append.entries.iter().map(|entry| entry.payload).collect();
        assert_eq!(entries, [Payload::Empty]);
    }
    // Nothing was proposed, and what a leader before left behind is committed all the same.
    solo.ack(2, 3);
    assert_eq!(applied_ids(&solo), ["1@1", "2@1", "3@2"]);
    assert_eq!(solo.applied[1].1, b"2@1");
    assert_eq!(solo.outcomes, []);
}

#[test]
fn r06_follower_commit_bounded() {
    // A follower with four entries, of which nothing is proven to agree, hears from the leader of term 2.
    let check = |previous: u64, terms: &[u64], commit: u64, expected: u64| {
        let mut solo = Solo::with_log(&[1, 1, 1, 1]);
        let previous = if previous == 0 { EntryId::ZERO } else { id(1, previous) };
        solo.receive(2, 2, append(previous, terms, commit));
        assert_eq!(solo.commit(), expected, "{terms:?} behind {previous}, commit {commit}");
        assert_eq!(solo.applied.len() as u64, expected);
    };
    check(4, &[2], 0, 0);
    check(4, &[2], 3, 3);
    check(4, &[2], 5, 5);
    check(4, &[2], 9, 5);
    check(4, &[], 9, 4);
    check(3, &[2], 9, 4);
    // The rest of its log may be of another leader: only what this message reaches counts.
    check(2, &[1], 4, 3);
    check(2, &[], 4, 2);
    check(0, &[1], 4, 1);
    check(0, &[], 4, 0);
    // What does not match proves nothing.
    check(5, &[2], 4, 0);
}

#[test]
fn r06_a_commit_index_heard_early_counts_once_the_entries_are_there() {
    let mut solo = Solo::with_log(&[1, 1, 1, 1]);
    solo.receive(2, 2, append(id(1, 1), &[1], 6));
    assert_eq!(solo.commit(), 2);
    solo.receive(2, 2, append(id(1, 2), &[1], 0));
    assert_eq!(solo.commit(), 3);
    solo.receive(2, 2, append(id(1, 3), &[2, 2, 2, 2], 0));
    assert_eq!(solo.commit(), 6);
}

#[test]
fn r07_heartbeat_commit_bounded_by_match() {
    // The leader tells each peer no more than it is known to hold.
    let mut solo = Solo::of(3);
    solo.lead_and_settle();
    for command in ["a", "b", "c"] {
        solo.propose(command);
    }
    solo.flush();
    solo.ack(3, 4);
    solo.ack(2, 2);
    solo.sync();
    assert_eq!(solo.commit(), 4);
    solo.sent();
    solo.pass(HEARTBEAT_MS);
    let told = solo.sent().into_iter().filter_map(|(to, message)| match message.kind {
        Kind::Heartbeat(beat) => Some((to.0, beat.commit_index.0)),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [(2, 2), (3, 4)]);

    // And a follower takes no more than has matched, however much it holds and is told.
    let mut follower = Solo::with_log(&[1, 1, 1, 1]);
    follower.receive(2, 2, heartbeat(1, 4));
    assert_eq!(follower.commit(), 0, "nothing has matched yet");
    follower.receive(2, 2, append(id(1, 2), &[], 0));
    assert_eq!(follower.commit(), 2);
    follower.receive(2, 2, append(id(1, 4), &[], 0));
    assert_eq!(follower.commit(), 4, "consistency with this leader is proven");
    // With another leader it begins anew.
    let mut follower = Solo::with_log(&[1, 1, 1, 1]);
    follower.receive(2, 2, append(id(1, 4), &[], 1));
    follower.receive(3, 3, heartbeat(1, 4));
    assert_eq!(follower.commit(), 1);
    follower.receive(3, 3, append(id(1, 3), &[3], 0));
    assert_eq!(follower.commit(), 4);
    assert_eq!(follower.log_ids(), ["1@1", "2@1", "3@1", "4@3"]);
}
