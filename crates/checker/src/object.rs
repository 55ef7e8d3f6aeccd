//! Operations that can be judged by themselves: those on one key, or on keys tied by transactions.

use crate::history::{Call, History, Operation, Outcome};
use crate::models::ModelKind;
use crate::value::small;

/// The operations of one object, as places in the history, in order of invoke.
#[derive(Clone, Debug, Default)]
pub(crate) struct Object {
    pub(crate) members: Vec<u32>,
}

/// The objects of a history, the longest first. In none is what definitely did not happen, and what
/// says nothing: a read without an answer fits anywhere.
pub(crate) fn split(history: &History, model: &ModelKind) -> Vec<Object> {
    let object_of_key = match model {
        ModelKind::MultiRegister(_) => vec![0; history.key_count()],
        _ => join_keys(history),
    };
    let mut sizes = vec![0; history.key_count()];
    for operation in history.operations().iter().filter(|operation| is_evidence(operation)) {
        sizes[object_of_key[operation.key.0 as usize] as usize] += 1;
    }
    let mut objects: Vec<Object> =
        sizes.iter().map(|size| Object { members: Vec::with_capacity(*size) }).collect();
    for (at, operation) in (0..).zip(history.operations()) {
        if is_evidence(operation) {
            objects[object_of_key[operation.key.0 as usize] as usize].members.push(at);
        }
    }
    objects.retain(|object| !object.members.is_empty());
    objects.sort_by_key(|object| std::cmp::Reverse(object.members.len()));
    objects
}

fn is_evidence(operation: &Operation) -> bool {
    operation.outcome != Outcome::Fail && operation.call != Call::Read(None)
}

/// Per key the lowest key that transactions tie it to.
fn join_keys(history: &History) -> Vec<u32> {
    let mut parent: Vec<u32> = (0..small(history.key_count())).collect();
    for operation in history.operations() {
        let Call::Transaction { steps, .. } = operation.call else { continue };
        for step in history.steps(steps) {
            let one = root(&mut parent, operation.key.0);
            let other = root(&mut parent, step.key().0);
            parent[one.max(other) as usize] = one.min(other);
        }
    }
    (0..small(parent.len())).map(|key| root(&mut parent, key)).collect()
}

fn root(parent: &mut [u32], key: u32) -> u32 {
    let mut at = key;
    while parent[at as usize] != at {
        parent[at as usize] = parent[parent[at as usize] as usize];
        at = parent[at as usize];
    }
    at
}
