//! A write-ahead log, a vote file and snapshots in plain files, over a small disk trait.
//!
//! **What it promises.** What was reported durable is there after any crash. A torn tail that nobody was told
//! of is cut; damage to anything else is found, named and repaired from peers, or the node stops: never
//! served, never guessed. A failed sync is final.
//!
//! **The path of a write.** `Raft` hands out a [`raft_core::Write`]; [`Wal`] gathers what came while the last
//! sync ran into one [`Batch`] of disk operations; whoever drives it carries them out and reports back; the
//! token of the last unit goes to the core. In production a thread drives the `Wal` over the real disk, in
//! simulation the world does over a fake one: laying out, capping and ordering run the same in both.
//!
//! **The directory**, mode 0700, drawn byte by byte in `docs/storage-format.md` once it is written:
//!
//! ```text
//!   LOCK                  who has it open
//!   identity              cluster, node, incarnation, format version
//!   vote                  two copies of (sequence, term, vote) in different sectors
//!   log/NUMBER.seg        segments, zero-filled ahead, never written twice in one place
//!   snapshot/INDEX-TERM   the two newest snapshots
//!   staging/…             snapshots on their way in; swept when the node opens
//! ```
//!
//! Relies on `raft-core` for the units it writes and the state it recovers. Deliberately absent: async, any
//! knowledge of elections or peers, and any reading of the log after opening.
//!
//! What stands here now is the contract that the other parts build on. Where a type will have methods, their
//! signatures stand in its comment.

mod directory;
mod disk;
mod recovered;
mod snapshot_store;
mod wal;

pub use directory::{FileName, Identity};
pub use disk::{Completion, Disk, DiskError, Done, Operation, Ticket};
pub use recovered::{Damage, DamageKind, OpenError, Recovered};
pub use snapshot_store::{SnapshotError, SnapshotFile, SnapshotStore};
pub use wal::{Batch, SyncMode, Wal, WalConfig, WriteError};
