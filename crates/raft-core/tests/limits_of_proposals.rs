//! U: how much a leader takes before it refuses, that it takes again, and that each proposal is answered once.
//! The leave-joint half of U05 needs membership changes.

mod harness;

use harness::cluster::{Cluster, election_timeouts};
use harness::solo::{Solo, append, heartbeat, run, stored};
use harness::{id, voters};
use raft_core::{
    AppendEntries, AppendEntriesReply, AppendResult, Bound, Config, End, EntriesBuf, Entry,
    EntryId, Epoch, Event, HeartbeatReply, Index, Input, Kind, Loaded, LogTime, NodeId, Payload,
    Refused, RoleName, Round, Token, Unknown,
};

/// A payload that makes an entry of this size.
fn entry(bytes: usize) -> Vec<u8> {
    vec![7; bytes - 32]
}

/// A leader of three with its first entry committed, and these limits.
fn leader(configure: impl FnOnce(&mut Config)) -> Solo {
    let mut solo = Solo::open(Loaded::genesis(voters(3)), configure);
    solo.lead_and_settle();
    solo
}

/// An append of another leader, whose log time has gone on.
fn later(previous: EntryId, terms: &[u64], commit: u64) -> Kind {
    let mut entries = EntriesBuf::default();
    for (index, term) in (previous.index.0 + 1..).zip(terms) {
        let (id, payload) = (id(*term, index), Payload::Command(b"theirs"));
        entries.push(&Entry { id, time: LogTime(1_000), payload }).expect("terms in order");
    }
    let (epoch, commit_index, entries) = (Epoch(1), Index(commit), entries.take());
    Kind::AppendEntries(AppendEntries { epoch, previous, commit_index, entries })
}

fn busy(bound: Bound) -> End {
    End::Refused(Refused::Busy(bound))
}

fn committed(term: u64, index: u64) -> End {
    End::Committed(id(term, index))
}

/// Proposes an entry of this size, and says whether it was taken.
fn takes(solo: &mut Solo, bytes: usize) -> bool {
    let token = solo.propose_bytes(&entry(bytes));
    match solo.outcome(token) {
        None => true,
        Some(end) => {
            assert_eq!(end, &busy(Bound::Uncommitted));
            false
        }
    }
}

/// How many entries of 100 bytes it takes until it refuses.
fn taken(solo: &mut Solo) -> usize {
    (0..1_000).take_while(|_| takes(solo, 100)).count()
}

/// One other node and this one hold everything up to `index`.
fn commit(solo: &mut Solo, index: u64) {
    solo.flush();
    solo.sync();
    solo.ack(2, index);
    assert_eq!(solo.commit(), index);
}

#[test]
fn u01_uncommitted_bytes_limit() {
    let mut solo = leader(|config| config.uncommitted_bytes_max = 300);
    let last = |solo: &mut Solo| {
        solo.flush();
        solo.status().last.index.0
    };
    assert_eq!(taken(&mut solo), 3, "up to the limit and not above it");
    assert_eq!((last(&mut solo), solo.events.len()), (4, 0), "what is refused is not in the log");
    assert!(!takes(&mut solo, 33), "nor is anything smaller");
    commit(&mut solo, 2);
    assert_eq!(solo.events, [Event::Resumed(Bound::Uncommitted)], "who was refused is told, once");
    assert_eq!(taken(&mut solo), 1, "a commit frees what it commits");
    commit(&mut solo, 5);
    assert_eq!(solo.events.len(), 2, "and again, having been refused again");
    assert_eq!(taken(&mut solo), 3);
    commit(&mut solo, 8);
    assert_eq!(solo.status().waiting, 0);
}

#[test]
fn u02_limit_allows_one_oversize() {
    let mut solo = leader(|config| config.uncommitted_bytes_max = 300);
    for index in [2, 3] {
        assert!(takes(&mut solo, 5_000), "an empty tail takes one above the limit");
        assert!(!takes(&mut solo, 5_000), "one");
        assert!(!takes(&mut solo, 33), "and nothing behind it");
        commit(&mut solo, index);
    }
    assert!(takes(&mut solo, 33));
    assert!(!takes(&mut solo, 5_000), "a tail that is not empty takes none");
}

#[test]
fn u03_limit_after_leader_change() {
    let mut solo = leader(|config| config.uncommitted_bytes_max = 300);
    assert_eq!(taken(&mut solo), 3);
    solo.flush();
    solo.sync();
    solo.receive(2, 2, heartbeat(1, 0));
    assert_eq!(solo.role(), RoleName::Follower);
    solo.sync();
    solo.lead();
    assert_eq!(solo.status().last, id(3, 5), "three from the last term, and its own first");
    assert_eq!(taken(&mut solo), 3, "those of the last term do not count");
    commit(&mut solo, 5);
    assert_eq!(taken(&mut solo), 0, "their commit frees nothing of this one's");
    commit(&mut solo, 8);
    assert_eq!(taken(&mut solo), 3, "not stuck, and not below zero");
}

#[test]
fn u04_bounded_log_growth_with_partition() {
    let bytes_max = 10_000;
    let configure = |config: &mut Config| config.uncommitted_bytes_max = 10_000;
    let retry = |cluster: &mut Cluster, ms: u64| {
        let (start, mut refused) = (cluster.status(1).log_bytes, 0);
        for _ in 0..ms {
            for _ in 0..10 {
                let token = cluster.propose(1, &"x".repeat(68));
                refused += u64::from(matches!(cluster.outcome(token), Some(End::Refused(_))));
            }
            cluster.run_for(1);
            let grown = cluster.status(1).log_bytes - start;
            assert!(grown <= bytes_max, "the log has grown by {grown} bytes");
        }
        assert_eq!(ms * 10 - refused, 100, "as many as the limit allows, all others are refused");
    };

    let mut cluster = Cluster::with(voters(3), configure).elect(1);
    cluster.isolate(1);
    retry(&mut cluster, 2_000);
    assert_ne!(cluster.role(1), RoleName::Leader);
    cluster.heal();
    cluster.run_for(election_timeouts(5));
    cluster.assert_converged();

    // It is heard, so it leads on, and nobody's disk answers.
    let mut cluster = Cluster::with(voters(3), configure).elect(1);
    cluster.stick_disk(2);
    cluster.stick_disk(3);
    retry(&mut cluster, 500);
    assert_eq!(cluster.role(1), RoleName::Leader);
}

#[test]
fn u05_empty_entries_always_pass() {
    let full_log = |config: &mut Config| {
        (config.snapshot_log_bytes, config.log_bytes_max) = (1, 100);
    };
    let slow_machine = |config: &mut Config| config.apply_bytes_max = 1;
    let little_room = |config: &mut Config| config.uncommitted_bytes_max = 1;
    let check = |configure: fn(&mut Config), bound: Option<Bound>| {
        let loaded = Loaded { commit_hint: Index(4), ..stored(3, &[1; 5]) };
        let mut solo = Solo::open(loaded, configure);
        solo.lead();
        assert_eq!(solo.status().last, id(2, 6), "{bound:?}: a leader's first entry passes");
        let token = solo.propose("x");
        assert_eq!(solo.outcome(token), bound.map(busy).as_ref(), "{bound:?}: a command does not");
        commit(&mut solo, if bound.is_some() { 6 } else { 7 });
    };
    check(full_log, Some(Bound::Log));
    check(slow_machine, Some(Bound::Apply));
    // Its first entry does not use up the one of any size that an empty tail takes.
    check(little_room, None);
}

#[test]
fn u06_entry_too_large() {
    let check = |configure: fn(&mut Config), max: usize| {
        let mut solo = leader(configure);
        let before = solo.status();
        let token = solo.propose_bytes(&entry(max + 1));
        let (bytes, max_bytes) = (max as u64 + 1, max as u64);
        let refused = End::Refused(Refused::TooLarge { bytes, max: max_bytes });
        assert_eq!(solo.outcome(token), Some(&refused));
        solo.flush();
        assert_eq!((solo.status(), solo.disk.pending.len()), (before, 0), "nothing has changed");

        let token = solo.propose_bytes(&entry(max));
        commit(&mut solo, 2);
        assert_eq!(solo.outcome(token), Some(&committed(1, 2)), "the largest there may be");
    };
    check(|_| {}, 2_097_152);
    check(|config| config.entry_bytes_max = 1_000, 1_000);
}

#[test]
fn u07_apply_backpressure() {
    // An entry has 35 bytes, and the state machine may have three at a time.
    let three_entries = |config: &mut Config| config.apply_bytes_max = 105;
    let mut follower = Solo::open(Loaded::genesis(voters(3)), three_entries);
    follower.receive(2, 1, append(EntryId::ZERO, &[1; 5], 5));
    follower.receive(2, 1, append(id(1, 5), &[1; 4], 9));
    follower.sync();
    assert_eq!((follower.commit(), follower.status().durable.0), (9, 9), "replication goes on");
    assert_eq!(follower.sent_to(2).len(), 1, "and is acknowledged");
    let mut applied = 3;
    while applied < 9 {
        assert_eq!(follower.applied.len(), applied, "what is outstanding is bounded");
        let (upto, _) = follower.applying.remove(0);
        follower.step(Input::Applied { upto, bytes: 105 });
        applied += 3;
    }
    assert_eq!(follower.applied.last().map(|(id, _)| *id), Some(id(1, 9)));

    let mut solo = leader(three_entries);
    let taken: Vec<Token> = (0..5).map(|_| solo.propose_bytes(&entry(35))).collect();
    commit(&mut solo, 6);
    assert!(taken.iter().all(|token| matches!(solo.outcome(*token), Some(End::Committed(_)))));
    assert_eq!(solo.applied.len(), 1 + 3, "three are outstanding");
    let late = solo.propose("late");
    assert_eq!(solo.outcome(late), Some(&busy(Bound::Apply)));
    solo.sent();
    solo.pass(60);
    assert!(!solo.sent().is_empty(), "the others are told meanwhile");
    solo.finish_applying();
    assert_eq!((solo.applied.len(), solo.events.as_slice()), (6, [resumed_apply()].as_slice()));
    let later = solo.propose("later");
    assert_eq!(solo.outcome(later), None);
}

fn resumed_apply() -> Event {
    Event::Resumed(Bound::Apply)
}

#[test]
fn u08_every_proposal_has_an_outcome() {
    let check = |end: End, happens: &dyn Fn(&mut Solo)| {
        let mut solo = leader(|_| {});
        let token = solo.propose("x");
        happens(&mut solo);
        assert_eq!(solo.outcome(token), Some(&end));
        // And never again, whatever comes.
        solo.sync();
        solo.lead();
        solo.ack(2, solo.status().last.index.0);
        solo.pass(2_000);
        solo.step(Input::Stop);
        let count = solo.outcomes.iter().filter(|outcome| outcome.token == token).count();
        assert_eq!(count, 1, "{end:?}");
    };
    let not_leader = End::Refused(Refused::NotLeader { leader: None });
    let overwritten = End::Refused(Refused::Overwritten { by: id(2, 2) });
    let unknown = |term| End::Unknown(Unknown::SteppedDown { term });
    let term = |term| raft_core::Term(term);
    check(committed(1, 2), &|solo| commit(solo, 2));
    check(not_leader, &|solo| solo.receive(2, 2, heartbeat(1, 0)));
    check(overwritten, &|solo| {
        solo.flush();
        solo.receive(2, 2, later(id(1, 1), &[2], 2));
    });
    // The next leader has it, so it takes effect after all.
    check(committed(1, 2), &|solo| {
        solo.flush();
        solo.receive(2, 2, later(id(1, 2), &[2], 0));
        assert_eq!(solo.outcomes, []);
        solo.receive(2, 2, later(id(2, 3), &[], 3));
    });
    check(unknown(term(1)), &|solo| {
        solo.flush();
        solo.sync();
        solo.pass(350);
        assert_eq!((solo.role(), solo.outcomes.len()), (RoleName::Follower, 0));
        solo.pass(600);
    });

    let stopped = |written: bool, end: End| {
        let mut solo = leader(|_| {});
        let token = solo.propose("x");
        if written {
            solo.flush();
        }
        solo.step(Input::Stop);
        assert_eq!((solo.outcome(token), solo.outcomes.len()), (Some(&end), 1));
    };
    stopped(true, End::Unknown(Unknown::Stopped));
    stopped(false, End::Refused(Refused::Stopped));

    // A story with several leaders: whoever was asked has answered everything, once.
    let mut cluster = Cluster::of(3).elect(1);
    let mut asked = Vec::new();
    for round in 0..6 {
        let leader = cluster.leader().expect("healed").0;
        asked.extend((0..5).map(|at| cluster.propose(leader, &format!("{round}.{at}"))));
        cluster.run_for(round);
        cluster.isolate(leader);
        let everybody = [1, 2, 3];
        asked.extend(everybody.map(|id| cluster.propose(id, &format!("{round} at {id}"))));
        cluster.run_for(election_timeouts(4));
        cluster.heal();
        cluster.run_for(election_timeouts(3));
    }
    let ends: Vec<&End> = asked.iter().filter_map(|token| cluster.outcome(*token)).collect();
    assert_eq!(ends.len(), asked.len());
    assert!((1..=3).all(|id| cluster.judge.unanswered(NodeId(id)).is_empty()));
    for kind in [
        |end: &End| matches!(end, End::Committed(_)),
        |end: &End| matches!(end, End::Refused(Refused::NotLeader { .. })),
        |end: &End| matches!(end, End::Unknown(_) | End::Refused(Refused::Overwritten { .. })),
    ] {
        assert!(ends.iter().any(|end| kind(end)), "the story has every kind: {ends:?}");
    }
}

#[test]
fn u09_outcome_not_fooled_by_overwrite() {
    let mut solo = leader(|_| {});
    let lost = solo.propose("lost");
    let kept = solo.propose("kept nowhere");
    solo.flush();
    // Its positions are filled by another leader, and not committed yet.
    solo.receive(2, 2, later(id(1, 1), &[2, 2], 0));
    assert_eq!(solo.outcomes, []);
    solo.sync();
    solo.lead();
    let mine = solo.propose("mine");
    commit(&mut solo, 5);
    assert_eq!(solo.outcome(lost), Some(&End::Refused(Refused::Overwritten { by: id(2, 2) })));
    assert_eq!(solo.outcome(kept), Some(&End::Refused(Refused::Overwritten { by: id(2, 3) })));
    assert_eq!(solo.outcome(mine), Some(&committed(3, 5)));
    assert_eq!(solo.outcomes.len(), 3);
}

fn heartbeat_answer(round: u64, busy: bool) -> Kind {
    let (epoch, round) = (Epoch(1), Round(round));
    Kind::HeartbeatReply(HeartbeatReply { epoch, round, promised: false, busy })
}

fn ack(index: u64, busy: bool) -> Kind {
    let result = AppendResult::Matched(Index(index));
    Kind::AppendEntriesReply(AppendEntriesReply { epoch: Epoch(1), result, busy })
}

/// What the node says of itself when it answers an append and a heartbeat.
fn says_busy(solo: &mut Solo) -> Vec<bool> {
    let last = solo.status().last;
    solo.receive(2, 1, append(last, &[], 0));
    solo.receive(2, 1, heartbeat(1, 0));
    let answers = solo.sent_to(2).into_iter().filter_map(|message| match message.kind {
        Kind::AppendEntriesReply(reply) => Some(reply.busy),
        Kind::HeartbeatReply(reply) => Some(reply.busy),
        _ => None,
    });
    answers.collect()
}

#[test]
fn u10_follower_memory_pressure_report() {
    // A full log, and a disk that is far behind, each on its own.
    let mut full = Solo::open(stored(3, &[1; 3]), |config| {
        (config.snapshot_log_bytes, config.log_bytes_max) = (1, 140);
    });
    assert_eq!(says_busy(&mut full), [false, false]);
    full.receive(2, 1, append(id(1, 3), &[1], 0));
    full.sync();
    full.sent();
    assert_eq!(says_busy(&mut full), [true, true]);

    let mut slow = Solo::open(stored(3, &[1; 3]), |config| config.uncommitted_bytes_max = 60);
    slow.receive(2, 1, append(id(1, 3), &[1], 0));
    slow.sent();
    assert!(!says_busy(&mut slow).contains(&true));
    slow.receive(2, 1, append(id(1, 4), &[1], 0));
    slow.sent();
    assert_eq!(says_busy(&mut slow), [true], "its answer to the append waits for the disk");
    slow.sync();
    slow.sent();
    assert_eq!(says_busy(&mut slow), [false, false]);
    assert_eq!(run(4, &[1, 1]).bytes().len(), 70, "which is above its bound");

    // The leader slows down when too few are left that can keep up.
    for report in [ack(1, true), heartbeat_answer(9, true)] {
        let mut solo = leader(|_| {});
        solo.receive(2, 1, report.clone());
        let one = solo.propose("one of two is a quorum with the leader");
        assert_eq!(solo.outcome(one), None);
        solo.receive(3, 1, report);
        let refused = solo.propose("both");
        assert_eq!(solo.outcome(refused), Some(&busy(Bound::Followers)));
        solo.receive(2, 1, heartbeat_answer(9, false));
        assert_eq!(solo.events, [Event::Resumed(Bound::Followers)]);
        let again = solo.propose("again");
        assert_eq!(solo.outcome(again), None);
    }
}
