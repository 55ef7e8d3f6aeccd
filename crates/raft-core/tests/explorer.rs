//! W17: every order of events in a small world, with the real nodes. A state is what decides how the nodes go on,
//! what is on their disks, and the messages under way; a state seen before is not looked at again. Breadth
//! first, so that the first violation found is one of the shortest.
//!
//! What is exhaustive and what is not. Messages may arrive in any order or never, disks finish when they like, and
//! any node's timer may run out at any moment. Left out are time itself (so nobody is held to a leader by
//! stickiness: requests for votes go out as in a transfer, which voters must be safe against), pre-votes
//! (always granted, the worst case) and heartbeats (lost). In an *atomic* world an election is one action, heard
//! by one or both of the others; an ack arrives at once or never, since within its term it makes no difference
//! when, and after it nobody listens; and disks finish at once. Nodes differ in their names only, so n1 campaigns
//! first. The bounds of each world are in its test.

mod explorer {
    pub(crate) mod search;
    pub(crate) mod world;
}
mod harness;

use explorer::search::{explore, tell};
use explorer::world::{Bounds, World};

fn report(name: &str, bounds: Bounds) {
    let found = explore(&World::new(bounds), bounds.states_max);
    if let Some((violation, path)) = &found.violation {
        panic!("{name}: {violation}\n{}", tell(path));
    }
    assert!(found.is_complete, "{name}: more than {} states", bounds.states_max);
    println!("{name}: {} states, no violation", found.states);
}

/// 3 nodes, 4 elections, one entry a message, any loss and any order. Every leader makes an entry by being
/// elected, and two nodes that hold one of an old term are all that Figure 8 needs.
#[test]
fn w17_figure_8_no_old_entry_is_committed_by_counting() {
    report("figure 8", Bounds { elections: 4, atomic: true, ..Bounds::default() });
}

/// With 2 proposals and an election less, so that leaders stream. All of it together is `..._in_full`.
#[test]
fn w17_figure_8_with_proposals() {
    report("proposals", Bounds { elections: 3, proposals: 2, atomic: true, ..Bounds::default() });
}

/// 3 nodes and one crash anywhere between the decision to vote, its write and its sync, with every message of
/// the elections under way.
#[test]
fn w17_votes_and_syncs_nobody_votes_twice() {
    report("votes and syncs", Bounds { elections: 3, crashes: 1, ..Bounds::default() });
}

/// What takes too long for every day.
#[test]
#[ignore = "takes a quarter of an hour and a gigabyte: ci/long runs it"]
fn w17_figure_8_in_full() {
    let states_max = 200_000_000;
    report(
        "figure 8 in full",
        Bounds { elections: 4, proposals: 2, atomic: true, states_max, ..Bounds::default() },
    );
}
