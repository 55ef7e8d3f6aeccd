//! The exit codes of every command: a contract with scripts, shown in `kv --help`.
//!
//! A code says what a caller can do next; what went wrong in detail is in the message on stderr.
//! Signals have no code here, since the shell makes those up (128 + signal).

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It worked.
    Ok = 0,
    /// It failed for a reason that has no code of its own.
    Other = 1,
    /// The command line is wrong; nothing was done.
    Usage = 2,
    /// What was asked for does not exist.
    NotFound = 3,
    /// The condition of a compare-and-set or a transaction was false.
    ConditionFalse = 4,
    /// The cluster could not serve the request, which was definitely not applied.
    Unavailable = 5,
    /// The request may have been applied, or may be later, or never.
    Unknown = 6,
    /// The certificate does not allow this.
    Denied = 7,
    /// A verdict or an inspection found a fault.
    CheckFailed = 8,
    /// `kv serve` stopped because the disk refused a sync.
    SyncFailed = 74,
}

impl Exit {
    /// Every code, in ascending order.
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::Other,
        Self::Usage,
        Self::NotFound,
        Self::ConditionFalse,
        Self::Unavailable,
        Self::Unknown,
        Self::Denied,
        Self::CheckFailed,
        Self::SyncFailed,
    ];

    /// The number that the shell sees.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// One sentence for the help text, without a full stop.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Ok => "it worked",
            Self::Other => "something else went wrong; the message says what",
            Self::Usage => "the command line is wrong, and nothing was done",
            Self::NotFound => "the key, or whatever was asked for, does not exist",
            Self::ConditionFalse => "the condition of a cas or a transaction was false",
            Self::Unavailable => "the cluster is unavailable; the request was NOT applied",
            Self::Unknown => "the outcome is unknown; it may apply now, later or never",
            Self::Denied => "the certificate's role or key prefixes do not allow it",
            Self::CheckFailed => "a check failed: a bad history, or damaged data",
            Self::SyncFailed => "`kv serve` stopped: the disk refused a sync",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
