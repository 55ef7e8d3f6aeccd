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
//! **The directory**, mode 0700, drawn byte by byte in `docs/storage-format.md`:
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
//! To read the crate: [`Wal`] and [`Disk`], then [`open`], then the layouts in `segment` and `batch`.

mod batch;
mod data_directory;
mod directory;
mod disk;
mod fake_disk;
mod fields;
mod identity;
mod real_disk;
mod recovered;
mod recovery;
mod replay;
mod report;
mod scan;
mod sector;
mod segment;
mod segments;
mod snapshot_format;
mod snapshot_store;
mod survey;
mod vote_file;
mod wal;
mod wal_config;
mod wal_thread;

pub use data_directory::DataDirectory;
pub use directory::{FORMAT, FileName, Identity};
pub use disk::{Completion, Disk, DiskError, Done, Operation, Ticket};
pub use fake_disk::{Chances, CrashPoint, Dice, FakeDisk, Fault, Kept, Loss};
pub use real_disk::RealDisk;
pub use recovered::{Damage, DamageKind, OpenError, Recovered};
pub use recovery::{Expected, create, open};
pub use report::{Inspection, SegmentContent, fsck, inspect};
pub use segments::Chore;
pub use snapshot_store::{SnapshotError, SnapshotFile, SnapshotReader, SnapshotStore};
pub use wal::{Batch, Wal, WriteError};
pub use wal_config::{ConfigError, SyncMode, WalConfig};
pub use wal_thread::{Report, WalThread};
