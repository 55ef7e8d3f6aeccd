//! Depth-first search over the states of a world, each looked at once: what it must remember is a hash a state.
//! To print a shortest way to a violation it is repeated with a growing limit of depth.

use std::collections::HashMap;
use std::fmt::Write as _;

use super::world::{Action, World};

/// What a search has come to.
pub(crate) struct Found {
    pub(crate) states: usize,
    /// Every state within the bounds was looked at.
    pub(crate) is_complete: bool,
    /// What does not hold, and the shortest way there.
    pub(crate) violation: Option<(String, Vec<Action>)>,
}

struct Search {
    /// States, and how far from them was looked.
    seen: HashMap<u64, u32>,
    states_max: usize,
    is_cut: bool,
}

/// Looks at every state that can be reached from `start`.
pub(crate) fn explore(start: &World, states_max: usize) -> Found {
    let (found, search) = Search::run(start, u32::MAX, states_max);
    let states = search.seen.len();
    let is_complete = !search.is_cut && found.is_none();
    Found { states, is_complete, violation: found.map(|_| shortest(start)) }
}

/// A violation at the least depth.
fn shortest(start: &World) -> (String, Vec<Action>) {
    let found = (1..).find_map(|depth| Search::run(start, depth, usize::MAX).0);
    found.expect("a violation was found without a limit")
}

impl Search {
    fn run(start: &World, depth: u32, states_max: usize) -> (Option<(String, Vec<Action>)>, Self) {
        let seen = HashMap::from([(start.fingerprint(), depth)]);
        let mut search = Self { seen, states_max, is_cut: false };
        let found = search.look(start, depth, &mut Vec::new());
        (found, search)
    }

    fn look(
        &mut self,
        world: &World,
        depth: u32,
        path: &mut Vec<Action>,
    ) -> Option<(String, Vec<Action>)> {
        if self.seen.len() > self.states_max {
            self.is_cut = true;
            return None;
        }
        for action in world.actions() {
            let (after, verdict) = world.after(&action);
            path.push(action);
            if let Err(violation) = verdict {
                return Some((violation, path.clone()));
            }
            let left = depth - 1;
            let known = self.seen.entry(after.fingerprint()).or_insert(0);
            if *known < left {
                *known = left;
                if let Some(found) = self.look(&after, left, path) {
                    return Some(found);
                }
            }
            path.pop();
        }
        None
    }
}

/// One action a line.
pub(crate) fn tell(path: &[Action]) -> String {
    let mut text = String::new();
    for (number, action) in (1..).zip(path) {
        writeln!(text, "{number:>3}. {action}").expect("a string grows");
    }
    text
}
