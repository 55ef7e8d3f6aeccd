//! The numbers of the design, as numbers: not compared with our own constants, which could both be wrong.

mod common;

use bytes::Bytes;
use common::examples::id;
use raft_core::{
    CONTACT_BYTES_MAX, ClusterId, Config, ConfigError, DecodeError, ENTRY_BYTES_MAX,
    ENTRY_HEADER_BYTES, EntriesBuf, Entry, LogTime, MEMBERS_MAX, Membership, Message, NodeId,
    Payload, REMOVED_MAX, frame_bytes_max,
};

#[test]
fn the_limits_of_the_formats_are_those_of_the_documents() {
    assert_eq!(ENTRY_BYTES_MAX, 2_097_152);
    assert_eq!(ENTRY_HEADER_BYTES, 32);
    assert_eq!(MEMBERS_MAX, 64);
    assert_eq!(REMOVED_MAX, 4_096);
    assert_eq!(CONTACT_BYTES_MAX, 255);
    let limits: Vec<usize> = (0..=15).map(|kind| frame_bytes_max(kind).unwrap_or(0)).collect();
    let (append, snapshot) = (4_194_304, 65_536);
    assert_eq!(
        limits,
        [0, 256, 256, 256, 256, append, 256, 256, 256, snapshot, 256, 256, 256, 256, 256, 0]
    );
}

#[test]
fn the_defaults_are_the_numbers_of_the_design() -> Result<(), ConfigError> {
    let config = Config::new(ClusterId(1), NodeId(1), 7);
    config.check()?;
    assert_eq!(config.heartbeat_interval_ms, 50);
    assert_eq!(config.election_timeout_ms, 300);
    assert_eq!(config.entry_bytes_max, 2_097_152);
    assert_eq!(config.append_bytes_max, 262_144);
    assert_eq!(config.inflight_bytes_max, 1_048_576);
    assert_eq!(config.inflight_messages_max, 256);
    assert_eq!(config.snapshot_log_bytes, 67_108_864);
    assert_eq!(config.log_bytes_max, 268_435_456);
    Ok(())
}

#[test]
fn a_frame_of_one_byte_more_than_its_kind_may_have_is_refused() {
    for (kind, max) in [(5, 4_194_304), (9, 65_536), (7, 256)] {
        let mut frame = vec![0; max + 1];
        frame[..3].copy_from_slice(&[kind, 1, 0]);
        let size = max as u64 + 1;
        let refused =
            DecodeError::TooLarge { what: "the size of a message", size, max: max as u64 };
        assert_eq!(Message::decode(&Bytes::from(frame.clone())), Err(refused));
        frame.pop();
        let other = Message::decode(&Bytes::from(frame)).expect_err("zeros are no message");
        assert!(!matches!(other, DecodeError::TooLarge { .. }), "{other}");
    }
}

#[test]
fn a_message_above_its_limit_is_not_encoded_either() {
    let command = vec![7; 1_048_576];
    let mut run = EntriesBuf::default();
    for index in 1..=4 {
        let payload = Payload::Command(&command);
        run.push(&Entry { id: id(1, index), time: LogTime(0), payload }).expect("legal");
    }
    let append = raft_core::AppendEntries {
        epoch: raft_core::Epoch(1),
        previous: raft_core::EntryId::ZERO,
        commit_index: raft_core::Index(0),
        entries: run.take(),
    };
    let kind = raft_core::Kind::AppendEntries(append);
    let message = Message { term: raft_core::Term(1), kind };
    let refused = message.encode(&mut Vec::new()).expect_err("four MiB and four headers");
    assert!(refused.to_string().contains("larger than its kind allows"), "{refused}");
}

#[test]
fn a_version_that_never_was_and_one_that_is_not_yet_are_refused() {
    for found in [0, 2] {
        let version = Err(DecodeError::Version { found, known: 1 });
        let low = u8::try_from(found).expect("small");
        assert_eq!(Membership::decode(&[low, 0, 0, 0, 0, 0]), version);
        assert_eq!(
            Message::decode(&Bytes::from(vec![7, low, 0])).map(|_| Membership::none()),
            version
        );
    }
}
