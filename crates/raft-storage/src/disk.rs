//! The seam between the log and a disk: operations go in, completions come out, in whatever time they take.
//! The real disk carries them out on the thread that drives it; the fake one on virtual time, with every
//! way of losing what was not synced.

use std::fmt;

use bytes::Bytes;

use crate::directory::FileName;

/// Something that files can be kept on.
///
/// Operations are carried out in the order they were submitted. Nothing is durable before a
/// [`Operation::Sync`] submitted behind it has completed, and a name not before
/// [`Operation::SyncDirectory`]. After a crash any subset of what was not synced may be there, in any order
/// and torn at any byte.
pub trait Disk {
    /// Takes an operation. Never waits for it.
    fn submit(&mut self, ticket: Ticket, operation: Operation);

    /// Appends to `finished` what has completed since the last call, in the order of completion.
    fn complete(&mut self, finished: &mut Vec<Completion>);

    /// Carries out one operation and waits for it: for whoever has nothing else to do, as at opening.
    ///
    /// # Errors
    /// What the disk refuses.
    fn perform(&mut self, operation: Operation) -> Result<Done, DiskError>;
}

/// The submitter's name for an operation; comes back with its completion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// One thing for a disk to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Makes a file of zeros, really written, so that later writes change no metadata. An existing one is
    /// filled with zeros again.
    Create {
        /// Which.
        file: FileName,
        /// How large.
        bytes: u64,
    },
    /// Writes inside a file, or at the end of one that grows.
    Write {
        /// Which.
        file: FileName,
        /// Where.
        offset: u64,
        /// What.
        bytes: Bytes,
    },
    /// Reads inside a file; what is not there is an error, not a short answer.
    Read {
        /// Which.
        file: FileName,
        /// Where.
        offset: u64,
        /// How much.
        len: u32,
    },
    /// Makes everything written to a file durable. A failure is final: what of it was kept is unknown, and a
    /// later sync that succeeds proves nothing.
    Sync(FileName),
    /// Makes names durable: creations, renames and removals.
    SyncDirectory,
    /// Gives a file another name, replacing what had it.
    Rename {
        /// The name it has.
        from: FileName,
        /// The name it gets.
        to: FileName,
    },
    /// Removes a file.
    Remove(FileName),
    /// Lists all files with their sizes, in order of name.
    List,
}

/// An operation that has come to an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Which.
    pub ticket: Ticket,
    /// How.
    pub result: Result<Done, DiskError>,
}

/// What a completed operation gives back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// Nothing but that it is done.
    Nothing,
    /// What was read.
    Bytes(Bytes),
    /// The files there are, and their sizes.
    Files(Vec<(FileName, u64)>),
}

/// Why an operation failed. A variant stands only where a caller does something different.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DiskError {
    /// The disk is full. Part of a write may be there.
    NoSpace,
    /// There is no such file.
    NotFound,
    /// The read goes beyond the end of the file.
    BeyondEnd,
    /// Anything else, in the system's words.
    Failed(String),
}

/// What opening and snapshots ask of a disk, in words of their own.
impl dyn Disk + '_ {
    pub(crate) fn read(
        &mut self,
        file: FileName,
        offset: u64,
        len: usize,
    ) -> Result<Bytes, DiskError> {
        let len = u32::try_from(len).map_err(|_| DiskError::BeyondEnd)?;
        match self.perform(Operation::Read { file, offset, len })? {
            Done::Bytes(bytes) if bytes.len() == len as usize => Ok(bytes),
            Done::Bytes(_) | Done::Nothing | Done::Files(_) => Err(DiskError::misfit()),
        }
    }

    pub(crate) fn list(&mut self) -> Result<Vec<(FileName, u64)>, DiskError> {
        match self.perform(Operation::List)? {
            Done::Files(files) => Ok(files),
            Done::Bytes(_) | Done::Nothing => Err(DiskError::misfit()),
        }
    }

    pub(crate) fn perform_all(&mut self, operations: Vec<Operation>) -> Result<(), DiskError> {
        operations.into_iter().try_for_each(|operation| self.perform(operation).map(drop))
    }
}

impl DiskError {
    fn misfit() -> Self {
        Self::Failed("the disk answered another question than it was asked".to_owned())
    }
}

impl fmt::Display for DiskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSpace => f.write_str("the disk is full; make room and start the node again"),
            Self::NotFound => f.write_str("there is no such file"),
            Self::BeyondEnd => f.write_str("the file ends before what was to be read"),
            Self::Failed(words) => write!(f, "the disk failed: {words}"),
        }
    }
}

impl std::error::Error for DiskError {}
