//! The numbers a node runs with: defaults that fit each other, checked once when the node opens.
//! There are no modes: pre-vote, check-quorum and leader stickiness are always on.

use std::fmt;

use crate::entries::{ENTRY_BYTES_MAX, ENTRY_HEADER_BYTES};
use crate::ids::{ClusterId, Incarnation, NodeId};

/// Everything that may differ from node to node. [`Config::new`] gives the defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The cluster this node belongs to.
    pub cluster: ClusterId,
    /// This node.
    pub id: NodeId,
    /// This life of its data directory. If it is unknown, nobody notices that the directory was lost.
    pub incarnation: Incarnation,
    /// Where its randomness comes from: another number for each node, or they time out together.
    pub seed: u64,
    /// Between equal logs a higher priority is elected first; it never keeps the only electable node out.
    pub priority: u8,
    /// How often a leader is heard.
    pub heartbeat_interval_ms: u64,
    /// T: a follower waits from T to 2T, drawn anew each time, before it asks for a pre-vote.
    pub election_timeout_ms: u64,
    /// How long a commit may wait for the next append to carry it before it is told on its own.
    pub commit_notice_ms: u64,
    /// One entry at most, header included; above it a proposal is refused.
    pub entry_bytes_max: usize,
    /// What one append aims at; an entry above it goes alone.
    pub append_bytes_max: usize,
    /// Bytes sent to one peer and not answered, at most; an entry above it goes alone.
    pub inflight_bytes_max: usize,
    /// Appends sent to one peer and not answered, at most.
    pub inflight_messages_max: usize,
    /// Bytes appended by this leader and not committed, at most; above it proposals are refused as busy.
    pub uncommitted_bytes_max: usize,
    /// Bytes handed out to be applied and not reported back, at most.
    pub apply_bytes_max: usize,
    /// A snapshot is wanted once the log since the last one passes this.
    pub snapshot_log_bytes: u64,
    /// Entries kept in memory, at most; above it proposals are refused as busy.
    pub log_bytes_max: u64,
    /// How long a snapshot transfer may make no progress before it is begun again.
    pub snapshot_timeout_ms: u64,
    /// How far behind in bytes a learner may be and still be promoted.
    pub promotion_lag_bytes: u64,
    /// How far behind in time: it must have held what was the end of the log no longer ago than this.
    pub promotion_lag_ms: u64,
    /// Lets a leader answer reads without asking, if set. A follower's promise counts only if its own lease
    /// is as long as the leader's, so all nodes should have the same.
    pub lease: Option<Lease>,
}

/// Reads from a leader's lease: as fast as a local read, and as safe as the bound on clock drift is true.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// How far two nodes' clocks may drift apart, in parts per million.
    pub drift_ppm: u64,
}

/// Two numbers that do not fit, as a sentence that names both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl Config {
    /// The defaults, for one node.
    #[must_use]
    pub fn new(cluster: ClusterId, id: NodeId, seed: u64) -> Self {
        Self {
            cluster,
            id,
            incarnation: Incarnation::UNKNOWN,
            seed,
            priority: 0,
            heartbeat_interval_ms: 50,
            election_timeout_ms: 300,
            commit_notice_ms: 5,
            entry_bytes_max: ENTRY_BYTES_MAX,
            append_bytes_max: 256 * 1024,
            inflight_bytes_max: 1024 * 1024,
            inflight_messages_max: 256,
            uncommitted_bytes_max: 64 * 1024 * 1024,
            apply_bytes_max: 16 * 1024 * 1024,
            snapshot_log_bytes: 64 * 1024 * 1024,
            log_bytes_max: 256 * 1024 * 1024,
            snapshot_timeout_ms: 10_000,
            promotion_lag_bytes: 256 * 1024,
            promotion_lag_ms: 300,
            lease: None,
        }
    }

    /// Holds the numbers against each other.
    ///
    /// # Errors
    /// The first pair that does not fit.
    pub fn check(&self) -> Result<(), ConfigError> {
        let longest_timeout_ms = self.election_timeout_ms.checked_mul(2);
        rule(self.id != NodeId::NOBODY, || "id is 0, which is nobody; ids begin at 1".into())?;
        rule(self.heartbeat_interval_ms >= 1, || "heartbeat_interval_ms is 0".into())?;
        rule(longest_timeout_ms.is_some_and(|ms| ms <= MS_MAX), || {
            format!("election_timeout_ms is {}, above half a day", self.election_timeout_ms)
        })?;
        rule(self.heartbeat_interval_ms.saturating_mul(3) <= self.election_timeout_ms, || {
            format!(
                "election_timeout_ms ({}) is less than three heartbeat_interval_ms ({}): one lost \
                 heartbeat would call an election",
                self.election_timeout_ms, self.heartbeat_interval_ms
            )
        })?;
        rule(self.commit_notice_ms <= self.heartbeat_interval_ms, || {
            format!(
                "commit_notice_ms ({}) is above heartbeat_interval_ms ({}), which tells it anyway",
                self.commit_notice_ms, self.heartbeat_interval_ms
            )
        })?;
        rule(self.snapshot_timeout_ms >= self.election_timeout_ms, || {
            format!(
                "snapshot_timeout_ms ({}) is below election_timeout_ms ({})",
                self.snapshot_timeout_ms, self.election_timeout_ms
            )
        })?;
        self.check_bytes()?;
        self.lease.map_or(Ok(()), Lease::check)
    }

    fn check_bytes(&self) -> Result<(), ConfigError> {
        rule(self.entry_bytes_max > ENTRY_HEADER_BYTES, || {
            format!("entry_bytes_max ({}) leaves no room for a payload", self.entry_bytes_max)
        })?;
        rule(self.entry_bytes_max <= ENTRY_BYTES_MAX, || {
            format!(
                "entry_bytes_max ({}) is above the format's limit of {ENTRY_BYTES_MAX}",
                self.entry_bytes_max
            )
        })?;
        rule((1..=ENTRY_BYTES_MAX).contains(&self.append_bytes_max), || {
            format!(
                "append_bytes_max ({}) is not within 1 and {ENTRY_BYTES_MAX}",
                self.append_bytes_max
            )
        })?;
        rule(self.inflight_messages_max >= 1, || "inflight_messages_max is 0".into())?;
        rule(self.inflight_bytes_max >= self.append_bytes_max, || {
            format!(
                "inflight_bytes_max ({}) is below append_bytes_max ({}): no full append could be sent",
                self.inflight_bytes_max, self.append_bytes_max
            )
        })?;
        rule(self.uncommitted_bytes_max >= 1, || "uncommitted_bytes_max is 0".into())?;
        rule(self.apply_bytes_max >= 1, || "apply_bytes_max is 0".into())?;
        rule(self.snapshot_log_bytes >= 1, || "snapshot_log_bytes is 0".into())?;
        rule(self.log_bytes_max >= self.snapshot_log_bytes, || {
            format!(
                "log_bytes_max ({}) is below snapshot_log_bytes ({}): the log would fill up before a \
                 snapshot is wanted",
                self.log_bytes_max, self.snapshot_log_bytes
            )
        })
    }
}

impl Lease {
    fn check(self) -> Result<(), ConfigError> {
        rule(self.drift_ppm <= 500_000, || {
            format!("lease drift_ppm ({}) is above half the clock's rate", self.drift_ppm)
        })
    }
}

// Half a day: no timeout is longer, and no sum of a few of them overflows anything.
const MS_MAX: u64 = 12 * 60 * 60 * 1_000;

fn rule(holds: bool, broken: impl FnOnce() -> String) -> Result<(), ConfigError> {
    if holds { Ok(()) } else { Err(ConfigError(broken())) }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut Config)) -> Result<(), String> {
        let mut config = Config::new(ClusterId(1), NodeId(1), 7);
        change(&mut config);
        config.check().map_err(|error| error.to_string())
    }

    fn refused(change: impl FnOnce(&mut Config), names: &str) {
        let sentence = check(change).expect_err("the number does not fit");
        assert!(sentence.contains(names), "{sentence:?} does not name {names}");
    }

    #[test]
    fn the_defaults_fit_each_other() {
        assert_eq!(check(|_| ()), Ok(()));
    }

    #[test]
    fn a_lease_is_opt_in_and_bounded() {
        assert_eq!(Config::new(ClusterId(1), NodeId(1), 7).lease, None);
        assert_eq!(check(|config| config.lease = Some(Lease { drift_ppm: 1_000 })), Ok(()));
        refused(|config| config.lease = Some(Lease { drift_ppm: 600_000 }), "drift_ppm");
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused_by_name() {
        refused(|config| config.id = NodeId::NOBODY, "id");
        refused(|config| config.heartbeat_interval_ms = 0, "heartbeat_interval_ms");
        refused(|config| config.heartbeat_interval_ms = 101, "election_timeout_ms");
        refused(|config| config.election_timeout_ms = u64::MAX, "election_timeout_ms");
        refused(|config| config.commit_notice_ms = 51, "commit_notice_ms");
        refused(|config| config.snapshot_timeout_ms = 1, "snapshot_timeout_ms");
        refused(|config| config.entry_bytes_max = ENTRY_HEADER_BYTES, "entry_bytes_max");
        refused(|config| config.entry_bytes_max = ENTRY_BYTES_MAX + 1, "entry_bytes_max");
        refused(|config| config.append_bytes_max = 0, "append_bytes_max");
        refused(|config| config.append_bytes_max = usize::MAX, "append_bytes_max");
        refused(|config| config.inflight_messages_max = 0, "inflight_messages_max");
        refused(|config| config.inflight_bytes_max = 1, "inflight_bytes_max");
        refused(|config| config.uncommitted_bytes_max = 0, "uncommitted_bytes_max");
        refused(|config| config.apply_bytes_max = 0, "apply_bytes_max");
        refused(|config| config.snapshot_log_bytes = 0, "snapshot_log_bytes");
        refused(|config| config.log_bytes_max = 1, "log_bytes_max");
    }
}
