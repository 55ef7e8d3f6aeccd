//! The log behind the last snapshot, in memory: runs of encoded entries in order, and the memberships they
//! bring into force. Never reads storage, so it has no storage error.
//!
//! Invariant: the first run follows the snapshot, and each run follows the one before it.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use crate::contradiction::Contradiction;
use crate::entries::{Entries, EntriesBuf, Payload};
use crate::ids::{EntryId, Index, LogTime, Term};
use crate::loaded::OpenError;
use crate::membership::Membership;
use crate::snapshot::SnapshotMeta;

/// The log of one node.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    snapshot: SnapshotMeta,
    runs: VecDeque<Entries>,
    last: EntryId,
    last_time: LogTime,
    bytes: u64,
    /// Where each term behind the snapshot begins. A lookup needs no entry.
    terms: Vec<EntryId>,
    /// Every membership behind the snapshot, and where it stands: the last is in force, the ones before
    /// come back when an entry is truncated.
    memberships: Vec<(Index, Membership)>,
}

impl Log {
    /// Takes over what was loaded, and checks that it is one log.
    pub(crate) fn load(snapshot: SnapshotMeta, runs: Vec<Entries>) -> Result<Self, OpenError> {
        let mut log = Self {
            last: snapshot.last,
            last_time: snapshot.time,
            snapshot,
            runs: VecDeque::with_capacity(runs.len()),
            bytes: 0,
            terms: Vec::new(),
            memberships: Vec::new(),
        };
        if log.snapshot.membership_index > log.snapshot.last.index {
            return Err(OpenError::Loaded(format!(
                "the snapshot ends at {} and holds a membership of index {}",
                log.snapshot.last, log.snapshot.membership_index
            )));
        }
        let last = log.snapshot.last;
        if (last.index == Index::ZERO) != (last.term == Term(0)) {
            return Err(OpenError::Loaded(format!(
                "the snapshot ends at {last}, which is no entry"
            )));
        }
        if last.index > Index::ZERO && log.snapshot.membership.members().is_empty() {
            return Err(OpenError::Loaded(format!("the snapshot up to {last} has no members")));
        }
        for run in runs {
            log.append(run).map_err(|wrong| OpenError::Loaded(wrong.to_string()))?;
        }
        Ok(log)
    }

    /// The last entry; the snapshot's if nothing follows it.
    pub(crate) fn last(&self) -> EntryId {
        self.last
    }

    /// The last entry's log time.
    pub(crate) fn last_time(&self) -> LogTime {
        self.last_time
    }

    /// The snapshot's last entry: the one before the first in memory.
    pub(crate) fn snapshot_last(&self) -> EntryId {
        self.snapshot.last
    }

    /// Bytes of entries in memory.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The membership in force, and where it stands.
    pub(crate) fn membership(&self) -> (Index, &Membership) {
        self.memberships.last().map_or(
            (self.snapshot.membership_index, &self.snapshot.membership),
            |(index, membership)| (*index, membership),
        )
    }

    /// The term of the last entry behind the snapshot; zero if there is none.
    pub(crate) fn newest_record_term(&self) -> Term {
        self.runs.back().and_then(Entries::last).map_or(Term(0), |last| last.term)
    }

    /// The newest membership at or before `index`.
    pub(crate) fn membership_at(&self, index: Index) -> &Membership {
        let standing = self.memberships.iter().rev().find(|(at, _)| *at <= index);
        standing.map_or(&self.snapshot.membership, |(_, membership)| membership)
    }

    /// The term of the entry at `index`; `None` below the snapshot's last entry and beyond the log.
    pub(crate) fn term_at(&self, index: Index) -> Option<Term> {
        if index > self.last.index || index < self.snapshot.last.index {
            return None;
        }
        let begun = self.terms.partition_point(|start| start.index <= index);
        let start = begun.checked_sub(1).and_then(|at| self.terms.get(at));
        Some(start.map_or(self.snapshot.last.term, |start| start.term))
    }

    /// The log time of the entry at `index`; of the nearest one before it, where there is none.
    pub(crate) fn time_at(&self, index: Index) -> LogTime {
        if index >= self.last.index {
            return self.last_time;
        }
        let run = self.runs.get(self.run_at(index));
        let entry = run.and_then(|run| run.iter().find(|entry| entry.id.index == index));
        entry.map_or(self.snapshot.time, |entry| entry.time)
    }

    /// Whether the log holds this entry, as far as it can still tell.
    pub(crate) fn holds(&self, id: EntryId) -> bool {
        self.term_at(id.index) == Some(id.term)
    }

    /// The last entry whose index and term are both at or below these: where agreement with a log that
    /// holds `above` may be sought. Entries up to the snapshot are committed, so it is the lowest answer.
    pub(crate) fn last_not_above(&self, above: EntryId) -> EntryId {
        let index = above.index.min(self.last.index);
        let mut candidate = index;
        for start in self.terms.iter().rev() {
            if start.index <= candidate {
                if start.term <= above.term {
                    return EntryId::new(start.term, candidate);
                }
                candidate = start.index.previous();
            }
        }
        EntryId::new(self.snapshot.last.term, candidate)
    }

    /// Puts a run behind the last entry.
    pub(crate) fn append(&mut self, run: Entries) -> Result<(), Contradiction> {
        let (Some(first), Some(last), Some(first_time), Some(last_time)) =
            (run.first(), run.last(), run.first_time(), run.last_time())
        else {
            return Ok(());
        };
        if self.last.index.next() != Some(first.index) || first.term < self.last.term {
            return Err(Contradiction::new(format!(
                "entry {first} does not follow {}, the entry before it",
                self.last
            )));
        }
        if first_time < self.last_time {
            return Err(Contradiction::new(format!(
                "the log time of entry {first} is before that of {}",
                self.last
            )));
        }
        self.note_terms(&run, last.term);
        self.note_memberships(&run)?;
        self.last = last;
        self.last_time = last_time;
        self.bytes = self.bytes.saturating_add(run.bytes().len() as u64);
        self.runs.push_back(run);
        Ok(())
    }

    // Only a run that ends in another term than the log can begin one.
    fn note_terms(&mut self, run: &Entries, last_term: Term) {
        let mut term = self.last.term;
        if term == last_term {
            return;
        }
        for entry in run {
            if entry.id.term != term {
                term = entry.id.term;
                self.terms.push(entry.id);
            }
        }
    }

    fn note_memberships(&mut self, run: &Entries) -> Result<(), Contradiction> {
        if !run.has_membership() {
            return Ok(());
        }
        for entry in run {
            let Payload::Membership(bytes) = entry.payload else { continue };
            let membership = Membership::decode(bytes).map_err(|error| {
                Contradiction::new(format!("the membership in entry {}: {error}", entry.id))
            })?;
            self.memberships.push((entry.id.index, membership));
        }
        Ok(())
    }

    /// Drops every entry from `from` on, and says how many. What is in a snapshot stays.
    pub(crate) fn truncate(&mut self, from: Index) -> Result<u64, Contradiction> {
        if from <= self.snapshot.last.index {
            return Err(Contradiction::new(format!(
                "the log would be cut at {from}, and a snapshot holds it up to {}",
                self.snapshot.last
            )));
        }
        let dropped = self.last.index.since(from.previous());
        while let Some(run) =
            self.runs.pop_back_if(|run| run.last().is_some_and(|end| end.index >= from))
        {
            self.bytes = self.bytes.saturating_sub(run.bytes().len() as u64);
            let (kept, _) = run.split(from);
            if !kept.is_empty() {
                self.bytes = self.bytes.saturating_add(kept.bytes().len() as u64);
                self.runs.push_back(kept);
            }
        }
        let end = self.runs.back();
        self.last = end.and_then(Entries::last).unwrap_or(self.snapshot.last);
        self.last_time = end.and_then(Entries::last_time).unwrap_or(self.snapshot.time);
        self.terms.retain(|start| start.index < from);
        self.memberships.retain(|(index, _)| *index < from);
        Ok(dropped)
    }

    /// Entries from `from` on, about `bytes_max` of them and at least one, in one run: shared if they lie
    /// in one, else copied together, which only a peer that is behind needs.
    pub(crate) fn read(&self, from: Index, bytes_max: usize) -> Entries {
        let at = self.run_at(from);
        let Some(run) = self.runs.get(at) else { return Entries::empty() };
        let first = run.starting_at(from);
        let mut together = EntriesBuf::default();
        let mut bytes = first.bytes().len();
        for run in self.runs.iter().skip(at.saturating_add(1)) {
            bytes = bytes.saturating_add(run.bytes().len());
            if bytes > bytes_max {
                break;
            }
            if together.is_empty() {
                together = EntriesBuf::with_capacity(bytes_max);
                together.extend(&first);
            }
            together.extend(run);
        }
        if together.is_empty() { first.limited(bytes_max) } else { together.take() }
    }

    /// Entries from `from` up to `upto`, about `bytes_max` of them and at least one, as they lie.
    pub(crate) fn share(&self, from: Index, upto: Index, bytes_max: usize) -> Entries {
        let Some(run) = self.runs.get(self.run_at(from)) else { return Entries::empty() };
        run.starting_at(from).ending_at(upto).limited(bytes_max)
    }

    fn run_at(&self, index: Index) -> usize {
        self.runs.partition_point(|run| run.last().is_some_and(|last| last.index < index))
    }

    /// Every entry, and where the snapshot ends.
    pub(crate) fn hash_state(&self, hasher: &mut impl Hasher) {
        self.snapshot.last.hash(hasher);
        for run in &self.runs {
            // How entries fell into runs is no part of what the log says.
            hasher.write(run.bytes());
        }
        self.last.hash(hasher);
    }

    /// Everything that must hold of a log, checked entry by entry: for tests and simulation.
    pub(crate) fn check(&self) -> Result<(), Contradiction> {
        let mut again = Self::load(self.snapshot.clone(), Vec::new())
            .map_err(|error| Contradiction::new(error.to_string()))?;
        for run in &self.runs {
            again.append(run.clone())?;
            for entry in run {
                if self.term_at(entry.id.index) != Some(entry.id.term) {
                    return Err(Contradiction::new(format!(
                        "the log has another term for entry {}",
                        entry.id
                    )));
                }
            }
        }
        let same = again.last == self.last
            && again.last_time == self.last_time
            && again.bytes == self.bytes
            && again.terms == self.terms
            && again.memberships == self.memberships;
        if same { Ok(()) } else { Err(Contradiction::new("the log's summary is not its content")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::entries::Entry;
    use crate::ids::{ClusterId, NodeId};
    use crate::loaded::Loaded;
    use crate::output::{Ballot, Output};
    use crate::raft::Raft;
    use crate::rng::Rng;

    fn id(term: u64, index: u64) -> EntryId {
        EntryId::new(Term(term), Index(index))
    }

    fn run(first: u64, terms: &[u64]) -> Entries {
        let mut run = EntriesBuf::default();
        for (index, term) in (first..).zip(terms) {
            let payload = Payload::Command(b"12345678");
            let entry = Entry { id: id(*term, index), time: LogTime(0), payload };
            run.push(&entry).expect("terms in order");
        }
        run.take()
    }

    // No input leads there: a follower takes no more as committed than has matched, and a leader than it holds.
    #[test]
    fn l08_commit_to_beyond_last_is_error() {
        let voters = Membership::of_voters([1, 2, 3].map(NodeId)).expect("three voters");
        let ballot = Some(Ballot { term: Term(2), ..Ballot::default() });
        let loaded = Loaded { ballot, log: vec![run(1, &[1, 2, 2])], ..Loaded::genesis(voters) };
        let config = Config::new(ClusterId(1), NodeId(1), 1);
        let mut raft = Raft::open(config, loaded).expect("a log of three");
        raft.commit_to(Index(1), &mut Output::new()).expect("the first is there");
        let before = raft.status();
        for beyond in [Index(4), Index(900), Index::MAX] {
            let mut out = Output::new();
            let what = raft.commit_to(beyond, &mut out).expect_err("it is not there").to_string();
            assert_eq!(what, format!("index {beyond} is committed, and the log ends at 3@2"));
            assert_eq!(raft.status(), before, "nothing has changed");
            assert!(out.is_empty());
        }
        raft.commit_to(Index(3), &mut Output::new()).expect("the last is there");
    }

    /// The log as a list of ids, behind `base`.
    struct Plain {
        base: EntryId,
        ids: Vec<EntryId>,
    }

    impl Plain {
        fn last(&self) -> EntryId {
            self.ids.last().copied().unwrap_or(self.base)
        }

        fn from(&self, from: u64, upto: u64) -> Vec<EntryId> {
            let wanted = self.ids.iter().filter(|id| (from..=upto).contains(&id.index.0));
            wanted.copied().collect()
        }

        /// Every range that may be asked for, also beyond the ends and backwards.
        fn check(&self, log: &Log) {
            let end = self.last().index.0 + 2;
            for (from, upto) in (0..=end).flat_map(|from| (0..=end).map(move |upto| (from, upto))) {
                for bytes_max in [0, 40, 100, 10_000] {
                    let shared = log.share(Index(from), Index(upto), bytes_max);
                    is_prefix(&shared, &self.from(from, upto), bytes_max);
                    let read = log.read(Index(from), bytes_max);
                    is_prefix(&read, &self.from(from, end), bytes_max);
                }
            }
        }
    }

    /// The first of what was wanted, at least one, and no more than fit.
    fn is_prefix(got: &Entries, wanted: &[EntryId], bytes_max: usize) {
        let ids: Vec<EntryId> = got.iter().map(|entry| entry.id).collect();
        assert_eq!(ids, wanted[..ids.len()]);
        assert_eq!(ids.is_empty(), wanted.is_empty(), "at least one, if there is one");
        assert!(ids.len() <= 1 || got.bytes().len() <= bytes_max);
        assert!(got.first() <= got.last());
    }

    // Purging and restoring join in with snapshots: here a log begins behind one, grows, is cut, and is loaded.
    #[test]
    fn l21_range_never_reversed() {
        for seed in 0..40 {
            let mut rng = Rng::new(seed);
            let base = if rng.between(0, 2) == 0 { EntryId::ZERO } else { id(2, 3) };
            let members = Membership::of_voters([NodeId(1)]).expect("a voter");
            let snapshot = SnapshotMeta { last: base, ..SnapshotMeta::genesis(members) };
            let mut log = Log::load(snapshot.clone(), Vec::new()).expect("nothing behind it");
            let mut plain = Plain { base, ids: Vec::new() };
            for _ in 0..25 {
                let last = plain.last();
                match rng.between(0, 4) {
                    0 if !plain.ids.is_empty() => {
                        let from = base.index.0 + 1 + rng.between(0, plain.ids.len() as u64);
                        let dropped = log.truncate(Index(from)).expect("behind the snapshot");
                        assert_eq!(dropped, last.index.0 + 1 - from);
                        plain.ids.retain(|id| id.index.0 < from);
                    }
                    1 => log = Log::load(snapshot.clone(), log.runs.into()).expect("its own runs"),
                    _ => {
                        let term = last.term.0.max(1) + rng.between(0, 2);
                        let terms = vec![term; usize::try_from(rng.between(0, 4)).expect("few")];
                        let more = run(last.index.0 + 1, &terms);
                        plain.ids.extend(more.iter().map(|entry| entry.id));
                        log.append(more).expect("it follows");
                    }
                }
                assert_eq!(log.last(), plain.last());
                log.check().expect("its summary is its content");
                plain.check(&log);
            }
            log.truncate(base.index).expect_err("a snapshot holds it");
        }
    }
}
