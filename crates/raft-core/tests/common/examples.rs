//! One example of every kind, with every field different, for golden bytes and the fuzzer's seeds.

use bytes::Bytes;
use raft_core::{
    AppendEntries, AppendEntriesReply, AppendResult, Commit, Entries, EntriesBuf, Entry, EntryId,
    Epoch, Heartbeat, HeartbeatReply, Incarnation, Index, InstallResult, InstallSnapshot,
    InstallSnapshotReply, Kind, LogTime, Member, Membership, Message, NodeId, Payload, ReadIndex,
    ReadIndexReply, RequestPreVote, RequestPreVoteReply, RequestVote, RequestVoteReply, Round,
    SnapshotMeta, Standing, Term, TimeoutNow, VoteRefusal,
};

pub(crate) fn id(term: u64, index: u64) -> EntryId {
    EntryId::new(Term(term), Index(index))
}

/// A joint membership with every standing, contacts, incarnations and removed ids.
pub(crate) fn membership() -> Membership {
    let standings = [
        Standing::Voter,
        Standing::Incoming,
        Standing::Outgoing,
        Standing::Demoted,
        Standing::Learner,
        Standing::Promotable,
    ];
    let members = (1_u64..).zip(standings).map(|(id, standing)| Member {
        id: NodeId(id),
        incarnation: Incarnation(id * 0x0101_0101),
        standing,
        contact: Bytes::from(format!("10.0.0.{id}:7400")),
    });
    Membership::new(members.collect(), vec![NodeId(77), NodeId(70)]).expect("it breaks no rule")
}

/// A run with every kind of entry, over two terms.
pub(crate) fn entries() -> Entries {
    let mut membership_bytes = Vec::new();
    membership().encode(&mut membership_bytes);
    let payloads = [
        Payload::Empty,
        Payload::Command(b"put hello world"),
        Payload::Membership(&membership_bytes),
    ];
    let mut run = EntriesBuf::default();
    for (at, payload) in (0_u64..).zip(payloads) {
        let entry = Entry { id: id(6 + at / 2, 41 + at), time: LogTime(1_000 + 7 * at), payload };
        run.push(&entry).expect("each follows the one before");
    }
    run.take()
}

/// Every kind of message, by name.
pub(crate) fn messages() -> Vec<(&'static str, Message)> {
    let meta = SnapshotMeta {
        last: id(5, 900),
        time: LogTime(123_456),
        membership: membership(),
        membership_index: Index(640),
    };
    let conflict = AppendResult::Conflict { rejected: id(6, 40), hint: id(3, 12) };
    let kinds = vec![
        (
            "request-pre-vote",
            Kind::RequestPreVote(RequestPreVote {
                round: Round(3),
                last: id(6, 300),
                commit: id(5, 299),
                priority: 2,
            }),
        ),
        (
            "request-pre-vote-reply",
            Kind::RequestPreVoteReply(RequestPreVoteReply {
                round: Round(3),
                refusal: Some(VoteRefusal::OldLog { theirs: id(6, 300), ours: id(7, 2) }),
                commit: id(4, 250),
            }),
        ),
        (
            "request-vote",
            Kind::RequestVote(RequestVote {
                last: id(6, 300),
                commit: id(5, 299),
                transfer: true,
                priority: 1,
            }),
        ),
        (
            "request-vote-reply",
            Kind::RequestVoteReply(RequestVoteReply { refusal: None, commit: id(4, 250) }),
        ),
        (
            "append-entries",
            Kind::AppendEntries(AppendEntries {
                epoch: Epoch(9),
                previous: id(6, 40),
                commit_index: Index(39),
                entries: entries(),
            }),
        ),
        (
            "append-entries-empty",
            Kind::AppendEntries(AppendEntries {
                epoch: Epoch(9),
                previous: id(6, 40),
                commit_index: Index(40),
                entries: Entries::empty(),
            }),
        ),
        (
            "append-entries-reply-matched",
            Kind::AppendEntriesReply(AppendEntriesReply {
                epoch: Epoch(9),
                result: AppendResult::Matched(Index(43)),
                busy: true,
            }),
        ),
        (
            "append-entries-reply-conflict",
            Kind::AppendEntriesReply(AppendEntriesReply {
                epoch: Epoch(9),
                result: conflict,
                busy: false,
            }),
        ),
        (
            "heartbeat",
            Kind::Heartbeat(Heartbeat {
                epoch: Epoch(9),
                round: Round(1_000),
                commit_index: Index(43),
                lease_ms: 290,
            }),
        ),
        ("commit", Kind::Commit(Commit { epoch: Epoch(9), commit_index: Index(43) })),
        (
            "heartbeat-reply",
            Kind::HeartbeatReply(HeartbeatReply {
                epoch: Epoch(9),
                round: Round(1_000),
                promised: true,
                busy: false,
            }),
        ),
        (
            "install-snapshot",
            Kind::InstallSnapshot(InstallSnapshot {
                epoch: Epoch(9),
                meta,
                bytes: 70_000,
                offset: 65_536,
            }),
        ),
        (
            "install-snapshot-reply-staged",
            Kind::InstallSnapshotReply(InstallSnapshotReply {
                epoch: Epoch(9),
                last: id(5, 900),
                result: InstallResult::Staged(65_536),
            }),
        ),
        (
            "install-snapshot-reply-installed",
            Kind::InstallSnapshotReply(InstallSnapshotReply {
                epoch: Epoch(9),
                last: id(5, 900),
                result: InstallResult::Installed(Index(901)),
            }),
        ),
        ("timeout-now", Kind::TimeoutNow(TimeoutNow { last: id(7, 43) })),
        ("read-index", Kind::ReadIndex(ReadIndex { read: Round(17) })),
        (
            "read-index-reply",
            Kind::ReadIndexReply(ReadIndexReply { read: Round(17), index: Some(Index(43)) }),
        ),
        (
            "read-index-reply-refused",
            Kind::ReadIndexReply(ReadIndexReply { read: Round(17), index: None }),
        ),
    ];
    kinds.into_iter().map(|(name, kind)| (name, Message { term: Term(7), kind })).collect()
}
