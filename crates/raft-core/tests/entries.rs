//! Runs of entries: what may stand in one, and how they are cut.

mod common;

use common::examples::{self, id};
use raft_core::{
    DecodeError, ENTRY_BYTES_MAX, ENTRY_HEADER_BYTES, Entries, EntriesBuf, Entry, EntryId, Index,
    LogTime, Membership, Payload,
};

fn entry(id: EntryId, time: u64) -> Entry<'static> {
    Entry { id, time: LogTime(time), payload: Payload::Command(b"x") }
}

/// Appends two entries and says why the second is refused.
fn second_refused(first: Entry<'_>, second: Entry<'_>) -> String {
    let mut run = EntriesBuf::default();
    run.push(&first).expect("the first entry is legal");
    let refused = run.push(&second).expect_err("the second entry is not").to_string();
    assert_eq!(run.take().len(), 1, "a refused entry leaves no trace");
    refused
}

#[test]
fn entries_follow_one_another() {
    let says = second_refused(entry(id(2, 5), 10), entry(id(2, 7), 10));
    assert!(says.contains("does not follow"), "{says}");
    let says = second_refused(entry(id(2, 5), 10), entry(id(2, 5), 10));
    assert!(says.contains("does not follow"), "{says}");
}

#[test]
fn terms_and_log_times_never_decrease() {
    let says = second_refused(entry(id(2, 5), 10), entry(id(1, 6), 10));
    assert!(says.contains("older term"), "{says}");
    let says = second_refused(entry(id(2, 5), 10), entry(id(2, 6), 9));
    assert!(says.contains("earlier log time"), "{says}");
}

#[test]
fn no_entry_stands_at_zero_or_in_term_zero_or_at_the_end_of_numbers() {
    for id in [id(1, 0), id(0, 1), id(1, u64::MAX), id(u64::MAX, 1)] {
        EntriesBuf::default().push(&entry(id, 0)).expect_err("no entry can have this id");
    }
}

#[test]
fn the_largest_entry_goes_alone_and_one_byte_more_is_refused() {
    let largest = vec![7; ENTRY_BYTES_MAX - ENTRY_HEADER_BYTES];
    let mut run = EntriesBuf::default();
    let payload = Payload::Command(&largest);
    run.push(&Entry { payload, ..entry(id(1, 1), 0) }).expect("at the limit");
    let run = run.take();
    assert_eq!(Entries::decode(run.bytes().clone()), Ok(run));

    let larger = vec![7; largest.len() + 1];
    let payload = Payload::Command(&larger);
    EntriesBuf::default()
        .push(&Entry { payload, ..entry(id(1, 1), 0) })
        .expect_err("above the limit");

    let mut run = EntriesBuf::default();
    run.push(&entry(id(1, 1), 0)).expect("legal");
    let mut bytes = run.take().bytes()[..ENTRY_HEADER_BYTES].to_vec();
    bytes[..4].copy_from_slice(&u32::try_from(larger.len()).expect("2 MiB").to_le_bytes());
    bytes.extend(larger);
    let (size, max) = (ENTRY_BYTES_MAX as u64 + 1, ENTRY_BYTES_MAX as u64);
    let refused = Err(DecodeError::TooLarge { what: "the size of an entry", size, max });
    assert_eq!(Entries::decode(bytes.into()), refused);
}

#[test]
fn a_run_knows_its_ends_and_hands_out_what_was_put_in() {
    let run = examples::entries();
    assert_eq!((run.first(), run.last()), (Some(id(6, 41)), Some(id(7, 43))));
    assert_eq!((run.first_time(), run.last_time()), (Some(LogTime(1_000)), Some(LogTime(1_014))));
    let payloads: Vec<Payload<'_>> = run.iter().map(|entry| entry.payload).collect();
    assert_eq!(payloads[..2], [Payload::Empty, Payload::Command(b"put hello world")]);
    assert_eq!(Membership::decode(payloads[2].bytes()), Ok(examples::membership()));
}

#[test]
fn a_run_is_cut_at_a_position_without_copying() {
    let run = examples::entries();
    let (before, from) = run.split(Index(42));
    assert_eq!((before.last(), from.first()), (Some(id(6, 41)), Some(id(6, 42))));
    assert_eq!(before.len(), 1);
    assert_eq!(from.len(), 2);
    assert_eq!(before.bytes().len() + from.bytes().len(), run.bytes().len());
    assert_eq!(from.bytes().as_ptr(), run.bytes()[before.bytes().len()..].as_ptr());

    assert_eq!(run.split(Index(41)), (Entries::empty(), run.clone()));
    assert_eq!(run.split(Index(44)), (run.clone(), Entries::empty()));
}

#[test]
fn what_is_taken_starts_a_new_run() {
    let mut buf = EntriesBuf::with_capacity(256);
    buf.push(&entry(id(1, 1), 0)).expect("legal");
    let first = buf.take();
    assert_eq!(buf.byte_len(), 0);
    buf.push(&entry(id(4, 9), 0)).expect("a new run may begin anywhere");
    assert_eq!((first.len(), buf.take().len()), (1, 1));
}

// Both doors: a leader does not make such an entry, and a follower does not take it.
#[test]
fn an_entry_cannot_leave_the_cluster_without_members() {
    let mut nobody = Vec::new();
    Membership::none().encode(&mut nobody);
    let entry = entry(id(1, 1), 0);

    let refused = EntriesBuf::default()
        .push(&Entry { payload: Payload::Membership(&nobody), ..entry })
        .expect_err("nobody would be left");
    assert!(refused.to_string().contains("without members"), "{refused}");

    let mut run = EntriesBuf::default();
    run.push(&Entry { payload: Payload::Command(&nobody), ..entry }).expect("any command is legal");
    let mut bytes = run.take().bytes().to_vec();
    bytes[4] = 3;
    let refused = Entries::decode(bytes.into()).expect_err("nobody would be left");
    assert!(refused.to_string().contains("without members"), "{refused}");
}

#[test]
fn an_entry_has_one_of_three_kinds_and_nothing_in_its_reserved_bytes() {
    let mut run = EntriesBuf::default();
    run.push(&entry(id(1, 1), 0)).expect("legal");
    let bytes = run.take().bytes().to_vec();
    for (at, value, says) in [(4, 0, "kind"), (4, 4, "kind"), (4, 1, "payload"), (6, 1, "reserved")]
    {
        let mut changed = bytes.clone();
        changed[at] = value;
        let refused = Entries::decode(changed.into()).expect_err("another byte there").to_string();
        assert!(refused.contains(says), "byte {at} = {value}: {refused}");
    }
}
