//! D: what a node says, counts and applies before its own disk has it, and what only after. D12 and D14 to D16
//! are in `durability_crashes.rs`; D09, D10, D18 and the snapshot's parts of D11 and D13 need snapshots.

mod harness;

use harness::id;
use harness::solo::{
    Solo, append, heartbeat, matched, pre_vote_granted, request_vote, vote_granted, vote_refused,
};
use raft_core::{
    AppendResult, Commit, End, EntryId, Epoch, Index, Input, Kind, Message, NodeId, RoleName,
    Round, Term, WriteToken,
};

/// How far the messages acknowledge, those that do.
fn acks(messages: &[Message]) -> Vec<u64> {
    let acked = messages.iter().filter_map(|message| match &message.kind {
        Kind::AppendEntriesReply(reply) => match reply.result {
            AppendResult::Matched(index) => Some(index.0),
            AppendResult::Conflict { .. } => None,
        },
        _ => None,
    });
    acked.collect()
}

fn durable(solo: &Solo) -> u64 {
    solo.status().durable.0
}

#[test]
fn d01_ack_after_durable() {
    let mut solo = Solo::of(3);
    solo.receive(2, 1, heartbeat(1, 0));
    solo.receive(2, 1, append(EntryId::ZERO, &[1, 1], 0));
    solo.receive(2, 1, append(id(1, 2), &[1], 0));
    assert_eq!(solo.sent(), [], "not even the term is durable");

    solo.sync_one();
    assert_eq!(acks(&solo.sent_to(2)), [0; 0], "the completion of the term covers no entry");
    solo.sync_one();
    let sent = solo.sent_to(2);
    assert_eq!(acks(&sent), [2], "the completion that covers the first two, and no more");
    assert!(sent.iter().all(|message| message.term == Term(1)));
    solo.sync_one();
    assert_eq!(acks(&solo.sent_to(2)), [3]);
    // What is durable already is acknowledged at once.
    solo.receive(2, 1, append(id(1, 1), &[1], 0));
    assert_eq!(acks(&solo.sent_to(2)), [3]);
}

#[test]
fn d02_leader_sends_before_own_fsync() {
    let mut solo = Solo::of(3);
    solo.campaign();
    solo.sent();
    let term = solo.term();
    solo.receive(2, term, vote_granted());
    let sent = solo.sent();
    let first = [2, 3].map(|peer| peer_last(&sent, peer));
    assert_eq!(first, [Some(1), Some(1)], "the leader's own first entry");
    assert_eq!(durable(&solo), 0);

    solo.sync();
    solo.ack(2, 1);
    solo.ack(3, 1);
    solo.sent();
    let write = solo.propose("x");
    solo.flush();
    let sent = solo.sent();
    for peer in [2, 3] {
        assert_eq!(peer_last(&sent, peer), Some(2), "n{peer} gets it");
    }
    assert_eq!((durable(&solo), solo.disk.pending.len()), (1, 1), "and the own disk does not yet");
    // Two others are a quorum, with or without this node's disk.
    solo.ack(2, 2);
    solo.ack(3, 2);
    assert_eq!(solo.outcome(write), Some(&End::Committed(id(1, 2))));
    assert_eq!(durable(&solo), 1);
}

fn peer_last(sent: &[(NodeId, Message)], peer: u64) -> Option<u64> {
    let to_peer = sent.iter().filter(|(to, _)| *to == NodeId(peer));
    let appends = to_peer.filter_map(|(_, message)| match &message.kind {
        Kind::AppendEntries(append) => append.entries.last(),
        _ => None,
    });
    appends.map(|last| last.index.0).max()
}

#[test]
fn d03_pipelined_writes_two_deep() {
    let mut follower = Solo::with_log(&[1]);
    follower.receive(2, 1, append(id(1, 1), &[1, 1], 0));
    follower.receive(2, 1, append(id(1, 3), &[1], 0));
    assert_eq!((durable(&follower), follower.disk.pending.len()), (1, 2));
    follower.sent();
    follower.sync_one();
    assert_eq!((durable(&follower), acks(&follower.sent_to(2))), (3, vec![3]));
    follower.sync_one();
    assert_eq!((durable(&follower), acks(&follower.sent_to(2))), (4, vec![4]));

    let mut leader = Solo::of(3);
    leader.lead_and_settle();
    let first = leader.propose("first");
    leader.flush();
    let second = leader.propose("second");
    leader.flush();
    assert_eq!(leader.disk.pending.len(), 2, "the second does not wait for the first");
    leader.ack(2, 3);
    assert_eq!((leader.commit(), leader.outcomes.len()), (1, 0), "one of three disks");
    leader.sync_one();
    assert_eq!(leader.commit(), 2);
    assert_eq!((leader.outcome(first), leader.outcome(second)), (Some(&committed(1, 2)), None));
    leader.sync_one();
    assert_eq!((leader.commit(), leader.outcome(second)), (3, Some(&committed(1, 3))));
}

fn committed(term: u64, index: u64) -> End {
    End::Committed(id(term, index))
}

// Position 3 is written three times, and only the last completion speaks of what is there now.
#[test]
fn d04_aba_overwrite() {
    let mut solo = Solo::with_log(&[1, 1]);
    solo.receive(2, 2, append(id(1, 2), &[2, 2, 2], 0));
    solo.receive(3, 3, append(id(1, 2), &[3], 0));
    solo.receive(2, 4, append(id(1, 2), &[4], 0));
    assert_eq!((solo.disk.pending.len(), solo.log_ids().last().cloned()), (3, Some("3@4".into())));
    for stale in 1..=2 {
        solo.sync_one();
        assert_eq!(durable(&solo), 2, "completion {stale} is of an entry that is gone");
        assert_eq!(acks(&solo.sent_to(2)), [0; 0], "and nothing is said in a term not durable");
        assert_eq!(solo.status().last, id(4, 3), "the entry stays");
    }
    solo.sync_one();
    assert_eq!(durable(&solo), 3);
    assert_eq!(acks(&solo.sent_to(2)).last(), Some(&3));
    assert_eq!(acks(&solo.sent_to(3)), [0; 0]);
    assert_eq!(solo.disk.durable.last(), id(4, 3));
}

#[test]
fn d05_completion_out_of_order() {
    let mut follower = Solo::with_log(&[1]);
    follower.receive(2, 1, append(id(1, 1), &[1], 0));
    follower.receive(2, 1, append(id(1, 2), &[1, 1], 0));
    follower.sent();
    let tokens: Vec<WriteToken> = follower.disk.pending.iter().map(|write| write.token).collect();
    follower.disk.complete();
    follower.step(Input::Durable(tokens[1]));
    assert_eq!((durable(&follower), acks(&follower.sent_to(2))), (4, vec![4]));
    for late in [tokens[0], tokens[1], WriteToken::NONE] {
        let before = follower.status();
        follower.step(Input::Durable(late));
        assert_eq!((follower.status(), follower.sent()), (before, vec![]), "{late:?} is no news");
    }
    follower.receive(2, 1, append(id(1, 4), &[1], 0));
    follower.sync();
    assert_eq!(acks(&follower.sent_to(2)), [5], "nothing is stalled");

    let mut alone = Solo::of(1);
    alone.lead();
    let first = alone.propose("first");
    alone.flush();
    let second = alone.propose("second");
    alone.flush();
    let tokens: Vec<WriteToken> = alone.disk.pending.iter().map(|write| write.token).collect();
    alone.disk.complete();
    alone.step(Input::Durable(tokens[1]));
    alone.step(Input::Durable(tokens[0]));
    assert_eq!(alone.commit(), 3);
    let ends: Vec<_> = alone.outcomes.iter().map(|it| (it.token, it.end.clone())).collect();
    assert_eq!(ends, [(first, committed(1, 2)), (second, committed(1, 3))]);
}

#[test]
fn d06_flush_vs_truncate_race() {
    let mut solo = Solo::with_log(&[1, 1]);
    solo.receive(2, 1, append(id(1, 2), &[1, 1, 1], 0));
    solo.receive(3, 2, append(id(1, 2), &[2], 0));
    solo.receive(3, 2, append(id(2, 3), &[2, 2, 2], 0));
    solo.sent();
    let old = solo.sync_one().expect("the write of what is gone");
    assert_eq!(durable(&solo), 2, "clamped at the truncation, though the log is long again");
    solo.step(Input::Durable(old));
    assert_eq!((durable(&solo), solo.sent()), (2, vec![]));
    solo.sync_one();
    assert_eq!((durable(&solo), acks(&solo.sent_to(3)).last().copied()), (3, Some(3)));
    solo.sync_one();
    assert_eq!((durable(&solo), acks(&solo.sent_to(3))), (6, vec![6]));

    // What was durable is not any more once another leader has cut it.
    solo.receive(2, 3, append(id(1, 1), &[3, 3], 0));
    assert_eq!(durable(&solo), 1);
    solo.sync();
    assert_eq!((durable(&solo), solo.disk.durable.last()), (3, id(3, 3)));
}

#[test]
fn d07_term_change_between_write_and_ack() {
    let mut writer = Solo::with_log(&[1]);
    writer.receive(2, 1, append(id(1, 1), &[1], 0));
    writer.sent();
    writer.receive(3, 2, heartbeat(1, 0));
    writer.sync();
    let sent = writer.sent();
    assert!(
        sent.iter().all(|(to, _)| *to == NodeId(3)),
        "the old leader is told nothing: {sent:?}"
    );
    let messages: Vec<Message> = sent.into_iter().map(|(_, message)| message).collect();
    assert_eq!(acks(&messages), [0; 0], "the new one has sent no entries");

    // The ack left in time and arrives late: the same node leads again, two terms later.
    let mut leader = Solo::of(3);
    leader.lead_and_settle();
    leader.receive(2, 2, heartbeat(1, 0));
    leader.sync();
    leader.lead();
    let (term, last) = (leader.term(), leader.status().last);
    assert_eq!(last, id(term, 2), "its first entry of the new term, durable here");
    for peer in [2, 3] {
        leader.receive(peer, 1, matched(1, 2));
    }
    assert_eq!(leader.commit(), 1, "two acks of term 1 commit nothing in term {term}");
    assert!(leader.status().peers.iter().all(|peer| peer.matched == Index(0)));
    leader.ack(2, 2);
    assert_eq!(leader.commit(), 2, "and one of this term does");
}

#[test]
fn d08_become_leader_with_pending_writes() {
    let mut solo = Solo::with_log(&[1]);
    solo.receive(2, 1, append(id(1, 1), &[1, 1], 0));
    solo.time_out();
    for peer in [2, 3] {
        solo.receive(peer, 1, pre_vote_granted(Round(1)));
    }
    assert_eq!((solo.role(), durable(&solo)), (RoleName::Candidate, 1));
    solo.sent();
    // The first completion is of the entries, and makes no vote.
    solo.sync_one();
    assert_eq!((durable(&solo), solo.sent()), (3, vec![]));
    solo.sync_one();
    solo.receive(2, 2, vote_granted());
    assert_eq!(solo.role(), RoleName::Leader);
    assert_eq!((durable(&solo), solo.status().last), (3, id(2, 4)), "what is durable, not last");
    solo.receive(2, 2, matched(1, 4));
    assert_eq!(solo.commit(), 0, "n2 alone is no quorum of three");
    solo.sync();
    assert_eq!((durable(&solo), solo.commit()), (4, 4));

    // A single voter whose disk had stalled: the completion of its last entries is not that of its vote.
    let mut alone = Solo::of(1);
    alone.lead();
    alone.propose("first");
    alone.flush();
    alone.pass(400);
    alone.propose("second");
    alone.flush();
    alone.pass(300);
    assert_eq!(alone.role(), RoleName::Follower, "it stepped down");
    alone.sync_one();
    alone.time_out();
    assert_eq!((alone.role(), alone.disk.pending.len()), (RoleName::Candidate, 2));
    alone.sync_one();
    assert_eq!((alone.role(), durable(&alone)), (RoleName::Candidate, 3));
    alone.sync_one();
    assert_eq!((alone.role(), alone.term(), alone.commit()), (RoleName::Leader, 2, 1));
}

#[test]
fn d11_apply_follows_commit_not_own_disk() {
    let mut solo = Solo::with_log(&[1, 1]);
    solo.receive(2, 1, append(id(1, 2), &[1, 1], 0));
    solo.receive(3, 2, append(id(1, 2), &[2, 2, 2], 4));
    assert_eq!((solo.disk.pending.len(), durable(&solo)), (2, 2), "nothing of it is durable");
    let applied: Vec<String> = solo.applied.iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!(applied, ["1@1", "2@1", "3@2", "4@2"], "what is committed, never what is gone");
    let contents: Vec<&[u8]> = solo.applied.iter().map(|(_, bytes)| bytes.as_slice()).collect();
    assert_eq!(contents[2..], [b"3@2", b"4@2"]);
    solo.sync_one();
    solo.sync_one();
    assert_eq!(solo.applied.len(), 4, "the disk brings nothing new, and nothing twice");
}

#[test]
fn d13_must_sync_rule() {
    let check = |what: &str, wants: Option<(bool, u64)>, happens: &dyn Fn(&mut Solo)| {
        let mut solo = Solo::with_log(&[1, 1]);
        solo.receive(2, 1, append(id(1, 2), &[1], 0));
        solo.sync();
        solo.sleep(700);
        solo.writes.clear();
        happens(&mut solo);
        let unit = solo.writes.first().map(|it| (it.ballot.is_some(), it.entries.len()));
        assert_eq!((unit, solo.writes.len()), (wants, usize::from(wants.is_some())), "{what}");
    };
    let commit = Kind::Commit(Commit { epoch: Epoch(1), commit_index: Index(3) });
    check("a commit notice", None, &|solo| {
        solo.receive(2, 1, commit.clone());
        assert_eq!(solo.commit(), 3);
    });
    check("a heartbeat's commit index", None, &|solo| {
        solo.receive(2, 1, heartbeat(1, 2));
        assert_eq!(solo.commit(), 2);
    });
    check("an append that brings only a commit index", None, &|solo| {
        solo.receive(2, 1, append(id(1, 3), &[], 3));
        assert_eq!(solo.commit(), 3);
    });
    check("a pre-vote", None, &|solo| solo.time_out());
    check("a term", Some((true, 0)), &|solo| solo.receive(3, 2, heartbeat(1, 0)));
    check("a vote and its term", Some((true, 0)), &|solo| {
        solo.receive(3, 2, request_vote(id(1, 3)));
    });
    check("a vote in a term known before", Some((true, 0)), &|solo| {
        solo.receive(3, 2, vote_refused());
        solo.writes.clear();
        solo.receive(3, 2, request_vote(id(1, 3)));
    });
    check("entries", Some((false, 2)), &|solo| solo.receive(2, 1, append(id(1, 3), &[1, 1], 3)));
    check("entries of a new term", Some((true, 1)), &|solo| {
        solo.receive(3, 2, append(id(1, 3), &[2], 3));
    });

    let mut leader = Solo::of(3);
    leader.lead_and_settle();
    leader.propose("x");
    leader.flush();
    leader.sync();
    leader.writes.clear();
    leader.ack(2, 2);
    assert_eq!((leader.commit(), leader.writes.len()), (2, 0), "a leader's commit");
}

#[test]
fn d17_single_voter_commit_order() {
    let mut solo = Solo::of(1);
    solo.lead();
    let first = solo.propose("first");
    solo.flush();
    solo.sync();
    // The first is still being applied when the second and third are written.
    let second = solo.propose("second");
    solo.flush();
    let third = solo.propose("third");
    solo.flush();
    assert_eq!(solo.applying.len(), 2);
    assert_eq!(solo.outcome(first), Some(&committed(1, 2)));
    assert_eq!((solo.commit(), solo.outcome(second), solo.applied.len()), (2, None, 2));
    solo.pass(200);
    solo.finish_applying();
    assert_eq!((solo.commit(), solo.outcome(second)), (2, None), "only the disk decides");
    solo.sync_one();
    assert_eq!((solo.commit(), solo.outcome(second)), (3, Some(&committed(1, 3))));
    assert_eq!((solo.outcome(third), solo.applied.len()), (None, 3));
    solo.sync_one();
    assert_eq!((solo.outcome(third), solo.applied.len()), (Some(&committed(1, 4)), 4));
}
