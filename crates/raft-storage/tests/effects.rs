//! The k-th disk operation fails, for every k and with each error: nothing acknowledged is lost, nothing damaged
//! is served, nothing panics, and a log that has failed takes no more.

mod common;

use common::crash::{subsets, whole};
use common::node::{Node, ballot, id, small, unit};
use common::truth::Truth;
use raft_core::{LogBehind, Write};
use raft_storage::{DamageKind, Dice, FakeDisk, Fault, WriteError};

/// A life with everything in it, up to its first error. The truths are what was acknowledged, and what might be
/// found beyond that.
fn live(node: &mut Node) -> Result<(), String> {
    let words = |error: WriteError| error.to_string();
    for round in 0..4 {
        for _ in 0..3 {
            append(node, 1 + round, 7)?;
            flush(node)?;
        }
        node.append(Write { ballot: Some(ballot(2 + round, 2)), ..unit() }).map_err(words)?;
        flush(node)?;
        if node.wal.next_batch(node.now).is_none() {
            node.now = node.now.plus_ms(5);
            node.write_batch().map_err(words)?;
        }
        let log = if round == 2 { LogBehind::Discarded } else { LogBehind::Kept };
        let last = match log {
            LogBehind::Kept => node.truth.last(),
            LogBehind::Discarded => id(2 + round, node.truth.last().index.0 + 5),
        };
        let snapshot = node.stage(last, log)?;
        node.append(Write { snapshot: Some(snapshot), ..unit() }).map_err(words)?;
        flush(node)?;
        while let Some(chore) = node.wal.next_chore() {
            let result = chore
                .operations
                .into_iter()
                .try_for_each(|it| raft_storage::Disk::perform(&mut node.disk, it).map(drop));
            let is_full = result == Err(raft_storage::DiskError::NoSpace);
            node.wal.chore_done(result).map_err(words)?;
            if is_full {
                break;
            }
        }
    }
    Ok(())
}

fn append(node: &mut Node, term: u64, count: usize) -> Result<(), String> {
    let first = id(term, node.truth.last().index.0 + 1);
    let entries = common::node::entries(first, &vec![vec![9; 120]; count]);
    let needs_vote = node.truth.ballot.term < first.term;
    let ballot = needs_vote.then(|| ballot(term, 0));
    node.append(Write { ballot, entries, ..unit() }).map_err(|error| error.to_string())
}

fn flush(node: &mut Node) -> Result<(), String> {
    for _ in 0..100 {
        if node.pending.is_empty() {
            return Ok(());
        }
        node.write_batch().map_err(|error| error.to_string())?;
    }
    panic!("the log neither writes nor fails")
}

#[test]
fn whatever_operation_fails_nothing_acknowledged_is_lost() {
    let mut healthy = Node::new();
    let first = healthy.disk.count();
    live(&mut healthy).expect("nothing fails");
    let last = healthy.disk.count();
    assert!(last - first > 100, "{first} to {last}");
    for number in first..last {
        for fault in [Fault::Error, Fault::NoSpace] {
            fail_at(number, fault);
        }
    }
}

fn fail_at(number: u64, fault: Fault) {
    let story = format!("operation {number} meets {fault:?}");
    let mut node = Node::new();
    node.disk.fail_at(number, fault);
    if live(&mut node).is_err() {
        // A failed snapshot is made again; a failed log takes no more.
        assert!(node.pending.is_empty() || node.append(unit()).is_err(), "{story}");
    }
    let acknowledged = node.truth.clone();
    let mut possible = vec![acknowledged.clone()];
    possible.extend(node.pending.first().and_then(|unit| acknowledged.renamed(unit)));
    let mut after = acknowledged.clone();
    for unit in &node.pending {
        after.apply(unit);
        possible.push(after.clone());
    }
    let mut dice = Dice::new(number);
    let point = node.disk.crash_point();
    for set in subsets(&point, &mut dice, 4) {
        check(point.image(|item| whole(set[item])), &possible, &story);
    }
    // The process alone is started again, and only then the power goes.
    let restarted = Node::open(node.disk).expect("a restart on the same machine");
    let point = restarted.disk.crash_point();
    check(
        point.image(|_| raft_storage::Kept::Lost),
        std::slice::from_ref(&restarted.truth),
        &story,
    );
    assert!(possible.iter().any(|truth| truth.has_log_of(&restarted.truth)), "{story}");
}

fn check(disk: FakeDisk, possible: &[Truth], story: &str) {
    let node = Node::open(disk).unwrap_or_else(|error| panic!("{story}: {error}"));
    let found = &node.truth;
    assert!(possible.iter().any(|truth| truth.has_log_of(found)), "{story}: found {found:?}");
    let is_right = possible.iter().any(|truth| truth.ballot == found.ballot);
    assert!(is_right && node.recovered.loaded.ballot.is_some(), "{story}: found {found:?}");
    for damage in &node.recovered.damage {
        assert!(
            matches!(damage.kind, DamageKind::TornTail | DamageKind::VoteCopy),
            "{story}: {damage:?}"
        );
    }
}

#[test]
fn recovery_that_fails_is_begun_again_and_comes_to_the_same_end() {
    let mut node = Node::new();
    live(&mut node).expect("nothing fails");
    append(&mut node, 9, 12).expect("it follows");
    let batch = node.wal.next_batch(node.now).expect("there is something to write");
    for operation in batch.operations {
        if matches!(operation, raft_storage::Operation::Sync(raft_storage::FileName::Segment(_))) {
            break;
        }
        raft_storage::Disk::perform(&mut node.disk, operation).expect("nothing fails");
    }
    let point = node.disk.crash_point();
    let torn = point.image(|item| whole(item != 1));
    let expected = Node::open(torn.clone()).expect("a torn tail is cut");
    assert!(!expected.recovered.damage.is_empty());
    let count = expected.disk.count();
    for number in 0..count {
        for fault in [Fault::Error, Fault::NoSpace] {
            let mut disk = torn.clone();
            disk.fail_at(number, fault);
            let result = raft_storage::open(&mut disk, common::node::EXPECTED, small());
            assert!(result.is_err(), "operation {number} fails and recovery says nothing");
            let mut dice = Dice::new(number);
            for set in subsets(&disk.crash_point(), &mut dice, 4) {
                let disk = disk.crash_point().image(|item| whole(set[item]));
                let again = Node::open(disk).expect("the fault is gone");
                assert!(again.truth.has_log_of(&expected.truth), "operation {number}");
                assert_eq!(again.recovered.loaded.suspect_from, None);
            }
        }
    }
}
