//! Every bit of a small directory flipped, one at a time: what was written is found damaged and told what it
//! means, and what was never written changes nothing.

mod common;

use common::node::{Node, ballot, unit};
use common::truth::Truth;
use raft_core::Write;
use raft_storage::{DamageKind, FakeDisk, FileName, OpenError};

/// What a flip leads to.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Nothing,
    Told(Vec<DamageKind>),
    Refused(OpenError),
}

fn small_directory() -> (FakeDisk, Truth) {
    let mut node = Node::new();
    for term in 1..3 {
        node.append_entries(term, 2);
        node.flush();
        node.append(Write { ballot: Some(ballot(term, 2)), ..unit() }).expect("it follows");
        node.flush();
    }
    node.snapshot();
    node.append_entries(2, 5);
    node.flush();
    node.idle();
    node.append_entries(2, 1);
    node.flush();
    node.do_all_chores();
    let truth = node.truth.clone();
    (node.power_cut(), truth)
}

fn flip(disk: &FakeDisk, truth: &Truth, file: FileName, bit: usize) -> Verdict {
    let mut disk = disk.clone();
    disk.rot(file, bit / 8, 1 << (bit % 8));
    let mut node = match Node::open(disk) {
        Ok(node) => node,
        Err(error) => return Verdict::Refused(error),
    };
    let loaded = &node.recovered.loaded;
    let kinds: Vec<_> = node.recovered.damage.iter().map(|damage| damage.kind).collect();
    for (id, payload) in &node.truth.log {
        let line = (*id, payload.clone());
        assert!(truth.log.contains(&line), "{file:?} bit {bit}: {id} was never written");
    }
    let is_whole = node.truth == *truth && loaded.suspect_from.is_none();
    let is_told = loaded.suspect_from.is_some() || loaded.ballot.is_none();
    assert!(is_whole || is_told, "{file:?} bit {bit}: a loss is not told: {:?}", node.truth);
    // Whatever it is, it can be gone on from.
    if loaded.ballot.is_some() && bit.is_multiple_of(97) {
        node.append_entries(9, 1);
        node.flush();
        let log = node.truth.clone();
        let again = Node::open(node.power_cut()).expect("it was opened before");
        assert!(again.truth.has_log_of(&log), "{file:?} bit {bit}");
    }
    if kinds.is_empty() { Verdict::Nothing } else { Verdict::Told(kinds) }
}

fn bits(disk: &FakeDisk, file: FileName) -> usize {
    disk.contents(file).expect("it is there").len() * 8
}

#[test]
fn every_bit_of_the_log_is_watched() {
    let (disk, truth) = small_directory();
    let file = FileName::Segment(1);
    let bytes = disk.contents(file).expect("it is there");
    let end = bytes.iter().rposition(|byte| *byte != 0).expect("it was written") + 1;
    let written = batches(bytes);
    assert_eq!(written.len(), 5, "{written:?}");
    for bit in 0..bits(&disk, file) {
        let at = bit / 8;
        let is_written = at < 512 || written.iter().any(|range| range.contains(&at));
        let verdict = flip(&disk, &truth, file, bit);
        let is_told = match &verdict {
            Verdict::Told(kinds) => kinds.iter().any(|kind| *kind != DamageKind::TornTail),
            Verdict::Nothing | Verdict::Refused(_) => false,
        };
        assert_eq!(is_told, is_written, "byte {at} of {end}: {verdict:?}");
    }
}

/// Headers and records, without the zeros that pad them to whole sectors.
fn batches(segment: &[u8]) -> Vec<std::ops::Range<usize>> {
    let number = |at: usize| {
        let bytes = segment[at..at + 4].first_chunk::<4>().expect("four bytes");
        u32::from_le_bytes(*bytes) as usize
    };
    let mut batches = Vec::new();
    let mut at = 4096;
    while segment[at..].starts_with(b"QRMB") {
        batches.push(at..at + 64 + number(at + 24));
        at += number(at + 28) * 512;
    }
    batches
}

#[test]
fn every_bit_of_the_vote_file_is_watched() {
    let (disk, truth) = small_directory();
    for bit in 0..bits(&disk, FileName::Vote) {
        let is_copy = bit / 8 % 4096 < 512;
        let expected =
            if is_copy { Verdict::Told(vec![DamageKind::VoteCopy]) } else { Verdict::Nothing };
        assert_eq!(flip(&disk, &truth, FileName::Vote, bit), expected, "bit {bit}");
    }
}

#[test]
fn every_bit_of_the_identity_is_watched() {
    let (disk, truth) = small_directory();
    for bit in 0..bits(&disk, FileName::Identity) {
        let is_copy = bit / 8 % 4096 < 512;
        let expected =
            if is_copy { Verdict::Told(vec![DamageKind::IdentityCopy]) } else { Verdict::Nothing };
        assert_eq!(flip(&disk, &truth, FileName::Identity, bit), expected, "bit {bit}");
    }
}

#[test]
fn every_bit_of_a_snapshot_is_watched() {
    let (disk, truth) = small_directory();
    let file = FileName::Snapshot(truth.snapshot);
    for bit in 0..bits(&disk, file) {
        let mut disk = disk.clone();
        disk.rot(file, bit / 8, 1 << (bit % 8));
        let node = Node::open(disk).expect("an older one takes its place");
        let kinds: Vec<_> = node.recovered.damage.iter().map(|damage| damage.kind).collect();
        assert_eq!(kinds, [DamageKind::Snapshot], "bit {bit}");
        assert_eq!(node.truth.last(), truth.last(), "bit {bit}");
    }
}

#[test]
fn a_flip_in_the_next_segment_before_it_is_used_changes_nothing() {
    let (disk, truth) = small_directory();
    let file = FileName::Segment(2);
    for bit in (0..bits(&disk, file)).step_by(5) {
        // It looks like the remains of a write that nobody was told of, and is cleared as such.
        let cleared = Verdict::Told(vec![DamageKind::TornTail]);
        assert_eq!(flip(&disk, &truth, file, bit), cleared, "bit {bit}");
    }
}

#[test]
fn a_snapshot_is_checked_whenever_it_is_read() {
    let (mut disk, _) = small_directory();
    let (recovered, _, store) =
        raft_storage::open(&mut disk, common::node::EXPECTED, common::node::small()).expect("good");
    let snapshot = recovered.snapshot.expect("there is one");
    let size = snapshot.id.bytes;
    for bit in 0..usize::try_from(size).expect("small") * 8 {
        let mut disk = disk.clone();
        disk.rot(FileName::Snapshot(snapshot.id.last), bit / 8, 1 << (bit % 8));
        let mut sent = Vec::new();
        let mut is_refused = false;
        while (sent.len() as u64) < size && !is_refused {
            match store.read(&mut disk, snapshot.id, sent.len() as u64, 100) {
                Ok(part) => sent.extend_from_slice(&part),
                Err(_) => is_refused = true,
            }
        }
        assert!(is_refused, "bit {bit} was sent to a peer");
        let mut reader = store.reader(snapshot.id).expect("it is current");
        let result = std::iter::from_fn(|| reader.next(&mut disk).transpose());
        assert!(result.into_iter().any(|part| part.is_err()), "bit {bit} was restored");
    }
}
