//! An in-memory cluster of real nodes on virtual time, and a single node among scripted peers. What a node
//! wants done goes through here: messages as the bytes that production sends, writes with separate marks for
//! written and durable, and a judge who sees everything.

#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod cluster;
pub(crate) mod disk;
pub(crate) mod judge;
pub(crate) mod network;
pub(crate) mod random;
pub(crate) mod solo;

use raft_core::{EntryId, Index, Membership, NodeId, Term};

/// T of the default configuration.
pub(crate) const ELECTION_TIMEOUT_MS: u64 = 300;
/// A heartbeat interval of the default configuration.
pub(crate) const HEARTBEAT_MS: u64 = 50;

pub(crate) fn id(term: u64, index: u64) -> EntryId {
    EntryId::new(Term(term), Index(index))
}

pub(crate) fn node(id: u64) -> NodeId {
    NodeId(id)
}

/// n1 to nN, all voters.
pub(crate) fn voters(count: u64) -> Membership {
    Membership::of_voters((1..=count).map(NodeId)).expect("at least one voter")
}
