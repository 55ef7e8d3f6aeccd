//! The bytes of a message, so that simulation runs what production sends. A frame on the wire is a u32
//! length and then what is encoded here; frame kinds up to [`KIND_MAX`] are the core's, the ones above
//! belong to the transport. `docs/wire-protocol.md` is changed together with this file.
//!
//! ```text
//!   0      1         3
//!   ├──────┼─────────┼──────────────────────────┬─────────────────────────────┤
//!   │ kind │ version │ fields in postcard       │ encoded entries, to the end │
//!   │ u8   │ u16 = 1 │ term first               │ (AppendEntries only)        │
//!   └──────┴─────────┴──────────────────────────┴─────────────────────────────┘
//! ```
//!
//! Relies on nothing but the bytes: the length has been held against [`frame_bytes_max`] by whoever read it
//! from the stream, and is held against it here again. Whatever is hashed is hashed as received; nothing
//! is ever encoded a second time to be compared.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::contradiction::Contradiction;
use crate::decode::DecodeError;
use crate::entries::Entries;
use crate::ids::{EntryId, Epoch, Index, LogTime, Term};
use crate::membership::Membership;
use crate::message::{AppendEntries, InstallSnapshot, Kind, Message};
use crate::snapshot::SnapshotMeta;

/// The version of the message format that this build writes.
pub const MESSAGE_VERSION: u16 = 1;
/// Frame kinds up to this one belong to the core.
pub const KIND_MAX: u8 = 63;

const HEADER_BYTES: usize = 3;

const REQUEST_PRE_VOTE: u8 = 1;
const REQUEST_PRE_VOTE_REPLY: u8 = 2;
const REQUEST_VOTE: u8 = 3;
const REQUEST_VOTE_REPLY: u8 = 4;
const APPEND_ENTRIES: u8 = 5;
const APPEND_ENTRIES_REPLY: u8 = 6;
const HEARTBEAT: u8 = 7;
const HEARTBEAT_REPLY: u8 = 8;
const INSTALL_SNAPSHOT: u8 = 9;
const INSTALL_SNAPSHOT_REPLY: u8 = 10;
const TIMEOUT_NOW: u8 = 11;
const READ_INDEX: u8 = 12;
const READ_INDEX_REPLY: u8 = 13;
const COMMIT: u8 = 14;

/// How large a frame of this kind may be, header included; `None` for a kind the core does not have. To be
/// asked before memory is taken for a frame.
#[must_use]
pub fn frame_bytes_max(kind: u8) -> Option<usize> {
    match kind {
        APPEND_ENTRIES => Some(4 * 1024 * 1024),
        // A full membership: every member with the longest contact, and every removed id.
        INSTALL_SNAPSHOT => Some(64 * 1024),
        REQUEST_PRE_VOTE..=COMMIT => Some(256),
        _ => None,
    }
}

/// The fields of an append that stand before its entries.
#[derive(Serialize, Deserialize)]
struct AppendHead {
    epoch: Epoch,
    previous: EntryId,
    commit_index: Index,
}

/// The fields of a snapshot's announcement, its membership still encoded.
#[derive(Serialize, Deserialize)]
struct SnapshotHead<'a> {
    epoch: Epoch,
    last: EntryId,
    time: LogTime,
    membership_index: Index,
    bytes: u64,
    offset: u64,
    membership: &'a [u8],
}

impl Message {
    /// Appends the frame to `head`, all but an append's entries: those are returned as they lie in the log,
    /// to be sent right behind `head` without a copy.
    ///
    /// # Errors
    /// A contradiction if the message breaks its own rules or its limit. `head` may then hold a part.
    pub fn encode(&self, head: &mut Vec<u8>) -> Result<Bytes, Contradiction> {
        self.check().map_err(|nonsense| Contradiction::new(nonsense.0))?;
        let start = head.len();
        let kind = kind_code(&self.kind);
        head.push(kind);
        head.extend_from_slice(&MESSAGE_VERSION.to_le_bytes());
        put(head, &self.term)?;
        let entries = put_fields(head, &self.kind)?;
        let bytes = head.len().saturating_sub(start).saturating_add(entries.len());
        if frame_bytes_max(kind).is_none_or(|max| bytes > max) {
            return Err(Contradiction::new("a message is larger than its kind allows"));
        }
        Ok(entries)
    }

    /// Reads one whole frame. An append's entries share its memory; a log that keeps them copies them.
    ///
    /// # Errors
    /// The first rule that the bytes break. Memory is taken only for a membership, which is bounded.
    pub fn decode(frame: &Bytes) -> Result<Self, DecodeError> {
        let (&[kind, low, high], fields) =
            frame.split_first_chunk::<HEADER_BYTES>().ok_or(DecodeError::Truncated)?;
        let version = u16::from_le_bytes([low, high]);
        if version != MESSAGE_VERSION {
            return Err(DecodeError::Version { found: version, known: MESSAGE_VERSION });
        }
        let max = frame_bytes_max(kind)
            .ok_or(DecodeError::Invalid("a message is of a kind that does not exist"))?;
        if frame.len() > max {
            let (size, max) = (frame.len() as u64, max as u64);
            return Err(DecodeError::TooLarge { what: "the size of a message", size, max });
        }
        let (term, fields) = take::<Term>(fields)?;
        let message = Self { term, kind: take_fields(kind, fields, frame)? };
        message.check().map_err(|nonsense| DecodeError::Invalid(nonsense.0))?;
        Ok(message)
    }
}

fn kind_code(kind: &Kind) -> u8 {
    match kind {
        Kind::RequestPreVote(_) => REQUEST_PRE_VOTE,
        Kind::RequestPreVoteReply(_) => REQUEST_PRE_VOTE_REPLY,
        Kind::RequestVote(_) => REQUEST_VOTE,
        Kind::RequestVoteReply(_) => REQUEST_VOTE_REPLY,
        Kind::AppendEntries(_) => APPEND_ENTRIES,
        Kind::AppendEntriesReply(_) => APPEND_ENTRIES_REPLY,
        Kind::Heartbeat(_) => HEARTBEAT,
        Kind::HeartbeatReply(_) => HEARTBEAT_REPLY,
        Kind::Commit(_) => COMMIT,
        Kind::InstallSnapshot(_) => INSTALL_SNAPSHOT,
        Kind::InstallSnapshotReply(_) => INSTALL_SNAPSHOT_REPLY,
        Kind::TimeoutNow(_) => TIMEOUT_NOW,
        Kind::ReadIndex(_) => READ_INDEX,
        Kind::ReadIndexReply(_) => READ_INDEX_REPLY,
    }
}

fn put_fields(out: &mut Vec<u8>, kind: &Kind) -> Result<Bytes, Contradiction> {
    match kind {
        Kind::RequestPreVote(fields) => put(out, fields),
        Kind::RequestPreVoteReply(fields) => put(out, fields),
        Kind::RequestVote(fields) => put(out, fields),
        Kind::RequestVoteReply(fields) => put(out, fields),
        Kind::AppendEntries(append) => {
            let AppendEntries { epoch, previous, commit_index, ref entries } = *append;
            put(out, &AppendHead { epoch, previous, commit_index })?;
            return Ok(entries.bytes().clone());
        }
        Kind::AppendEntriesReply(fields) => put(out, fields),
        Kind::Heartbeat(fields) => put(out, fields),
        Kind::HeartbeatReply(fields) => put(out, fields),
        Kind::Commit(fields) => put(out, fields),
        Kind::InstallSnapshot(install) => put_snapshot(out, install),
        Kind::InstallSnapshotReply(fields) => put(out, fields),
        Kind::TimeoutNow(fields) => put(out, fields),
        Kind::ReadIndex(fields) => put(out, fields),
        Kind::ReadIndexReply(fields) => put(out, fields),
    }?;
    Ok(Bytes::new())
}

fn put_snapshot(out: &mut Vec<u8>, install: &InstallSnapshot) -> Result<(), Contradiction> {
    let mut membership = Vec::new();
    install.meta.membership.encode(&mut membership);
    let head = SnapshotHead {
        epoch: install.epoch,
        last: install.meta.last,
        time: install.meta.time,
        membership_index: install.meta.membership_index,
        bytes: install.bytes,
        offset: install.offset,
        membership: &membership,
    };
    put(out, &head)
}

fn put(out: &mut Vec<u8>, fields: &impl Serialize) -> Result<(), Contradiction> {
    let grown = postcard::to_extend(fields, std::mem::take(out))
        .map_err(|_| Contradiction::new("a message has fields that postcard cannot write"))?;
    *out = grown;
    Ok(())
}

fn take_fields(kind: u8, fields: &[u8], frame: &Bytes) -> Result<Kind, DecodeError> {
    match kind {
        REQUEST_PRE_VOTE => take_all(fields).map(Kind::RequestPreVote),
        REQUEST_PRE_VOTE_REPLY => take_all(fields).map(Kind::RequestPreVoteReply),
        REQUEST_VOTE => take_all(fields).map(Kind::RequestVote),
        REQUEST_VOTE_REPLY => take_all(fields).map(Kind::RequestVoteReply),
        APPEND_ENTRIES => take_append(fields, frame).map(Kind::AppendEntries),
        APPEND_ENTRIES_REPLY => take_all(fields).map(Kind::AppendEntriesReply),
        HEARTBEAT => take_all(fields).map(Kind::Heartbeat),
        HEARTBEAT_REPLY => take_all(fields).map(Kind::HeartbeatReply),
        COMMIT => take_all(fields).map(Kind::Commit),
        INSTALL_SNAPSHOT => take_snapshot(fields).map(Kind::InstallSnapshot),
        INSTALL_SNAPSHOT_REPLY => take_all(fields).map(Kind::InstallSnapshotReply),
        TIMEOUT_NOW => take_all(fields).map(Kind::TimeoutNow),
        READ_INDEX => take_all(fields).map(Kind::ReadIndex),
        READ_INDEX_REPLY => take_all(fields).map(Kind::ReadIndexReply),
        _ => Err(DecodeError::Invalid("a message is of a kind that does not exist")),
    }
}

fn take_append(fields: &[u8], frame: &Bytes) -> Result<AppendEntries, DecodeError> {
    let (head, entries) = take::<AppendHead>(fields)?;
    let AppendHead { epoch, previous, commit_index } = head;
    let entries = Entries::decode(frame.slice_ref(entries))?;
    Ok(AppendEntries { epoch, previous, commit_index, entries })
}

fn take_snapshot(fields: &[u8]) -> Result<InstallSnapshot, DecodeError> {
    let head: SnapshotHead<'_> = take_all(fields)?;
    let meta = SnapshotMeta {
        last: head.last,
        time: head.time,
        membership: Membership::decode(head.membership)?,
        membership_index: head.membership_index,
    };
    Ok(InstallSnapshot { epoch: head.epoch, meta, bytes: head.bytes, offset: head.offset })
}

fn take<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<(T, &'a [u8]), DecodeError> {
    postcard::take_from_bytes(bytes).map_err(|error| {
        if error == postcard::Error::DeserializeUnexpectedEnd {
            return DecodeError::Truncated;
        }
        DecodeError::Invalid("a message's fields are not what its kind has")
    })
}

// Everything announced has been read; what follows would be a second truth.
fn take_all<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, DecodeError> {
    match take(bytes)? {
        (fields, []) => Ok(fields),
        _ => Err(DecodeError::Invalid("bytes are left over behind a message's fields")),
    }
}
