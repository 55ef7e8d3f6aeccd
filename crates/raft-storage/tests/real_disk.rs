//! The real disk: the same log on real files, its lock and its mode, the thread that drives it, and what is
//! left of a process that is killed at any moment.

mod common;

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use common::node::{EXPECTED, ballot, entries, id, identity, members, meta, unit};
use common::truth::Truth;
use raft_core::{Index, LogBehind, SnapshotWrite, Write, WriteToken};
use raft_storage::{
    DataDirectory, Disk, DiskError, FileName, OpenError, Operation, Recovered, Report,
    SnapshotStore, SyncMode, Wal, WalConfig, WalThread,
};
use tempfile::TempDir;

fn config(sync: SyncMode) -> WalConfig {
    WalConfig { segment_bytes: 64 * 1024, sync, ..WalConfig::default() }
}

/// A place for a data directory, gone when it is dropped.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(TempDir::new().expect("a temporary directory"))
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("n1")
    }
}

fn made() -> Home {
    let temp = Home::new();
    let directory = DataDirectory::claim(&temp.path()).expect("an empty directory");
    let mut disk = directory.disk(SyncMode::Fdatasync);
    raft_storage::create(&mut disk, &identity(), members()).expect("an empty directory");
    temp
}

fn open(directory: &DataDirectory, sync: SyncMode) -> (Recovered, Wal, SnapshotStore) {
    let mut disk = directory.disk(sync);
    raft_storage::open(&mut disk, EXPECTED, config(sync)).expect("a good directory")
}

/// A running log, and what it reports.
struct Running {
    directory: DataDirectory,
    thread: WalThread,
    reports: Receiver<Report>,
    store: SnapshotStore,
}

fn run(path: &Path, sync: SyncMode) -> (Recovered, Running) {
    let directory = DataDirectory::claim(path).expect("nobody else has it");
    let (recovered, wal, store) = open(&directory, sync);
    let (sender, reports) = channel();
    let report = move |report| drop(sender.send(report));
    let thread = WalThread::start(wal, &directory, sync, report).expect("threads are to be had");
    (recovered, Running { directory, thread, reports, store })
}

impl Running {
    fn stop(self) {
        self.thread.stop();
    }

    fn wait_for(&self, token: u64) {
        loop {
            match self.reports.recv_timeout(Duration::from_secs(60)) {
                Ok(Report::Durable(durable)) if durable.0 >= token => return,
                Ok(Report::Durable(_) | Report::Notice(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn write(token: u64, term: u64, index: u64, bytes: usize) -> Write {
    let payload = vec![u8::try_from(index % 251).unwrap_or(0); bytes];
    let entries = entries(id(term, index), &[payload]);
    let ballot = (token == 1).then(|| ballot(term, 0));
    Write { token: WriteToken(token), ballot, entries, ..unit() }
}

#[test]
fn what_the_thread_reported_is_there_after_a_restart() {
    for sync in [SyncMode::Fdatasync, SyncMode::Direct] {
        let temp = made();
        let (_, running) = run(&temp.path(), sync);
        for token in 1..=300 {
            running.thread.write(write(token, 1, token, 700));
        }
        running.wait_for(300);
        running.stop();
        let (recovered, _) = run(&temp.path(), sync);
        assert_eq!(recovered.damage, [], "{sync:?}");
        assert_eq!(Truth::of(&recovered.loaded).log.len(), 300, "{sync:?}");
    }
}

#[test]
fn a_log_goes_on_in_the_other_mode() {
    let temp = made();
    let modes = [SyncMode::Fdatasync, SyncMode::Direct, SyncMode::Fdatasync, SyncMode::Direct];
    for (round, sync) in (0..).zip(modes) {
        let (recovered, running) = run(&temp.path(), sync);
        assert_eq!(recovered.damage, []);
        assert_eq!(Truth::of(&recovered.loaded).last().index, Index(round * 10));
        for token in 1..=10 {
            running.thread.write(write(token, 1, round * 10 + token, 300));
        }
        running.wait_for(10);
        running.stop();
    }
}

#[test]
fn stopping_writes_what_was_handed_over() {
    let temp = made();
    let (_, running) = run(&temp.path(), SyncMode::Fdatasync);
    for token in 1..=200 {
        running.thread.write(write(token, 1, token, 2_000));
    }
    running.stop();
    let (recovered, _) = run(&temp.path(), SyncMode::Fdatasync);
    assert_eq!(Truth::of(&recovered.loaded).log.len(), 200);
}

#[test]
fn a_unit_that_does_not_follow_stops_the_thread_with_a_sentence() {
    let temp = made();
    let (_, running) = run(&temp.path(), SyncMode::Fdatasync);
    running.thread.write(write(1, 1, 5, 10));
    match running.reports.recv_timeout(Duration::from_secs(60)) {
        Ok(Report::Failed(error)) => assert!(error.to_string().contains("leaves a gap"), "{error}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn snapshots_pass_between_nodes_in_chunks_and_replace_the_log() {
    let (here, there) = (made(), made());
    let (_, mut sender) = run(&here.path(), SyncMode::Fdatasync);
    for token in 1..=20 {
        sender.thread.write(write(token, 1, token, 1_000));
    }
    sender.wait_for(20);
    let mut disk = sender.directory.disk(SyncMode::Fdatasync);
    let meta = meta(id(1, 20));
    let state: Vec<u8> = (0..300_000_u32).map(|at| u8::try_from(at % 251).unwrap_or(0)).collect();
    for part in state.chunks(7_000) {
        let part = bytes::Bytes::copy_from_slice(part);
        sender.store.stage(&mut disk, &meta, part).expect("there is room");
    }
    let file = sender.store.finish(&mut disk, &meta).expect("there is room");
    let snapshot = SnapshotWrite { id: file.id, meta: meta.clone(), log: LogBehind::Kept };
    sender.thread.write(Write { token: WriteToken(21), snapshot: Some(snapshot), ..unit() });
    sender.wait_for(21);
    sender.store.made_current(file.clone());

    let (_, mut receiver) = run(&there.path(), SyncMode::Fdatasync);
    let mut other = receiver.directory.disk(SyncMode::Fdatasync);
    let mut offset = 0;
    while offset < file.id.bytes {
        let part = sender.store.read(&mut disk, file.id, offset, 50_000).expect("it is good");
        offset = receiver.store.receive(&mut other, file.id, offset, part).expect("it is good");
    }
    assert_eq!(receiver.store.verify(&mut other, file.id), Ok(meta.clone()));
    let snapshot = SnapshotWrite { id: file.id, meta, log: LogBehind::Discarded };
    let ballot = Some(ballot(1, 0));
    let write = Write { token: WriteToken(1), snapshot: Some(snapshot), ballot, ..unit() };
    receiver.thread.write(write);
    receiver.wait_for(1);
    receiver.stop();
    drop(other);

    let directory = DataDirectory::claim(&there.path()).expect("nobody has it any more");
    let (recovered, _, store) = open(&directory, SyncMode::Fdatasync);
    assert_eq!(recovered.damage, []);
    assert_eq!(recovered.snapshot, Some(file.clone()));
    let mut other = directory.disk(SyncMode::Fdatasync);
    let mut reader = store.reader(file.id).expect("it is current");
    let mut restored = Vec::new();
    while let Some(part) = reader.next(&mut other).expect("it is good") {
        restored.extend_from_slice(&part);
    }
    assert_eq!(restored, state);
}

#[test]
fn two_processes_cannot_have_one_directory() {
    let temp = made();
    let directory = DataDirectory::claim(&temp.path()).expect("nobody else has it");
    let pid = std::process::id();
    let refused = DataDirectory::claim(&temp.path()).map(drop);
    assert_eq!(refused, Err(OpenError::Locked { pid }));
    let refused = DataDirectory::look_at(&temp.path()).map(drop);
    assert_eq!(refused, Err(OpenError::Locked { pid }));
    drop(directory);
    let first = DataDirectory::look_at(&temp.path()).expect("nobody has it any more");
    let second = DataDirectory::look_at(&temp.path()).expect("looking disturbs nobody who looks");
    assert!(raft_storage::inspect(&mut first.disk(SyncMode::Fdatasync)).is_ok());
    assert!(raft_storage::inspect(&mut second.disk(SyncMode::Fdatasync)).is_ok());
}

#[test]
fn a_directory_that_others_may_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let temp = made();
    let set = |mode| {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(temp.path(), mode).expect("it is ours");
    };
    set(0o750);
    let refused = DataDirectory::claim(&temp.path()).map(drop).expect_err("the group may read it");
    assert_eq!(refused, OpenError::TooOpen { mode: 0o750 });
    assert!(refused.to_string().contains("set it to 0700"), "{refused}");
    set(0o700);
    assert!(DataDirectory::claim(&temp.path()).is_ok());
}

#[test]
fn strange_files_are_left_alone() {
    let temp = made();
    std::fs::write(temp.path().join("log/notes.txt"), "mine").expect("it is ours");
    let directory = DataDirectory::claim(&temp.path()).expect("nobody else has it");
    drop(open(&directory, SyncMode::Fdatasync));
    assert_eq!(std::fs::read(temp.path().join("log/notes.txt")).expect("it is there"), b"mine");
}

/// Both disks give the same answers to the same operations.
#[test]
fn the_fake_disk_answers_as_the_real_one() {
    let temp = Home::new();
    let directory = DataDirectory::claim(&temp.path()).expect("an empty directory");
    let (mut real, mut fake) = (directory.disk(SyncMode::Fdatasync), raft_storage::FakeDisk::new());
    let (one, two) = (FileName::Segment(1), FileName::Segment(2));
    let write = |offset, byte| Operation::Write {
        file: one,
        offset,
        bytes: bytes::Bytes::from(vec![byte; 700]),
    };
    let read = |file, offset, len| Operation::Read { file, offset, len };
    let script = [
        Operation::List,
        read(one, 0, 1),
        Operation::Sync(one),
        Operation::Rename { from: one, to: two },
        Operation::Remove(one),
        Operation::Create { file: one, bytes: 2000 },
        read(one, 0, 2000),
        write(100, 1),
        write(1900, 2),
        Operation::Sync(one),
        Operation::SyncDirectory,
        read(one, 50, 2500),
        read(one, 2500, 200),
        read(one, 2600, 0),
        Operation::List,
        Operation::Create { file: one, bytes: 1000 },
        read(one, 0, 1000),
        Operation::Create { file: two, bytes: 0 },
        Operation::Rename { from: one, to: two },
        Operation::List,
        read(two, 0, 1000),
        Operation::Remove(two),
        Operation::List,
    ];
    for operation in script {
        let answers = (real.perform(operation.clone()), fake.perform(operation.clone()));
        assert_eq!(answers.0, answers.1, "{operation:?}");
        assert!(!matches!(answers.0, Err(DiskError::Failed(_))), "{operation:?}");
    }
}
