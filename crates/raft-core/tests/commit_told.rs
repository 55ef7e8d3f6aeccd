//! Theme R, around a commit: when the leader's own disk counts, how followers hear that something is committed,
//! and what a proposer is told where nobody leads.

mod harness;

use harness::cluster::Cluster;
use harness::solo::{Solo, append, heartbeat, pre_vote_granted, vote_granted};
use harness::{ELECTION_TIMEOUT_MS, HEARTBEAT_MS, id, node, voters};
use raft_core::{
    Config, End, Index, Kind, Loaded, NodeId, Refused, RoleName, Term, Token, Unknown,
};

/// What was sent of one kind, with its receiver.
fn sent_of<T>(solo: &mut Solo, of: impl Fn(Kind) -> Option<T>) -> Vec<(u64, T)> {
    let sent = solo.sent().into_iter();
    sent.filter_map(|(to, message)| Some((to.0, of(message.kind)?))).collect()
}

fn notice(kind: Kind) -> Option<u64> {
    match kind {
        Kind::Commit(notice) => Some(notice.commit_index.0),
        _ => None,
    }
}

fn refused(solo: &Solo, token: Token, leader: Option<NodeId>) {
    let why = End::Refused(Refused::NotLeader { leader });
    assert_eq!(solo.outcome(token), Some(&why), "{}", solo.raft.explain());
}

#[test]
fn r17_proposal_on_follower() {
    let mut solo = Solo::of(3);
    solo.receive(2, 1, heartbeat(1, 0));
    solo.sync();
    solo.sent();
    let write = solo.propose("x");
    refused(&solo, write, Some(node(2)));
    solo.flush();
    assert_eq!(solo.sent(), [], "it is not forwarded");
    assert_eq!(solo.status().last.index, Index::ZERO, "and leaves nothing behind");

    let mut cluster = Cluster::of(3).elect(2);
    for follower in [1, 3] {
        let write = cluster.propose(follower, "x");
        let why = Refused::NotLeader { leader: Some(node(2)) };
        assert_eq!(cluster.outcome(write), Some(&End::Refused(why)));
    }
    cluster.run_for(200);
    assert_eq!(cluster.applied(2), [""; 0]);
}

#[test]
fn r18_proposal_without_leader_fails_fast() {
    let mut solo = Solo::of(3);
    let as_follower = solo.propose("a");
    refused(&solo, as_follower, None);

    solo.time_out();
    assert_eq!(solo.role(), RoleName::PreCandidate);
    let as_pre_candidate = solo.propose("b");
    refused(&solo, as_pre_candidate, None);

    solo.time_out();
    solo.campaign();
    assert_eq!(solo.role(), RoleName::Candidate);
    let as_candidate = solo.propose("c");
    refused(&solo, as_candidate, None);
    let why = solo.raft.explain().no_leader.expect("a reason why nobody leads");
    assert!(why.contains("3 voters"), "{why}");

    // It leads at last, and nothing of all that is in its log.
    solo.receive(2, solo.term(), vote_granted());
    assert_eq!((solo.role(), solo.status().waiting), (RoleName::Leader, 0));
    assert_eq!(solo.log_ids().len(), 1, "its first entry");
    assert_eq!(solo.outcomes.len(), 3);
}

#[test]
fn r18_proposals_of_a_leader_that_is_deposed_are_not_lost_silently() {
    let mut solo = Solo::of(3);
    solo.lead_and_settle();
    let left = solo.propose("left");
    solo.flush();
    let stayed = solo.propose("stayed");
    solo.receive(2, 2, heartbeat(1, 0));
    assert_eq!(solo.role(), RoleName::Follower);
    refused(&solo, stayed, None);
    assert_eq!(solo.log_ids(), ["1@1", "2@1"], "what never left is in no log");
    // What has left may still be committed by another. It gets an answer when nobody can wait any longer.
    assert_eq!(solo.outcome(left), None);
    solo.sleep(2 * ELECTION_TIMEOUT_MS);
    solo.tick();
    let given_up = End::Unknown(Unknown::SteppedDown { term: Term(1) });
    assert_eq!(solo.outcome(left), Some(&given_up));
    assert_eq!(solo.outcomes.len(), 2);
}

#[test]
fn r19_single_node_commit() {
    let mut solo = Solo::of(1);
    solo.campaign();
    assert_eq!(solo.role(), RoleName::Leader);
    assert_eq!(solo.commit(), 0, "not even its first entry");
    solo.sync();
    assert_eq!(solo.commit(), 1);
    let write = solo.propose("x");
    solo.flush();
    solo.pass(HEARTBEAT_MS);
    assert_eq!((solo.commit(), solo.applied.len(), solo.outcome(write)), (1, 1, None));
    solo.sync();
    assert_eq!((solo.commit(), solo.applied.len()), (2, 2));
    assert_eq!(solo.outcome(write), Some(&End::Committed(id(1, 2))));
}

#[test]
fn r23_self_ack_needs_durability() {
    let mut solo = Solo::of(3);
    solo.lead_and_settle();
    let first = solo.propose("a");
    solo.flush();
    let second = solo.propose("b");
    solo.flush();
    solo.ack(2, 3);
    assert_eq!(solo.commit(), 1, "n2 alone is no majority");
    assert_eq!((solo.outcome(first), solo.outcome(second)), (None, None));
    solo.sync_one();
    assert_eq!(solo.commit(), 2, "of its own disk only what is there");
    assert_eq!(
        (solo.outcome(first), solo.outcome(second)),
        (Some(&End::Committed(id(1, 2))), None)
    );
    solo.sync_one();
    assert_eq!(solo.commit(), 3);
    assert_eq!(solo.outcome(second), Some(&End::Committed(id(1, 3))));
}

/// n1 has led term 2 and given three entries to its disk, which has not finished them.
fn leader_with_a_slow_disk() -> Solo {
    let mut solo = Solo::with_log(&[1]);
    solo.lead_and_settle();
    for command in ["a", "b", "c"] {
        solo.propose(command);
    }
    solo.flush();
    assert_eq!((solo.status().durable, solo.status().last), (Index(2), id(2, 5)));
    solo
}

/// n1 is elected in term 4. It could not even ask before all that it wrote as leader of term 2 came back: what
/// it asks rests on term 3, which was written later.
fn regain_leadership(solo: &mut Solo) {
    let asked = sent_of(solo, |kind| match kind {
        Kind::RequestPreVote(ask) => Some(ask.round),
        _ => None,
    });
    solo.receive(2, 3, pre_vote_granted(asked[0].1));
    solo.sync();
    solo.receive(2, 4, vote_granted());
    assert_eq!((solo.role(), solo.term()), (RoleName::Leader, 4));
}

#[test]
fn r24_self_ack_after_term_change() {
    // While its disk works on 3@2 to 5@2, n2 replaces them by 3@3 and falls silent.
    let mut solo = leader_with_a_slow_disk();
    solo.receive(2, 3, append(id(2, 2), &[3], 0));
    solo.sent();
    solo.time_out();
    // The old write comes back. It vouches for nothing that is in the log now.
    solo.sync_one();
    assert_eq!(solo.status().durable, Index(2));
    assert_eq!(solo.sent(), []);
    solo.sync_one();
    assert_eq!(solo.status().durable, Index(3), "5 was durable once, in another log");
    regain_leadership(&mut solo);
    assert_eq!(solo.log_ids(), ["1@1", "2@2", "3@3", "4@4"]);
    assert_eq!(solo.status().durable, Index(3));
    // n2 holds its new entry, n1's own disk does not: that is no majority.
    solo.ack(2, 4);
    assert_eq!(solo.commit(), 2);
    solo.sync();
    assert_eq!(solo.commit(), 4);
}

#[test]
fn r24_self_ack_counts_if_the_entries_are_still_there() {
    let mut solo = leader_with_a_slow_disk();
    solo.receive(2, 3, heartbeat(1, 0));
    solo.sent();
    solo.time_out();
    solo.sync_one();
    assert_eq!(solo.status().durable, Index(5));
    solo.sync_one();
    regain_leadership(&mut solo);
    assert_eq!((solo.status().durable, solo.status().last), (Index(5), id(4, 6)));
    solo.ack(2, 6);
    assert_eq!(solo.commit(), 2, "nothing of this term is on two disks");
    solo.sync();
    assert_eq!(solo.commit(), 6);
}

// That no snapshot passes what is durable comes with the snapshots.
#[test]
fn r25_commit_without_leader_disk() {
    let mut solo = Solo::of(3);
    solo.lead_and_settle();
    let write = solo.propose("x");
    solo.flush();
    solo.ack(2, 2);
    assert_eq!((solo.commit(), solo.outcome(write)), (1, None));
    solo.ack(3, 2);
    assert_eq!(solo.status().durable, Index(1), "its own disk has not answered");
    assert_eq!(solo.commit(), 2);
    assert_eq!(solo.applied.last(), Some(&(id(1, 2), b"x".to_vec())));
    assert_eq!(solo.outcome(write), Some(&End::Committed(id(1, 2))));

    let mut cluster = Cluster::of(3).elect(1);
    cluster.stick_disk(1);
    let write = cluster.propose(1, "x");
    cluster.run_for(20);
    assert!(cluster.is_committed(write));
    assert_eq!(cluster.applied(1), ["x"]);
    assert_eq!(cluster.disks[&node(1)].durable.last(), id(1, 1));
}

#[test]
fn r26_lagging_commit_bounded() {
    // Whenever between two heartbeats it happens.
    for offset in (0..HEARTBEAT_MS).step_by(3) {
        let mut cluster = Cluster::of(3).elect(1);
        cluster.run_for(offset);
        cluster.propose(1, "x");
        assert!(cluster.run_until(20, |it| it.commit(1) == 2));
        let committed_ms = cluster.now_ms();
        let is_notice = |kind: &Kind| matches!(kind, Kind::Commit(_));
        let told = cluster.run_until(7, |it| it.commit(3) == 2 || it.under_way(is_notice) > 0);
        assert!(told, "offset {offset}");
        cluster.network.lose(|it| it.to == node(3) && is_notice(&it.message().kind));
        assert!(cluster.run_until(200, |it| it.commit(3) == 2), "offset {offset}");
        let lag_ms = cluster.now_ms() - committed_ms;
        let half_round_trip_ms = 1;
        assert!(lag_ms <= HEARTBEAT_MS + half_round_trip_ms, "offset {offset}: {lag_ms} ms");
        cluster.run_for(10);
        cluster.assert_converged();
    }
}

#[test]
fn r27_commit_broadcast_can_be_piggybacked() {
    let patient = |config: &mut Config| config.commit_notice_ms = HEARTBEAT_MS;
    for configure in [patient as fn(&mut Config), |_| {}] {
        let mut solo = Solo::open(Loaded::genesis(voters(3)), configure);
        solo.lead_and_settle();
        solo.pass(HEARTBEAT_MS + 10);
        solo.sent();
        solo.propose("x");
        solo.flush();
        solo.ack(2, 2);
        solo.ack(3, 2);
        solo.pass(4);
        solo.propose("y");
        solo.flush();
        let carried = sent_of(&mut solo, |kind| match kind {
            Kind::AppendEntries(append) => {
                append.entries.last().map(|last| (last, append.commit_index))
            }
            _ => None,
        });
        let next = (id(1, 3), Index(2));
        assert_eq!(carried[carried.len() - 2..], [(2, next), (3, next)]);
        solo.pass(HEARTBEAT_MS + 5);
        assert_eq!(sent_of(&mut solo, notice), [], "what an append has told is not told again");
    }
    // Without another append the next heartbeat tells it.
    let mut cluster = Cluster::with(voters(3), patient);
    cluster = cluster.elect(1);
    cluster.propose(1, "x");
    let told = |it: &Cluster| (1..=3).all(|id| it.commit(id) == 2);
    assert!(cluster.run_until(HEARTBEAT_MS + 5, told));
    assert_eq!(cluster.under_way(|kind| matches!(kind, Kind::Commit(_))), 0);
}
