//! kill -9 under load, on the real disk: the child is this test binary again, writes and says what is durable,
//! and is killed at any moment. What it said is there when the directory is opened next.
//!
//! The child notes in a file beside the directory, before and after each sync, where it is: a kill that finds
//! the note open fell between a write and its sync.

mod common;

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use common::node::{EXPECTED, ballot, entries, id, identity, members, meta, unit};
use common::truth::Truth;
use raft_core::{Index, LogBehind, SnapshotWrite, Time, Write, WriteToken};
use raft_storage::{
    DamageKind, DataDirectory, Dice, Disk, FileName, Operation, SyncMode, Wal, WalConfig,
};
use tempfile::TempDir;

/// The directory that a child works on; only set in a child.
const CHILD: &str = "RAFT_STORAGE_KILL_CHILD";
const BETWEEN_MIN: usize = 100;

fn config() -> WalConfig {
    WalConfig { segment_bytes: 256 * 1024, ..WalConfig::default() }
}

#[test]
fn a_killed_process_loses_nothing_that_it_reported() {
    if let Some(path) = std::env::var_os(CHILD) {
        work(&PathBuf::from(path));
        return;
    }
    let temp = TempDir::new().expect("a temporary directory");
    let path = temp.path().join("n1");
    let directory = DataDirectory::claim(&path).expect("an empty directory");
    let mut disk = directory.disk(SyncMode::Fdatasync);
    raft_storage::create(&mut disk, &identity(), members()).expect("an empty directory");
    drop((disk, directory));

    let mut dice = Dice::new(11);
    let (mut kills, mut between, mut torn) = (0, 0, 0);
    while between < BETWEEN_MIN && kills < 2_000 {
        let mut child = spawn(&path);
        std::thread::sleep(Duration::from_micros(3_000 + dice.below(9_000) as u64));
        child.kill().expect("it runs");
        let reported = last_report(&mut child);
        child.wait().expect("it was killed");
        kills += 1;
        between += usize::from(was_between(&path));
        torn += usize::from(check(&path, reported));
    }
    println!("kills: {kills}, of them between a write and its sync: {between}, torn tails: {torn}");
    assert!(
        between >= BETWEEN_MIN,
        "only {between} of {kills} kills fell between a write and its sync"
    );
}

fn spawn(path: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "a_killed_process_loses_nothing_that_it_reported", "--nocapture"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("this binary runs again")
}

/// The highest index that the child said is durable.
fn last_report(child: &mut Child) -> Index {
    let out = child.stdout.take().expect("it is piped");
    let lines = BufReader::new(out).lines().map_while(Result::ok);
    let numbers = lines.filter_map(|line| line.strip_prefix("durable ")?.parse().ok());
    Index(numbers.last().unwrap_or(0))
}

fn note(path: &Path) -> PathBuf {
    path.with_extension("note")
}

fn was_between(path: &Path) -> bool {
    std::fs::read(note(path)).is_ok_and(|note| note == b"open")
}

fn check(path: &Path, reported: Index) -> bool {
    let directory = DataDirectory::claim(path).expect("a killed process holds no lock");
    let mut disk = directory.disk(SyncMode::Fdatasync);
    let (recovered, _, _) = raft_storage::open(&mut disk, EXPECTED, config()).expect("it opens");
    let truth = Truth::of(&recovered.loaded);
    assert!(truth.last().index >= reported, "{} was reported, {} is there", reported, truth.last());
    assert_eq!(recovered.loaded.suspect_from, None);
    for (id, payload) in &truth.log {
        assert!(*payload == payload_of(id.index), "{id} holds what was never written");
    }
    let is_torn = |kind| matches!(kind, DamageKind::TornTail);
    assert!(recovered.damage.iter().all(|it| is_torn(it.kind) || it.kind == DamageKind::VoteCopy));
    recovered.damage.iter().any(|it| is_torn(it.kind))
}

fn payload_of(index: Index) -> Vec<u8> {
    let len = usize::try_from(index.0 * 37 % 4_000).unwrap_or(0);
    index.0.to_le_bytes().iter().copied().cycle().take(len + 8).collect()
}

/// The child: writes for ever, and says after each sync how far it has come.
fn work(path: &Path) {
    let directory = DataDirectory::claim(path).expect("the one before was killed");
    let mut disk = directory.disk(SyncMode::Fdatasync);
    let (recovered, mut wal, mut store) =
        raft_storage::open(&mut disk, EXPECTED, config()).expect("it opens");
    let note = OpenOptions::new().write(true).create(true).truncate(false).open(note(path));
    let note = note.expect("beside the directory");
    let mut last = Truth::of(&recovered.loaded).last().index;
    let mut token = 0;
    loop {
        for _ in 0..1 + last.0 % 5 {
            token += 1;
            last = Index(last.0 + 1);
            let entries = entries(id(1, last.0), &[payload_of(last)]);
            let ballot = Some(ballot(1, 0)).filter(|_| token == 1);
            wal.append(Write { token: WriteToken(token), ballot, entries, ..unit() })
                .expect("it follows");
        }
        write_all(&mut wal, &mut disk, &note);
        println!("durable {last}");
        std::io::stdout().flush().expect("the parent reads");
        if last.0.is_multiple_of(50) {
            token += 1;
            let meta = meta(id(1, last.0));
            store.stage(&mut disk, &meta, vec![1; 1_000].into()).expect("there is room");
            let id = store.finish(&mut disk, &meta).expect("there is room").id;
            let snapshot = Some(SnapshotWrite { id, meta, log: LogBehind::Kept });
            wal.append(Write { token: WriteToken(token), snapshot, ..unit() }).expect("it follows");
            write_all(&mut wal, &mut disk, &note);
        }
        while let Some(chore) = wal.next_chore() {
            let result = chore.operations.into_iter().try_for_each(|it| disk.perform(it).map(drop));
            wal.chore_done(result).expect("there is room");
        }
    }
}

fn write_all(wal: &mut Wal, disk: &mut impl Disk, note: &File) {
    while let Some(batch) = wal.next_batch(Time::from_ms(1)) {
        for operation in batch.operations {
            let is_sync = matches!(operation, Operation::Sync(FileName::Segment(_)));
            if is_sync {
                note.write_all_at(b"open", 0).expect("beside the directory");
            }
            disk.perform(operation).expect("there is room");
            if is_sync {
                note.write_all_at(b"shut", 0).expect("beside the directory");
            }
        }
        wal.done(Ok(())).expect("nothing failed");
    }
}
