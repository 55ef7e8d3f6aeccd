//! Damage, each kind by name: what recovery says of it, and that nothing acknowledged is cut and nothing damaged
//! served.

mod common;

use common::node::{EXPECTED, NODE, Node, ballot, id, identity, members, small, unit};
use common::truth::Truth;
use raft_core::{Ballot, ClusterId, Incarnation, Index, LogBehind, NodeId, Term, Write};
use raft_storage::{
    DamageKind, Disk, Expected, FakeDisk, Fault, FileName, Identity, Kept, OpenError, Operation,
};

const SEGMENT: FileName = FileName::Segment(1);

/// Three acknowledged batches of one entry each.
fn three_batches() -> Node {
    let mut node = Node::new();
    for _ in 0..3 {
        node.append_entries(1, 1);
        node.flush();
    }
    node
}

fn reopened(disk: FakeDisk) -> Node {
    Node::open(disk).expect("it can be opened")
}

fn kinds(node: &Node) -> Vec<DamageKind> {
    node.recovered.damage.iter().map(|damage| damage.kind).collect()
}

fn indexes(node: &Node) -> Vec<u64> {
    node.truth.log.iter().map(|(id, _)| id.index.0).collect()
}

/// Where the batch of this number begins, in a log of batches of one sector.
fn batch_at(number: usize) -> usize {
    4096 + (number - 1) * 512
}

#[test]
fn a_clean_log_is_not_damaged() {
    let mut node = three_batches();
    node.idle();
    let node = reopened(node.power_cut());
    assert_eq!(node.recovered.damage, []);
    assert_eq!(indexes(&node), [1, 2, 3]);
    assert_eq!(node.recovered.loaded.suspect_from, None);
}

#[test]
fn rot_of_the_last_acknowledged_batch_is_suspect() {
    let mut disk = three_batches().power_cut();
    disk.rot(SEGMENT, batch_at(3) + 200, 0x10);
    let node = reopened(disk);
    assert_eq!(kinds(&node), [DamageKind::Suspect]);
    assert_eq!(node.recovered.loaded.suspect_from, Some(Index(3)));
    assert_eq!(indexes(&node), [1, 2]);
}

#[test]
fn rot_of_the_last_acknowledged_batch_is_proved_by_the_idle_batch_behind_it() {
    let mut node = three_batches();
    node.idle();
    let mut disk = node.power_cut();
    disk.rot(SEGMENT, batch_at(3) + 200, 0x10);
    let node = reopened(disk);
    assert_eq!(kinds(&node), [DamageKind::Rot]);
    assert_eq!(node.recovered.loaded.suspect_from, Some(Index(1)));
    assert_eq!(indexes(&node), [1, 2]);
}

#[test]
fn a_batch_that_turned_to_zeros_is_proved_by_the_idle_batch_behind_it() {
    let mut node = three_batches();
    node.idle();
    let mut disk = node.power_cut();
    let bytes = disk.contents(SEGMENT).expect("it is there").to_vec();
    for (at, byte) in bytes.iter().enumerate().skip(batch_at(3)).take(512) {
        disk.rot(SEGMENT, at, *byte);
    }
    assert_eq!(kinds(&reopened(disk)), [DamageKind::Rot]);
}

#[test]
fn rot_in_the_middle_is_rot_and_what_lies_before_is_kept() {
    let mut disk = three_batches().power_cut();
    disk.rot(SEGMENT, batch_at(2) + 20, 1);
    let node = reopened(disk);
    assert_eq!(kinds(&node), [DamageKind::Rot]);
    assert_eq!(indexes(&node), [1]);
}

#[test]
fn rot_at_the_end_of_a_segment_is_proved_by_the_next_one() {
    let mut node = Node::new();
    while node.disk.contents(FileName::Segment(2)).is_none_or(|bytes| bytes[0] == 0) {
        node.append_entries(1, 1);
        node.flush();
        node.do_all_chores();
    }
    let last = node.truth.last().index;
    let mut disk = node.power_cut();
    disk.rot(SEGMENT, 3 * 4096 - 512 + 100, 1);
    let node = reopened(disk);
    assert_eq!(kinds(&node), [DamageKind::Rot]);
    assert!(node.truth.last().index < last.previous());
}

#[test]
fn a_write_that_was_cut_off_is_torn_and_cut() {
    let mut node = three_batches();
    node.append_entries(1, 12);
    let batch = node.wal.next_batch(node.now).expect("there is something to write");
    node.disk.perform(batch.operations[0].clone()).expect("nothing fails");
    for lost in 0..2 {
        let point = node.disk.crash_point();
        assert!(point.len() > 2);
        let node = reopened(point.image(|at| if at == lost { Kept::Lost } else { Kept::Whole }));
        assert_eq!(kinds(&node), [DamageKind::TornTail], "sector {lost} is lost");
        assert_eq!(indexes(&node), [1, 2, 3]);
        assert_eq!(node.recovered.loaded.suspect_from, None);
    }
}

#[test]
fn swapped_batches_are_damage() {
    let mut disk = three_batches().power_cut();
    swap(&mut disk, batch_at(1), batch_at(2));
    let node = reopened(disk);
    assert_eq!(kinds(&node), [DamageKind::Rot]);
    assert_eq!(indexes(&node), [0_u64; 0]);
    assert_eq!(node.recovered.loaded.suspect_from, Some(Index(1)));
}

fn swap(disk: &mut FakeDisk, a: usize, b: usize) {
    let bytes = disk.contents(SEGMENT).expect("it is there").to_vec();
    for at in 0..512 {
        let change = bytes[a + at] ^ bytes[b + at];
        disk.rot(SEGMENT, a + at, change);
        disk.rot(SEGMENT, b + at, change);
    }
}

#[test]
fn a_misdirected_batch_is_damage() {
    let mut node = three_batches();
    node.append_entries(1, 1);
    node.disk.fail_at(node.disk.count(), Fault::Misdirected(2));
    node.flush();
    node.append_entries(1, 1);
    node.flush();
    let node = reopened(node.power_cut());
    assert_eq!(kinds(&node), [DamageKind::Rot]);
    assert_eq!(indexes(&node), [1, 2, 3]);
}

#[test]
fn a_stale_sector_is_damage_once_anything_follows() {
    let mut node = three_batches();
    node.append_entries(1, 1);
    node.disk.fail_at(node.disk.count(), Fault::Stale);
    node.flush();
    node.idle();
    let node = reopened(node.power_cut());
    assert_eq!(kinds(&node), [DamageKind::Rot]);
    assert_eq!(indexes(&node), [1, 2, 3]);
}

#[test]
fn a_recycled_segment_holds_no_old_record() {
    let mut node = Node::new();
    let mut is_recycled = false;
    for _ in 0..40 {
        node.append_entries(1, 8);
        node.flush();
        node.snapshot();
        while let Some(chore) = node.wal.next_chore() {
            let to_spare =
                |it: &Operation| matches!(it, Operation::Rename { to: FileName::Spare, .. });
            is_recycled |= chore.operations.iter().any(to_spare);
            for operation in chore.operations {
                node.disk.perform(operation).expect("nothing fails");
            }
            node.wal.chore_done(Ok(())).expect("nothing fails");
        }
    }
    assert!(is_recycled);
    node.append_entries(1, 2);
    node.flush();
    let truth = node.truth.clone();
    let segments = node.disk.names().into_iter().filter(|it| matches!(it, FileName::Segment(_)));
    assert!(segments.count() <= 4);
    let node = reopened(node.power_cut());
    assert_eq!(node.recovered.damage, []);
    assert!(node.truth.has_log_of(&truth));
}

/// A segment full of another segment's records, under the name that comes next: as if it had been recycled
/// without being filled with zeros.
#[test]
fn old_records_in_the_next_segment_are_never_taken_for_new() {
    let mut node = three_batches();
    let old = node.disk.contents(SEGMENT).expect("it is there").to_vec();
    node.do_all_chores();
    let mut disk = node.power_cut();
    disk.put(FileName::Segment(2), &old);
    let node = reopened(disk);
    assert_eq!(indexes(&node), [1, 2, 3]);
    assert_eq!(kinds(&node), [DamageKind::Suspect]);
}

#[test]
fn a_rolled_back_vote_copy_brings_no_vote_back() {
    for copy in [0, 4096] {
        let mut node = Node::new();
        let old = node.disk.contents(FileName::Vote).expect("it is there").to_vec();
        node.append(Write { ballot: Some(ballot(5, 2)), ..unit() }).expect("it follows");
        node.flush();
        let mut disk = node.power_cut();
        let new = disk.contents(FileName::Vote).expect("it is there").to_vec();
        for at in copy..copy + 512 {
            disk.rot(FileName::Vote, at, old[at] ^ new[at]);
        }
        let node = reopened(disk);
        assert_eq!(node.recovered.loaded.ballot, Some(ballot(5, 2)));
        let bytes = node.disk.contents(FileName::Vote).expect("it is there");
        assert_eq!(bytes, new, "the copy was not repaired");
    }
}

#[test]
fn one_rotten_vote_copy_is_repaired_from_the_other() {
    for copy in [0, 4096] {
        let mut node = Node::new();
        node.append(Write { ballot: Some(ballot(5, 2)), ..unit() }).expect("it follows");
        node.flush();
        let mut disk = node.power_cut();
        disk.rot(FileName::Vote, copy + 40, 4);
        let node = reopened(disk);
        assert_eq!(kinds(&node), [DamageKind::VoteCopy]);
        assert_eq!(node.recovered.loaded.ballot, Some(ballot(5, 2)));
        let node = reopened(node.power_cut());
        assert_eq!(node.recovered.damage, []);
    }
}

#[test]
fn without_a_good_vote_copy_the_promise_is_lost_and_stays_so() {
    let mut disk = three_batches().power_cut();
    disk.rot(FileName::Vote, 40, 4);
    disk.rot(FileName::Vote, 4096 + 40, 4);
    let node = reopened(disk);
    assert_eq!(kinds(&node), [DamageKind::VoteLost]);
    assert_eq!(node.recovered.loaded.ballot, None);
    assert_eq!(indexes(&node), [1, 2, 3]);
    assert_eq!(reopened(node.power_cut()).recovered.loaded.ballot, None);
}

#[test]
fn a_vote_file_older_than_the_log_is_a_lost_promise() {
    let mut node = Node::new();
    let old = node.disk.contents(FileName::Vote).expect("it is there").to_vec();
    node.append_entries(4, 1);
    node.flush();
    let mut disk = node.power_cut();
    disk.put(FileName::Vote, &old);
    let node = reopened(disk);
    assert_eq!(kinds(&node), [DamageKind::VoteLost]);
    assert_eq!(node.recovered.loaded.ballot, None);
}

#[test]
fn suspicion_lasts_over_restarts_until_the_vote_file_knows_of_it() {
    let mut disk = three_batches().power_cut();
    disk.rot(SEGMENT, batch_at(2) + 100, 1);
    let mut node = reopened(disk);
    for _ in 0..3 {
        assert_eq!(node.recovered.loaded.suspect_from, Some(Index(1)));
        node.append_entries(1, 60);
        node.flush();
        node.do_all_chores();
        node = reopened(node.power_cut());
        assert_eq!(node.recovered.damage, [], "it was told when it was found");
    }
    let recovering = Some(Term(1));
    let known = Ballot { recovering, ..ballot(1, 0) };
    node.append(Write { ballot: Some(known), ..unit() }).expect("it follows");
    node.flush();
    let truth = node.truth.clone();
    let node = reopened(node.power_cut());
    assert_eq!(node.recovered.loaded.suspect_from, None);
    assert_eq!(node.recovered.loaded.ballot, Some(known));
    assert!(node.truth.has_log_of(&truth));
}

#[test]
fn an_older_snapshot_and_the_log_stand_in_for_a_damaged_one() {
    let mut node = three_batches();
    node.snapshot();
    node.append_entries(1, 3);
    node.flush();
    node.snapshot();
    node.append_entries(1, 1);
    node.flush();
    let newest = FileName::Snapshot(id(1, 6));
    let mut disk = node.power_cut();
    disk.rot(newest, 300, 1);
    let node = reopened(disk);
    assert_eq!(kinds(&node), [DamageKind::Snapshot]);
    assert_eq!(node.truth.snapshot, id(1, 3));
    assert_eq!(indexes(&node), [4, 5, 6, 7]);
    assert_eq!(node.recovered.loaded.suspect_from, None);
}

#[test]
fn a_damaged_snapshot_that_was_received_makes_a_recovering_member() {
    let mut node = three_batches();
    let snapshot = node.stage(id(2, 50), LogBehind::Discarded).expect("nothing fails");
    let ballot = Some(ballot(2, 0));
    node.append(Write { snapshot: Some(snapshot), ballot, ..unit() }).expect("it follows");
    node.flush();
    node.append_entries(2, 2);
    node.flush();
    let mut disk = node.power_cut();
    disk.rot(FileName::Snapshot(id(2, 50)), 300, 1);
    for _ in 0..2 {
        let node = reopened(disk);
        assert_eq!(kinds(&node), [DamageKind::Snapshot]);
        assert_eq!(node.recovered.loaded.suspect_from, Some(Index(1)));
        assert_eq!(node.truth.snapshot, id(0, 0));
        assert_eq!(indexes(&node), [0_u64; 0]);
        disk = node.power_cut();
    }
}

#[test]
fn segments_go_only_below_the_older_snapshot() {
    let mut node = Node::new();
    for round in 0..6 {
        for _ in 0..6 {
            node.append_entries(1, 8);
            node.flush();
        }
        node.do_all_chores();
        let segments = |node: &Node| -> Vec<_> {
            node.disk.names().into_iter().filter(|it| matches!(it, FileName::Segment(_))).collect()
        };
        let before = segments(&node).len();
        node.snapshot();
        node.do_all_chores();
        if round == 0 {
            assert_eq!(segments(&node).len(), before, "the genesis is the older one");
        }
        let snapshots =
            node.disk.names().into_iter().filter(|it| matches!(it, FileName::Snapshot(_)));
        assert_eq!(snapshots.count(), 2);
        assert!(segments(&node).len() < 20);
        // Whichever of the two snapshots is lost, everything is still there.
        let mut disk = lost(&node);
        disk.rot(FileName::Snapshot(node.truth.snapshot), 300, 1);
        assert_eq!(reopened(disk).truth.last(), node.truth.last());
    }
}

fn lost(node: &Node) -> FakeDisk {
    node.disk.crash_point().image(|_| Kept::Lost)
}

#[test]
fn a_truncated_segment_is_never_torn() {
    for len in [0, 512, 4096, 4096 + 512, 4096 + 1024, 4096 + 1300, 8192] {
        let mut disk = three_batches().power_cut();
        let bytes = disk.contents(SEGMENT).expect("it is there")[..len].to_vec();
        disk.put(SEGMENT, &bytes);
        let node = reopened(disk);
        assert!(node.recovered.loaded.suspect_from.is_some(), "{len} bytes are left");
    }
}

#[test]
fn a_killed_process_may_be_believed_after_the_next_power_cut() {
    let mut node = three_batches();
    node.append_entries(1, 1);
    let batch = node.wal.next_batch(node.now).expect("there is something to write");
    node.disk.perform(batch.operations[0].clone()).expect("nothing fails");
    // Killed before the sync: the page cache holds the batch, and the new process finds it there.
    let node = node.restart();
    assert_eq!(indexes(&node), [1, 2, 3, 4]);
    let node = reopened(node.power_cut());
    assert_eq!(indexes(&node), [1, 2, 3, 4]);
}

#[test]
fn after_a_failed_sync_a_restart_relies_on_nothing_that_was_lost() {
    let mut node = three_batches();
    node.append_entries(1, 1);
    let batch = node.wal.next_batch(node.now).expect("there is something to write");
    node.disk.perform(batch.operations[0].clone()).expect("nothing fails");
    node.disk.fail_at(node.disk.count(), Fault::Error);
    let failed = node.disk.perform(batch.operations[1].clone()).map(drop);
    assert!(node.finish(failed).is_err());
    assert!(node.append(unit()).is_err(), "a failed log takes no more");
    // The page cache still holds the batch, marked clean; a sync alone would keep nothing.
    let node = node.restart();
    assert_eq!(indexes(&node), [1, 2, 3, 4]);
    assert_eq!(indexes(&reopened(node.power_cut())), [1, 2, 3, 4]);
}

#[test]
fn foreign_and_missing_and_newer_files_are_refused_with_a_sentence() {
    let refused = |change: &dyn Fn(&mut FakeDisk), expected: Expected, says: &str| {
        let mut disk = three_batches().power_cut();
        change(&mut disk);
        let error = raft_storage::open(&mut disk, expected, small()).expect_err(says);
        assert!(error.to_string().contains(says), "{error}");
    };
    let nothing = |_: &mut FakeDisk| {};
    let other = Expected { cluster: ClusterId(7), node: NODE };
    refused(&nothing, other, "belongs to cluster");
    refused(&nothing, Expected { node: NodeId(9), ..EXPECTED }, "belongs to n1");
    refused(&|disk| disk.take(FileName::Identity), EXPECTED, "identity is missing");
    refused(&|disk| disk.take(FileName::Vote), EXPECTED, "vote is missing");
    refused(&|disk| disk.take(SEGMENT), EXPECTED, "00001.seg is missing");
    refused(&|disk| disk.put(FileName::Segment(3), &[0; 12288]), EXPECTED, "00002.seg is missing");
    let snapshot = FileName::Snapshot(id(0, 0));
    refused(&|disk| disk.take(snapshot), EXPECTED, "is missing");
    refused(&|disk| disk.rot(snapshot, 30, 1), EXPECTED, "no snapshot is undamaged");
}

#[test]
fn a_newer_format_is_refused_and_not_taken_for_damage() {
    for (file, at) in [(FileName::Vote, 0), (FileName::Identity, 0), (SEGMENT, 0)] {
        let mut disk = three_batches().power_cut();
        let mut bytes = disk.contents(file).expect("it is there").to_vec();
        let copies = if file == SEGMENT { vec![at] } else { vec![at, 4096] };
        for at in copies {
            bytes[at + 12] = 9;
            let crc = crc32c::crc32c(&bytes[at..at + 8]);
            let crc = crc32c::crc32c_append(crc, &bytes[at + 12..at + 512]);
            bytes[at + 8..at + 12].copy_from_slice(&crc.to_le_bytes());
        }
        disk.put(file, &bytes);
        let error = Node::open(disk).map(drop).expect_err("it is of a newer format");
        assert_eq!(error, OpenError::NewerFormat { file, found: 9, known: 1 });
    }
}

#[test]
fn another_nodes_files_are_not_taken_for_ones_own() {
    let mut foreign = FakeDisk::new();
    let stranger = Identity { incarnation: Incarnation(0xbad), ..identity() };
    raft_storage::create(&mut foreign, &stranger, members()).expect("an empty disk");
    let vote = foreign.contents(FileName::Vote).expect("it is there").to_vec();
    let mut disk = three_batches().power_cut();
    disk.put(FileName::Vote, &vote);
    let node = reopened(disk);
    assert_eq!(node.recovered.loaded.ballot, None);
}

#[test]
fn a_directory_is_made_once() {
    let mut node = Node::new();
    let again = raft_storage::create(&mut node.disk, &identity(), members());
    assert_eq!(again, Err(OpenError::AlreadyMade));
    let mut empty = FakeDisk::new();
    let unmade = raft_storage::open(&mut empty, EXPECTED, small()).map(drop);
    assert_eq!(unmade, Err(OpenError::NotMade));
}

#[test]
fn a_crash_while_a_directory_is_made_leaves_it_made_or_not() {
    let mut whole = FakeDisk::new();
    raft_storage::create(&mut whole, &identity(), members()).expect("an empty disk");
    for failing in 0..whole.count() {
        let mut disk = FakeDisk::new();
        disk.fail_at(failing, Fault::Error);
        raft_storage::create(&mut disk, &identity(), members()).expect_err("one operation fails");
        for kept in [Kept::Lost, Kept::Whole] {
            let disk = disk.crash_point().image(|_| kept.clone());
            match Node::open(disk.clone()) {
                Ok(node) => assert_eq!(node.truth, Truth::default()),
                Err(error) => {
                    assert_eq!(error, OpenError::NotMade, "operation {failing} failed");
                    let mut disk = disk;
                    raft_storage::create(&mut disk, &identity(), members()).expect("not made yet");
                    assert!(Node::open(disk).is_ok());
                }
            }
        }
    }
}

#[test]
fn a_unit_that_does_not_follow_is_refused_before_anything_is_written() {
    let mut node = three_batches();
    let gap = common::node::entries(id(1, 5), &[vec![1]]);
    let refused = node.append(Write { entries: gap, ..unit() }).expect_err("it leaves a gap");
    assert!(refused.to_string().contains("leaves a gap"), "{refused}");
    let stale = Write { token: raft_core::WriteToken(1), ..unit() };
    let refused = node.wal.append(stale).expect_err("its token was used");
    assert!(refused.to_string().contains("write 1 comes behind write 3"), "{refused}");
    assert_eq!(node.truth.ballot.term, Term(1));
}

#[test]
fn inspecting_changes_nothing_on_a_damaged_directory() {
    let mut disk = three_batches().power_cut();
    disk.rot(SEGMENT, batch_at(2) + 20, 1);
    disk.rot(FileName::Vote, 40, 1);
    let all = |disk: &FakeDisk| -> Vec<_> {
        let files = disk.names().into_iter();
        files.map(|name| (name, disk.contents(name).map(<[u8]>::to_vec))).collect()
    };
    let before = all(&disk);
    let found = raft_storage::inspect(&mut disk).expect("it can be opened").recovered;
    assert_eq!(found.damage.len(), 2);
    assert_eq!(all(&disk), before);
    assert!(disk.crash_point().is_empty());
}

#[test]
fn a_look_lists_segments_votes_and_snapshots_and_damage_of_older_ones() {
    let mut node = three_batches();
    node.snapshot();
    node.append_entries(1, 2);
    node.flush();
    node.snapshot();
    node.do_all_chores();
    let mut disk = node.power_cut();
    disk.rot(FileName::Snapshot(id(1, 3)), 200, 1);
    let found = raft_storage::inspect(&mut disk).expect("the newest one is good");
    assert_eq!(found.votes, [Some(ballot(1, 0)); 2]);
    assert_eq!(found.snapshots, [id(1, 5)]);
    let used: Vec<_> = found.segments.iter().map(|it| (it.number, it.batches, it.last)).collect();
    assert_eq!(used, [(1, 4, Some(id(1, 5))), (2, 0, None)]);
    let kinds: Vec<_> = found.recovered.damage.iter().map(|it| it.kind).collect();
    assert_eq!(kinds, [DamageKind::Snapshot]);
}

#[test]
fn a_full_disk_is_not_filled_over_and_over_and_the_log_goes_on_in_what_it_has() {
    let mut node = three_batches();
    let chore = node.wal.next_chore().expect("the next segment");
    let result = chore.operations.into_iter().try_for_each(|operation| {
        if matches!(operation, Operation::Create { .. }) {
            node.disk.fail_at(node.disk.count(), Fault::NoSpace);
        }
        node.disk.perform(operation).map(drop)
    });
    assert_eq!(result, Err(raft_storage::DiskError::NoSpace));
    node.wal.chore_done(result).expect("no reason to stop");
    assert_eq!(node.wal.next_chore(), None);
    for _ in 0..20 {
        node.append_entries(1, 8);
        node.flush();
    }
    let truth = node.truth.clone();
    assert!(reopened(node.power_cut()).truth.has_log_of(&truth));
}
