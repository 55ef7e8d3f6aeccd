//! X: how a node begins, stops and begins again. X10 and X11 are in `garbage.rs`. X12 needs membership changes;
//! the reads and changes of X13, and the read of X06, come with theirs.

mod harness;

use harness::cluster::{Cluster, election_timeouts};
use harness::solo::{
    Solo, append, append_on, heartbeat, heartbeat_reply, matched, pre_vote_granted,
    request_pre_vote, request_vote, run, stored, vote_granted,
};
use harness::{id, voters};
use raft_core::{
    Ballot, ClusterId, Config, End, EntryId, Epoch, Event, Health, Incarnation, Index, Input, Kind,
    Loaded, Member, Membership, Message, NodeId, Raft, Refused, RoleName, Round, SnapshotMeta,
    StepError, Term, Token, Unknown, VoteRefusal,
};

fn applied(solo: &Solo) -> Vec<u64> {
    solo.applied.iter().map(|(id, _)| id.index.0).collect()
}

fn vote_answers(solo: &mut Solo, from: u64, term: u64) -> Vec<Option<VoteRefusal>> {
    solo.receive(from, term, request_vote(id(term - 1, 1_000)));
    let replies = solo.sent_to(from).into_iter().filter_map(|message| match message.kind {
        Kind::RequestVoteReply(reply) => Some(reply.refusal),
        _ => None,
    });
    replies.collect()
}

#[test]
fn x01_bootstrap_n() {
    for size in 1..=7 {
        let mut cluster = Cluster::of(size);
        for node in 1..=size {
            let status = cluster.status(node);
            assert_eq!((status.membership, status.membership_index), (voters(size), Index::ZERO));
            assert_eq!((status.snapshot, status.last), (EntryId::ZERO, EntryId::ZERO));
            assert_eq!((status.term, status.role), (Term(0), RoleName::Follower));
        }
        assert!(cluster.run_until(election_timeouts(10), |cluster| cluster.leader().is_some()));
        cluster.run_for(election_timeouts(1));
        cluster.assert_converged();
        let first = format!("1@{}", cluster.status(1).term);
        assert!((1..=size).all(|node| cluster.log_ids(node) == [first.clone()]), "{size} nodes");
    }
}

// A node that is begun again has a directory of another life, which its cluster knows by its incarnation.
#[test]
fn x02_double_bootstrap_refused() {
    let lives = |life| {
        let members = [1, 2, 3].map(|id| Member {
            incarnation: Incarnation(if id == 1 { life } else { 1 }),
            ..Member::voter(NodeId(id))
        });
        Membership::new(members.to_vec(), vec![]).expect("three voters")
    };
    let open = |life| {
        let config = Config { incarnation: Incarnation(life), ..config() };
        Raft::open(config, Loaded::genesis(lives(7)))
    };
    assert!(open(7).is_ok());
    let error = open(8).expect_err("n1 is begun again").to_string();
    assert!(error.contains("belongs to another life"), "{error}");

    // And its peers take nothing of it.
    let mut peer = Solo::open(Loaded::genesis(lives(1)), |config| config.id = NodeId(2));
    let again = Incarnation(2);
    peer.step(Input::PeerUp { peer: NodeId(1), epoch: Epoch(2), incarnation: again });
    let refused = Event::IncarnationRefused { member: NodeId(1), incarnation: again };
    assert_eq!(peer.events, [refused]);
    let before = peer.status();
    for epoch in [1, 2] {
        peer.receive_on(1, epoch, 9, append(EntryId::ZERO, &[9], 1));
        peer.receive_on(1, epoch, 9, request_vote(id(8, 8)));
    }
    assert_eq!((peer.status(), peer.sent()), (before, vec![]));
    peer.connect(1, 3);
    peer.receive_on(1, 3, 9, append_on(3, EntryId::ZERO, &[9], 1));
    assert_eq!(peer.commit(), 1, "the life it knows is welcome");
}

fn config() -> Config {
    Config::new(ClusterId(1), NodeId(1), 42)
}

#[test]
fn x03_restart_from_state() {
    let mut solo = Solo::of(3);
    solo.receive(2, 1, append(EntryId::ZERO, &[1, 1, 1], 0));
    solo.receive(2, 1, append(id(1, 3), &[], 3));
    solo.receive(2, 1, append(id(1, 3), &[1, 1], 3));
    solo.sync();
    solo.sleep(700);
    solo.receive(3, 2, request_vote(id(1, 9)));
    solo.sync();
    for given in 0..=5 {
        let loaded = Loaded { applied: Index(given), ..solo.disk.durable.loaded() };
        let mut again = Solo::open(loaded, |_| {});
        let status = again.status();
        assert_eq!((status.term, status.role, status.leader), (Term(2), RoleName::Follower, None));
        assert_eq!((status.last, status.commit.0), (id(1, 5), given.max(3)));
        assert_eq!(vote_answers(&mut again, 3, 2), [None], "the same vote again");
        let vote = NodeId(3);
        let refused = Some(VoteRefusal::AlreadyVoted { vote });
        assert_eq!(vote_answers(&mut again, 2, 2), [refused], "and no other");
        again.receive(3, 2, append(id(1, 5), &[2], 6));
        assert_eq!(applied(&again), (given + 1..=6).collect::<Vec<_>>(), "nothing twice");
    }
}

#[test]
fn x04_restart_from_snapshot() {
    let snapshot = SnapshotMeta {
        last: id(2, 10),
        membership_index: Index(4),
        ..SnapshotMeta::genesis(voters(3))
    };
    let loaded =
        Loaded { snapshot, log: vec![run(11, &[2, 3])], applied: Index(10), ..stored(3, &[3]) };
    let mut solo = Solo::open(loaded, |_| {});
    let status = solo.status();
    assert_eq!((status.snapshot, status.last, status.commit), (id(2, 10), id(3, 12), Index(10)));
    assert_eq!((status.term, status.applied, status.durable), (Term(3), Index(10), Index(12)));
    assert_eq!((status.membership, status.membership_index), (voters(3), Index(4)));
    assert_eq!(solo.applied, [], "what the snapshot holds is not applied again");
    solo.receive(2, 3, append(id(3, 12), &[3], 12));
    assert_eq!(applied(&solo), [11, 12]);
    solo.sync();
    solo.lead();
    solo.ack(2, 14);
    assert_eq!((applied(&solo), solo.status().last), (vec![11, 12, 13, 14], id(4, 14)));
}

#[test]
fn x05_restart_applied_gt_commit() {
    for (commit, given) in [(0, 4), (3, 5), (3, 6), (9, 2)] {
        let (commit_hint, applied_before) = (Index(commit), Index(given));
        let loaded = Loaded { commit_hint, applied: applied_before, ..stored(3, &[1; 6]) };
        let mut solo = Solo::open(loaded, |_| {});
        assert_eq!(solo.commit(), commit.max(given).min(6));
        assert_eq!(solo.status().applied, applied_before);
        solo.receive(2, 1, append(id(1, 6), &[1], 7));
        assert_eq!(applied(&solo), (given + 1..=7).collect::<Vec<_>>());
    }
}

#[test]
fn x06_restart_single_voter() {
    let mut solo = Solo::of(1);
    solo.lead();
    for _ in 0..3 {
        solo.propose("x");
        solo.flush();
        solo.sync();
    }
    let mut loaded = solo.disk.durable.loaded();
    loaded.commit_hint = Index(2);
    let mut again = Solo::open(loaded, |_| {});
    again.finish_applying();
    assert_eq!((again.role(), again.commit()), (RoleName::Follower, 2));
    let early = again.propose("early");
    assert_eq!(again.outcome(early), Some(&not_leader(None)), "it does not serve yet");
    again.time_out();
    assert_eq!(again.role(), RoleName::Candidate, "its vote is not durable");
    again.sync_one();
    assert_eq!((again.role(), again.term()), (RoleName::Leader, 2), "it has elected itself");
    let write = again.propose("new");
    again.flush();
    assert_eq!((again.commit(), applied(&again)), (2, vec![1, 2]), "nor knows what is committed");
    again.sync();
    // The answer comes together with all that stands before it, in order.
    assert_eq!(again.outcome(write), Some(&End::Committed(id(2, 6))));
    assert_eq!(applied(&again), [1, 2, 3, 4, 5, 6]);
    assert_eq!(
        again.status().applied,
        Index(2),
        "applied is what the machine says, not what is handed out"
    );
}

fn not_leader(leader: Option<u64>) -> End {
    End::Refused(Refused::NotLeader { leader: leader.map(NodeId) })
}

#[test]
fn x07_restart_leader_same_term() {
    let mut solo = Solo::of(3);
    solo.lead_and_settle();
    solo.propose("x");
    solo.flush();
    solo.sync();
    let mut again = Solo::open(solo.disk.durable.loaded(), |_| {});
    assert_eq!((again.role(), again.term()), (RoleName::Follower, 1));
    assert_eq!(again.raft.leader(), None);
    // What its peers still answer to the leader it was changes nothing.
    for peer in [2, 3] {
        again.receive(peer, 1, matched(1, 2));
        again.receive(peer, 1, heartbeat_reply(9));
        again.receive(peer, 1, vote_granted());
    }
    let refused = again.propose("y");
    assert_eq!(again.outcome(refused), Some(&not_leader(None)));
    again.pass(299);
    assert_eq!((again.role(), again.commit()), (RoleName::Follower, 1), "and 2 is not committed");
    assert_eq!(again.sent(), [], "no heartbeat, no append");
    let own = Some(VoteRefusal::AlreadyVoted { vote: NodeId(1) });
    assert_eq!(
        vote_answers(&mut again, 2, 1),
        [own; 0],
        "a candidate of term 1 with entries of it"
    );
    again.receive(2, 1, request_vote(EntryId::ZERO));
    assert!(again.sent_to(2).iter().any(|message| match &message.kind {
        Kind::RequestVoteReply(reply) => reply.refusal == own,
        _ => false,
    }));
    again.lead();
    assert_eq!((again.term(), again.status().last), (2, id(2, 3)), "by an election, in a new term");
}

// n1 led term 5 and is back as it was in term 3. Its peers still speak with the leader they knew.
#[test]
fn x08_state_reverted_restart() {
    let believes = VoteRefusal::LeaderAlive { leader: NodeId(1) };
    let refusal = |round| {
        let (round, refusal, commit) = (Round(round), Some(believes), id(5, 4));
        Kind::RequestPreVoteReply(raft_core::RequestPreVoteReply { round, refusal, commit })
    };
    let late_vote = Kind::RequestVoteReply(raft_core::RequestVoteReply {
        refusal: Some(VoteRefusal::AlreadyVoted { vote: NodeId(1) }),
        commit: id(5, 4),
    });
    let words = [
        matched(1, 3),
        heartbeat_reply(3),
        vote_granted(),
        pre_vote_granted(Round(1)),
        late_vote,
        refusal(1),
    ];
    for word in words {
        let mut solo = Solo::open(stored(3, &[1, 2, 3]), |_| {});
        solo.time_out();
        for peer in [2, 3] {
            solo.receive(peer, 5, word.clone());
        }
        solo.sync();
        solo.pass(200);
        assert_ne!(solo.role(), RoleName::Leader, "{word:?}");
        assert_ne!(solo.raft.leader(), Some(NodeId(1)), "{word:?}");
        assert_eq!((solo.commit(), solo.status().last), (0, id(3, 3)), "{word:?}");
        let leads = |kind: &Kind| {
            matches!(kind, Kind::AppendEntries(_) | Kind::Heartbeat(_) | Kind::Commit(_))
        };
        assert!(!solo.sent().iter().any(|(_, message)| leads(&message.kind)), "{word:?}");
    }
    // Where its own log proves that its vote file is an older one, it takes no part at all.
    let ballot = Some(Ballot { term: Term(3), ..Ballot::default() });
    let mut solo = Solo::open(Loaded { ballot, ..stored(3, &[1, 5]) }, |_| {});
    assert_eq!(solo.status().health, Health::PromiseLost);
    solo.receive(2, 6, request_vote(id(5, 9)));
    solo.pass(5_000);
    assert_eq!((solo.role(), solo.sent()), (RoleName::Follower, vec![]));
}

#[test]
fn x09_wait_for_recovery() {
    let loaded = Loaded { suspect_from: Some(Index(3)), ..stored(3, &[1, 1, 1, 1]) };
    let mut solo = Solo::open(loaded, |_| {});
    solo.sync();
    let waits = |solo: &Solo, why: &str| {
        let is_recovering = matches!(solo.status().health, Health::Recovering { .. });
        assert!(is_recovering && solo.role() == RoleName::Follower, "{why}");
    };
    solo.receive(2, 2, append(id(1, 2), &[], 2));
    solo.sync();
    waits(&solo, "it holds all that it is told is committed, which may be less than was");
    solo.receive(2, 2, append(id(1, 2), &[1, 1], 4));
    solo.sync();
    assert_eq!(solo.commit(), 4);
    waits(&solo, "that commit index is of an earlier leader's entry");
    solo.receive(2, 2, append(id(1, 4), &[2, 2], 6));
    waits(&solo, "its own disk does not hold it yet");
    // However much more has been committed meanwhile: under load there is always more.
    solo.receive(2, 2, append(id(2, 6), &[2], 7));
    waits(&solo, "its own disk still does not");
    assert!(!solo.events.iter().any(|event| matches!(event, Event::Recovered { .. })));
    solo.sync_one();
    assert_eq!(solo.status().health, Health::Good);
    assert_eq!(solo.events.last(), Some(&Event::Recovered { index: Index(6) }));
}

fn done(solo: &Solo) -> [usize; 4] {
    [solo.writes.len(), solo.applied.len(), solo.outcomes.len(), solo.events.len()]
}

#[test]
fn x13_shutdown_completes_waiters() {
    let mut solo = Solo::of(3);
    solo.lead_and_settle();
    let orphan = solo.propose("of the last leadership");
    solo.flush();
    solo.receive(2, 2, heartbeat(1, 0));
    solo.sync();
    solo.lead();
    let written = solo.propose("in the log");
    solo.flush();
    let gathered = solo.propose("gathered");
    assert_eq!((solo.outcomes.len(), solo.status().waiting), (0, 3));
    solo.receive(3, 3, request_pre_vote(1, EntryId::ZERO));
    solo.sent();

    solo.step(Input::Stop);
    assert_eq!(solo.outcome(orphan), Some(&End::Unknown(Unknown::Stopped)));
    assert_eq!(solo.outcome(written), Some(&End::Unknown(Unknown::Stopped)));
    assert_eq!(solo.outcome(gathered), Some(&End::Refused(Refused::Stopped)));
    assert_eq!((solo.outcomes.len(), solo.status().waiting), (3, 0));
    let before = done(&solo);
    let durable = solo.disk.complete().expect("a write was on its way");
    for input in [
        Input::Tick,
        Input::Durable(durable),
        Input::Propose { token: Token(77), payload: b"z" },
        Input::Message {
            from: NodeId(2),
            epoch: Epoch(1),
            message: Message { term: Term(3), kind: matched(1, 4) },
        },
        Input::Stop,
    ] {
        assert_eq!(solo.try_step(input), Err(StepError::Stopped));
    }
    assert_eq!((done(&solo), solo.sent()), (before, vec![]), "nothing leaves any more");
    assert_eq!(solo.raft.deadline(), raft_core::Time::NEVER);
}

/// What a node says of itself is what it has given to its disk and its machine, and never more.
fn status_is_true(cluster: &Cluster, id: u64) {
    let (status, disk) = (cluster.status(id), &cluster.disks[&NodeId(id)]);
    assert_eq!((status.last, status.term), (disk.written.last(), disk.written.ballot.term));
    assert!(status.durable <= disk.durable.last().index, "more durable than the disk has");
    let machine = cluster.hosts[&NodeId(id)].applied.last();
    let handed_out = machine.map_or(Index::ZERO, |(id, _)| id.index);
    assert!(status.applied <= handed_out && handed_out <= status.commit);
    assert!(status.commit <= status.last.index);
    let raft = cluster.raft(id);
    assert_eq!((status.role, status.leader), (raft.role(), raft.leader()));
    assert_eq!((status.term, status.commit), (raft.term(), raft.commit_index()));
    for peer in &status.peers {
        let theirs = &cluster.disks[&peer.id].durable;
        assert!(peer.matched <= theirs.last().index, "more matched than {} has durably", peer.id);
        assert!(peer.matched < peer.next);
    }
    assert_eq!(status.peers.is_empty(), status.role != RoleName::Leader);
}

#[test]
fn x14_metrics_follow_state() {
    let mut cluster = Cluster::of(3).elect(1);
    cluster.weather.apply_us = (2_000, 9_000);
    cluster.weather.disk_us = (500, 9_000);
    for round in 0..8 {
        let leader = cluster.leader().expect("one leads").0;
        for command in ["x", "y", "z"] {
            cluster.propose(leader, command);
        }
        if round % 2 == 1 {
            cluster.isolate(leader);
        }
        cluster.run_until(election_timeouts(4), |cluster| {
            (1..=3).for_each(|id| status_is_true(cluster, id));
            false
        });
        cluster.heal();
        cluster.run_for(election_timeouts(4));
    }
}
