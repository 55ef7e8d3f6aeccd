//! L09 to L13: how far is committed, what of it is handed out to be applied, and what is reported back.

mod harness;

use harness::id;
use harness::solo::{Solo, append, heartbeat, pre_vote_refused, request_pre_vote, stored};
use raft_core::{
    ClusterId, Commit, Config, Epoch, Index, Input, Kind, Loaded, NodeId, Raft, Round, StepError,
};

#[test]
fn l09_commit_never_decreases() {
    let mut solo = Solo::with_log(&[1, 1, 1, 1]);
    solo.receive(2, 1, append(id(1, 4), &[], 3));
    assert_eq!((solo.commit(), solo.applied.len()), (3, 3));
    let notice = |index| Kind::Commit(Commit { epoch: Epoch(1), commit_index: Index(index) });
    for lower in [
        heartbeat(1, 0),
        heartbeat(2, 2),
        append(id(1, 4), &[], 1),
        append(id(1, 2), &[1], 0),
        notice(1),
        notice(0),
        request_pre_vote(1, id(1, 4)),
        pre_vote_refused(Round(1)),
    ] {
        solo.receive(2, 1, lower.clone());
        assert_eq!((solo.commit(), solo.applied.len()), (3, 3), "{lower:?}");
    }
    // Nor by another leader, who knows less.
    solo.receive(3, 2, append(id(1, 4), &[2], 2));
    assert_eq!((solo.commit(), solo.applied.len()), (3, 3));
    solo.receive(3, 2, notice(5));
    assert_eq!((solo.commit(), solo.applied.len()), (5, 5));
}

#[test]
fn l10_applied_bounds() {
    let mut solo = Solo::open(stored(3, &[1; 6]), |config| config.apply_bytes_max = 105);
    solo.receive(2, 1, append(id(1, 6), &[], 5));
    assert_eq!(solo.applying, [(Index(3), 105)], "three are handed out, and five are committed");
    solo.step(Input::Applied { upto: Index(2), bytes: 70 });
    let before = solo.status();
    for (upto, bytes) in [(1, 0), (0, 0), (6, 35), (7, 35), (u64::MAX, 35), (4, 106)] {
        let refused = solo.try_step(Input::Applied { upto: Index(upto), bytes });
        assert!(matches!(refused, Err(StepError::Misuse(_))), "{upto}, {bytes}: {refused:?}");
        assert_eq!(solo.status(), before, "{upto}, {bytes}: nothing has changed");
    }
    assert_eq!(before.applied, Index(2));
    solo.step(Input::Applied { upto: Index(3), bytes: 35 });
    let config = Config::new(ClusterId(1), NodeId(1), 1);
    let ahead = Raft::open(config, Loaded { applied: Index(7), ..stored(3, &[1; 6]) });
    assert!(ahead.is_err(), "more is applied than there is");
}

#[test]
fn l11_next_committed_excludes_inflight_apply() {
    let mut solo = Solo::with_log(&[1; 6]);
    let applied = |solo: &Solo| solo.applied.iter().map(|(id, _)| id.index.0).collect::<Vec<_>>();
    for (commit, upto) in [(2, 2), (2, 2), (4, 4), (3, 4), (5, 5)] {
        solo.receive(2, 1, append(id(1, 6), &[], commit));
        assert_eq!(applied(&solo), (1..=upto).collect::<Vec<_>>(), "none of it is reported yet");
    }
    solo.finish_applying();
    assert_eq!(applied(&solo), [1, 2, 3, 4, 5]);
    solo.receive(2, 1, append(id(1, 6), &[], 6));
    assert_eq!(applied(&solo), [1, 2, 3, 4, 5, 6]);
}

// An entry above the bound goes alone, as everywhere.
#[test]
fn l12_apply_pagination() {
    for bytes_max in [1, 34, 35, 36, 69, 70, 100, 105, 200, 1_000] {
        let mut solo = Solo::open(stored(3, &[1; 9]), |config| config.apply_bytes_max = bytes_max);
        let outstanding = |solo: &Solo| solo.applying.iter().map(|(_, bytes)| bytes).sum::<u64>();
        for commit in [5, 9] {
            solo.receive(2, 1, append(id(1, 9), &[], commit));
            // Reported one by one: each report may bring the next.
            while !solo.applying.is_empty() {
                let bytes = outstanding(&solo);
                assert!(bytes <= bytes_max.max(35) as u64, "{bytes} are out, {bytes_max} may be");
                let (upto, bytes) = solo.applying.remove(0);
                solo.step(Input::Applied { upto, bytes });
            }
            assert_eq!(solo.status().applied, Index(commit));
        }
        let applied: Vec<u64> = solo.applied.iter().map(|(id, _)| id.index.0).collect();
        assert_eq!(applied, (1..=9).collect::<Vec<_>>(), "exactly once, in order");
    }
}

fn finish_all(solo: &mut Solo) {
    while !solo.applying.is_empty() {
        solo.finish_applying();
    }
}

#[test]
fn l13_pagination_after_restart() {
    let small = |config: &mut Config| config.apply_bytes_max = 70;
    for reported in 0..=3 {
        let mut solo = Solo::open(stored(3, &[1; 8]), small);
        solo.receive(2, 1, append(id(1, 8), &[1], 8));
        for _ in 0..reported {
            let (upto, bytes) = solo.applying.remove(0);
            solo.step(Input::Applied { upto, bytes });
        }
        solo.sync();
        let applied = solo.status().applied;
        // A machine that keeps its state, and one that is built up again.
        for applied in [applied, Index(0)] {
            let mut again = Solo::open(Loaded { applied, ..solo.disk.durable.loaded() }, small);
            finish_all(&mut again);
            again.receive(2, 1, append(id(1, 9), &[], 9));
            finish_all(&mut again);
            let indexes: Vec<u64> = again.applied.iter().map(|(id, _)| id.index.0).collect();
            assert_eq!(indexes, (applied.0 + 1..=9).collect::<Vec<_>>(), "from {applied} on");
        }
    }
}
