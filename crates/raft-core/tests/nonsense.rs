//! Messages that no correct node can have sent, in any state: each breaks one rule and is told which.

mod common;

use bytes::Bytes;
use common::examples::{self, id};
use raft_core::{
    AppendEntries, AppendResult, EntryId, Index, InstallResult, Kind, Membership, Message, Term,
};

/// The example of this name, changed, and refused with a sentence that contains `says`.
fn refused(name: &str, change: impl FnOnce(&mut Message), says: &str) {
    let mut message = example(name);
    assert_eq!(message.check(), Ok(()), "{name} is legal before the change");
    change(&mut message);
    let sentence = message.check().expect_err("the change makes it nonsense").0;
    assert!(sentence.contains(says), "{name}: {sentence:?} does not say {says:?}");
    // The same rule stands at the other door.
    message.encode(&mut Vec::new()).expect_err("nonsense is not sent either");
}

fn example(name: &str) -> Message {
    let found = examples::messages().into_iter().find(|(known, _)| *known == name);
    found.expect("an example of this name").1
}

fn append(message: &mut Message) -> &mut AppendEntries {
    match &mut message.kind {
        Kind::AppendEntries(append) => append,
        other => panic!("{other:?} is no append"),
    }
}

#[test]
fn every_kind_refuses_a_term_behind_which_no_election_could_follow() {
    for (name, _) in examples::messages() {
        refused(name, |message| message.term = Term(u64::MAX), "no election could follow");
    }
}

#[test]
fn only_a_pre_vote_may_be_of_term_0() {
    for (name, mut message) in examples::messages() {
        message.term = Term(0);
        match &mut message.kind {
            Kind::RequestPreVote(ask) => (ask.last, ask.commit) = (EntryId::ZERO, EntryId::ZERO),
            Kind::RequestPreVoteReply(reply) => reply.commit = EntryId::ZERO,
            _ => {}
        }
        assert_eq!(message.check().is_ok(), name.starts_with("request-pre-vote"), "{name}");
    }
}

#[test]
fn an_entry_that_no_log_can_hold_is_refused() {
    let says = "no log can hold";
    refused("append-entries", |message| append(message).previous = id(0, 40), says);
    refused("append-entries-empty", |message| append(message).previous = id(4, 0), says);
    refused(
        "request-vote",
        |message| {
            let Kind::RequestVote(ask) = &mut message.kind else { return };
            ask.commit = id(0, 4);
        },
        says,
    );
    refused(
        "request-vote-reply",
        |message| {
            let Kind::RequestVoteReply(reply) = &mut message.kind else { return };
            reply.commit = id(3, 0);
        },
        says,
    );
}

#[test]
fn a_log_of_a_later_term_than_the_senders_is_refused() {
    let says = "later term than the sender's";
    for name in ["request-pre-vote", "append-entries", "install-snapshot", "timeout-now"] {
        refused(name, |message| message.term = Term(1), says);
    }
}

#[test]
fn a_candidate_has_raised_its_term_above_its_log() {
    refused("request-vote", |message| message.term = Term(6), "not older than its term");
}

#[test]
fn a_candidate_has_not_committed_more_than_it_holds() {
    let says = "more than its log holds";
    for commit in [id(5, 301), id(7, 299)] {
        refused(
            "request-vote",
            |message| {
                let Kind::RequestVote(ask) = &mut message.kind else { return };
                ask.commit = commit;
            },
            says,
        );
    }
    refused(
        "request-vote-reply",
        |message| {
            let Kind::RequestVoteReply(reply) = &mut message.kind else { return };
            reply.commit = id(8, 250);
        },
        "later term than the sender's",
    );
}

#[test]
fn entries_must_follow_the_one_they_say_they_follow() {
    refused("append-entries", |message| append(message).previous = id(6, 39), "do not follow");
    refused("append-entries", |message| append(message).previous = id(7, 40), "are older than");
}

#[test]
fn a_commit_index_that_no_entry_can_have_is_refused() {
    let beyond = Index(u64::MAX);
    let says = "a position that no entry can have";
    refused("append-entries", |message| append(message).commit_index = beyond, says);
    refused(
        "heartbeat",
        |message| {
            let Kind::Heartbeat(beat) = &mut message.kind else { return };
            beat.commit_index = beyond;
        },
        says,
    );
    refused(
        "append-entries-reply-matched",
        |message| {
            let Kind::AppendEntriesReply(reply) = &mut message.kind else { return };
            reply.result = AppendResult::Matched(beyond);
        },
        says,
    );
    refused(
        "read-index-reply",
        |message| {
            let Kind::ReadIndexReply(reply) = &mut message.kind else { return };
            reply.index = Some(beyond);
        },
        says,
    );
    refused(
        "install-snapshot-reply-installed",
        |message| {
            let Kind::InstallSnapshotReply(reply) = &mut message.kind else { return };
            reply.result = InstallResult::Installed(beyond);
        },
        says,
    );
}

#[test]
fn a_hint_lies_at_or_below_what_was_rejected() {
    for hint in [id(6, 41), id(7, 12)] {
        refused(
            "append-entries-reply-conflict",
            |message| {
                let Kind::AppendEntriesReply(reply) = &mut message.kind else { return };
                reply.result = AppendResult::Conflict { rejected: id(6, 40), hint };
            },
            "hint lies above",
        );
    }
}

#[test]
fn a_snapshot_stands_for_something() {
    let install = |change: fn(&mut raft_core::InstallSnapshot)| {
        move |message: &mut Message| {
            let Kind::InstallSnapshot(install) = &mut message.kind else { return };
            change(install);
        }
    };
    let name = "install-snapshot";
    refused(name, install(|it| it.meta.last = EntryId::ZERO), "a snapshot of nothing");
    refused(name, install(|it| it.meta.membership = Membership::none()), "without members");
    refused(name, install(|it| it.meta.membership_index = Index(901)), "behind its last entry");
    refused(name, install(|it| it.offset = it.bytes + 1), "begins behind its end");
}

#[test]
fn nonsense_is_refused_when_it_is_read() {
    let legal = example("append-entries-empty");
    let mut frame = Vec::new();
    legal.encode(&mut frame).expect("a legal message");
    // The term stands first behind the header, in one byte.
    assert_eq!(frame[3], 7);
    frame[3] = 2;
    assert!(Message::decode(&Bytes::from(frame)).is_err());
}
