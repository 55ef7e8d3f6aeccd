//! How fast the log is, each figure beside a bare loop in the same run that writes the same bytes to a
//! zero-filled file with the same kind of sync. Run by hand in release on a quiet machine:
//! `cargo test -p raft-storage --release --test speed -- --ignored --nocapture --test-threads 1`.

mod common;

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use bytes::Bytes;
use common::node::{EXPECTED, ballot, entries, id, identity, members, meta, unit};
use raft_core::{Entries, EntriesBuf, Entry, LogTime, Payload, Write, WriteToken};
use raft_storage::{DataDirectory, FileName, Operation, Report, SyncMode, WalConfig, WalThread};
use tempfile::TempDir;

const ENTRY_BYTES: usize = 300;
const FILE_BYTES: u64 = 64 << 20;

fn config() -> WalConfig {
    WalConfig::default()
}

/// A running log in a directory of its own, and the tokens it has reported.
struct Log {
    thread: WalThread,
    durable: std::sync::mpsc::Receiver<u64>,
    next: u64,
}

impl Log {
    fn start(path: &Path) -> Self {
        let directory = DataDirectory::claim(path).expect("an empty directory");
        let mut disk = directory.disk(SyncMode::Fdatasync);
        raft_storage::create(&mut disk, &identity(), members()).expect("an empty directory");
        let opened = raft_storage::open(&mut disk, EXPECTED, config()).expect("just made");
        let (sender, durable) = channel();
        let report = move |report| match report {
            Report::Durable(token) => drop(sender.send(token.0)),
            other => panic!("{other:?}"),
        };
        let thread = WalThread::start(opened.1, &directory, SyncMode::Fdatasync, report);
        Self { thread: thread.expect("threads"), durable, next: 1 }
    }

    /// One unit of so many entries, as the core gathers what has come in.
    fn write(&mut self, count: u64) {
        let first = self.next;
        let ballot = (first == 1).then(|| ballot(1, 0));
        self.next += count;
        let bytes = ENTRY_BYTES * usize::try_from(count).expect("few");
        let mut entries = EntriesBuf::with_capacity(bytes);
        for index in first..self.next {
            let payload = Payload::Command(&[7; ENTRY_BYTES - 32]);
            let entry = Entry { id: id(1, index), time: LogTime(1), payload };
            entries.push(&entry).expect("they follow one another");
        }
        // Tokens need not be dense: here a unit's token is the index of its last entry.
        let token = WriteToken(self.next - 1);
        self.thread.write(Write { token, ballot, entries: entries.take(), ..unit() });
    }

    /// Keeps this many entries outstanding for a while, in units of at most `unit` entries; entries a second.
    fn closed_loop(&mut self, outstanding: u64, unit: u64, time: Duration) -> f64 {
        let begun = Instant::now();
        let first = self.next;
        let mut durable = first - 1;
        while begun.elapsed() < time {
            while self.next - 1 - durable < outstanding {
                let free = outstanding - (self.next - 1 - durable);
                self.write(free.min(unit));
            }
            durable = self.durable.recv().expect("it runs");
            durable = self.durable.try_iter().last().unwrap_or(durable);
        }
        while durable < self.next - 1 {
            durable = self.durable.recv().expect("it runs");
        }
        (self.next - first) as f64 / begun.elapsed().as_secs_f64()
    }
}

/// A zero-filled file that is written in place, over and over.
struct Bare {
    file: File,
    offset: u64,
}

impl Bare {
    fn new(path: &Path) -> Self {
        let options = OpenOptions::new().read(true).write(true).create_new(true).open(path);
        let file = options.expect("an empty directory");
        for offset in (0..FILE_BYTES).step_by(1 << 20) {
            file.write_all_at(&vec![0; 1 << 20], offset).expect("there is room");
        }
        file.sync_all().expect("a disk");
        Self { file, offset: 0 }
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.offset + bytes.len() as u64 > FILE_BYTES {
            self.offset = 0;
        }
        self.file.write_all_at(bytes, self.offset).expect("there is room");
        self.file.sync_data().expect("a disk");
        self.offset += bytes.len() as u64;
    }

    fn closed_loop(&mut self, batch: usize, records: usize, time: Duration) -> f64 {
        // The same bytes as the log: whole sectors, with its headers.
        let bytes = vec![7; (batch * ENTRY_BYTES + records * 12 + 64).next_multiple_of(512)];
        let begun = Instant::now();
        let mut count = 0;
        while begun.elapsed() < time {
            self.write(&bytes);
            count += batch;
        }
        count as f64 / begun.elapsed().as_secs_f64()
    }
}

/// Median and 99th percentile of `count` runs, in microseconds.
fn percentiles(count: usize, mut run: impl FnMut()) -> (f64, f64) {
    let mut times: Vec<_> = (0..count)
        .map(|_| {
            let begun = Instant::now();
            run();
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    let us = |at: usize| times[at].as_secs_f64() * 1e6;
    (us(count / 2), us(count * 99 / 100))
}

fn folder() -> TempDir {
    TempDir::new().expect("a temporary directory")
}

#[test]
#[ignore = "measures"]
fn latency_of_one_entry() {
    let temp = folder();
    let mut log = Log::start(&temp.path().join("n1"));
    let mut bare = Bare::new(&temp.path().join("bare"));
    let mut behind = Bare::new(&temp.path().join("behind"));
    let (asks, questions) = channel::<()>();
    let (answers, answered) = channel();
    let bytes = vec![7; 512];
    let handed = bytes.clone();
    let thread = std::thread::spawn(move || {
        while questions.recv().is_ok() {
            behind.write(&handed);
            answers.send(()).expect("somebody waits");
        }
    });
    log.closed_loop(8, 1, Duration::from_millis(500));
    for round in 0..5 {
        let (inline, inline_99) = percentiles(2_000, || bare.write(&bytes));
        let (handed, handed_99) = percentiles(2_000, || {
            asks.send(()).expect("it runs");
            answered.recv().expect("it runs");
        });
        let (ours, ours_99) = percentiles(2_000, || {
            log.write(1);
            let token = log.next - 1;
            while log.durable.recv().expect("it runs") < token {}
        });
        println!(
            "latency, round {round}: ours {ours:.0}/{ours_99:.0} us, bare behind a thread \
             {handed:.0}/{handed_99:.0}, bare inline {inline:.0}/{inline_99:.0}; {:.2} x and {:.2} x",
            ours / handed,
            ours / inline
        );
    }
    drop(asks);
    thread.join().expect("it ends");
}

const SLICE: Duration = Duration::from_millis(400);

/// Ours and theirs in turns, so that both see the same neighbours; the middle one of the ratios.
fn compare(what: &str, mut ours: impl FnMut() -> f64, mut theirs: impl FnMut() -> f64) {
    let mut rounds: Vec<_> = (0..15)
        .map(|_| {
            let (ours, theirs) = (ours(), theirs());
            (ours / theirs, ours, theirs)
        })
        .collect();
    rounds.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (ratio, ours, theirs) = rounds[rounds.len() / 2];
    let (low, high) = (rounds[3].0, rounds[11].0);
    println!("{what}: ours {ours:.1}/s, bare {theirs:.1}/s; {ratio:.2} x ({low:.2} to {high:.2})");
}

#[test]
#[ignore = "measures"]
fn entries_a_second() {
    for (outstanding, unit) in [(64, 64), (256, 256), (64, 1), (256, 1)] {
        let temp = folder();
        let mut log = Log::start(&temp.path().join("n1"));
        let mut bare = Bare::new(&temp.path().join("bare"));
        log.closed_loop(outstanding, unit, SLICE);
        let batch = usize::try_from(outstanding).expect("small");
        let records = batch / usize::try_from(unit).expect("small");
        compare(
            &format!("{outstanding} outstanding, {unit} in a unit"),
            || log.closed_loop(outstanding, unit, SLICE),
            || bare.closed_loop(batch, records, SLICE),
        );
    }
}

#[test]
#[ignore = "measures"]
fn three_logs_on_one_disk() {
    let temp = folder();
    let mut logs: Vec<_> =
        (0..3).map(|at| Log::start(&temp.path().join(format!("n{at}")))).collect();
    let mut bares: Vec<_> =
        (0..3).map(|at| Bare::new(&temp.path().join(format!("bare{at}")))).collect();
    compare(
        "three logs, 64 outstanding each",
        || together(&mut logs, |log| log.closed_loop(64, 64, SLICE)),
        || together(&mut bares, |bare| bare.closed_loop(64, 1, SLICE)),
    );
}

fn together<T: Send>(all: &mut [T], run: impl Fn(&mut T) -> f64 + Sync) -> f64 {
    std::thread::scope(|scope| {
        let run = &run;
        let threads: Vec<_> = all.iter_mut().map(|one| scope.spawn(move || run(one))).collect();
        threads.into_iter().map(|thread| thread.join().expect("it ends")).sum()
    })
}

/// A log of this many bytes, in batches of 64 KiB, made without syncing each; with a snapshot close to its end,
/// as the core takes them, or none.
fn long_log(path: &Path, bytes: usize, has_snapshot: bool) {
    let directory = DataDirectory::claim(path).expect("an empty directory");
    let mut disk = directory.disk(SyncMode::Fdatasync);
    raft_storage::create(&mut disk, &identity(), members()).expect("an empty directory");
    let (_, mut wal, mut store) =
        raft_storage::open(&mut disk, EXPECTED, config()).expect("just made");
    let payloads = vec![vec![7; ENTRY_BYTES - 32]; 200];
    for unit_number in 0..(bytes / (200 * ENTRY_BYTES)) as u64 {
        let entries = entries(id(1, unit_number * 200 + 1), &payloads);
        let ballot = (unit_number == 0).then(|| ballot(1, 0));
        let token = WriteToken(unit_number + 1);
        wal.append(Write { token, ballot, entries, ..unit() }).expect("it follows");
        let batch = wal.next_batch(raft_core::Time(1)).expect("there is something to write");
        for operation in batch.operations {
            if !matches!(operation, Operation::Sync(FileName::Segment(_))) {
                raft_storage::Disk::perform(&mut disk, operation).expect("there is room");
            }
        }
        wal.done(Ok(())).expect("nothing failed");
    }
    if has_snapshot {
        let last = id(1, (bytes / ENTRY_BYTES / 16 * 15) as u64);
        let meta = meta(last);
        let file = store.finish(&mut disk, &meta).expect("there is room");
        let (from, to) = (FileName::Staging(file.id), FileName::Snapshot(last));
        raft_storage::Disk::perform(&mut disk, Operation::Rename { from, to })
            .expect("it is staged");
    }
}

fn segments(path: &Path) -> Vec<PathBuf> {
    let folder = std::fs::read_dir(path.join("log")).expect("it is there");
    let mut files: Vec<_> = folder.map(|file| file.expect("it is there").path()).collect();
    files.sort();
    files
}

fn read_and_sum(files: &[PathBuf]) -> u32 {
    let mut buffer = vec![0; 1 << 20];
    let mut sum = 0;
    for path in files {
        let mut file = File::open(path).expect("it is there");
        loop {
            let len = file.read(&mut buffer).expect("a disk");
            if len == 0 {
                break;
            }
            sum = crc32c::crc32c_append(sum, &buffer[..len]);
        }
    }
    sum
}

/// What this thread has used. The files lie in the page cache, so both sides do nothing but compute and copy, and
/// neighbours on the machine do not count.
fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("a Linux machine");
    let ns: f64 = text.split(' ').next().and_then(|ns| ns.parse().ok()).expect("a number");
    ns / 1e9
}

#[test]
#[ignore = "measures"]
fn recovery_of_a_long_log() {
    for has_snapshot in [true, false] {
        let temp = folder();
        let path = temp.path().join("n1");
        long_log(&path, 1 << 30, has_snapshot);
        let files = segments(&path);
        let mut kept = 0;
        compare(
            &format!("GiB recovered by CPU time, with a snapshot near the end: {has_snapshot}"),
            || {
                let begun = cpu_seconds();
                let found = raft_storage::fsck(&path).expect("it is good");
                let speed = 1.0 / (cpu_seconds() - begun);
                kept = found.recovered.loaded.log.iter().map(Entries::len).sum();
                speed
            },
            || {
                let begun = cpu_seconds();
                assert_ne!(read_and_sum(&files), 0);
                1.0 / (cpu_seconds() - begun)
            },
        );
        println!("{kept} entries kept");
    }
}

#[test]
#[ignore = "measures"]
fn memory_for_a_snapshot_of_a_gibibyte() {
    let temp = folder();
    let (made, received) = snapshot_memory(temp.path(), 1 << 30);
    println!("memory above idle: {made} bytes while writing 1 GiB, {received} while receiving it");
    assert!(made <= 32 << 20 && received <= 32 << 20);
}

#[test]
fn memory_for_a_snapshot_does_not_grow_with_it() {
    let temp = folder();
    let (made, received) = snapshot_memory(temp.path(), 16 << 20);
    assert!(made <= 2 << 20 && received <= 2 << 20, "{made} and {received} bytes");
}

/// The most that was allocated at once while making and while receiving a snapshot of this size.
fn snapshot_memory(temp: &Path, bytes: usize) -> (u64, u64) {
    let open = |name: &str| {
        let directory = DataDirectory::claim(&temp.join(name)).expect("an empty directory");
        let mut disk = directory.disk(SyncMode::Fdatasync);
        raft_storage::create(&mut disk, &identity(), members()).expect("an empty directory");
        let small = WalConfig { segment_bytes: 64 * 1024, ..config() };
        let (_, _, store) = raft_storage::open(&mut disk, EXPECTED, small).expect("just made");
        (disk, store)
    };
    let (mut disk, mut store) = open("here");
    let meta = meta(id(1, 9));
    let part = Bytes::from(vec![7; 200_000]);
    let mut file = None;
    let made = allocation_counter::measure(|| {
        for _ in 0..bytes / part.len() {
            store.stage(&mut disk, &meta, part.clone()).expect("there is room");
        }
        file = Some(store.finish(&mut disk, &meta).expect("there is room"));
    });
    let id = file.expect("it was made").id;
    let (mut other_disk, mut other) = open("there");
    let staged = temp.join("here").join(FileName::Staging(id).path());
    let mut source = File::open(staged).expect("it is staged");
    let received = allocation_counter::measure(|| {
        let mut offset = 0;
        while offset < id.bytes {
            let mut chunk = Vec::with_capacity(256 * 1024);
            (&mut source).take(256 * 1024).read_to_end(&mut chunk).expect("a disk");
            offset = other.receive(&mut other_disk, id, offset, chunk.into()).expect("it is good");
        }
        assert_eq!(other.verify(&mut other_disk, id), Ok(meta.clone()));
    });
    (made.bytes_max, received.bytes_max)
}
