//! Raft as one synchronous, deterministic value, and the contract that everything else is built on.
//!
//! A node is a [`Raft`]. It is told what happened, and says what to do about it:
//!
//! ```
//! # use raft_core::{Config, ClusterId, Input, Loaded, Membership, NodeId, Output, Raft, StepError, Time};
//! # fn inputs() -> Vec<Input<'static>> { vec![Input::Tick] }
//! # fn carry_out(_: &Output) {}
//! # fn report(_: StepError) {}
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (clock, seed) = (Time::from_ms(7), 42);
//! let members = Membership::of_voters([NodeId(1), NodeId(2), NodeId(3)])?;
//! let config = Config::new(ClusterId(0x51), NodeId(1), seed);
//! let mut raft = Raft::open(config, Loaded::genesis(members))?;
//! let mut out = Output::new();
//!
//! // One turn of a driver's loop: everything that has happened, then a tick if one is due.
//! let now = clock;
//! for input in inputs() {
//!     raft.step(now, input, &mut out).unwrap_or_else(report);
//! }
//! if raft.deadline() <= now {
//!     raft.step(now, Input::Tick, &mut out).unwrap_or_else(report);
//! }
//! carry_out(&out); // send, write, apply, answer: in any order, also after an error
//! out.clear();
//! // Now sleep until something happens, or until raft.deadline().
//! # Ok(())
//! # }
//! ```
//!
//! **What is here.** The algorithm, the types it speaks in, and their bytes on wire and disk: messages in
//! [`Message`], log entries in [`Entries`]. Entries are encoded once and the same bytes go to the log and to
//! every follower.
//!
//! **What is deliberately absent.** Async, clocks, randomness, I/O, logging, threads, and any error of
//! storage: time is an argument, randomness a seed, and the log since the last snapshot is held in memory. The
//! lists in `clippy.toml` keep it so.
//!
//! **Durability.** Whatever must be on disk before it is said stays inside until the token of its
//! [`Write`] comes back, so that it cannot be sent too early. Appends of a leader leave at once, in parallel
//! with its own disk.
//!
//! **No panics.** Input may be anything. What breaks a rule is refused; what contradicts the node's own
//! state poisons it, with a sentence, and it then promises nothing any more.
//!
//! To read the crate: [`Raft`] first, then [`Input`] and [`Output`], then [`Message`].

#![cfg_attr(
    not(test),
    deny(
        clippy::disallowed_macros,
        clippy::disallowed_methods,
        clippy::disallowed_types,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::arithmetic_side_effects,
        clippy::wildcard_enum_match_arm,
    )
)]

mod codec;
mod config;
mod contradiction;
mod decode;
mod disk;
mod durability;
mod election;
mod entries;
mod event;
mod explain;
mod fingerprint;
mod follower;
mod ids;
mod input;
mod invariants;
mod leader;
mod links;
mod loaded;
mod log;
mod membership;
mod message;
mod open;
mod outcome;
mod output;
mod pressure;
mod progress;
mod quorum;
mod raft;
mod replication;
mod rng;
mod role;
mod snapshot;
mod status;
mod trace;
mod waiting;

pub use codec::{KIND_MAX, MESSAGE_VERSION, frame_bytes_max};
pub use config::{Config, ConfigError, Lease};
pub use contradiction::Contradiction;
pub use decode::DecodeError;
pub use entries::{ENTRY_BYTES_MAX, ENTRY_HEADER_BYTES, Entries, EntriesBuf, Entry, Iter, Payload};
pub use event::{Event, StepDown, VoteRefusal};
pub use ids::{
    ClusterId, EntryId, Epoch, Incarnation, Index, LogTime, NodeId, Round, Term, Time, Token,
    WriteToken,
};
pub use input::{Input, ReadLevel};
pub use loaded::{Loaded, OpenError};
pub use membership::{
    CONTACT_BYTES_MAX, MEMBERS_MAX, Member, Membership, MembershipError, REMOVED_MAX, Standing,
};
pub use message::{
    AppendEntries, AppendEntriesReply, AppendResult, Commit, Heartbeat, HeartbeatReply,
    InstallResult, InstallSnapshot, InstallSnapshotReply, Kind, Message, Nonsense, ReadIndex,
    ReadIndexReply, RequestPreVote, RequestPreVoteReply, RequestVote, RequestVoteReply, TimeoutNow,
};
pub use outcome::{Bound, End, Outcome, ReadOutcome, Refused, TransferEnd, Unknown};
pub use output::{Apply, Ballot, Envelope, LogBehind, Output, SnapshotWrite, Write};
pub use raft::{Raft, StepError};
pub use snapshot::{SnapshotId, SnapshotMeta};
pub use status::{Explanation, Health, PeerState, PeerStatus, RoleName, Status};
pub use trace::{Action, Trace};
