//! X10, X11: whatever a node is told, by a member, by a stranger or out of order by its own driver, it does not
//! contradict itself: it takes what can be, refuses what cannot, and stays as it was where it refuses.

mod common;
mod harness;

use bytes::Bytes;
use common::strategies;
use harness::solo::{
    Solo, append, conflict, heartbeat, matched, pre_vote_granted, pre_vote_refused,
    request_pre_vote, request_vote, stored, vote_granted, vote_refused,
};
use harness::{id, voters};
use proptest::prelude::*;
use raft_core::{
    EntriesBuf, Entry, EntryId, Epoch, Event, Health, Incarnation, Index, Input, KIND_MAX, Kind,
    Loaded, LogTime, Message, NodeId, Payload, ReadLevel, Round, SnapshotMeta, StepError, Term,
    Token, WriteToken,
};

#[test]
fn x10_local_message_rejected() {
    // Nothing but the kinds of the protocol has a code; ticks, proposals and completions have none.
    for kind in (0..=u8::MAX).filter(|kind| *kind == 0 || *kind > KIND_MAX) {
        for length in [0, 8, 64] {
            let frame = [vec![kind, 1, 0], vec![1; length]].concat();
            assert!(Message::decode(&Bytes::from(frame)).is_err(), "kind {kind}");
        }
    }
    // What it says to itself did not come from the network.
    let mut solo = Solo::of(3);
    let (peer, incarnation) = (NodeId(1), Incarnation(1));
    let refused = solo.try_step(Input::PeerUp { peer, epoch: Epoch(1), incarnation });
    assert!(matches!(refused, Err(StepError::Misuse(_))));
    solo.campaign();
    let (before, term) = (solo.status(), solo.term());
    for kind in [vote_granted(), heartbeat(1, 0), matched(1, 0), request_vote(EntryId::ZERO)] {
        solo.sent();
        solo.receive(1, term, kind);
        assert_eq!((solo.status(), solo.sent()), (before.clone(), vec![]));
    }
}

/// A node as it stands when something happens to it.
#[derive(Clone, Copy, Debug)]
enum Place {
    Waiting,
    Following,
    Asking,
    Campaigning,
    Leading,
}

const PLACES: [Place; 5] =
    [Place::Waiting, Place::Following, Place::Asking, Place::Campaigning, Place::Leading];

/// n1 of three with a log whose time has gone on, linked to its members and to n9, a stranger.
fn node(place: Place, is_behind_snapshot: bool) -> Solo {
    let first = if is_behind_snapshot { 4 } else { 1 };
    let mut log = EntriesBuf::default();
    for (index, term) in (first..).zip([2, 2, 3]) {
        let payload = Payload::Command(b"x");
        let entry = Entry { id: id(term, index), time: LogTime(1_000 + index), payload };
        log.push(&entry).expect("terms in order");
    }
    let last = if is_behind_snapshot { id(2, 3) } else { EntryId::ZERO };
    let snapshot = SnapshotMeta { last, ..SnapshotMeta::genesis(voters(3)) };
    let applied = last.index;
    let loaded = Loaded { snapshot, log: vec![log.take()], applied, ..stored(3, &[3]) };
    let mut solo = Solo::open(loaded, |config| config.apply_bytes_max = 64);
    solo.connect(9, 1);
    match place {
        Place::Waiting => {}
        Place::Following => {
            solo.receive(2, 3, append(id(3, first + 2), &[], first + 1));
            solo.sync();
        }
        Place::Asking => solo.time_out(),
        Place::Campaigning => solo.campaign(),
        Place::Leading => {
            solo.lead();
            solo.propose("gathered");
        }
    }
    solo
}

prop_compose! {
    /// An entry id near those of the node.
    fn near_id()(term in 1_u64..6, index in 0_u64..9) -> EntryId {
        if index == 0 { EntryId::ZERO } else { id(term, index) }
    }
}

/// A message of small numbers, which hits what a node holds; not always a legal one.
fn near() -> impl Strategy<Value = Message> {
    let steps = prop::collection::vec(0_u64..3, 0..4);
    let append = (near_id(), steps, 0_u64..10, 0_u64..3, any::<bool>()).prop_map(
        |(previous, steps, commit, epoch, is_late)| {
            let mut entries = EntriesBuf::default();
            let (mut term, time) = (previous.term.0.max(1), LogTime(u64::from(is_late) * 2_000));
            for (index, step) in (previous.index.0 + 1..).zip(steps) {
                term += step;
                let (id, payload) = (id(term, index), Payload::Command(b"y"));
                entries.push(&Entry { id, time, payload }).expect("terms in order");
            }
            let (epoch, commit_index, entries) = (Epoch(epoch), Index(commit), entries.take());
            Kind::AppendEntries(raft_core::AppendEntries { epoch, previous, commit_index, entries })
        },
    );
    let small = 0_u64..9;
    let kind = prop_oneof![
        4 => append,
        1 => (small.clone(), small.clone()).prop_map(|(round, commit)| heartbeat(round, commit)),
        1 => (0_u64..3, small.clone()).prop_map(|(epoch, index)| matched(epoch, index)),
        1 => (0_u64..3, near_id(), near_id()).prop_map(|(epoch, a, b)| conflict(epoch, a, b)),
        1 => near_id().prop_map(request_vote),
        1 => (small.clone(), near_id()).prop_map(|(round, last)| request_pre_vote(round, last)),
        1 => small.clone().prop_map(|round| pre_vote_granted(Round(round))),
        1 => small.prop_map(|round| pre_vote_refused(Round(round))),
        1 => Just(vote_granted()),
        1 => Just(vote_refused()),
    ];
    (0_u64..8, kind).prop_map(|(term, kind)| Message { term: Term(term), kind })
}

/// What may come in: from a member, a linked stranger or an unlinked one, or out of order from its own side.
#[derive(Clone, Debug)]
enum Happening {
    Said { from: u64, epoch: u64, message: Message },
    Durable(u64),
    Applied(u64, u64),
    Up(u64, u64),
    Down(u64, u64),
    Propose(bool),
    Ask(u64),
    Passes(u64),
    Done,
}

fn happening() -> impl Strategy<Value = Happening> {
    let from = prop_oneof![4 => Just(2_u64), 2 => Just(3_u64), 1 => Just(8_u64), 2 => Just(9_u64)];
    let message = prop_oneof![2 => near(), 1 => strategies::message()];
    let number = prop_oneof![4 => 0_u64..12, 1 => any::<u64>()];
    prop_oneof![
        12 => (from, 1_u64..3, message)
            .prop_map(|(from, epoch, message)| Happening::Said { from, epoch, message }),
        1 => number.clone().prop_map(Happening::Durable),
        1 => (number.clone(), number).prop_map(|(upto, bytes)| Happening::Applied(upto, bytes)),
        1 => (0_u64..10, 0_u64..4).prop_map(|(peer, epoch)| Happening::Up(peer, epoch)),
        1 => (0_u64..10, 0_u64..4).prop_map(|(peer, epoch)| Happening::Down(peer, epoch)),
        1 => any::<bool>().prop_map(Happening::Propose),
        1 => (0_u64..8).prop_map(Happening::Ask),
        1 => (0_u64..700).prop_map(Happening::Passes),
        2 => Just(Happening::Done),
    ]
}

/// The parts that are not built.
fn unbuilt(which: u64) -> Input<'static> {
    let (token, to, index) = (Token(7), NodeId(2), Index(1));
    let snapshot = raft_core::SnapshotId { last: id(1, 1), bytes: 9 };
    match which {
        0 => Input::Read { token, level: ReadLevel::Linearizable },
        1 => Input::Change { token, based_on: index, membership: voters(2) },
        2 => Input::Transfer { token, to },
        3 => Input::SnapshotReady { index, bytes: 9 },
        4 => Input::SnapshotChunk { from: to, id: snapshot, offset: 0, len: 9 },
        5 => Input::SnapshotDamaged { from: to, id: snapshot },
        6 => Input::SnapshotFailed { index },
        _ => Input::SnapshotNotSent { to },
    }
}

fn everything_done(solo: &Solo) -> (usize, usize, usize, usize) {
    (solo.writes.len(), solo.applied.len(), solo.outcomes.len(), solo.events.len())
}

/// Lets it happen, and holds what comes of it against what may: never a panic, never poison, and where it is
/// refused, no change. The harness holds the node against its invariants after each step.
fn happen(solo: &mut Solo, happening: Happening) {
    let (before, done, deadline) = (solo.status(), everything_done(solo), solo.raft.deadline());
    let issued = solo.writes.last().map_or(0, |write| write.token.0);
    let mut must_be_misuse = false;
    let result = match happening {
        Happening::Said { from, epoch, message } => {
            let legal = message.check();
            let from = NodeId(from);
            solo.try_step(Input::Message { from, epoch: Epoch(epoch), message }).inspect(|()| {
                let Err(nonsense) = legal else { return };
                assert_eq!((solo.status(), solo.writes.len()), (before.clone(), done.0));
                let event = Event::MessageRefused { from, why: nonsense.0 };
                assert!(solo.events.len() == done.3 || solo.events.last() == Some(&event));
            })
        }
        Happening::Durable(token) => {
            must_be_misuse = token > issued;
            solo.try_step(Input::Durable(WriteToken(token)))
        }
        Happening::Applied(upto, bytes) => {
            let handed_out = solo.applied.last().map_or(before.snapshot.index, |(id, _)| id.index);
            must_be_misuse = upto < before.applied.0 || upto > handed_out.0;
            solo.try_step(Input::Applied { upto: Index(upto), bytes })
        }
        Happening::Up(peer, epoch) => {
            let incarnation = Incarnation(1);
            solo.try_step(Input::PeerUp { peer: NodeId(peer), epoch: Epoch(epoch), incarnation })
        }
        Happening::Down(peer, epoch) => {
            solo.try_step(Input::PeerDown { peer: NodeId(peer), epoch: Epoch(epoch) })
        }
        Happening::Propose(is_empty) => {
            let (token, payload) = (Token(1_000), b"z".as_slice());
            let empty = Input::ProposeEmpty { token };
            solo.try_step(if is_empty { empty } else { Input::Propose { token, payload } })
        }
        Happening::Ask(which) => {
            let refused = solo.try_step(unbuilt(which));
            assert_eq!(refused, Err(StepError::NotBuilt));
            refused
        }
        Happening::Passes(ms) => {
            solo.pass(ms);
            Ok(())
        }
        Happening::Done => {
            solo.sync();
            solo.applying.clear();
            Ok(())
        }
    };
    match &result {
        Err(StepError::Misuse(_) | StepError::NotBuilt) => {
            assert_eq!((solo.status(), everything_done(solo)), (before, done));
            assert_eq!(solo.raft.deadline(), deadline);
        }
        Err(other) => panic!("{other}"),
        Ok(()) => assert!(!must_be_misuse, "it takes what cannot be"),
    }
    for (to, message) in solo.sent() {
        assert_eq!(message.check(), Ok(()), "what it says to {to} makes sense: {message:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn x11_garbage_message(
        place in prop::sample::select(PLACES.to_vec()),
        is_behind_snapshot in any::<bool>(),
        happenings in prop::collection::vec(happening(), 1..16),
    ) {
        let mut solo = node(place, is_behind_snapshot);
        for happening in happenings {
            happen(&mut solo, happening);
        }
        prop_assert!(!matches!(solo.status().health, Health::Poisoned(_)));
    }
}

// What garbage has found: appends that no leader of this cluster can send, each refused by a rule of its own.
#[test]
fn x11_appends_that_contradict_the_log() {
    let check = |place: Place, is_behind_snapshot: bool, kind: Kind| {
        let mut solo = node(place, is_behind_snapshot);
        solo.sent();
        let (log, commit) = (solo.log_ids(), solo.commit());
        let message = Message { term: Term(3), kind };
        assert_eq!(message.check(), Ok(()));
        let input = Input::Message { from: NodeId(2), epoch: Epoch(1), message: message.clone() };
        assert_eq!(solo.try_step(input), Ok(()), "{message:?}");
        solo.sync();
        assert_eq!((solo.log_ids(), solo.commit()), (log, commit));
        assert!(matches!(solo.events.last(), Some(Event::MessageRefused { .. })), "{message:?}");
        let sense = |(_, said): (NodeId, Message)| said.check() == Ok(());
        assert!(solo.sent().into_iter().all(sense), "its answer can be sent");
    };
    // Log time goes back behind the last entry, and in the place of one.
    check(Place::Waiting, false, append(id(3, 3), &[3], 0));
    check(Place::Following, false, append(id(2, 2), &[2], 0));
    // Another history than the snapshot's: of an older term behind it, and at its very end.
    check(Place::Waiting, true, append(EntryId::ZERO, &[1, 1, 1, 1], 0));
    check(Place::Waiting, true, append(id(1, 3), &[], 0));
}
