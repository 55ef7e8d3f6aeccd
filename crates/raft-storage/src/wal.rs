//! The write-ahead log as a plain value: units go in, batches of disk operations come out, results go back in.
//! It never touches a disk itself, so draining, capping and laying out a batch run under simulation.

use raft_core::WriteToken;

use crate::disk::{DiskError, Operation};

/// The log of one node, open for appending. After a failed sync it accepts nothing more, because what the
/// disk kept is unknown.
///
/// ```text
/// fn append(&mut self, unit: raft_core::Write) -> Result<(), WriteError>;
///     // Queues a unit. Order is kept; nothing is copied.
/// fn next_batch(&mut self, now: Time) -> Option<Batch>;
///     // What to write and sync next: everything queued up to the cap, or an empty batch after a moment of
///     // idleness. None while a batch is under way.
/// fn done(&mut self, result: Result<(), DiskError>) -> Result<WriteToken, WriteError>;
///     // The batch under way has come to an end; says up to which unit all is durable.
/// fn deadline(&self) -> Time;
///     // When next_batch has something to say though nothing was appended.
/// fn durable(&self) -> WriteToken;
/// ```
///
/// A unit is carried out in the order *snapshot, vote file, log records*, and recovery accepts every prefix
/// of that. The log is only ever appended to: a suffix that another leader replaced is overwritten by later
/// records with lower indexes, so Raft never breaks the chain of checksums.
#[derive(Debug)]
pub struct Wal {
    _private: (),
}

/// Numbers and modes of the log, checked once when it opens.
///
/// ```text
/// fn check(&self) -> Result<(), ConfigError>;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalConfig {
    /// A segment's size; 64 MiB by default. A record larger than what is left goes to the next segment.
    pub segment_bytes: u64,
    /// A batch closes at this size; 512 KiB by default, above which one sync gets slower. A larger unit goes
    /// alone.
    pub batch_bytes_max: usize,
    /// How writes are made durable.
    pub sync: SyncMode,
    /// After this long without a write one empty batch is synced, as proof that the last one was; 5 ms by
    /// default. Nobody waits for it.
    pub idle_batch_ms: u64,
}

/// How writes are made durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncMode {
    /// Through the page cache, then `fdatasync`. Works everywhere.
    Fdatasync,
    /// Past the page cache, durable when the write returns. About a tenth faster, with padding to whole
    /// blocks; falls back to the other, and says so, where the filesystem refuses.
    Direct,
}

/// What one sync makes durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Its number in the log; grows by one.
    pub number: u64,
    /// To be carried out in this order, each after the one before has completed. The first failure ends it.
    pub operations: Vec<Operation>,
    /// The last unit in it; of an empty batch, the last one before it.
    pub upto: WriteToken,
}

/// Why the log takes no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// A write or a sync failed, now or earlier. The node stops and says so; it may be started again on the
    /// same directory, where recovery sees what is really there.
    Poisoned(DiskError),
    /// A unit does not follow the one before it: a fault of this program, found before anything was written.
    OutOfOrder {
        /// The token it came with.
        token: WriteToken,
        /// The last token taken.
        last: WriteToken,
    },
}
