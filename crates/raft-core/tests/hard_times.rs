//! What a review of the core found: disks that stall or fail at the wrong moment, a leader that contradicts
//! itself, bounds that nobody had tried.

mod harness;

use harness::id;
use harness::solo::{Solo, append, heartbeat, pre_vote_granted, run, stored, vote_granted};
use raft_core::{
    Epoch, Event, Health, Incarnation, Index, Input, Kind, LogTime, NodeId, RoleName, Round,
};

#[test]
fn a_node_whose_disk_stalls_does_not_go_on_campaigning() {
    let mut solo = Solo::with_log(&[1, 1]);
    // An append that its disk never finishes, and then silence until the write is overdue.
    solo.receive(2, 1, append(id(1, 2), &[1], 0));
    solo.time_out();
    assert_eq!(solo.role(), RoleName::PreCandidate);
    solo.sleep(700);
    solo.tick();
    assert_eq!(solo.status().health, Health::DiskStalled);
    assert_eq!(solo.role(), RoleName::Follower);
    solo.receive(2, 1, pre_vote_granted(Round(1)));
    solo.pass(3_000);
    assert_eq!((solo.role(), solo.term()), (RoleName::Follower, 1), "nor does it begin again");
}

#[test]
fn a_node_whose_disk_fails_is_not_elected() {
    let mut solo = Solo::of(3);
    solo.campaign();
    assert_eq!(solo.role(), RoleName::Candidate);
    solo.step(Input::WriteFailed);
    solo.receive(2, 1, vote_granted());
    assert_eq!((solo.role(), solo.status().health), (RoleName::Follower, Health::DiskFailed));
}

#[test]
fn after_a_failed_write_nothing_is_written_and_nothing_acknowledged() {
    let mut solo = Solo::with_log(&[1]);
    solo.step(Input::WriteFailed);
    solo.sent();
    let writes = solo.writes.len();
    for index in 1..50 {
        solo.receive(2, 1, append(id(1, index), &[1], 0));
    }
    assert_eq!(solo.writes.len(), writes);
    assert!(
        solo.sent().iter().all(|(_, message)| !matches!(message.kind, Kind::AppendEntriesReply(_)))
    );
}

#[test]
fn a_leader_that_contradicts_itself_is_refused_and_poisons_nobody() {
    let mut solo = Solo::of(3);
    solo.receive(2, 2, append(id(0, 0), &[1, 1, 1, 2], 0));
    solo.receive(2, 2, append(id(0, 0), &[1, 2], 0));
    let why = "its entries differ from what it has sent before";
    assert_eq!(solo.events.last(), Some(&Event::MessageRefused { from: NodeId(2), why }));
    solo.receive(2, 2, heartbeat(1, 4));
    assert_eq!((solo.commit(), solo.status().health), (4, Health::Good));
}

#[test]
fn strangers_that_are_gone_make_room_for_others() {
    let mut solo = Solo::of(3);
    for stranger in 10..2_000 {
        let (peer, epoch, incarnation) = (NodeId(stranger), Epoch(1), Incarnation(1));
        solo.step(Input::PeerUp { peer, epoch, incarnation });
        solo.step(Input::PeerDown { peer, epoch });
    }
}

// Half a millisecond between entries is half a millisecond of log time, not none.
#[test]
fn log_time_loses_nothing_between_two_entries() {
    let mut solo = Solo::of(1);
    solo.lead();
    for _ in 0..100 {
        solo.sleep_us(500);
        solo.propose("x");
        solo.flush();
        solo.sync();
        solo.finish_applying();
    }
    assert_eq!(solo.status().log_time, LogTime(50));
}

// Each commit is told within the notice, however many follow it.
#[test]
fn a_steady_stream_of_commits_does_not_put_the_notice_off() {
    let mut solo = Solo::of(3);
    solo.lead_and_settle();
    solo.propose("x");
    solo.flush();
    let last = solo.status().last.index.0;
    let run_of = |solo: &mut Solo, ms| {
        solo.sent();
        solo.pass(ms);
        solo.sent_to(3).iter().filter(|message| matches!(message.kind, Kind::Commit(_))).count()
    };
    solo.sync();
    solo.ack(2, last);
    assert_eq!(solo.commit(), last);
    assert_eq!(run_of(&mut solo, 3), 0);
    solo.propose("y");
    solo.flush();
    solo.sync();
    solo.ack(2, last + 1);
    assert_eq!(solo.commit(), last + 1);
    assert_eq!(run_of(&mut solo, 2), 1, "five milliseconds after the first, not after the last");
}

#[test]
fn a_recovering_member_under_load_recovers_although_its_disk_is_one_behind() {
    let mut solo = Solo::open(
        raft_core::Loaded { suspect_from: Some(Index(2)), ..stored(3, &[1, 1, 1]) },
        |_| {},
    );
    solo.sync();
    for index in 1..20 {
        let kind = raft_core::AppendEntries {
            epoch: Epoch(1),
            previous: if index == 1 { id(1, 1) } else { id(2, index) },
            commit_index: Index(index),
            entries: run(index + 1, &[2]),
        };
        solo.receive(2, 2, Kind::AppendEntries(kind));
        // Of two writes only the older one is ever done.
        if index > 1 {
            solo.sync_one();
        }
    }
    assert_eq!(solo.status().health, Health::Good);
}
