//! Any bytes as any file: an error or a log, never a panic, never memory out of proportion.

#[path = "common/exercise.rs"]
mod exercise;

use exercise::{made, segment};
use proptest::prelude::*;
use raft_storage::{FakeDisk, FileName};

/// Looking at a directory takes no more memory than its files have bytes, several times over.
fn takes_little(mut disk: FakeDisk) {
    let bytes: usize =
        disk.names().iter().filter_map(|name| disk.contents(*name)).map(<[u8]>::len).sum();
    let taken = allocation_counter::measure(|| drop(raft_storage::inspect(&mut disk))).bytes_max;
    let limit = 8 * bytes as u64 + 64 * 1024;
    assert!(taken <= limit, "{bytes} bytes of files took {taken} bytes of memory");
}

fn survives(bytes: &[u8]) {
    exercise::file(bytes);
    exercise::records(bytes);
    exercise::snapshot(bytes);
    let mut disk = made();
    disk.put(FileName::Segment(1), &segment(bytes));
    takes_little(disk);
    let mut disk = made();
    disk.put(FileName::Vote, bytes);
    disk.put(FileName::Segment(1), bytes);
    takes_little(disk);
}

fn file_of(disk: &FakeDisk, which: u8) -> (FileName, Vec<u8>) {
    let names = disk.names();
    let name = names[usize::from(which) % names.len()];
    (name, disk.contents(name).expect("it is there").to_vec())
}

#[test]
fn records_of_the_exercise_are_read() {
    let mut entries = raft_core::EntriesBuf::default();
    let id = raft_core::EntryId::new(raft_core::Term(1), raft_core::Index(1));
    let (time, payload) = (raft_core::LogTime(0), raft_core::Payload::Empty);
    entries.push(&raft_core::Entry { id, time, payload }).expect("the first entry");
    let mut bytes = vec![1, 32, 0];
    bytes.extend_from_slice(entries.take().bytes());
    let mut disk = made();
    disk.put(FileName::Segment(1), &segment(&bytes));
    let recovered = raft_storage::inspect(&mut disk).expect("every checksum holds").recovered;
    assert_eq!(recovered.loaded.log.len(), 1);
    exercise::records(&bytes);
}

#[test]
fn numbers_at_the_end_of_their_range_survive() {
    let mut disk = made();
    disk.put(FileName::Segment(u64::MAX), &segment(&[]));
    disk.put(FileName::Segment(u64::MAX - 1), &[1; 9000]);
    takes_little(disk);
    let mut last = segment(&[]);
    last[70..78].fill(255);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&last[..8]), &last[12..512]);
    last[8..12].copy_from_slice(&crc.to_le_bytes());
    exercise::file(&[&[2], last.as_slice()].concat());
}

proptest! {
    #[test]
    fn any_bytes_survive(bytes in prop::collection::vec(any::<u8>(), 0..9_000)) {
        survives(&bytes);
    }

    #[test]
    fn any_records_survive(
        records in prop::collection::vec(
            (0_u8..5, prop::collection::vec(any::<u8>(), 0..80)), 0..8),
    ) {
        let mut bytes = Vec::new();
        for (kind, payload) in records {
            bytes.push(kind);
            bytes.extend(u16::try_from(payload.len()).expect("short").to_le_bytes());
            bytes.extend(payload);
        }
        exercise::records(&bytes);
    }

    #[test]
    fn resets_to_anywhere_survive(places in prop::collection::vec((any::<u64>(), any::<u64>()), 0..4)) {
        let mut bytes = Vec::new();
        for (index, term) in places {
            bytes.extend([2, 16, 0]);
            bytes.extend(index.to_le_bytes());
            bytes.extend(term.to_le_bytes());
            bytes.extend([3, 0, 0]);
        }
        exercise::records(&bytes);
    }

    #[test]
    fn good_files_with_bytes_changed_survive(
        which in any::<u8>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        len in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let mut disk = made();
        disk.put(FileName::Segment(1), &segment(&[3, 0, 0]));
        let (name, mut bytes) = file_of(&disk, which);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if is_cut {
            bytes.truncate(len.index(bytes.len()));
        }
        let kind = match name {
            FileName::Identity => 0,
            FileName::Vote => 1,
            FileName::Segment(_) => 2,
            _ => 4,
        };
        exercise::file(&[&[kind], bytes.as_slice()].concat());
    }

    #[test]
    fn a_good_snapshot_with_bytes_changed_survives(
        chunk in any::<u8>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let disk = made();
        let name = FileName::Snapshot(raft_core::EntryId::ZERO);
        let mut bytes = disk.contents(name).expect("it is there").to_vec();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        exercise::snapshot(&[&[chunk], bytes.as_slice()].concat());
        exercise::file(&[&[4], bytes.as_slice()].concat());
    }
}
