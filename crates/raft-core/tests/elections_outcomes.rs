//! How elections end: who wins which round, how often two nodes get in each other's way, what becomes of logs
//! that lost, and what must never count. What leads to an election is in `elections.rs`.

mod harness;
mod roles;

use std::collections::BTreeSet;

use harness::cluster::{Cluster, election_timeouts};
use harness::solo::{
    Solo, heartbeat, heartbeat_reply, pre_vote_granted, pre_vote_refused, stored, vote_granted,
    vote_refused,
};
use harness::{ELECTION_TIMEOUT_MS, HEARTBEAT_MS, node, voters};
use raft_core::{Ballot, Kind, Loaded, NodeId, RoleName, Round, Term};
use roles::{after_round, ask_for_pre_votes, durable_vote, elections, has_campaigned};

use RoleName::{Candidate, Follower, Leader, PreCandidate};

/// What a node is after `granted` of the others have said yes and `refused` no, in this order or the other.
fn after_answers(size: u64, granted: u64, refused: u64, refusals_first: bool) -> [RoleName; 2] {
    let yes = 2..2 + granted;
    let no = 2 + granted..2 + granted + refused;
    let mut answers: Vec<(u64, bool)> =
        yes.map(|id| (id, true)).chain(no.map(|id| (id, false))).collect();
    if refusals_first {
        answers.reverse();
    }
    let mut asking = Solo::of(size);
    let mut round = Round::default();
    if size == 1 {
        asking.time_out();
    } else {
        round = ask_for_pre_votes(&mut asking);
    }
    let mut solo = Solo::of(size);
    solo.campaign();
    for (id, is_yes) in answers {
        asking.receive(
            id,
            0,
            if is_yes { pre_vote_granted(round) } else { pre_vote_refused(round) },
        );
        solo.receive(id, 1, if is_yes { vote_granted() } else { vote_refused() });
    }
    [asking.role(), solo.role()]
}

#[test]
fn e09_one_round_outcomes() {
    let mut seen = [0; 3];
    for size in 1..=7 {
        for granted in 0..size {
            for refused in 0..size - granted {
                let (yes, rest) = (granted + 1, size - refused);
                let (expected, at) = match (yes * 2 > size, rest * 2 > size) {
                    (true, _) => ([Candidate, Leader], 0),
                    (false, true) => ([PreCandidate, Candidate], 1),
                    (false, false) => ([Follower, Follower], 2),
                };
                seen[at] += 1;
                for order in [false, true] {
                    let found = after_answers(size, granted, refused, order);
                    assert_eq!(found, expected, "{size} voters, {granted} yes, {refused} no");
                }
            }
        }
    }
    assert!(seen.iter().all(|count| *count > 10), "{seen:?}");
}

/// How long the new timer of a node is that has just timed out, in microseconds.
fn next_wait(solo: &mut Solo) -> u64 {
    let now = solo.raft.deadline();
    solo.time_out();
    solo.raft.deadline().0 - now.0
}

fn follower_wait(solo: &mut Solo) -> u64 {
    solo.receive(2, 1, heartbeat(1, 0));
    solo.raft.deadline().0 - solo.now_ms() * 1_000
}

/// The timer of the candidate that this node becomes next.
fn candidate_wait(solo: &mut Solo) -> u64 {
    let now = solo.raft.deadline();
    let round = ask_for_pre_votes(solo);
    let term = solo.term();
    for peer in [2, 3] {
        solo.receive(peer, term, pre_vote_granted(round));
    }
    solo.sync();
    assert_eq!(solo.role(), Candidate);
    solo.raft.deadline().0 - now.0
}

#[test]
fn e11_timeouts_randomized() {
    let check = |what: &str, draw: fn(&mut Solo) -> u64| {
        let mut solo = Solo::of(5);
        let waits: Vec<u64> = (0..6_000).map(|_| draw(&mut solo)).collect();
        assert!(waits.iter().all(|wait| (300_000..600_000).contains(wait)), "{what}");
        let hit: BTreeSet<u64> = waits.iter().map(|wait| wait / 1_000).collect();
        let all: BTreeSet<u64> = (ELECTION_TIMEOUT_MS..2 * ELECTION_TIMEOUT_MS).collect();
        assert_eq!(hit, all, "{what}");
    };
    check("a follower that hears its leader", follower_wait);
    check("a pre-candidate", next_wait);
    check("a candidate", candidate_wait);
}

#[test]
fn e12_timeouts_rarely_collide() {
    // Two that time out within ten milliseconds of each other cannot tell who was first.
    let check = |what: &str, draw: fn(&mut Solo) -> u64| {
        let seeded = |seed: u64| Solo::open(Loaded::genesis(voters(5)), |it| it.seed = seed);
        let mut nodes: Vec<Solo> = (1..=5).map(seeded).collect();
        let trials = 1_000;
        let collisions = (0..trials).filter(|_| {
            let mut waits: Vec<u64> = nodes.iter_mut().map(draw).collect();
            waits.sort_unstable();
            waits[1] - waits[0] < 10_000
        });
        let count = collisions.count();
        assert!(count * 10 < trials * 3, "{what}: {count} of {trials}");
    };
    check("followers", follower_wait);
    check("candidates", candidate_wait);

    // So the first round of pre-votes elects a leader, in most of all clusters.
    let trials = 100;
    let first_rounds = (0..trials).filter(|seed| {
        let genesis = |_| Loaded::genesis(voters(5));
        let mut cluster = Cluster::loaded(voters(5), 100 + seed, |_| {}, genesis);
        assert!(cluster.run_until(election_timeouts(10), |it| it.leader().is_some()), "{seed}");
        cluster.ids().iter().map(|id| elections(cluster.events(id.0)).len()).sum::<usize>() == 1
    });
    let count = first_rounds.count();
    assert!(count * 10 > 7 * 100, "{count} of {trials}");
}

#[test]
fn e13_leader_cycle() {
    for size in [3, 5] {
        let mut cluster = Cluster::of(size);
        let mut log = Vec::new();
        for term in 1..=2 * size {
            let leader = (term - 1) % size + 1;
            let before = cluster.leader();
            if let Some(before) = before {
                cluster.pause(before.0);
            }
            cluster.make_leader(leader);
            if let Some(before) = before {
                cluster.resume(before.0);
                cluster.run_for(election_timeouts(1));
            }
            assert_eq!(
                (cluster.leader(), cluster.status(leader).term),
                (Some(node(leader)), Term(term))
            );
            log.push(format!("{term}@{term}"));
            assert_eq!(cluster.log_ids(leader), log, "one empty entry a term");
            cluster.assert_converged();
        }
    }
}

#[test]
fn e14_overwrite_newer_looking_logs() {
    let check = |logs: [&[u64]; 5], term: u64, expected: &[&str]| {
        let loaded = |id: NodeId| {
            let log = logs[usize::try_from(id.0).expect("small") - 1];
            let ballot = Some(Ballot { term: Term(term), ..Ballot::default() });
            Loaded { ballot, ..stored(5, log) }
        };
        let mut cluster = Cluster::loaded(voters(5), 14, |_| {}, loaded);
        cluster.make_leader(1);
        cluster.run_for(election_timeouts(4));
        assert_eq!(cluster.leader(), Some(node(1)));
        for id in 1..=5 {
            assert_eq!(cluster.log_ids(id), expected, "n{id} of {logs:?}");
        }
        cluster.assert_converged();
    };
    // n3 led term 2 by the votes of n4 and n5, and told nobody of its entry.
    check([&[1], &[1], &[2], &[], &[]], 2, &["1@1", "2@3"]);
    // n4 and n5 led terms 2 and 3 by the votes of n2 and n3, and told nobody of their entries.
    check([&[1, 1], &[1], &[1], &[1, 2, 2], &[1, 3, 3, 3]], 3, &["1@1", "2@1", "3@4"]);
}

/// n1 and n3 cannot hear each other, and their timers run out at the same moment.
fn duel() -> Cluster {
    let mut cluster = Cluster::of(3);
    cluster.network.cut(node(1), node(3));
    cluster.network.cut(node(3), node(1));
    cluster.crash(2);
    cluster.pause(1);
    cluster.pause(3);
    cluster.run_for(election_timeouts(2));
    cluster.restart(2);
    cluster.resume(1);
    cluster.resume(3);
    cluster.run_for(20);
    cluster
}

#[test]
fn e16_dueling_candidates() {
    let mut cluster = duel();
    let winner = cluster.leader().expect("n2 has voted for one of them").0;
    let loser = 4 - winner;
    for id in [1, 3] {
        assert_eq!(elections(cluster.events(id)), [1], "n{id} campaigned too");
    }
    assert_eq!((cluster.role(loser), cluster.raft(loser).term()), (Candidate, Term(1)));
    let write = cluster.write("x");
    assert!(cluster.is_committed(write));
    assert!(cluster.log_ids(loser).is_empty());

    cluster.heal();
    cluster.run_for(HEARTBEAT_MS);
    assert_eq!((cluster.role(loser), cluster.raft(loser).term()), (Follower, Term(1)));
    cluster.run_for(election_timeouts(4));
    assert_eq!(cluster.leader(), Some(node(winner)), "the healed link has cost no leader");
    assert_eq!(cluster.raft(winner).term(), Term(1));
    assert_eq!(cluster.log_ids(loser), ["1@1", "2@1"]);
    cluster.assert_converged();
}

#[test]
fn e17_single_node_candidate() {
    let mut solo = Solo::of(1);
    solo.time_out();
    assert_eq!((solo.role(), solo.term()), (Candidate, 1));
    assert_eq!(durable_vote(&solo), (0, None));
    solo.sync_one();
    assert_eq!((solo.role(), solo.term()), (Leader, 1));
    assert_eq!(durable_vote(&solo), (1, Some(node(1))));
    // Its first entry is committed in the same way: once it is durable.
    assert_eq!((solo.log_ids(), solo.commit()), (vec!["1@1".to_owned()], 0));
    solo.sync_one();
    assert_eq!(solo.commit(), 1);
    assert_eq!(solo.sent(), []);

    // A crash before the vote is durable: the term was never led.
    let mut solo = Solo::of(1);
    solo.time_out();
    solo.disk.crash(0, None);
    let again = Solo::open(solo.disk.durable.loaded(), |_| {});
    assert_eq!((again.role(), again.term(), again.vote()), (Follower, 0, None));
}

#[test]
fn e18_campaign_while_leader_is_noop() {
    let (mut solo, round) = after_round(Leader);
    let (writes, log) = (solo.writes.len(), solo.log_ids());
    // Its timer runs out again and again, and everybody would vote for it.
    for _ in 0..40 {
        solo.pass(HEARTBEAT_MS);
        for peer in [2, 3] {
            solo.receive(peer, 2, heartbeat_reply(1));
            solo.receive(peer, 2, pre_vote_granted(round));
            solo.receive(peer, 2, vote_granted());
        }
    }
    // So it does when it was busy elsewhere for almost as long as it may.
    solo.sleep(ELECTION_TIMEOUT_MS - 1);
    solo.tick();
    assert_eq!((solo.role(), solo.term(), solo.vote()), (Leader, 2, Some(node(1))));
    assert_eq!((solo.writes.len(), solo.log_ids()), (writes, log));
    assert!(!has_campaigned(&solo.events), "{:?}", solo.events);
    let is_ask = |kind: &Kind| matches!(kind, Kind::RequestPreVote(_) | Kind::RequestVote(_));
    assert!(solo.sent().iter().all(|(_, message)| !is_ask(&message.kind)));
}
