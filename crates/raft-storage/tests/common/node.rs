//! A node's storage on a disk, driven by hand.

use bytes::Bytes;
use raft_core::{
    Ballot, ClusterId, Entries, EntriesBuf, Entry, EntryId, Incarnation, Index, LogBehind, LogTime,
    Membership, NodeId, Payload, SnapshotMeta, SnapshotWrite, Term, Time, Write, WriteToken,
};
use raft_storage::{
    Batch, Disk, DiskError, Expected, FakeDisk, Identity, OpenError, Recovered, SnapshotStore,
    SyncMode, Wal, WalConfig, WriteError,
};

use super::truth::Truth;

pub(crate) const CLUSTER: ClusterId = ClusterId(0x5171);
pub(crate) const NODE: NodeId = NodeId(1);
pub(crate) const EXPECTED: Expected = Expected { cluster: CLUSTER, node: NODE };

/// One node.
pub(crate) struct Node {
    pub(crate) disk: FakeDisk,
    pub(crate) wal: Wal,
    pub(crate) store: SnapshotStore,
    pub(crate) recovered: Recovered,
    /// Everything that was acknowledged, or found when it was opened.
    pub(crate) truth: Truth,
    /// Appended and not acknowledged.
    pub(crate) pending: Vec<Write>,
    pub(crate) now: Time,
    last_token: u64,
}

/// Segments of two blocks behind their head, so that everything happens soon.
pub(crate) fn small() -> WalConfig {
    WalConfig {
        segment_bytes: 3 * 4096,
        batch_bytes_max: 6000,
        sync: SyncMode::Fdatasync,
        idle_batch_ms: 5,
    }
}

pub(crate) fn members() -> Membership {
    Membership::of_voters([NodeId(1), NodeId(2), NodeId(3)]).expect("three voters")
}

pub(crate) fn identity() -> Identity {
    Identity::new(CLUSTER, NODE, Incarnation(0xface))
}

pub(crate) fn id(term: u64, index: u64) -> EntryId {
    EntryId::new(Term(term), Index(index))
}

pub(crate) fn meta(last: EntryId) -> SnapshotMeta {
    SnapshotMeta { last, time: LogTime(3), membership: members(), membership_index: Index::ZERO }
}

pub(crate) fn ballot(term: u64, vote: u64) -> Ballot {
    let vote = Some(NodeId(vote)).filter(|vote| vote.0 != 0);
    Ballot { term: Term(term), vote, recovering: None }
}

/// Entries of one term from an index on, one for each payload.
pub(crate) fn entries(first: EntryId, payloads: &[Vec<u8>]) -> Entries {
    let mut buf = EntriesBuf::default();
    for (payload, index) in payloads.iter().zip(first.index.0..) {
        let id = EntryId::new(first.term, Index(index));
        let payload = Payload::Command(payload);
        buf.push(&Entry { id, time: LogTime(1), payload }).expect("they follow one another");
    }
    buf.take()
}

/// A unit with nothing in it.
pub(crate) fn unit() -> Write {
    Write {
        token: WriteToken::NONE,
        snapshot: None,
        ballot: None,
        entries: Entries::empty(),
        commit_index: Index::ZERO,
    }
}

impl Node {
    /// A new node on a new disk.
    pub(crate) fn new() -> Self {
        let mut disk = FakeDisk::new();
        raft_storage::create(&mut disk, &identity(), members()).expect("an empty disk");
        Self::open(disk).expect("a new directory")
    }

    pub(crate) fn open(disk: FakeDisk) -> Result<Self, OpenError> {
        Self::open_with(disk, small())
    }

    pub(crate) fn open_with(mut disk: FakeDisk, config: WalConfig) -> Result<Self, OpenError> {
        let (recovered, wal, store) = raft_storage::open(&mut disk, EXPECTED, config)?;
        let truth = Truth::of(&recovered.loaded);
        Ok(Self {
            disk,
            wal,
            store,
            recovered,
            truth,
            pending: Vec::new(),
            now: Time::from_ms(1),
            last_token: 0,
        })
    }

    /// The process ends and starts again; the machine stays on.
    pub(crate) fn restart(self) -> Self {
        Self::open(self.disk).expect("nothing was lost")
    }

    /// Queues a unit under the next token.
    pub(crate) fn append(&mut self, unit: Write) -> Result<(), WriteError> {
        self.last_token += 1;
        let unit = Write { token: WriteToken(self.last_token), ..unit };
        self.wal.append(unit.clone())?;
        self.pending.push(unit);
        Ok(())
    }

    /// Entries of this term at the end of the log, 100 bytes each.
    pub(crate) fn append_entries(&mut self, term: u64, count: usize) {
        let after = self.pending.iter().rev().find_map(|unit| unit.entries.last());
        let first = id(term, after.unwrap_or(self.truth.last()).index.0 + 1);
        let payloads: Vec<_> =
            (0..count).map(|at| vec![u8::try_from(at).unwrap_or(1) + 1; 100]).collect();
        let needs_vote = self.truth.ballot.term < Term(term);
        let ballot = needs_vote.then(|| ballot(term, 0));
        self.append(Write { ballot, entries: entries(first, &payloads), ..unit() })
            .expect("it follows");
    }

    /// Writes and syncs everything queued.
    pub(crate) fn flush(&mut self) {
        for _ in 0..1_000 {
            if self.pending.is_empty() {
                return;
            }
            self.write_batch().expect("nothing fails");
        }
        panic!("the log neither writes nor fails");
    }

    /// Carries out the next batch, and takes note of what is acknowledged.
    pub(crate) fn write_batch(&mut self) -> Result<(), WriteError> {
        match self.wal.next_batch(self.now) {
            Some(batch) => {
                let result = self.carry_out(&batch);
                self.finish(result)
            }
            None => self.do_chore(),
        }
    }

    fn carry_out(&mut self, batch: &Batch) -> Result<(), DiskError> {
        batch.operations.iter().try_for_each(|it| self.disk.perform(it.clone()).map(drop))
    }

    /// A batch has come to an end.
    pub(crate) fn finish(&mut self, result: Result<(), DiskError>) -> Result<(), WriteError> {
        let durable = self.wal.done(result)?;
        self.acknowledge(durable);
        Ok(())
    }

    fn acknowledge(&mut self, durable: WriteToken) {
        let count = self.pending.iter().take_while(|unit| unit.token <= durable).count();
        for unit in self.pending.drain(..count) {
            self.truth.apply(&unit);
            if let Some(snapshot) = unit.snapshot {
                let (id, meta) = (snapshot.id, snapshot.meta);
                self.store.made_current(raft_storage::SnapshotFile { id, meta });
            }
        }
    }

    /// Carries out the next chore, if there is one.
    pub(crate) fn do_chore(&mut self) -> Result<(), WriteError> {
        let Some(chore) = self.wal.next_chore() else { return Ok(()) };
        let result =
            chore.operations.into_iter().try_for_each(|it| self.disk.perform(it).map(drop));
        self.wal.chore_done(result)
    }

    pub(crate) fn do_all_chores(&mut self) {
        while let Some(chore) = self.wal.next_chore() {
            for operation in chore.operations {
                self.disk.perform(operation).expect("nothing fails");
            }
            self.wal.chore_done(Ok(())).expect("nothing fails");
        }
    }

    /// Time passes until the empty batch that proves the last one, and it is synced.
    pub(crate) fn idle(&mut self) {
        assert!(self.wal.next_batch(self.now).is_none(), "the node is not idle");
        self.now = self.now.plus_ms(5);
        self.write_batch().expect("nothing fails");
    }

    /// Stages a snapshot of the state up to this entry.
    pub(crate) fn stage(&mut self, last: EntryId, log: LogBehind) -> Result<SnapshotWrite, String> {
        let meta = meta(last);
        let state = Bytes::from(vec![7; 700]);
        self.store.stage(&mut self.disk, &meta, state).map_err(|error| error.to_string())?;
        let file = self.store.finish(&mut self.disk, &meta).map_err(|error| error.to_string())?;
        Ok(SnapshotWrite { id: file.id, meta, log })
    }

    /// Makes a snapshot of everything acknowledged, durably.
    pub(crate) fn snapshot(&mut self) {
        let snapshot = self.stage(self.truth.last(), LogBehind::Kept).expect("nothing fails");
        self.append(Write { snapshot: Some(snapshot), ..unit() }).expect("it follows");
        self.flush();
    }

    /// The power goes: everything that was not synced is lost.
    pub(crate) fn power_cut(self) -> FakeDisk {
        self.disk.crash_point().image(|_| raft_storage::Kept::Lost)
    }
}
