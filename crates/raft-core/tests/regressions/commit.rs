//! What a leader may call committed, whose acknowledgement counts, and what a follower makes of it.

use raft_core::{End, EntryId, Epoch, Index, Input, Kind, Refused};

use crate::harness::random::Random;
use crate::harness::solo::{Solo, append, append_on, conflict, heartbeat_reply, matched};
use crate::harness::{id, node};
use crate::{acks, notice};

#[test]
fn b01_an_old_entry_on_a_majority_is_not_committed_by_counting() {
    let mut solo = Solo::with_log(&[1, 2]);
    solo.lead();
    assert_eq!(solo.log_ids(), ["1@1", "2@2", "3@3"]);

    solo.ack(2, 2);
    assert_eq!(solo.commit(), 0, "two of three hold 2@2, which is of an earlier term");
    solo.ack(3, 2);
    assert_eq!(solo.commit(), 0, "all three hold it");
    assert!(solo.applied.is_empty());

    solo.ack(2, 3);
    assert_eq!(solo.commit(), 3, "an entry of this term takes the others along");
}

#[test]
fn b19_the_commit_index_is_what_a_majority_holds_after_every_single_ack() {
    for size in 1..=7_u64 {
        for seed in 0..40 {
            check_commit(size, seed);
        }
    }
    // A voter that is already above the quorum point moves further up.
    let mut solo = Solo::of(5);
    solo.lead();
    for entry in 0..9 {
        solo.propose(&entry.to_string());
    }
    solo.flush();
    for (peer, index, committed) in [(2, 8, 0), (3, 4, 1), (2, 10, 1), (4, 3, 3), (4, 6, 4)] {
        solo.ack(peer, index);
        assert_eq!(solo.commit(), committed, "n{peer} acknowledges {index}");
    }
    solo.sync();
    assert_eq!(solo.commit(), 6, "with its own disk 10, 10, 6, 4, 0");
}

/// Acks and disk completions in random order, held against the definition.
fn check_commit(size: u64, seed: u64) {
    let mut random = Random::new(seed);
    let mut solo = Solo::of(size);
    solo.lead();
    let mut held = vec![0; usize::try_from(size).expect("a small cluster")];
    let mut committed = solo.commit();
    for _ in 0..60 {
        match random.below(4) {
            0 => {
                solo.propose("x");
                solo.flush();
            }
            1 => {
                solo.sync_one();
            }
            _ if size > 1 => {
                let peer = 2 + random.below(size - 1);
                let at = usize::try_from(peer - 1).expect("a small cluster");
                let index = random.below(solo.status().last.index.0 + 1);
                held[at] = index.max(held[at]);
                solo.ack(peer, index);
            }
            _ => {}
        }
        held[0] = solo.disk.durable.last().index.0;
        let enough = |index: u64| held.iter().filter(|it| **it >= index).count() * 2 > held.len();
        let highest = (1..=solo.status().last.index.0).rev().find(|index| enough(*index));
        committed = committed.max(highest.unwrap_or(0));
        assert_eq!(solo.commit(), committed, "seed {seed} of {size}: held up to {held:?}");
    }
}

#[test]
fn b20_an_ack_of_an_earlier_connection_counts_for_nothing() {
    let mut solo = Solo::of(3);
    solo.lead_and_settle();
    let write = solo.propose("x");
    solo.flush();
    solo.sync();
    // The connection breaks with the append, or its ack, on it. What the peer holds now is not known.
    solo.step(Input::PeerDown { peer: node(2), epoch: Epoch(1) });
    solo.connect(2, 2);
    assert_eq!(peer_matched(&solo, 2), 0);
    solo.sent();

    solo.receive_on(2, 1, 1, matched(1, 2));
    solo.receive_on(2, 2, 1, matched(1, 2));
    assert_eq!(peer_matched(&solo, 2), 0, "the ack names the old connection");
    assert_eq!(solo.commit(), 1);
    assert_eq!(solo.outcome(write), None);

    // Nor does a late conflict move anything.
    solo.receive_on(2, 2, 1, matched(2, 1));
    let before = solo.status().peers;
    solo.receive_on(2, 2, 1, conflict(1, id(1, 1), EntryId::ZERO));
    assert_eq!(solo.status().peers, before);

    solo.receive_on(2, 2, 1, matched(2, 2));
    assert_eq!(solo.commit(), 2);
    assert!(matches!(solo.outcome(write), Some(End::Committed(_))));
}

fn peer_matched(solo: &Solo, peer: u64) -> u64 {
    let peers = solo.status().peers;
    peers.iter().find(|it| it.id == node(peer)).expect("a peer").matched.0
}

#[test]
fn b20_a_follower_proves_its_log_anew_on_a_new_connection() {
    let mut solo = Solo::of(3);
    solo.receive(2, 1, append(EntryId::ZERO, &[1, 1, 1], 0));
    solo.sync();
    assert_eq!(acks(solo.sent()), [3]);
    // The leader has reconnected. It asks about entry 1 only, so nothing more is proven to it.
    solo.receive(2, 1, append_on(2, id(1, 1), &[], 3));
    assert_eq!(acks(solo.sent()), [1]);
    assert_eq!(solo.commit(), 1, "and its commit index binds no further");
}

#[test]
fn b27_a_commit_index_that_is_ahead_of_the_log_is_remembered() {
    let mut solo = Solo::of(3);
    solo.receive(2, 1, append(EntryId::ZERO, &[1], 0));
    solo.receive(2, 1, notice(3));
    assert_eq!(solo.commit(), 1);
    // The leader does not say it again: this append left before the commit.
    solo.receive(2, 1, append(id(1, 1), &[1, 1, 1], 1));
    assert_eq!(solo.commit(), 3);

    // And the leader, whose notice was lost, says it with the next heartbeat.
    let mut leader = Solo::of(3);
    leader.lead_and_settle();
    leader.propose("x");
    leader.flush();
    leader.sync();
    leader.ack(2, 2);
    assert_eq!(leader.commit(), 2);
    leader.sent();
    leader.pass(60);
    let told = leader.sent_to(2).into_iter().find_map(|message| match message.kind {
        Kind::Heartbeat(beat) => Some(beat.commit_index),
        _ => None,
    });
    assert_eq!(told, Some(Index(2)));
}

#[test]
fn a_client_is_never_told_ok_for_an_entry_that_was_replaced() {
    let mut solo = Solo::of(3);
    solo.lead_and_settle();
    let write = solo.propose("bob");
    solo.flush();
    solo.sync();
    solo.receive(2, 2, append(id(1, 1), &[2, 2], 3));
    assert_eq!(
        (solo.commit(), solo.log_ids()),
        (3, vec!["1@1".into(), "2@2".into(), "3@2".into()])
    );
    let overwritten = Refused::Overwritten { by: id(2, 2) };
    assert_eq!(solo.outcome(write), Some(&End::Refused(overwritten)));
}

#[test]
fn an_ack_of_everything_is_answered_by_nothing() {
    let mut solo = Solo::of(3);
    solo.lead_and_settle();
    solo.propose("x");
    solo.flush();
    solo.sync();
    solo.sent();
    for _ in 0..3 {
        solo.ack(2, 2);
        solo.ack(3, 2);
        assert_eq!(solo.sent(), [], "two that answer each other's answers never stop");
    }
}

#[test]
fn an_answered_heartbeat_says_nothing_about_entries() {
    let mut solo = Solo::of(3);
    solo.lead_and_settle();
    solo.propose("x");
    solo.flush();
    solo.sync();
    for round in 1..9 {
        solo.receive(2, 1, heartbeat_reply(round));
        solo.receive(3, 1, heartbeat_reply(round));
    }
    assert_eq!((solo.commit(), peer_matched(&solo, 2)), (1, 1));
}
