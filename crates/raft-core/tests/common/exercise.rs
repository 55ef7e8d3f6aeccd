//! What bytes from anywhere must survive. Shared by the tests and the fuzz targets, so that what the fuzzer
//! finds replays as a plain test.

use bytes::Bytes;
use raft_core::{Entries, Message};

/// Bytes as a message: refused, or read, written again and read as the same.
pub(crate) fn message(bytes: &[u8]) {
    let frame = Bytes::copy_from_slice(bytes);
    let Ok(message) = Message::decode(&frame) else { return };
    let mut again = Vec::new();
    let entries = message.encode(&mut again).expect("what was decoded can be encoded");
    again.extend_from_slice(&entries);
    // Not the same bytes: postcard reads a number in more than one spelling.
    assert_eq!(Message::decode(&Bytes::from(again)), Ok(message));
}

/// Bytes as a run of entries: refused, or a run whose parts are runs again.
pub(crate) fn entries(bytes: &[u8]) {
    let Ok(run) = Entries::decode(Bytes::copy_from_slice(bytes)) else { return };
    assert_eq!(run.iter().count() as u64, run.len());
    assert_eq!(run.iter().map(|entry| entry.encoded_bytes()).sum::<usize>(), bytes.len());
    for entry in &run {
        let (before, from) = run.split(entry.id.index);
        assert_eq!(from.first(), Some(entry.id));
        assert_eq!(before.len() + from.len(), run.len());
        for part in [before, from] {
            assert_eq!(Entries::decode(part.bytes().clone()), Ok(part));
        }
    }
}
