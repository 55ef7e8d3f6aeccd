//! The most dangerous mistakes that other Raft libraries have made, each as the shortest story that shows
//! it, and of those that our own mutants have shown to be missed. Numbers are those of the research list of
//! bugs; the names say what must be so.

mod harness;
mod regressions {
    mod commit;
    mod durability;
    mod elections;
    mod log;
}

use raft_core::{AppendResult, Commit, Epoch, Index, Kind, Message, NodeId};

/// The acknowledgements among what was sent, as the index that each vouches for.
fn acks(sent: Vec<(NodeId, Message)>) -> Vec<u64> {
    let kinds = sent.into_iter().map(|(_, message)| message.kind);
    kinds
        .filter_map(|kind| match kind {
            Kind::AppendEntriesReply(reply) => match reply.result {
                AppendResult::Matched(index) => Some(index.0),
                AppendResult::Conflict { .. } => None,
            },
            _ => None,
        })
        .collect()
}

fn notice(commit: u64) -> Kind {
    Kind::Commit(Commit { epoch: Epoch(1), commit_index: Index(commit) })
}
