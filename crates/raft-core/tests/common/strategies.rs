//! Any legal message, entry and membership, for property tests.

use std::ops::RangeInclusive;

use bytes::Bytes;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use raft_core::{
    AppendEntries, AppendEntriesReply, AppendResult, Commit, Entries, EntriesBuf, Entry, EntryId,
    Epoch, Heartbeat, HeartbeatReply, Incarnation, Index, InstallResult, InstallSnapshot,
    InstallSnapshotReply, Kind, LogTime, Member, Membership, Message, NodeId, Payload, ReadIndex,
    ReadIndexReply, RequestPreVote, RequestPreVoteReply, RequestVote, RequestVoteReply, Round,
    SnapshotMeta, Standing, Term, TimeoutNow, VoteRefusal,
};

// Small numbers take one byte in postcard, large ones up to ten: both must come up.
fn number(range: RangeInclusive<u64>) -> impl Strategy<Value = u64> + Clone {
    let (low, high) = (*range.start(), *range.end());
    prop_oneof![low..=high.min(low.saturating_add(200)), low..=high]
}

fn index() -> impl Strategy<Value = Index> {
    number(0..=Index::MAX.0).prop_map(Index)
}

/// An entry that a node of `term` may hold; zero is the one before the first.
fn id_up_to(term: u64) -> BoxedStrategy<EntryId> {
    if term == 0 {
        return Just(EntryId::ZERO).boxed();
    }
    let some = (number(1..=term), number(1..=Index::MAX.0))
        .prop_map(|(term, index)| EntryId::new(Term(term), Index(index)));
    prop_oneof![1 => Just(EntryId::ZERO), 9 => some].boxed()
}

fn any_id() -> BoxedStrategy<EntryId> {
    id_up_to(Term::MAX.0)
}

/// What a node whose log ends with `last` may have committed.
fn committed_in(last: EntryId) -> BoxedStrategy<EntryId> {
    if last == EntryId::ZERO {
        return Just(EntryId::ZERO).boxed();
    }
    let some = (number(1..=last.term.0), number(1..=last.index.0))
        .prop_map(|(term, index)| EntryId::new(Term(term), Index(index)));
    prop_oneof![1 => Just(EntryId::ZERO), 9 => some].boxed()
}

fn refusal() -> impl Strategy<Value = Option<VoteRefusal>> {
    option::of(prop_oneof![
        Just(VoteRefusal::OldTerm),
        any::<u64>().prop_map(|id| VoteRefusal::AlreadyVoted { vote: NodeId(id) }),
        (any_id(), any_id()).prop_map(|(theirs, ours)| VoteRefusal::OldLog { theirs, ours }),
        any::<u64>().prop_map(|id| VoteRefusal::LeaderAlive { leader: NodeId(id) }),
        Just(VoteRefusal::LowerPriority),
        Just(VoteRefusal::Recovering),
        Just(VoteRefusal::LeasePending),
        Just(VoteRefusal::PromiseLost),
        Just(VoteRefusal::StorageFault),
    ])
}

fn standing() -> impl Strategy<Value = Standing> {
    prop_oneof![
        Just(Standing::Learner),
        Just(Standing::Promotable),
        Just(Standing::Voter),
        Just(Standing::Incoming),
        Just(Standing::Demoted),
        Just(Standing::Outgoing),
    ]
}

pub(crate) fn membership() -> impl Strategy<Value = Membership> {
    let member = (any::<u64>(), standing(), vec(any::<u8>(), 0..=255));
    let members = btree_map(1_u64..=u64::MAX / 2, member, 0..=63);
    let removed = btree_set(u64::MAX / 2 + 2..=u64::MAX, 0..=40);
    (members, removed).prop_map(|(members, removed)| {
        let listed = members.into_iter().map(|(id, (incarnation, standing, contact))| Member {
            id: NodeId(id),
            incarnation: Incarnation(incarnation),
            standing,
            contact: Bytes::from(contact),
        });
        // One certain voter, so that each half has one.
        let voter = Member::voter(NodeId(u64::MAX / 2 + 1));
        let members = listed.chain([voter]).collect();
        Membership::new(members, removed.into_iter().map(NodeId).collect())
            .expect("the parts are legal")
    })
}

/// What an entry says, owned.
#[derive(Clone, Debug)]
pub(crate) enum Saying {
    Nothing,
    Command(Vec<u8>),
    Membership(Membership),
}

fn saying() -> impl Strategy<Value = Saying> {
    prop_oneof![
        1 => Just(Saying::Nothing),
        6 => vec(any::<u8>(), 0..300).prop_map(Saying::Command),
        1 => membership().prop_map(Saying::Membership),
    ]
}

/// Steps of term and time, and what each entry says.
pub(crate) type Script = Vec<(u64, u64, Saying)>;

pub(crate) fn script() -> impl Strategy<Value = Script> {
    vec((prop_oneof![4 => Just(0_u64), 1 => 1_u64..5], 0_u64..1_000, saying()), 0..12)
}

/// The run that a script describes, behind `previous`; the second part is the term of its last entry.
pub(crate) fn run(previous: EntryId, script: &Script) -> (Entries, Term) {
    let mut buf = EntriesBuf::default();
    let (mut last, mut time) = (previous, LogTime(0));
    for (term_step, time_step, saying) in script {
        let term = Term((last.term.0 + term_step).max(1));
        last = EntryId::new(term, last.index.next().expect("far from the end"));
        time = LogTime(time.0 + time_step);
        let mut bytes = Vec::new();
        let payload = match saying {
            Saying::Nothing => Payload::Empty,
            Saying::Command(command) => Payload::Command(command),
            Saying::Membership(membership) => {
                membership.encode(&mut bytes);
                Payload::Membership(&bytes)
            }
        };
        buf.push(&Entry { id: last, time, payload }).expect("each follows the one before");
    }
    (buf.take(), last.term)
}

fn append() -> BoxedStrategy<Message> {
    let previous = prop_oneof![
        1 => Just(EntryId::ZERO),
        4 => (number(1..=1 << 60), number(1..=1 << 60))
            .prop_map(|(term, index)| EntryId::new(Term(term), Index(index))),
    ];
    (previous, script(), any::<u64>(), index(), 0_u64..9)
        .prop_map(|(previous, script, epoch, commit_index, lead)| {
            let (entries, last_term) = run(previous, &script);
            let append = AppendEntries { epoch: Epoch(epoch), previous, commit_index, entries };
            let term = Term((last_term.0 + lead).max(1));
            Message { term, kind: Kind::AppendEntries(append) }
        })
        .boxed()
}

fn pre_vote() -> BoxedStrategy<Message> {
    number(0..=Term::MAX.0)
        .prop_flat_map(|term| (Just(term), id_up_to(term), any::<u64>(), any::<u8>()))
        .prop_flat_map(|(term, last, round, priority)| {
            (Just((term, last, round, priority)), committed_in(last))
        })
        .prop_map(|((term, last, round, priority), commit)| {
            let ask = RequestPreVote { round: Round(round), last, commit, priority };
            Message { term: Term(term), kind: Kind::RequestPreVote(ask) }
        })
        .boxed()
}

fn vote() -> BoxedStrategy<Message> {
    number(1..=Term::MAX.0)
        .prop_flat_map(|term| (Just(term), id_up_to(term - 1), any::<bool>(), any::<u8>()))
        .prop_flat_map(|(term, last, transfer, priority)| {
            (Just((term, last, transfer, priority)), committed_in(last))
        })
        .prop_map(|((term, last, transfer, priority), commit)| {
            let ask = RequestVote { last, commit, transfer, priority };
            Message { term: Term(term), kind: Kind::RequestVote(ask) }
        })
        .boxed()
}

fn install() -> BoxedStrategy<Message> {
    let sizes = (any::<u64>(), any::<u64>()).prop_map(|(a, b)| (a.max(b), a.min(b)));
    (number(1..=Term::MAX.0), number(1..=Index::MAX.0), membership(), any::<[u64; 3]>(), sizes)
        .prop_map(|(term, index, membership, [epoch, time, at], (bytes, offset))| {
            let meta = SnapshotMeta {
                last: EntryId::new(Term(term), Index(index)),
                time: LogTime(time),
                membership,
                membership_index: Index(at % (index + 1)),
            };
            let install = InstallSnapshot { epoch: Epoch(epoch), meta, bytes, offset };
            Message { term: Term(term), kind: Kind::InstallSnapshot(install) }
        })
        .boxed()
}

fn timeout_now() -> BoxedStrategy<Message> {
    number(1..=Term::MAX.0)
        .prop_flat_map(|term| (Just(term), id_up_to(term)))
        .prop_map(|(term, last)| Message {
            term: Term(term),
            kind: Kind::TimeoutNow(TimeoutNow { last }),
        })
        .boxed()
}

fn vote_replies() -> BoxedStrategy<Message> {
    number(1..=Term::MAX.0)
        .prop_flat_map(|term| (Just(term), id_up_to(term), refusal(), option::of(any::<u64>())))
        .prop_map(|(term, commit, refusal, round)| {
            let kind = match round.map(Round) {
                Some(round) => {
                    Kind::RequestPreVoteReply(RequestPreVoteReply { round, refusal, commit })
                }
                None => Kind::RequestVoteReply(RequestVoteReply { refusal, commit }),
            };
            Message { term: Term(term), kind }
        })
        .boxed()
}

fn append_result() -> BoxedStrategy<AppendResult> {
    let conflict = (any_id(), any::<[u64; 2]>()).prop_map(|(rejected, [term, index])| {
        let (term, index) = (term % (rejected.term.0 + 1), index % (rejected.index.0 + 1));
        let hint = if term == 0 || index == 0 {
            EntryId::ZERO
        } else {
            EntryId::new(Term(term), Index(index))
        };
        AppendResult::Conflict { rejected, hint }
    });
    prop_oneof![index().prop_map(AppendResult::Matched), conflict].boxed()
}

/// Answers and questions whose fields do not depend on the term.
fn plain_kind() -> impl Strategy<Value = Kind> {
    let installed = prop_oneof![
        any::<u64>().prop_map(InstallResult::Staged),
        index().prop_map(InstallResult::Installed),
    ];
    prop_oneof![
        (any::<u64>(), append_result(), any::<bool>()).prop_map(|(epoch, result, busy)| {
            Kind::AppendEntriesReply(AppendEntriesReply { epoch: Epoch(epoch), result, busy })
        }),
        (any::<[u64; 3]>(), index()).prop_map(|([epoch, round, lease_ms], commit_index)| {
            let (epoch, round) = (Epoch(epoch), Round(round));
            Kind::Heartbeat(Heartbeat { epoch, round, commit_index, lease_ms })
        }),
        (any::<[u64; 2]>(), any::<[bool; 2]>()).prop_map(|([epoch, round], [promised, busy])| {
            let (epoch, round) = (Epoch(epoch), Round(round));
            Kind::HeartbeatReply(HeartbeatReply { epoch, round, promised, busy })
        }),
        (any::<u64>(), index()).prop_map(|(epoch, commit_index)| {
            Kind::Commit(Commit { epoch: Epoch(epoch), commit_index })
        }),
        (any::<u64>(), any_id(), installed).prop_map(|(epoch, last, result)| {
            Kind::InstallSnapshotReply(InstallSnapshotReply { epoch: Epoch(epoch), last, result })
        }),
        any::<u64>().prop_map(|read| Kind::ReadIndex(ReadIndex { read: Round(read) })),
        (any::<u64>(), option::of(index())).prop_map(|(read, index)| {
            Kind::ReadIndexReply(ReadIndexReply { read: Round(read), index })
        }),
    ]
}

/// Any legal message, every kind about as often as every other.
pub(crate) fn message() -> impl Strategy<Value = Message> {
    let plain = (number(1..=Term::MAX.0), plain_kind())
        .prop_map(|(term, kind)| Message { term: Term(term), kind });
    prop_oneof![
        8 => plain,
        2 => append(),
        2 => vote_replies(),
        1 => pre_vote(),
        1 => vote(),
        1 => install(),
        1 => timeout_now(),
    ]
}
