//! Bytes from a peer or a disk may be anything: an error, never a panic, never memory out of proportion.

mod common;

use bytes::Bytes;
use common::{examples, exercise, strategies};
use proptest::prelude::*;
use raft_core::{DecodeError, Entries, Membership, Message};

/// Decodes as everything that can be decoded, and holds the memory taken against what came in.
fn survives(bytes: &[u8]) {
    let frame = Bytes::copy_from_slice(bytes);
    let limit = 16 * bytes.len() as u64 + 1_024;
    let taken = allocation_counter::measure(|| drop(Message::decode(&frame))).bytes_total;
    assert!(taken <= limit, "a message of {} bytes took {taken} bytes of memory", bytes.len());
    let taken = allocation_counter::measure(|| drop(Entries::decode(frame.clone()))).bytes_total;
    assert!(taken <= limit, "entries of {} bytes took {taken} bytes of memory", bytes.len());
    let taken = allocation_counter::measure(|| drop(Membership::decode(bytes))).bytes_total;
    assert!(taken <= limit, "a membership of {} bytes took {taken} bytes of memory", bytes.len());
    exercise::message(bytes);
    exercise::entries(bytes);
}

fn frame(message: &Message) -> Vec<u8> {
    let mut frame = Vec::new();
    let entries = message.encode(&mut frame).expect("a legal message");
    frame.extend_from_slice(&entries);
    frame
}

proptest! {
    #[test]
    fn any_bytes_survive(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        survives(&bytes);
    }

    #[test]
    fn any_fields_behind_a_good_header_survive(
        kind in 1_u8..=14,
        fields in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let mut bytes = vec![kind, 1, 0];
        bytes.extend(fields);
        survives(&bytes);
    }

    #[test]
    fn legal_frames_with_bytes_changed_survive(
        message in strategies::message(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = frame(&message);
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        survives(&bytes);
    }

    #[test]
    fn legal_frames_survive(message in strategies::message()) {
        survives(&frame(&message));
    }

    #[test]
    fn legal_runs_with_bytes_changed_survive(
        script in strategies::script(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut bytes = strategies::run(examples::id(2, 6), &script).0.bytes().to_vec();
        for (at, value) in changes.into_iter().filter(|_| !script.is_empty()) {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        survives(&bytes);
    }
}

/// Every file the fuzzer starts from or has ever failed on.
fn replay(folder: &str, exercise: impl Fn(&[u8])) {
    let folder = format!("{}/../../fuzz/seeds/{folder}", env!("CARGO_MANIFEST_DIR"));
    let files = std::fs::read_dir(&folder).expect("the seeds are part of the repository");
    let mut count = 0;
    for file in files {
        let path = file.expect("the folder can be read").path();
        exercise(&std::fs::read(&path).expect("a seed can be read"));
        count += 1;
    }
    assert!(count > 0, "{folder} is empty");
}

#[test]
fn the_fuzz_seeds_of_messages_replays() {
    replay("message", survives);
}

#[test]
fn the_fuzz_seeds_of_entries_replays() {
    replay("entries", survives);
}

// One byte announces 2^60 elements, or a string of 4 GiB: nothing may be taken on its word.
#[test]
fn an_announced_length_takes_no_memory() {
    let huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f];
    for kind in 1..=14 {
        for zeros in 0..24 {
            let mut bytes = vec![kind, 1, 0];
            bytes.extend(std::iter::repeat_n(1, zeros));
            bytes.extend(huge);
            survives(&bytes);
        }
    }
    survives(&[1, 0, 0xff, 0xff, 0, 0, 0, 0]);
    // Counts that are allowed, and nothing behind them.
    survives(&[1, 0, 64, 0]);
    survives(&[1, 0, 0, 0, 0x00, 0x10]);
    survives(&[0xff, 0xff, 0xff, 0xff, 2, 1, 0, 0]);
}

#[test]
fn a_frame_above_the_limit_of_its_kind_is_refused_by_size() {
    let mut bytes = frame(&examples::messages()[0].1);
    bytes.resize(300, 0);
    let refused = Message::decode(&bytes.into());
    assert_eq!(
        refused,
        Err(DecodeError::TooLarge { what: "the size of a message", size: 300, max: 256 })
    );
}

#[test]
fn a_newer_version_says_so() {
    let mut bytes = frame(&examples::messages()[0].1);
    bytes[1] = 2;
    assert_eq!(Message::decode(&bytes.into()), Err(DecodeError::Version { found: 2, known: 1 }));

    let mut run = examples::entries().bytes().to_vec();
    run[5] = 9;
    assert_eq!(Entries::decode(run.into()), Err(DecodeError::Version { found: 9, known: 1 }));
}
