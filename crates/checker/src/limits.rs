//! How much time and memory a check may take, and the clock and scale that hold it to that.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What a check may use before it answers `unknown`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Wall time of the whole check.
    pub time: Duration,
    /// Memory of all searches together, beside the history itself.
    pub memory_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time: Duration::from_secs(300), memory_bytes: 1 << 30 }
    }
}

/// Why a search stopped before it knew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hard {
    /// Time ran out.
    Time(Duration),
    /// Memory ran out.
    Memory(usize),
    /// More operations open at once than a configuration has room for.
    TooManyOpen(usize),
    /// Another part of the history was found bad, which settles the whole.
    Settled,
}

impl fmt::Display for Hard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(limit) => {
                write!(f, "the time limit of {} s was reached", limit.as_secs_f64())
            }
            Self::Memory(limit) => write!(f, "the memory limit of {} MB was reached", limit >> 20),
            Self::TooManyOpen(most) => write!(f, "more than {most} operations were open at once"),
            Self::Settled => f.write_str("another key was found bad first"),
        }
    }
}

/// The limits of one check while it runs, shared by its threads.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    limits: Limits,
    deadline: Option<Instant>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    bytes: AtomicUsize,
    is_settled: AtomicBool,
}

impl Budget {
    pub(crate) fn start(limits: &Limits) -> Self {
        // A limit beyond what the clock can express is none.
        let deadline = Instant::now().checked_add(limits.time);
        Self { limits: *limits, deadline, shared: Arc::default() }
    }

    /// Ends every other search of this check: the answer is known.
    pub(crate) fn settle(&self) {
        self.shared.is_settled.store(true, Ordering::Relaxed);
    }

    /// A search that begins with nothing.
    pub(crate) fn gauge(&self) -> Gauge<'_> {
        Gauge { budget: self, bytes: 0, until_clock: 0 }
    }
}

/// What one search uses of a budget. Gives it back when dropped.
#[derive(Debug)]
pub(crate) struct Gauge<'a> {
    budget: &'a Budget,
    bytes: usize,
    until_clock: u32,
}

impl Gauge<'_> {
    /// Says how much memory this search holds now. Cheap: looks at the clock once in a while.
    pub(crate) fn check(&mut self, bytes: usize) -> Result<(), Hard> {
        let shared = &self.budget.shared;
        let limits = &self.budget.limits;
        let others = shared.bytes.fetch_add(bytes, Ordering::Relaxed);
        shared.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        let total = (others + bytes).saturating_sub(self.bytes);
        self.bytes = bytes;
        if total > limits.memory_bytes {
            return Err(Hard::Memory(limits.memory_bytes));
        }
        if self.until_clock > 0 {
            self.until_clock -= 1;
            return Ok(());
        }
        self.until_clock = CHECKS_PER_CLOCK;
        if shared.is_settled.load(Ordering::Relaxed) {
            return Err(Hard::Settled);
        }
        match self.budget.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(Hard::Time(limits.time)),
            _ => Ok(()),
        }
    }
}

impl Drop for Gauge<'_> {
    fn drop(&mut self) {
        self.budget.shared.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// A clock read costs as much as a small step of a search.
const CHECKS_PER_CLOCK: u32 = 16;
