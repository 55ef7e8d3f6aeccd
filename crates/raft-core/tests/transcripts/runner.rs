//! Plays a transcript: takes its commands, leaves its remarks, and puts below each command what came of it.
//!
//! ```text
//! # a remark; the first one names the scenarios shown
//! > COMMAND
//!   what happened to a node
//!     what the node did about it: roles, events, writes, commits, answers, messages, entries applied
//! ```
//!
//! | command | does |
//! |---|---|
//! | `given n1: 1x3 4 4, term 7` | n1 starts with entries of these terms, `1x3` being three, and this term |
//! | `cluster 5` | five voters start and are connected; `cluster 5, one entry an append` |
//! | `tick n1` · `wait` | n1's next timer runs out; the first of all timers does |
//! | `advance 5ms` · `advance n1 5ms` | time passes, timers run out; only n1's do |
//! | `deliver` · `deliver n1->n2 n3->*` | what is under way arrives; only on these links |
//! | `drop n1->*` | what is under way there is lost |
//! | `sync` · `sync n1 n2` · `sync n1 once` | writes become durable; only the oldest |
//! | `settle` | messages arrive and writes become durable until nothing is left |
//! | `run 2s` | time passes and everything happens; heartbeats are counted |
//! | `elect n1` | n1's timer runs out and everything happens, until it leads |
//! | `propose n1 "bob"` | a client asks n1 for a write |
//! | `cut n1 n2 \| n3` · `heal` · `reconnect n1 n2` | links |
//! | `crash n1` · `restart n1 n2` · `stop n1` | nodes |
//! | `status` · `log` · `timers` | looks at every node |
//! | `briefly COMMAND` | without messages and writes |

use std::collections::BTreeMap;

use raft_core::NodeId;

use super::stage::{Given, Stage};
use crate::harness::network::Flight;

/// The transcript with everything below its commands as it is now.
pub(crate) fn play(transcript: &str) -> String {
    let mut player = Player::default();
    let mut lines: Vec<String> = Vec::new();
    for line in transcript.lines().filter(|line| !line.starts_with(' ')) {
        lines.push(line.into());
        if let Some(command) = line.strip_prefix("> ") {
            player.play(command);
            lines.extend(player.stage.as_mut().map(Stage::take_lines).unwrap_or_default());
        }
    }
    lines.join("\n") + "\n"
}

#[derive(Default)]
struct Player {
    given: BTreeMap<NodeId, Given>,
    stage: Option<Stage>,
}

impl Player {
    fn play(&mut self, command: &str) {
        let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
        match verb {
            "given" => self.give(rest),
            "cluster" => {
                let (size, how) = rest.split_once(", ").unwrap_or((rest, ""));
                let given = std::mem::take(&mut self.given);
                self.stage = Some(Stage::new(number(size), &given, how == "one entry an append"));
            }
            "briefly" => {
                self.stage().be_brief(true);
                self.play(rest);
                self.stage().be_brief(false);
            }
            _ => act(self.stage(), verb, rest),
        }
    }

    fn give(&mut self, rest: &str) {
        let (node, state) = rest.split_once(": ").expect("given NODE: TERMS, term TERM");
        let (terms, term) = state.split_once(", term ").unwrap_or((state, "0"));
        let terms = terms.split_whitespace().flat_map(|run| {
            let (term, count) = run.split_once('x').unwrap_or((run, "1"));
            std::iter::repeat_n(number(term), usize::try_from(number(count)).expect("a count"))
        });
        let given = Given { terms: terms.collect(), term: number(term) };
        self.given.insert(id(node), given);
    }

    fn stage(&mut self) -> &mut Stage {
        self.stage.as_mut().expect("a transcript begins with a cluster")
    }
}

fn act(stage: &mut Stage, verb: &str, rest: &str) {
    match verb {
        "tick" => ids(rest).into_iter().for_each(|id| stage.tick(id)),
        "wait" => stage.wait(),
        "advance" => {
            let (of, time) = rest.rsplit_once(' ').unwrap_or(("", rest));
            let of = if of.is_empty() { stage.ids() } else { ids(of) };
            stage.advance(milliseconds(time), &of);
        }
        "deliver" => stage.deliver(links(rest)),
        "drop" => stage.drop(links(rest)),
        "sync" => {
            let (of, count) = rest.strip_suffix(" once").map_or((rest, usize::MAX), |of| (of, 1));
            let of = if of.is_empty() { stage.ids() } else { ids(of) };
            for id in of {
                stage.sync(id, count);
            }
        }
        "settle" => stage.settle(),
        "run" => stage.run(milliseconds(rest)),
        "elect" => elect(stage, id(rest)),
        "propose" => {
            let (node, command) = rest.split_once(' ').expect("propose NODE \"COMMAND\"");
            stage.propose(id(node), command.trim_matches('"'));
        }
        "cut" => stage.cut(&rest.split(" | ").map(ids).collect::<Vec<_>>()),
        "heal" => stage.heal(),
        "reconnect" => match ids(rest)[..] {
            [a, b] => stage.reconnect(a, b),
            _ => panic!("reconnect NODE NODE"),
        },
        "crash" => ids(rest).into_iter().for_each(|id| stage.crash(id)),
        "restart" => ids(rest).into_iter().for_each(|id| stage.restart(id)),
        "stop" => stage.stop(id(rest)),
        "status" => stage.status(),
        "log" => stage.log(),
        "timers" => stage.timers(),
        _ => panic!("no such command: {verb}"),
    }
}

fn elect(stage: &mut Stage, id: NodeId) {
    for _ in 0..5 {
        stage.tick(id);
        stage.settle();
        if stage.leads(id) {
            return;
        }
    }
    panic!("{id} is not elected");
}

/// `n1->n2 n3->*`; everything if nothing is named.
fn links(words: &str) -> impl Fn(&Flight) -> bool {
    let end = |word: &str| (word != "*").then(|| id(word));
    let links: Vec<(Option<NodeId>, Option<NodeId>)> = words
        .split_whitespace()
        .map(|link| link.split_once("->").expect("FROM->TO"))
        .map(|(from, to)| (end(from), end(to)))
        .collect();
    move |flight| {
        let is_on = |(from, to): &(Option<NodeId>, Option<NodeId>)| {
            from.is_none_or(|from| from == flight.from) && to.is_none_or(|to| to == flight.to)
        };
        links.is_empty() || links.iter().any(is_on)
    }
}

fn ids(words: &str) -> Vec<NodeId> {
    words.split_whitespace().map(id).collect()
}

fn id(word: &str) -> NodeId {
    NodeId(number(word.strip_prefix('n').expect("a node is named n1, n2, ...")))
}

fn milliseconds(word: &str) -> u64 {
    word.strip_suffix("ms").map_or_else(
        || number(word.strip_suffix('s').expect("a time is 50ms or 2s")) * 1_000,
        number,
    )
}

fn number(word: &str) -> u64 {
    word.parse().unwrap_or_else(|_| panic!("{word:?} is not a number"))
}
