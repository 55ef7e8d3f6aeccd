//! W18: what the core says of its transitions is held, line by line, against the actions of raft.tla. Random worlds
//! must pass; made-up traces that break a rule must not.

mod harness;
mod trace_spec {
    pub(crate) mod line;
    pub(crate) mod names;
    pub(crate) mod spec;
    pub(crate) mod world;
}

use std::collections::BTreeMap;

use raft_core::{Action, Input, NodeId, Output, Raft, RoleName, Time, Trace};
use trace_spec::line::Line;
use trace_spec::names::{ALL, NOT_BUILT, place};
use trace_spec::spec::Spec;
use trace_spec::world::World;

const WORLDS: u64 = 2_000;

#[test]
fn w18_trace_validation() {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 0..WORLDS {
        let mut world = World::new(seed);
        world.live(40);
        for text in &world.lines {
            *seen.entry(Line::read(text).expect("read before").action).or_default() += 1;
        }
    }
    // What never happens has not been validated. A contradiction must not happen, and the rest comes with
    // snapshots, memberships, reads and transfers.
    let missing: Vec<String> = ALL
        .iter()
        .map(|action| format!("{action:?}"))
        .filter(|name| !NOT_BUILT.contains(&name.as_str()) && !seen.contains_key(name))
        .collect();
    assert!(missing.is_empty(), "never seen: {missing:?} of {seen:?}");
}

#[test]
fn w18_a_start_has_a_line() {
    let loaded = raft_core::Loaded::genesis(harness::voters(3));
    let config = raft_core::Config::new(raft_core::ClusterId(1), NodeId(2), 1);
    let mut raft = Raft::open(config, loaded).expect("a new node");
    let mut out = Output::tracing();
    raft.step(Time(1), Input::Tick, &mut out).expect("the first tick");
    let lines: Vec<String> = out.trace.iter().flatten().map(Trace::to_string).collect();
    let restart = r#"{"action":"Restart","node":2,"peer":null,"term":0,"role":"follower","vote":null,"last_index":0,"last_term":0,"commit":0}"#;
    assert_eq!(lines, [restart]);
}

#[test]
fn w18_a_line_says_every_field() {
    let trace = Trace {
        action: Action::HandleRequestVoteRequest,
        node: NodeId(3),
        peer: Some(NodeId(12)),
        term: raft_core::Term(7),
        role: RoleName::PreCandidate,
        vote: None,
        last: harness::id(6, 41),
        commit: raft_core::Index(40),
    };
    let text = r#"{"action":"HandleRequestVoteRequest","node":3,"peer":12,"term":7,"role":"pre-candidate","vote":null,"last_index":41,"last_term":6,"commit":40}"#;
    assert_eq!(trace.to_string(), text);
    let line = Line::read(text).expect("a line");
    assert_eq!(line.action, "HandleRequestVoteRequest");
    assert_eq!((line.node, line.peer), (3, Some(12)));
    assert_eq!((line.term, line.role.as_str(), line.vote), (7, "pre-candidate", None));
    assert_eq!((line.last, line.commit), ((6, 41), 40));
    assert!(Line::read(&text.replace("41", "forty-one")).is_err());
    assert!(Line::read(&text.replace(r#""commit":40"#, r#""commit":40,"more":1"#)).is_err());
    for action in ALL {
        let text = Trace { action, peer: None, vote: Some(NodeId(3)), ..trace }.to_string();
        let line = Line::read(&text).expect("a line");
        assert_eq!((line.action, line.peer, line.vote), (format!("{action:?}"), None, Some(3)));
    }
}

#[test]
fn w18_the_list_of_names_is_the_documented_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/testing.md");
    let page = std::fs::read_to_string(path).expect("docs/testing.md");
    let (_, section) = page.split_once("## Names in traces").expect("the section on names");
    let section = section.split("\n## ").next().expect("a section");
    let documented: Vec<&str> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(name, _)| name)
        .collect();
    let names: Vec<String> = ALL.iter().map(|action| format!("{action:?}")).collect();
    assert_eq!(documented, names);
    for (at, action) in ALL.iter().enumerate() {
        assert_eq!(place(*action), at, "{action:?} stands once, and where it belongs");
    }
}

// --- made-up traces ---

/// A follower of nothing in term 0 that has just done this.
fn line(action: &str, node: u64) -> Line {
    let (action, role) = (action.to_owned(), "follower".to_owned());
    Line { action, node, peer: None, term: 0, role, vote: None, last: (0, 0), commit: 0 }
}

/// n1 is elected by n2 in term 1, and n2 has its first entry, which n1 commits.
fn elected() -> Vec<Line> {
    let n1 = |action: &str, role: &str, last| {
        let role = role.to_owned();
        Line { term: 1, vote: Some(1), role, last, ..line(action, 1) }
    };
    let n2 = |action: &str| Line { peer: Some(1), term: 1, ..line(action, 2) };
    let to_n2 = |line: Line| Line { peer: Some(2), ..line };
    vec![
        line("Restart", 1),
        line("Restart", 2),
        line("Restart", 3),
        n1("Timeout", "candidate", (0, 0)),
        n2("UpdateTerm"),
        Line { vote: Some(1), ..n2("HandleRequestVoteRequest") },
        Line { vote: Some(1), peer: None, ..n2("PersistState") },
        to_n2(n1("HandleRequestVoteResponse", "candidate", (0, 0))),
        n1("BecomeLeader", "leader", (0, 0)),
        to_n2(n1("AppendEntries", "leader", (1, 1))),
        Line { vote: Some(1), last: (1, 1), ..n2("HandleAppendEntriesRequest") },
        to_n2(n1("HandleAppendEntriesResponse", "leader", (1, 1))),
        Line { commit: 1, ..n1("AdvanceCommitIndex", "leader", (1, 1)) },
    ]
}

/// Puts `next` behind what is right; it breaks this rule.
fn check(mut before: Vec<Line>, next: Line, rule: &str) {
    let mut spec = Spec::of(3);
    for line in before.drain(..) {
        spec.take(&line).expect("so far all is right");
    }
    let what = spec.take(&next).expect_err(&format!("{next:?} breaks a rule: {rule}"));
    assert!(what.contains(rule), "{next:?}: {what}, not {rule}");
}

#[test]
fn w18_each_rule_can_be_broken() {
    let started = || elected()[..3].to_vec();
    let campaigning = || elected()[..4].to_vec();
    let asked = || elected()[..5].to_vec();
    let answered = || elected()[..8].to_vec();
    let led = || elected()[..9].to_vec();
    let n1 = |action: &str| elected().pop().map(|line| Line { action: action.into(), ..line });
    let n1 = |action: &str| n1(action).expect("a last line");
    let n2 = |action: &str| Line {
        term: 1,
        vote: Some(1),
        last: (1, 1),
        peer: Some(1),
        ..line(action, 2)
    };
    let n3 = |action: &str| Line { peer: Some(1), ..line(action, 3) };
    let role = |role: &str, line: Line| Line { role: role.into(), ..line };
    let more = "changes more than it may";

    check(vec![], line("Timeout", 1), "before it has started");
    check(elected(), Line { term: 2, ..n1("Timeout") }, "Timeout at a Leader");
    let timeout = |term, vote| role("candidate", Line { term, vote, ..line("Timeout", 3) });
    check(started(), timeout(2, Some(3)), more);
    check(started(), timeout(1, Some(2)), more);
    check(started(), timeout(0, Some(3)), more);
    check(started(), Line { term: 1, vote: Some(3), ..line("Timeout", 3) }, more);
    check(started(), n3("UpdateTerm"), "not newer");
    check(started(), Line { term: 2, vote: Some(1), ..n3("UpdateTerm") }, more);
    check(
        campaigning(),
        Line { action: "UpdateTerm".into(), term: 2, peer: Some(2), ..elected()[3].clone() },
        more,
    );

    check(
        asked(),
        Line { vote: Some(3), last: (0, 0), ..n2("HandleRequestVoteRequest") },
        "did not ask",
    );
    check(
        answered(),
        Line { vote: Some(3), peer: Some(3), last: (0, 0), ..n2("HandleRequestVoteRequest") },
        "within its term",
    );
    check(
        answered(),
        Line { vote: None, last: (0, 0), ..n2("HandleRequestVoteRequest") },
        "within its term",
    );
    check(asked(), Line { last: (0, 0), ..n2("PersistState") }, more);
    check(started(), Line { peer: Some(2), ..line("RequestVote", 1) }, "RequestVote at a Follower");
    check(
        started(),
        Line { peer: Some(2), ..line("HandleRequestVoteResponse", 1) },
        "at a Follower",
    );

    check(campaigning(), role("leader", elected()[8].clone()), "votes of a majority");
    check(started(), role("leader", line("BecomeLeader", 1)), "BecomeLeader at a Follower");
    check(answered(), Line { term: 2, ..elected()[8].clone() }, more);
    check(led(), Line { peer: Some(2), last: (1, 2), ..elected()[9].clone() }, "what it has taken");
    check(led(), Line { last: (2, 1), ..elected()[9].clone() }, "another term");
    check(
        elected(),
        Line { action: "ClientRequest".into(), ..n2("") },
        "ClientRequest at a Follower",
    );
    for action in [
        "AppendEntries",
        "Heartbeat",
        "HandleAppendEntriesResponse",
        "HandleHeartbeatResponse",
        "CheckQuorum",
        "AdvanceCommitIndex",
    ] {
        check(elected(), n2(action), "at a Follower");
    }

    check(elected(), n1("AdvanceCommitIndex"), "commits nothing");
    check(led(), Line { commit: 1, ..elected()[12].clone() }, "no majority holds");
    check(elected(), Line { commit: 2, ..n1("AdvanceCommitIndex") }, "no majority holds");
    check(elected(), Line { commit: 0, ..n1("PersistState") }, more);
    check(
        elected()[..12].to_vec(),
        Line { commit: 1, ..n2("FollowerAdvanceCommitIndex") },
        "what no leader has",
    );
    check(elected(), Line { commit: 0, ..n2("FollowerAdvanceCommitIndex") }, "commits nothing");
    check(elected(), Line { commit: 2, ..n1("FollowerAdvanceCommitIndex") }, "at a Leader");
    check(elected(), Line { commit: 1, ..n2("HandleAppendEntriesRequest") }, more);

    let to_n1 = |action: &str| Line { peer: Some(2), ..n1(action) };
    check(elected(), to_n1("HandleAppendEntriesRequest"), "a leader listens");
    check(elected(), to_n1("HandleHeartbeatRequest"), "a leader listens");
    check(
        elected(),
        Line { peer: Some(3), ..n2("HandleAppendEntriesRequest") },
        "does not lead its term",
    );
    check(
        elected(),
        Line { last: (1, 2), ..n2("HandleAppendEntriesRequest") },
        "more than its leader",
    );
    let mut told = elected();
    told.push(Line { commit: 1, ..n2("FollowerAdvanceCommitIndex") });
    check(told, Line { commit: 1, last: (0, 0), ..n2("HandleAppendEntriesRequest") }, "is cut off");
    check(elected(), Line { last: (0, 0), ..n2("DropStaleResponse") }, more);
    check(elected(), role("follower", n1("PersistState")), more);
    check(elected(), role("follower", Line { term: 2, ..n1("StepDownToFollower") }), more);
    check(elected(), role("candidate", n1("CheckQuorum")), "campaigns");
    check(started(), Line { peer: Some(2), ..line("PreVote", 1) }, "only a pre-candidate");

    check(elected(), Line { term: 2, ..line("Restart", 2) }, "newer term");
    check(elected(), Line { term: 0, ..line("Restart", 2) }, "somebody was told of");
    check(elected(), role("leader", Line { term: 1, ..line("Restart", 2) }), "something else");
    check(elected(), Line { term: 1, vote: Some(3), ..line("Restart", 2) }, "makes a vote");
    check(elected(), Line { term: 1, last: (1, 2), ..line("Restart", 2) }, "makes entries");
    check(
        elected(),
        Line { term: 1, last: (1, 1), commit: 1, ..line("Restart", 2) },
        "a restart commits",
    );
    check(vec![], Line { vote: Some(1), ..line("Restart", 2) }, "a new node has voted");
    check(started(), Line { commit: 1, ..line("Restart", 2) }, "a restart commits");
    check(started(), role("observer", line("PersistState", 1)), "no node is");
    for action in NOT_BUILT {
        check(started(), line(action, 1), "not built yet");
    }
}

#[test]
fn w18_two_leaders_in_one_term_and_a_leader_that_lacks_commits_are_seen() {
    // n3 has forgotten its term 1 and campaigns in it again; n2 votes twice.
    let n3 = |action: &str, role: &str| Line {
        term: 1,
        vote: Some(3),
        role: role.into(),
        ..line(action, 3)
    };
    let mut trace = elected()[..9].to_vec();
    trace.push(n3("Timeout", "candidate"));
    trace.push(Line { term: 1, ..line("Restart", 2) });
    trace.push(Line {
        term: 1,
        vote: Some(3),
        peer: Some(3),
        ..line("HandleRequestVoteRequest", 2)
    });
    trace.push(Line { peer: Some(2), ..n3("HandleRequestVoteResponse", "candidate") });
    check(trace.clone(), n3("BecomeLeader", "leader"), "two leaders");

    let mut trace = elected();
    for action in ["Restart", "UpdateTerm", "HandleRequestVoteRequest"] {
        let (term, peer) = if action == "Restart" { (1, None) } else { (2, Some(3)) };
        let vote = (action == "HandleRequestVoteRequest").then_some(3);
        trace.push(Line { term, peer, vote, ..line(action, 2) });
    }
    trace.push(Line { term: 1, peer: Some(1), ..line("UpdateTerm", 3) });
    trace.push(Line { term: 2, ..n3("Timeout", "candidate") });
    trace.push(Line { term: 2, peer: Some(2), ..n3("HandleRequestVoteResponse", "candidate") });
    check(trace, Line { term: 2, ..n3("BecomeLeader", "leader") }, "all that is committed");
}
