//! The commands of an application: keys, ranges, transactions, watches and leases.
//!
//! A write has one of three outcomes, and the exit code tells which: done (0), not applied (4, 5 or
//! 7), or unknown (6).

use std::num::NonZeroU64;
use std::time::Duration;

use clap::{Subcommand, value_parser};

use super::options::{Connection, Encoding, Output};
use crate::help::examples;
use crate::input::{self, Input};
use crate::transaction::{Condition, Operation};
use crate::values::duration;

/// Read and write data.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Store a value under a key
    ///
    /// The value is at most 1.5 MiB. A retry after a lost answer is applied once.
    #[command(after_long_help = examples(&[
        ("kv put hello world", ""),
        ("kv put motd @motd.txt", "the value is a file's content"),
        ("date | kv put now -", "the value is what comes on stdin"),
        ("kv put --hex 00ff 0a0b0c", "bytes that no terminal shows"),
        ("kv put seat ann --lease 7", "gone when lease 7 ends"),
    ]))]
    Put {
        /// The key: text, @FILE, or - for stdin
        #[arg(value_parser = input::key(), allow_negative_numbers = true)]
        key: Input,
        /// The value: text, @FILE, or - for stdin
        #[arg(value_parser = input::value(), allow_negative_numbers = true)]
        value: Input,
        /// Delete the key when this lease ends
        #[arg(long, value_name = "ID")]
        lease: Option<NonZeroU64>,
        #[command(flatten)]
        encoding: Encoding,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Print the value of a key
    ///
    /// The value and a newline, as of now: a read sees every write that was acknowledged before it
    /// began. A key that does not exist gives exit code 3.
    #[command(after_long_help = examples(&[
        ("kv get hello", ""),
        ("kv get hello -o json", "with revisions and version"),
        ("kv get @@alice", "the key is @alice"),
    ]))]
    Get {
        /// The key: text, @FILE, or - for stdin
        #[arg(value_parser = input::key(), allow_negative_numbers = true)]
        key: Input,
        #[command(flatten)]
        encoding: Encoding,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Delete a key
    ///
    /// A key that does not exist gives exit code 3.
    #[command(after_long_help = examples(&[("kv del hello", "")]))]
    Del {
        /// The key: text, @FILE, or - for stdin
        #[arg(value_parser = input::key(), allow_negative_numbers = true)]
        key: Input,
        #[command(flatten)]
        encoding: Encoding,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Replace a value, if it is still the one you think
    ///
    /// Compare and set: stores NEW if the key has the value OLD. If it has another, nothing changes
    /// and the exit code is 4. To create a key only if it is absent, see `kv txn --help`.
    #[command(after_long_help = examples(&[
        ("kv cas hello world there", "world becomes there, or exit code 4"),
        ("kv cas config @old.toml @new.toml", ""),
    ]))]
    Cas {
        /// The key: text, @FILE, or - for stdin
        #[arg(value_parser = input::key(), allow_negative_numbers = true)]
        key: Input,
        /// The value it must have now
        #[arg(value_parser = input::value(), allow_negative_numbers = true)]
        old: Input,
        /// The value it gets
        #[arg(value_parser = input::value(), allow_negative_numbers = true)]
        new: Input,
        #[command(flatten)]
        encoding: Encoding,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Add a number to a counter and print the sum
    ///
    /// The counter is a signed 64-bit number, kept as decimal text; an absent key counts as 0. A
    /// retry after a lost answer is counted once.
    #[command(after_long_help = examples(&[
        ("kv add visits 1", ""),
        ("kv add stock -3", ""),
    ]))]
    Add {
        /// The key: text, @FILE, or - for stdin
        #[arg(value_parser = input::key(), allow_negative_numbers = true)]
        key: Input,
        /// What to add; may be negative
        #[arg(allow_negative_numbers = true)]
        number: i64,
        #[command(flatten)]
        encoding: Encoding,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Append to the value of a key
    ///
    /// An absent key counts as empty. A retry after a lost answer is appended once.
    #[command(after_long_help = examples(&[
        ("kv append log ' and then'", ""),
        ("kv append log @more.txt", ""),
    ]))]
    Append {
        /// The key: text, @FILE, or - for stdin
        #[arg(value_parser = input::key(), allow_negative_numbers = true)]
        key: Input,
        /// What to append: text, @FILE, or - for stdin
        #[arg(value_parser = input::value(), allow_negative_numbers = true)]
        value: Input,
        #[command(flatten)]
        encoding: Encoding,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// List keys and values in order
    ///
    /// All of them are as of one moment, however many there are. Without arguments it lists every
    /// key.
    #[command(after_long_help = examples(&[
        ("kv range --prefix user/", ""),
        ("kv range a m", "from a up to m, m not included"),
        ("kv range a --limit 10 -o json", ""),
    ]))]
    Range {
        /// The first key
        #[arg(value_parser = input::key(), allow_negative_numbers = true)]
        from: Option<Input>,
        /// The key to stop before
        #[arg(value_parser = input::key(), allow_negative_numbers = true)]
        to: Option<Input>,
        /// Only keys that start with this
        #[arg(
            long,
            value_parser = input::key(),
            allow_negative_numbers = true,
            conflicts_with = "from"
        )]
        prefix: Option<Input>,
        /// At most this many keys
        #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
        limit: Option<u64>,
        #[command(flatten)]
        encoding: Encoding,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Do several things at once, if conditions hold
    ///
    /// If all conditions hold, the --then operations run, else the --else operations, in the order
    /// given and with nothing in between. Exit code 4 tells that the conditions did not hold.
    ///
    /// A condition is FIELD KEY SIGN WHAT: the field is value, version, created, modified or lease,
    /// the sign is = != < or >. An absent key has version 0.
    ///
    /// An operation is get KEY, put KEY VALUE, del KEY, add KEY NUMBER or append KEY VALUE. The
    /// last word is all the rest of the line; a key with blanks in it is written with --hex.
    #[command(
        arg_required_else_help = true,
        after_long_help = examples(&[
            ("kv txn --if 'version lock = 0' --then 'put lock me'", "create, if absent"),
            ("kv txn --then 'add a -5' --then 'add b 5'", "move 5 from a to b"),
            ("kv txn --if 'value x = 1' --then 'del x' --else 'get x'", ""),
        ]),
    )]
    Txn {
        /// What must hold; may be given again, and then all must
        #[arg(long = "if", value_name = "CONDITION")]
        conditions: Vec<Condition>,
        /// What to do if it holds; may be given again
        #[arg(long = "then", value_name = "OPERATION", required_unless_present = "otherwise")]
        then: Vec<Operation>,
        /// What to do if it does not; may be given again
        #[arg(long = "else", value_name = "OPERATION", requires = "conditions")]
        otherwise: Vec<Operation>,
        #[command(flatten)]
        encoding: Encoding,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Print changes as they happen
    ///
    /// Every change once and in order, until ctrl-c; a lost connection is taken up where it broke.
    #[command(after_long_help = examples(&[
        ("kv watch hello", ""),
        ("kv watch --prefix user/ -o json", "one JSON object a line"),
        ("kv watch hello --from 1042", "what happened since revision 1042, too"),
    ]))]
    Watch {
        /// The key, or with --prefix the start of all keys to watch
        #[arg(value_parser = input::key(), allow_negative_numbers = true)]
        key: Input,
        /// Watch every key that starts with KEY
        #[arg(long)]
        prefix: bool,
        /// Start with the changes of this revision, not with now
        #[arg(long, value_name = "REVISION", value_parser = value_parser!(u64).range(1..))]
        from: Option<u64>,
        #[command(flatten)]
        encoding: Encoding,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Grant and keep leases: keys that vanish with their owner
    ///
    /// A lease ends when its time runs out without a keep-alive, or when it is revoked; the keys
    /// that hang on it go with it. Time without a leader is not counted.
    Lease {
        /// What to do with it
        #[command(subcommand)]
        command: Lease,
    },
}

/// Grant and keep leases.
#[derive(Debug, Subcommand)]
pub enum Lease {
    /// Make a lease and print its number
    #[command(after_long_help = examples(&[
        ("kv lease grant 30s", ""),
        ("kv put seat ann --lease 7", "then hang keys on it"),
    ]))]
    Grant {
        /// How long it lives without a keep-alive, as in 30s or 2m
        #[arg(value_name = "DURATION", value_parser = duration)]
        ttl: Duration,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// End a lease and delete its keys
    #[command(after_long_help = examples(&[("kv lease revoke 7", "")]))]
    Revoke {
        /// The lease's number
        id: NonZeroU64,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Keep a lease alive until ctrl-c
    #[command(after_long_help = examples(&[
        ("kv lease keep-alive 7", ""),
        ("kv lease keep-alive 7 --once", "renew it now, and leave"),
    ]))]
    KeepAlive {
        /// The lease's number
        id: NonZeroU64,
        /// Renew it once and stop
        #[arg(long)]
        once: bool,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// Show how long a lease has to live, and its keys
    #[command(after_long_help = examples(&[("kv lease show 7", "")]))]
    Show {
        /// The lease's number
        id: NonZeroU64,
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
    /// List all leases
    #[command(after_long_help = examples(&[("kv lease list -o json", "")]))]
    List {
        #[command(flatten)]
        connection: Connection,
        #[command(flatten)]
        output: Output,
    },
}

impl Command {
    /// Stdin is read by one argument at most, and with `--hex` all text is hexadecimal.
    pub(super) fn validate(&self) -> Result<(), String> {
        let (inputs, encoding): (Vec<&Input>, _) = match self {
            Self::Put { key, value, encoding, .. } | Self::Append { key, value, encoding, .. } => {
                (vec![key, value], encoding)
            }
            Self::Cas { key, old, new, encoding, .. } => (vec![key, old, new], encoding),
            Self::Get { key, encoding, .. }
            | Self::Del { key, encoding, .. }
            | Self::Add { key, encoding, .. }
            | Self::Watch { key, encoding, .. } => (vec![key], encoding),
            Self::Range { from, to, prefix, encoding, .. } => {
                ([from, to, prefix].into_iter().flatten().collect(), encoding)
            }
            Self::Txn { conditions, then, otherwise, encoding, .. } if encoding.hex => {
                conditions.iter().try_for_each(Condition::check_hex)?;
                return then.iter().chain(otherwise).try_for_each(Operation::check_hex);
            }
            Self::Txn { .. } | Self::Lease { .. } => return Ok(()),
        };
        if inputs.iter().filter(|input| ***input == Input::Stdin).count() > 1 {
            return Err("only one argument can be -, since stdin can be read once".to_owned());
        }
        if encoding.hex { inputs.into_iter().try_for_each(Input::check_hex) } else { Ok(()) }
    }
}
