//! One node of three in each role, and what may be said to it. For scenarios that ask the same of every role.

#![allow(dead_code, reason = "each test binary uses its own part")]

use raft_core::{
    Ballot, Commit, EntryId, Epoch, Event, Index, InstallResult, InstallSnapshot,
    InstallSnapshotReply, Kind, Member, Membership, NodeId, ReadIndex, ReadIndexReply, RequestVote,
    RoleName, Round, SnapshotMeta, Standing, Status, Time, TimeoutNow, VoteRefusal,
};

use crate::harness::solo::{
    Solo, append, heartbeat, heartbeat_reply, matched, pre_vote_granted, pre_vote_refused,
    request_vote, vote_granted, vote_refused,
};
use crate::harness::{id, voters};

pub(crate) const ROLES: [RoleName; 4] =
    [RoleName::Follower, RoleName::PreCandidate, RoleName::Candidate, RoleName::Leader];

/// n1 of three in this role, in term 2 behind one entry of term 1, with everything durable and nothing
/// unread. A follower and a pre-candidate have voted for n3, the others for themselves.
pub(crate) fn in_role(role: RoleName) -> Solo {
    after_round(role).0
}

/// The same, and the round in which it last asked for pre-votes.
pub(crate) fn after_round(role: RoleName) -> (Solo, Round) {
    let mut solo = Solo::with_log(&[1]);
    if matches!(role, RoleName::Follower | RoleName::PreCandidate) {
        solo.receive(3, 2, request_vote(id(1, 1)));
        solo.sync();
    }
    let round = ask_for_pre_votes(&mut solo);
    match role {
        RoleName::PreCandidate => {}
        RoleName::Follower => {
            solo.receive(2, 2, pre_vote_refused(round));
            solo.receive(3, 2, pre_vote_refused(round));
        }
        RoleName::Candidate | RoleName::Leader => {
            solo.receive(2, 1, pre_vote_granted(round));
            solo.sync();
        }
    }
    if role == RoleName::Leader {
        solo.receive(2, 2, vote_granted());
        solo.sync();
    }
    assert_eq!((solo.role(), solo.term()), (role, 2));
    solo.sent();
    solo.events.clear();
    (solo, round)
}

/// Its timer runs out; the round in which it asks. What it has sent is read.
pub(crate) fn ask_for_pre_votes(solo: &mut Solo) -> Round {
    solo.sent();
    solo.time_out();
    let sent = solo.sent();
    let round = sent.iter().find_map(|(_, message)| match message.kind {
        Kind::RequestPreVote(ask) => Some(ask.round),
        _ => None,
    });
    round.expect("it asks for pre-votes")
}

/// Everything of a node that a message could change.
#[derive(Debug, PartialEq)]
pub(crate) struct State {
    status: Status,
    vote: Option<NodeId>,
    deadline: Time,
    log: Vec<String>,
    writes: usize,
}

pub(crate) fn state(solo: &Solo) -> State {
    State {
        status: solo.status(),
        vote: solo.vote(),
        deadline: solo.raft.deadline(),
        log: solo.log_ids(),
        writes: solo.writes.len(),
    }
}

/// The vote file as a crash would leave it: term and vote.
pub(crate) fn durable_vote(solo: &Solo) -> (u64, Option<NodeId>) {
    let Ballot { term, vote, .. } = solo.disk.durable.ballot;
    (term.0, vote)
}

/// What it has answered to one peer that asked for its vote or a pre-vote, since the last look.
pub(crate) fn answers_to(solo: &mut Solo, peer: u64) -> Vec<Option<VoteRefusal>> {
    let kinds = solo.sent_to(peer).into_iter().map(|message| message.kind);
    kinds
        .filter_map(|kind| match kind {
            Kind::RequestVoteReply(reply) => Some(reply.refusal),
            Kind::RequestPreVoteReply(reply) => Some(reply.refusal),
            _ => None,
        })
        .collect()
}

/// Whether it has asked for votes or pre-votes, in words of its own.
pub(crate) fn has_campaigned(events: &[Event]) -> bool {
    let is_attempt = |event: &Event| {
        matches!(event, Event::PreVoteStarted { .. } | Event::ElectionStarted { .. })
    };
    events.iter().any(is_attempt)
}

/// The terms in which it has campaigned, pre-votes not counted.
pub(crate) fn elections(events: &[Event]) -> Vec<u64> {
    let terms = events.iter().filter_map(|event| match event {
        Event::ElectionStarted { term, .. } => Some(term.0),
        _ => None,
    });
    terms.collect()
}

/// n1 to nN vote, and the one behind them learns.
pub(crate) fn voters_and_a_learner(count: u64) -> Membership {
    let mut members: Vec<Member> = (1..=count).map(NodeId).map(Member::voter).collect();
    let learner = Member::voter(NodeId(count + 1));
    members.push(Member { standing: Standing::Learner, ..learner });
    Membership::new(members, Vec::new()).expect("at least one voter")
}

/// A vote asked for at the old leader's wish.
pub(crate) fn transfer_vote(last: EntryId) -> Kind {
    Kind::RequestVote(RequestVote { last, commit: EntryId::ZERO, transfer: true, priority: 0 })
}

pub(crate) fn commit_notice(commit: u64) -> Kind {
    Kind::Commit(Commit { epoch: Epoch(1), commit_index: Index(commit) })
}

/// What only the leader of the message's term can say.
pub(crate) fn of_a_leader() -> Vec<Kind> {
    vec![append(EntryId::ZERO, &[], 0), heartbeat(1, 0), commit_notice(0)]
}

/// What others say, and a node of an older term takes the term from. None of it is a reason to vote.
pub(crate) fn of_a_peer() -> Vec<Kind> {
    vec![
        transfer_vote(EntryId::ZERO),
        vote_granted(),
        vote_refused(),
        matched(1, 0),
        heartbeat_reply(1),
        pre_vote_refused(Round(1)),
    ]
}

/// What belongs to snapshots, reads and transfers. The entry that a transfer rests on is not here.
pub(crate) fn of_other_parts() -> Vec<Kind> {
    let meta = SnapshotMeta { last: id(1, 1), ..SnapshotMeta::genesis(voters(3)) };
    let (epoch, last, read) = (Epoch(1), id(1, 1), Round(1));
    vec![
        Kind::InstallSnapshot(InstallSnapshot { epoch, meta, bytes: 10, offset: 0 }),
        Kind::InstallSnapshotReply(InstallSnapshotReply {
            epoch,
            last,
            result: InstallResult::Staged(0),
        }),
        Kind::TimeoutNow(TimeoutNow { last: id(2, 99) }),
        Kind::ReadIndex(ReadIndex { read }),
        Kind::ReadIndexReply(ReadIndexReply { read, index: None }),
    ]
}
