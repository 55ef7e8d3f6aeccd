//! L: the log as a follower compares it and as a leader reads it. It is in memory, whole since the last
//! snapshot: "durable" is a mark on it, and no part of it is released. L09 to L13 are in `log_apply.rs`, L08 and
//! L21 in `src/log.rs`; L16, L17 and L18 need snapshots.

mod harness;

use harness::solo::{Solo, append, conflict, heartbeat, run, stored};
use harness::{id, voters};
use raft_core::{
    AppendEntries, AppendResult, Config, EntriesBuf, Entry, EntryId, Epoch, Event, Index, Input,
    Kind, Loaded, LogTime, NodeId, Payload, SnapshotMeta, Token,
};

/// A follower whose log is the snapshot's last entry and what follows it.
fn behind_snapshot(last: EntryId, terms: &[u64], configure: impl FnOnce(&mut Config)) -> Solo {
    let snapshot = SnapshotMeta { last, ..SnapshotMeta::genesis(voters(3)) };
    let log = vec![run(last.index.0 + 1, terms)];
    let applied = last.index;
    Solo::open(Loaded { snapshot, log, applied, ..stored(3, &[9]) }, configure)
}

/// What the follower answers to an append without entries behind `previous`; nothing if no leader can send it.
fn answer(solo: &mut Solo, previous: EntryId) -> Option<AppendResult> {
    let term = solo.term();
    solo.receive(2, term, append(previous, &[], 0));
    let replies = solo.sent_to(2).into_iter().filter_map(|message| match message.kind {
        Kind::AppendEntriesReply(reply) => Some(reply.result),
        _ => None,
    });
    replies.last()
}

/// Its log as another node would get it: it leads, and n2 has nothing. Without its own first entry.
fn memory(solo: &mut Solo) -> Vec<String> {
    solo.sync();
    solo.lead();
    let probe = solo.appends_to(2).pop().expect("a new leader asks where it stands").previous;
    let term = solo.term();
    solo.receive(2, term, conflict(1, probe, EntryId::ZERO));
    let mut ids = Vec::new();
    loop {
        let appends = solo.appends_to(2);
        let Some(last) = appends.iter().filter_map(|append| append.entries.last()).last() else {
            ids.pop();
            return ids;
        };
        let entries = appends.iter().flat_map(|append| &append.entries);
        ids.extend(entries.map(|entry| entry.id.to_string()));
        solo.ack(2, last.index.0);
    }
}

/// The ids of a log with these terms.
fn ids(terms: &[u64]) -> Vec<String> {
    (1..).zip(terms).map(|(index, term)| id(*term, index).to_string()).collect()
}

/// Non-decreasing runs of terms 1 to `most`, up to this length.
fn logs(length: usize, most: u64) -> Vec<Vec<u64>> {
    let mut all = vec![vec![]];
    for at in 0.. {
        let Some(log) = all.get(at).cloned().filter(|log: &Vec<u64>| log.len() < length) else {
            return all;
        };
        let least = log.last().copied().unwrap_or(1);
        all.extend((least..=most).map(|term| [log.clone(), vec![term]].concat()));
    }
    all
}

#[test]
fn l01_find_conflict_table() {
    // The log is 1@1 2@2 3@3. What is written, and so differs or is new, begins at the position given.
    let check = |previous: EntryId, terms: &[u64], first: Option<u64>| {
        let mut solo = Solo::with_log(&[1, 2, 3]);
        solo.receive(2, 4, append(previous, terms, 0));
        let from = solo.writes.iter().find_map(|write| write.entries.first());
        assert_eq!(from.map(|from| from.index.0), first, "{terms:?} behind {previous}");
        let cut = solo.events.iter().any(|event| matches!(event, Event::Truncated { .. }));
        assert_eq!(cut, first.is_some_and(|first| first <= 3), "only a conflict cuts the log");
    };
    let (zero, one, two, three) = (EntryId::ZERO, id(1, 1), id(2, 2), id(3, 3));
    check(zero, &[], None);
    check(three, &[], None);
    check(zero, &[1], None);
    check(zero, &[1, 2, 3], None);
    check(one, &[2, 3], None);
    check(one, &[2], None);
    check(two, &[3], None);
    check(zero, &[1, 2, 3, 4, 4], Some(4));
    check(one, &[2, 3, 4, 4], Some(4));
    check(two, &[3, 4, 4], Some(4));
    check(three, &[4, 4], Some(4));
    check(zero, &[4, 4], Some(1));
    check(zero, &[1, 1], Some(2));
    check(one, &[1, 4, 4], Some(2));
    check(one, &[3], Some(2));
    check(two, &[2, 4, 4, 4], Some(3));
    check(two, &[4], Some(3));
}

#[test]
fn l02_find_conflict_by_term() {
    // Held against a search from the end, for all small logs; with and without a snapshot below.
    let mut asked = 0;
    for base in [EntryId::ZERO, id(2, 2)] {
        for terms in
            logs(4, 4).into_iter().filter(|terms| terms.iter().all(|it| *it >= base.term.0))
        {
            let mut solo = behind_snapshot(base, &terms, |_| {});
            let held = |index: u64| match index.checked_sub(base.index.0 + 1) {
                None => base,
                Some(at) => id(terms[usize::try_from(at).expect("small")], index),
            };
            let last = base.index.0 + terms.len() as u64;
            for (term, index) in (1..=5).flat_map(|term| (1..=7).map(move |index| (term, index))) {
                let above = id(term, index);
                // What contradicts the snapshot no leader asks.
                let is_held = index <= last && held(index) == above;
                if index <= base.index.0 || term < base.term.0 || is_held {
                    continue;
                }
                let mut plain = (base.index.0..=last.min(index)).rev().map(held);
                let hint = plain.find(|held| held.term <= above.term).expect("its end at least");
                let expected = Some(AppendResult::Conflict { rejected: above, hint });
                assert_eq!(answer(&mut solo, above), expected, "{terms:?} behind {base}");
                asked += 1;
            }
        }
    }
    assert!(asked > 2_000, "{asked}");
}

#[test]
fn l03_append_at_end_middle_start() {
    let check = |previous: EntryId, terms: &[u64], log: &[u64], from: u64| {
        // Loaded as one run, and come in one by one.
        let whole = Solo::with_log(&[1, 1, 2]);
        let mut pieces = Solo::of(3);
        pieces.receive(2, 1, append(EntryId::ZERO, &[1], 0));
        pieces.receive(2, 1, append(id(1, 1), &[1], 0));
        pieces.receive(2, 2, append(id(1, 2), &[2], 0));
        for mut solo in [whole, pieces] {
            solo.sync();
            solo.writes.clear();
            solo.receive(3, 3, append(previous, terms, 0));
            let first = solo.writes.iter().find_map(|write| write.entries.first());
            assert_eq!(first.map(|first| first.index.0), Some(from), "{terms:?} behind {previous}");
            assert_eq!(solo.status().last.index.0, log.len() as u64);
            assert_eq!(solo.status().log_bytes, log.len() as u64 * 35, "each entry has 35 bytes");
            assert_eq!(
                (memory(&mut solo), solo.log_ids()[..log.len()].to_vec()),
                (ids(log), ids(log))
            );
        }
    };
    check(id(2, 3), &[3], &[1, 1, 2, 3], 4);
    check(id(1, 2), &[2, 3], &[1, 1, 2, 3], 4);
    check(id(1, 2), &[3], &[1, 1, 3], 3);
    check(id(1, 1), &[2, 2, 3], &[1, 2, 2, 3], 2);
    check(id(1, 1), &[1, 3], &[1, 1, 3], 3);
    check(EntryId::ZERO, &[3], &[3], 1);
    check(EntryId::ZERO, &[1, 3, 3, 3], &[1, 3, 3, 3], 2);
}

#[test]
fn l04_append_below_commit_is_error() {
    for (previous, terms) in
        [(EntryId::ZERO, vec![3]), (id(1, 1), vec![3, 3]), (id(1, 2), vec![3, 3, 3, 3, 3])]
    {
        let mut solo = Solo::with_log(&[1, 1, 2, 2]);
        solo.receive(2, 3, append(id(2, 4), &[], 3));
        solo.sync();
        let (before, writes) = (solo.status(), solo.writes.len());
        solo.receive(2, 3, append(previous, &terms, 4));
        let why = "its entries differ from committed ones";
        assert_eq!(solo.events.last(), Some(&Event::MessageRefused { from: NodeId(2), why }));
        assert_eq!((solo.status(), solo.writes.len()), (before, writes), "nothing has changed");
    }
    // One behind the commit index is like any other.
    let mut solo = Solo::with_log(&[1, 1, 2, 2]);
    solo.receive(2, 3, append(id(2, 4), &[], 3));
    solo.receive(3, 4, append(id(2, 3), &[4], 3));
    assert_eq!(solo.status().last, id(4, 4));
}

#[test]
fn l05_first_last_after_snapshot() {
    let mut solo = behind_snapshot(id(3, 7), &[], |_| {});
    let status = solo.status();
    assert_eq!((status.snapshot, status.last, status.commit), (id(3, 7), id(3, 7), Index(7)));
    assert_eq!((status.durable, status.log_bytes), (Index(7), 0));
    // The first entry is the one behind it.
    solo.receive(2, 9, append(id(3, 7), &[9], 8));
    assert_eq!(solo.writes.last().and_then(|write| write.entries.first()), Some(id(9, 8)));
    assert_eq!(solo.applied.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [id(9, 8)]);
}

#[test]
fn l06_term_lookup_bounds() {
    // A snapshot up to 3@2, and 4@2 5@4 behind it.
    let mut solo = behind_snapshot(id(2, 3), &[2, 4], |_| {});
    for (index, term) in (1..=7).flat_map(|index| (1..=5).map(move |term| (index, term))) {
        let agrees = match index {
            // Compacted: what it was cannot be told, and it is committed, so it agrees with any leader.
            1 | 2 => true,
            3 | 4 => term == 2,
            5 => term == 4,
            _ => false,
        };
        let answer = answer(&mut solo, id(term, index));
        let matched = matches!(answer, Some(AppendResult::Matched(_)));
        assert_eq!(matched, agrees, "{index}@{term}: {answer:?}");
    }
    let last = |solo: &mut Solo| answer(solo, id(4, 5));
    assert_eq!(last(&mut solo), Some(AppendResult::Matched(Index(5))));
}

#[test]
fn l07_slice_bounds_and_sizes() {
    // Entries of 35 bytes; the first four come from disk in runs, the last two are not durable.
    for (bytes_max, from) in [1, 34, 35, 69, 70, 71, 105, 140, 10_000]
        .into_iter()
        .flat_map(|bytes_max| (0..=5).map(move |from| (bytes_max, from)))
    {
        let log = vec![run(1, &[1, 1]), run(3, &[1]), run(4, &[1])];
        let mut solo = Solo::open(Loaded { log, ..stored(3, &[1]) }, |config| {
            config.append_bytes_max = bytes_max
        });
        solo.receive(2, 1, append(id(1, 4), &[1], 0));
        solo.receive(2, 1, append(id(1, 5), &[1], 0));
        solo.sync();
        solo.lead();
        let probe = solo.appends_to(2).pop().expect("a probe").previous;
        let hint = if from == 0 { EntryId::ZERO } else { id(1, from) };
        solo.receive(2, 2, conflict(1, probe, hint));
        let appends = solo.appends_to(2);
        let got: Vec<u64> = appends[0].entries.iter().map(|entry| entry.id.index.0).collect();
        // Five of 35 bytes, and the leader's own first of 32.
        let fits = (bytes_max / 35).max(1) as u64;
        let end = if from + fits >= 6 && bytes_max as u64 >= (6 - from) * 35 + 32 { 7 } else { 6 };
        let expected: Vec<u64> = (from + 1..=end.min(from + fits + u64::from(end == 7))).collect();
        assert_eq!((appends.len(), got), (1, expected), "{bytes_max} bytes from {from}");
    }
}

#[test]
fn l14_durable_ack_releases_tail() {
    let mut solo = Solo::with_log(&[1]);
    solo.receive(2, 1, append(id(1, 1), &[1, 1], 0));
    solo.receive(3, 2, append(id(1, 2), &[2, 2], 0));
    // The first write is of 2@1 3@1, and of those only 2@1 is there still.
    solo.sync_one();
    assert_eq!(solo.status().durable, Index(2));
    solo.sync_one();
    assert_eq!(solo.status().durable, Index(4));
    assert_eq!(memory(&mut solo), ids(&[1, 1, 2, 2]));
}

#[test]
fn l15_durable_ack_for_overwritten() {
    let mut solo = Solo::with_log(&[1]);
    solo.receive(2, 1, append(id(1, 1), &[1, 1], 0));
    solo.receive(3, 2, append(id(1, 1), &[2], 0));
    solo.receive(3, 2, append(id(2, 2), &[2, 2], 0));
    let before = (solo.status(), solo.log_ids());
    solo.sync_one();
    assert_eq!((solo.status(), solo.log_ids()), before, "it speaks of what is gone");
    solo.sync();
    assert_eq!(solo.status().durable, Index(4));
}

// The log is what the store is told: overlapping is merged, a gap is refused, what a snapshot has is ignored.
#[test]
fn l19_store_append_semantics() {
    let follower = || behind_snapshot(id(2, 3), &[2, 3], |_| {});
    let check = |previous: EntryId, terms: &[u64], written: &[u64], result: AppendResult| {
        let mut solo = follower();
        solo.receive(2, 9, append(previous, terms, 0));
        let new = solo.writes.iter().flat_map(|write| &write.entries);
        assert_eq!(new.map(|entry| entry.id.index.0).collect::<Vec<_>>(), written);
        solo.sync();
        let replies = solo.sent_to(2).into_iter().filter_map(|message| match message.kind {
            Kind::AppendEntriesReply(reply) => Some(reply.result),
            _ => None,
        });
        assert_eq!(replies.last(), Some(result), "{terms:?} behind {previous}");
    };
    let matched = |index| AppendResult::Matched(Index(index));
    check(id(2, 3), &[2, 3, 9], &[6], matched(6));
    check(id(2, 4), &[3], &[], matched(5));
    check(id(1, 1), &[2, 2, 2, 3, 9], &[6], matched(6));
    check(id(1, 1), &[1], &[], matched(2));
    check(id(1, 1), &[1, 2], &[], matched(3));
    let (rejected, hint) = (id(3, 6), id(3, 5));
    check(rejected, &[9], &[], AppendResult::Conflict { rejected, hint });
}

// What is derived from the entries, and so could outlive them: bytes, terms, memberships.
#[test]
fn l20_entry_cache_coherence() {
    let mut five = Vec::new();
    voters(5).encode(&mut five);
    let entries = |previous: EntryId, term: u64, payloads: &[Payload<'_>]| {
        let mut run = EntriesBuf::default();
        for (index, payload) in (previous.index.0 + 1..).zip(payloads) {
            let entry = Entry { id: id(term, index), time: LogTime(0), payload: *payload };
            run.push(&entry).expect("one term");
        }
        let (epoch, commit_index, entries) = (Epoch(1), Index(0), run.take());
        Kind::AppendEntries(AppendEntries { epoch, previous, commit_index, entries })
    };
    let mut solo = Solo::with_log(&[1, 1]);
    let small = Payload::Command(b"small");
    solo.receive(2, 2, entries(id(1, 2), 2, &[small, Payload::Membership(&five), small]));
    assert_eq!((solo.status().membership, solo.status().membership_index.0), (voters(5), 4));

    // Above what one append aims at, and above what a write batch holds.
    let large = vec![7; 1_500_000];
    solo.receive(3, 3, entries(id(1, 2), 3, &[Payload::Command(&large), small]));
    let status = solo.status();
    assert_eq!((status.membership, status.membership_index), (voters(3), Index::ZERO));
    assert_eq!(status.log_bytes, 2 * 35 + 1_500_032 + 37);
    assert_eq!(memory(&mut solo), ["1@1", "2@1", "3@3", "4@3"]);
    solo.receive(2, solo.term(), heartbeat(1, 0));
    assert_eq!(solo.status().last.index, Index(5));
}

#[test]
fn l22_empty_entry_accounting() {
    let mut solo = Solo::open(Loaded::genesis(voters(3)), |config| {
        config.uncommitted_bytes_max = 320;
        config.inflight_messages_max = 4;
    });
    solo.lead_and_settle();
    assert_eq!(solo.status().log_bytes, 32, "a leader's first entry is a header");
    let empty = |solo: &mut Solo, token| {
        solo.step(Input::ProposeEmpty { token: Token(token) });
        solo.flush();
        solo.outcome(Token(token)).is_none()
    };
    let taken = (100..1_100).take_while(|token| empty(&mut solo, *token)).count();
    assert_eq!(taken, 10, "no payload counts, and still they cannot be without number");
    assert_eq!(solo.status().log_bytes, 32 + 10 * 32);
    let appends = solo.appends_to(2);
    assert_eq!(appends.len(), 4, "and of appends on their way there are so many at most");
    assert!(appends.iter().flat_map(|it| &it.entries).all(|it| it.payload == Payload::Empty));
    solo.sync();
    solo.ack(2, 11);
    assert_eq!((solo.commit(), solo.applied.len()), (11, 11), "each is applied, for its log time");
    assert!(solo.applied.iter().all(|(_, payload)| payload.is_empty()));
}
