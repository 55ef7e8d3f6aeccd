//! What is written is read as the same, for every kind of message and entry, and version 1 stays version 1.

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use bytes::Bytes;
use common::{examples, strategies};
use proptest::prelude::*;
use raft_core::{Entries, Message, frame_bytes_max};

fn frame(message: &Message) -> Bytes {
    let mut head = Vec::new();
    let entries = message.encode(&mut head).expect("a legal message");
    head.extend_from_slice(&entries);
    head.into()
}

proptest! {
    #[test]
    fn every_message_is_read_as_it_was_written(message in strategies::message()) {
        let frame = frame(&message);
        prop_assert!(frame.len() <= frame_bytes_max(frame[0]).expect("a known kind"));
        prop_assert_eq!(Message::decode(&frame), Ok(message));
    }

    #[test]
    fn every_entry_is_read_as_it_was_written(script in strategies::script()) {
        let (run, _) = strategies::run(examples::id(3, 8), &script);
        prop_assert_eq!(Entries::decode(run.bytes().clone()), Ok(run.clone()));
        prop_assert_eq!(run.len(), script.len() as u64);
        prop_assert_eq!(run.is_empty(), script.is_empty());
    }

    #[test]
    fn a_frame_cut_short_is_refused(message in strategies::message(), cut in any::<prop::sample::Index>()) {
        let frame = frame(&message);
        let cut = frame.slice(..cut.index(frame.len()));
        // Only an append may be whole without its last entries.
        let shorter = Message::decode(&cut);
        prop_assert!(shorter.is_err() || frame[0] == 5, "{shorter:?}");
        prop_assert!(shorter != Ok(message));
    }

    #[test]
    fn a_frame_with_one_byte_too_many_is_refused(message in strategies::message()) {
        let mut longer = frame(&message).to_vec();
        longer.push(0);
        prop_assert!(Message::decode(&longer.into()).is_err());
    }
}

#[test]
fn the_examples_cover_every_kind() {
    let kinds: BTreeSet<u8> =
        examples::messages().iter().map(|(_, message)| frame(message)[0]).collect();
    let known = (0..=u8::MAX).filter(|kind| frame_bytes_max(*kind).is_some());
    assert_eq!(kinds, known.collect());
}

#[test]
fn entries_leave_as_the_bytes_that_lie_in_the_log() {
    let run = examples::entries();
    let (_, append) = examples::messages()
        .into_iter()
        .find(|(name, _)| *name == "append-entries")
        .expect("listed");
    let sent = append.encode(&mut Vec::new()).expect("a legal message");
    assert_eq!(sent, run.bytes());
}

/// The golden file as it should read now: one line per example, name and bytes in hex.
fn golden_now() -> String {
    let mut text = String::new();
    let entries = ("entries", examples::entries().bytes().clone());
    let mut membership = Vec::new();
    examples::membership().encode(&mut membership);
    let frames = examples::messages().into_iter().map(|(name, message)| (name, frame(&message)));
    for (name, bytes) in frames.chain([entries, ("membership", membership.into())]) {
        write!(text, "{name} ").expect("a string grows");
        for byte in &bytes {
            write!(text, "{byte:02x}").expect("a string grows");
        }
        text.push('\n');
    }
    text
}

// A difference means that nodes of two builds do not understand each other, or that a log cannot be read any
// more: it takes a new version number, a reader for the old one, and a second golden file.
#[test]
fn version_1_still_has_the_bytes_it_had() {
    let golden = include_str!("golden/version-1.txt");
    for (now, then) in golden_now().lines().zip(golden.lines()) {
        assert_eq!(now, then);
    }
    assert_eq!(golden_now().lines().count(), golden.lines().count());
}

// Run with `-- --ignored` after a kind was added; never to make a difference go away.
#[test]
#[ignore = "writes the golden file and the fuzzer's seeds instead of checking them"]
fn write_golden_and_seeds() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fuzz/seeds");
    std::fs::write(
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/version-1.txt"),
        golden_now(),
    )
    .expect("the file can be written");
    for (name, message) in examples::messages() {
        std::fs::write(format!("{root}/message/{name}"), frame(&message)).expect("writable");
    }
    std::fs::write(format!("{root}/entries/entries"), examples::entries().bytes())
        .expect("writable");
}
