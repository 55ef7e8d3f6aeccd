//! What may be said once which write is durable.

use raft_core::{End, EntryId, Index, Input, WriteToken};

use crate::acks;
use crate::harness::id;
use crate::harness::solo::{Solo, append};

#[test]
fn b33_a_single_voter_commits_nothing_before_its_own_disk_has_it() {
    let mut solo = Solo::of(1);
    solo.lead();
    let write = solo.propose("x");
    solo.flush();
    solo.pass(100);
    assert_eq!((solo.commit(), solo.outcome(write)), (1, None));
    assert_eq!(solo.applied.len(), 1, "its first entry only");
    solo.sync();
    assert_eq!((solo.commit(), solo.applied.len()), (2, 2));
    assert!(matches!(solo.outcome(write), Some(End::Committed(_))));
}

#[test]
fn b33_a_leader_counts_its_own_disk_like_any_other() {
    let mut solo = Solo::of(3);
    solo.lead_and_settle();
    solo.propose("x");
    solo.flush();
    solo.ack(2, 2);
    assert_eq!(solo.commit(), 1, "one disk of three");
    solo.sync();
    assert_eq!(solo.commit(), 2);
    // Two others are enough without it.
    solo.propose("y");
    solo.flush();
    solo.ack(2, 3);
    solo.ack(3, 3);
    assert_eq!((solo.commit(), solo.status().durable), (3, Index(2)));
}

#[test]
fn b34_the_first_of_three_writes_at_one_index_says_nothing_about_the_last() {
    let mut solo = Solo::with_log(&[1]);
    solo.receive(2, 2, append(id(1, 1), &[2], 0));
    solo.receive(3, 3, append(id(1, 1), &[3], 0));
    solo.receive(2, 4, append(id(1, 1), &[4], 0));
    assert_eq!(solo.log_ids(), ["1@1", "2@4"]);
    for durable in [1, 1, 2] {
        assert_eq!(acks(solo.sent()).into_iter().max().filter(|ack| *ack > 1), None);
        solo.sync_one();
        assert_eq!(solo.status().durable, Index(durable));
    }
    assert_eq!(acks(solo.sent()).last(), Some(&2));
    assert_eq!(solo.disk.durable.last(), id(4, 2));
}

#[test]
fn b35_completions_in_another_order_lose_nothing_and_vouch_for_nothing_more() {
    let mut solo = Solo::with_log(&[1]);
    solo.receive(2, 1, append(id(1, 1), &[1], 0));
    solo.receive(2, 1, append(id(1, 2), &[1], 0));
    solo.receive(2, 1, append(id(1, 3), &[1], 0));
    solo.sent();
    let tokens: Vec<WriteToken> = solo.writes.iter().map(|write| write.token).collect();
    let (second, third) = (tokens[tokens.len() - 2], tokens[tokens.len() - 1]);
    // A token says that all before it are durable; the earlier one comes late and says nothing new.
    solo.disk.complete_one();
    solo.disk.complete_one();
    solo.step(Input::Durable(second));
    assert_eq!((solo.status().durable, acks(solo.sent())), (Index(3), vec![3]));
    for token in &tokens[..tokens.len() - 1] {
        solo.step(Input::Durable(*token));
        assert_eq!((solo.status().durable, acks(solo.sent())), (Index(3), vec![]));
    }
    solo.disk.complete_one();
    solo.step(Input::Durable(third));
    assert_eq!((solo.status().durable, acks(solo.sent())), (Index(4), vec![4]));
}

#[test]
fn b35_a_completion_does_not_reach_past_a_truncation() {
    let mut solo = Solo::with_log(&[1]);
    solo.receive(2, 1, append(id(1, 1), &[1, 1, 1, 1], 0));
    // A newer leader keeps 2 and replaces the rest, while the first write is on its way.
    solo.receive(3, 2, append(id(1, 2), &[2], 0));
    assert_eq!(solo.log_ids(), ["1@1", "2@1", "3@2"]);
    solo.sync_one();
    assert_eq!(solo.status().durable, Index(2), "3 to 5 of the first write are gone");
    // Grown again to where the first write once reached.
    solo.receive(3, 2, append(id(2, 3), &[2, 2], 0));
    assert_eq!(solo.status().durable, Index(2));
    solo.sync_one();
    assert_eq!(solo.status().durable, Index(3));
    solo.sync_one();
    assert_eq!(solo.status().durable, Index(5));
    assert_eq!(acks(solo.sent()).last(), Some(&5));

    // What was durable and is cut off is not durable any more.
    solo.receive(2, 3, append(id(1, 2), &[3], 0));
    assert_eq!(solo.status().durable, Index(2));
}

#[test]
fn b41_a_follower_acknowledges_what_is_on_its_disk_and_not_before() {
    let mut solo = Solo::of(3);
    solo.receive(2, 1, append(EntryId::ZERO, &[1], 0));
    solo.receive(2, 1, append(id(1, 1), &[1, 1], 0));
    solo.pass(100);
    assert_eq!(acks(solo.sent()), []);
    solo.sync_one();
    assert_eq!(acks(solo.sent()), [1]);
    // Asked again, it says no more than that.
    solo.receive(2, 1, append(id(1, 1), &[1, 1], 0));
    solo.receive(2, 1, append(id(1, 3), &[], 0));
    assert!(acks(solo.sent()).into_iter().all(|ack| ack <= 1));
    solo.sync_one();
    assert_eq!(acks(solo.sent()), [3]);
    // And after a crash of a disk that has not finished, the entry was never vouched for.
    solo.receive(2, 1, append(id(1, 3), &[1], 0));
    assert!(acks(solo.sent()).into_iter().all(|ack| ack <= 3));
    solo.disk.crash(0, None);
    assert_eq!(solo.disk.durable.last(), id(1, 3));
}
