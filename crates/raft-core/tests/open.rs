//! Opening a node: what it takes over from disk, what it repairs, what it refuses, and what it says.

mod common;

use common::examples::id;
use raft_core::{
    Ballot, ClusterId, Config, Entries, EntriesBuf, Entry, EntryId, Health, Incarnation, Index,
    Input, Loaded, LogTime, Member, Membership, NodeId, OpenError, Output, Payload, Raft, RoleName,
    SnapshotMeta, Term, Time,
};

fn config() -> Config {
    Config::new(ClusterId(1), NodeId(1), 42)
}

fn three() -> Membership {
    Membership::of_voters([1, 2, 3].map(NodeId)).expect("three voters")
}

fn commands(ids: impl IntoIterator<Item = EntryId>) -> Entries {
    let mut run = EntriesBuf::default();
    for id in ids {
        let entry = Entry { id, time: LogTime(id.index.0), payload: Payload::Command(b"x") };
        run.push(&entry).expect("each follows the one before");
    }
    run.take()
}

/// A node of term 4 that voted for n2, with entries 1 to 6 in two runs, 3 of them committed.
fn restarted() -> Loaded {
    Loaded {
        ballot: Some(Ballot { term: Term(4), vote: Some(NodeId(2)), recovering: None }),
        log: vec![
            commands([id(1, 1), id(1, 2), id(2, 3)]),
            commands([id(2, 4), id(4, 5), id(4, 6)]),
        ],
        commit_hint: Index(3),
        ..Loaded::genesis(three())
    }
}

fn open(loaded: Loaded) -> Raft {
    Raft::open(config(), loaded).expect("a state this program can have written")
}

fn refused(loaded: Loaded, says: &str) {
    let error = Raft::open(config(), loaded).expect_err("not a state to start from");
    assert!(matches!(error, OpenError::Loaded(_)), "{error}");
    assert!(error.to_string().contains(says), "{error} does not say {says:?}");
}

#[test]
fn a_new_cluster_begins_before_the_first_entry() {
    let status = open(Loaded::genesis(three())).status();
    assert_eq!((status.term, status.role, status.leader), (Term(0), RoleName::Follower, None));
    assert_eq!((status.last, status.commit), (EntryId::ZERO, Index::ZERO));
    assert_eq!(status.membership, three());
    assert_eq!(status.health, Health::Good);
}

#[test]
fn a_restarted_node_keeps_term_log_and_commit() {
    let status = open(restarted()).status();
    assert_eq!((status.term, status.role, status.leader), (Term(4), RoleName::Follower, None));
    assert_eq!((status.last, status.commit), (id(4, 6), Index(3)));
    assert!(status.log_bytes > 0);
}

#[test]
fn the_first_tick_is_due_at_once() {
    assert_eq!(open(restarted()).deadline(), Time::default());
}

#[test]
fn the_commit_index_is_clamped_to_the_log_and_raised_to_what_is_applied() {
    let ahead = Loaded { commit_hint: Index(900), ..restarted() };
    assert_eq!(open(ahead).status().commit, Index(6));
    let behind = Loaded { applied: Index(5), ..restarted() };
    let status = open(behind).status();
    assert_eq!((status.commit, status.applied), (Index(5), Index(5)));
}

#[test]
fn the_last_membership_in_the_log_is_in_force() {
    let mut bytes = Vec::new();
    let five = Membership::of_voters([1, 2, 3, 4, 5].map(NodeId)).expect("five voters");
    five.encode(&mut bytes);
    let mut run = EntriesBuf::default();
    let payload = Payload::Membership(&bytes);
    run.push(&Entry { id: id(4, 7), time: LogTime(9), payload }).expect("one entry");
    let mut loaded = restarted();
    loaded.log.push(run.take());
    let status = open(loaded).status();
    assert_eq!((status.membership, status.membership_index), (five, Index(7)));
}

#[test]
fn a_log_that_does_not_follow_its_snapshot_is_refused() {
    let snapshot = SnapshotMeta { last: id(1, 2), ..SnapshotMeta::genesis(three()) };
    refused(Loaded { snapshot, applied: Index(2), ..restarted() }, "1@1 does not follow 2@1");
}

#[test]
fn a_log_with_a_hole_is_refused() {
    let mut loaded = restarted();
    loaded.log.remove(0);
    refused(loaded, "4@2 does not follow 0@0");
}

#[test]
fn a_log_whose_terms_go_back_between_runs_is_refused() {
    let log = vec![commands([id(3, 1)]), commands([id(2, 2)])];
    refused(Loaded { log, commit_hint: Index(0), ..restarted() }, "2@2 does not follow 1@3");
}

#[test]
fn a_log_whose_time_goes_back_is_refused() {
    let snapshot =
        SnapshotMeta { last: id(1, 2), time: LogTime(50), ..SnapshotMeta::genesis(three()) };
    let log = vec![commands([id(2, 3)])];
    refused(Loaded { snapshot, log, applied: Index(2), ..restarted() }, "log time");
}

#[test]
fn a_machine_that_has_applied_what_the_log_lacks_is_refused() {
    refused(Loaded { applied: Index(7), ..restarted() }, "has applied 7");
    let snapshot = SnapshotMeta { last: id(1, 2), ..SnapshotMeta::genesis(three()) };
    let log = vec![commands([id(2, 3)])];
    refused(Loaded { snapshot, log, applied: Index(1), ..restarted() }, "has applied 1");
}

#[test]
fn a_term_without_a_next_one_is_refused() {
    let ballot = Some(Ballot { term: Term(u64::MAX), ..Ballot::default() });
    refused(Loaded { ballot, ..restarted() }, "no room for another election");
}

#[test]
fn a_configuration_that_does_not_fit_is_refused() {
    let config = Config { heartbeat_interval_ms: 400, ..config() };
    let error = Raft::open(config, restarted()).expect_err("one lost heartbeat, one election");
    assert!(matches!(error, OpenError::Config(_)), "{error}");
}

// Both copies damaged, or a vote file older than the log: the node may have voted and cannot know for whom.
#[test]
fn a_lost_promise_is_not_an_empty_vote() {
    let lost = Loaded { ballot: None, ..restarted() };
    let older =
        Loaded { ballot: Some(Ballot { term: Term(3), ..Ballot::default() }), ..restarted() };
    for loaded in [lost, older] {
        let raft = open(loaded);
        assert_eq!(raft.status().health, Health::PromiseLost);
        assert_eq!(raft.status().term, Term(4), "the log proves that term 4 was seen");
        assert!(raft.explain().to_string().contains("add a new member with a new id"));
    }
}

// The unit is written in the order snapshot, vote file, log: a crash after the first is a legal state.
#[test]
fn a_snapshot_newer_than_the_vote_file_is_a_legal_crash_state() {
    let snapshot = SnapshotMeta { last: id(7, 100), ..SnapshotMeta::genesis(three()) };
    let loaded = Loaded { snapshot, log: Vec::new(), applied: Index(100), ..restarted() };
    let status = open(loaded).status();
    assert_eq!(status.health, Health::Good);
    assert_eq!(status.term, Term(7), "the snapshot proves that term 7 was seen");
}

#[test]
fn a_suspect_log_makes_a_recovering_member_and_is_not_served() {
    let loaded = Loaded { suspect_from: Some(Index(5)), commit_hint: Index(6), ..restarted() };
    let raft = open(loaded);
    let status = raft.status();
    assert_eq!(status.health, Health::Recovering { from: Index(5) });
    assert_eq!((status.last, status.commit), (id(2, 4), Index(4)));
    assert!(raft.explain().to_string().contains("suspect from index 5"));
}

#[test]
fn what_the_state_machine_has_applied_is_good_whatever_the_disk_says() {
    let loaded = Loaded { suspect_from: Some(Index(2)), applied: Index(5), ..restarted() };
    assert_eq!(open(loaded).status().last, id(4, 5));
}

// Otherwise the part that a leader has sent again would be taken for the whole after a second restart.
#[test]
fn a_recovering_member_is_one_after_another_restart_too() {
    let mut raft = open(Loaded { suspect_from: Some(Index(5)), ..restarted() });
    let mut out = Output::new();
    raft.step(Time::from_ms(1), Input::Tick, &mut out).expect("a tick is never wrong");
    let ballot = out.write[0].ballot.expect("the mark is written before anything else");
    assert_eq!(ballot.recovering, Some(Term(4)));

    let log = vec![commands([id(1, 1), id(1, 2), id(2, 3)])];
    let again = open(Loaded { ballot: Some(ballot), log, ..restarted() });
    assert!(matches!(again.status().health, Health::Recovering { .. }));
}

#[test]
fn a_snapshot_that_no_cluster_can_have_taken_is_refused() {
    let nobody = SnapshotMeta { last: id(2, 100), ..SnapshotMeta::genesis(Membership::none()) };
    let without_term = SnapshotMeta { last: id(0, 100), ..SnapshotMeta::genesis(three()) };
    for (snapshot, says) in [(nobody, "no members"), (without_term, "is no entry")] {
        let loaded = Loaded { snapshot, log: Vec::new(), applied: Index(100), ..restarted() };
        refused(loaded, says);
    }
}

#[test]
fn a_vote_in_term_0_is_refused() {
    let ballot = Ballot { vote: Some(NodeId(2)), ..Ballot::default() };
    refused(Loaded { ballot: Some(ballot), log: Vec::new(), ..restarted() }, "a vote in term 0");
}

#[test]
fn another_life_of_the_data_directory_is_refused() {
    let me = Member { incarnation: Incarnation(7), ..Member::voter(NodeId(1)) };
    let members = vec![me, Member::voter(NodeId(2))];
    let loaded = Loaded::genesis(Membership::new(members, vec![]).expect("two voters"));
    let config = Config { incarnation: Incarnation(8), ..config() };
    let error = Raft::open(config, loaded).expect_err("the disk was lost");
    assert!(error.to_string().contains("another life"), "{error}");
}

#[test]
fn it_explains_why_nothing_happens() {
    let text = open(restarted()).explain().to_string();
    assert!(text.contains("needs the votes of 2 of 3 voters"), "{text}");
    assert!(text.contains("entries 4 to 6"), "{text}");

    let text = open(Loaded::genesis(Membership::none())).explain().to_string();
    assert!(text.contains("waits to be added"), "{text}");

    let learner = vec![Member::voter(NodeId(2)), Member::promotable(NodeId(1))];
    let membership = Membership::new(learner, vec![]).expect("a voter and a learner");
    let text = open(Loaded::genesis(membership)).explain().to_string();
    assert!(text.contains("is a learner"), "{text}");

    let without = Membership::new(vec![Member::voter(NodeId(2))], vec![NodeId(1)]);
    let text = open(Loaded::genesis(without.expect("one voter"))).explain().to_string();
    assert!(text.contains("has been removed"), "{text}");
}
