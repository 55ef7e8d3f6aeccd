//! Numbers and modes of the log, checked once when it opens.

use std::fmt;

use crate::batch::BATCH_BYTES_LONGEST;
use crate::sector::SECTOR_BYTES;
use crate::segment::SEGMENT_HEAD_BYTES;

/// Numbers and modes of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WalConfig {
    /// A segment's size; 64 MiB by default. A batch that does not fit into what is left goes to the next one,
    /// and one that fits into none gets a larger one.
    pub segment_bytes: u64,
    /// A batch closes at this size; 512 KiB by default, above which one sync gets slower. A larger entry goes
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

/// A number that does not fit, in a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl Default for WalConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 64 * 1024 * 1024,
            batch_bytes_max: 512 * 1024,
            sync: SyncMode::Fdatasync,
            idle_batch_ms: 5,
        }
    }
}

impl WalConfig {
    /// Holds every number against the others and against the format.
    ///
    /// # Errors
    /// The first number that does not fit.
    pub fn check(&self) -> Result<(), ConfigError> {
        let least = SEGMENT_HEAD_BYTES + BLOCK_BYTES;
        if self.segment_bytes < least as u64
            || !self.segment_bytes.is_multiple_of(BLOCK_BYTES as u64)
        {
            return Err(ConfigError(format!(
                "segment_bytes ({}) is not a multiple of {BLOCK_BYTES} of at least {least}",
                self.segment_bytes
            )));
        }
        if self.batch_bytes_max == 0 || self.batch_bytes_max > BATCH_BYTES_LONGEST - BLOCK_BYTES {
            return Err(ConfigError(format!(
                "batch_bytes_max ({}) is not within 1 and {}",
                self.batch_bytes_max,
                BATCH_BYTES_LONGEST - BLOCK_BYTES
            )));
        }
        Ok(())
    }

    /// What a batch is padded to, so that the next one begins where a write may begin.
    pub(crate) fn unit_bytes(&self) -> usize {
        match self.sync {
            SyncMode::Fdatasync => SECTOR_BYTES,
            SyncMode::Direct => BLOCK_BYTES,
        }
    }
}

/// What direct writes are aligned to.
pub(crate) const BLOCK_BYTES: usize = 4096;

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_do_not_fit_are_refused_by_name() {
        let refused = |change: fn(&mut WalConfig), says: &str| {
            let mut config = WalConfig::default();
            assert_eq!(config.check(), Ok(()));
            change(&mut config);
            let error = config.check().expect_err("it does not fit").to_string();
            assert!(error.contains(says), "{error}");
        };
        refused(|config| config.segment_bytes = 4096, "segment_bytes (4096)");
        refused(|config| config.segment_bytes = 100_000, "segment_bytes (100000)");
        refused(|config| config.batch_bytes_max = 0, "batch_bytes_max (0)");
        refused(|config| config.batch_bytes_max = 3 << 20, "batch_bytes_max (3145728)");
    }
}
