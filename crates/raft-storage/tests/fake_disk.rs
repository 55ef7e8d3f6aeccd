//! The fake disk loses what a real one may lose: each kind of loss comes up, and what was synced stays.

use std::collections::BTreeMap;

use bytes::Bytes;
use raft_core::Time;
use raft_storage::{
    Chances, Completion, Dice, Disk, DiskError, Done, FakeDisk, Fault, FileName, Kept, Loss,
    Operation, Ticket,
};

const FILE: FileName = FileName::Segment(1);
const OTHER: FileName = FileName::Segment(2);

fn write(offset: u64, bytes: &[u8]) -> Operation {
    Operation::Write { file: FILE, offset, bytes: Bytes::copy_from_slice(bytes) }
}

fn disk_with_file() -> FakeDisk {
    let mut disk = FakeDisk::new();
    perform(&mut disk, Operation::Create { file: FILE, bytes: 4096 });
    perform(&mut disk, Operation::Sync(FILE));
    perform(&mut disk, Operation::SyncDirectory);
    disk
}

fn perform(disk: &mut FakeDisk, operation: Operation) {
    disk.perform(operation).expect("nothing fails");
}

fn read(disk: &mut FakeDisk, offset: u64, len: u32) -> Bytes {
    match disk.perform(Operation::Read { file: FILE, offset, len }) {
        Ok(Done::Bytes(bytes)) => bytes,
        other => panic!("{other:?}"),
    }
}

fn lost(disk: &FakeDisk) -> FakeDisk {
    disk.crash_point().image(|_| Kept::Lost)
}

#[test]
fn every_kind_of_loss_happens_under_some_seed() {
    let mut seen: BTreeMap<Loss, u64> = BTreeMap::new();
    for seed in 0..200 {
        for (loss, count) in busy_life(seed).losses() {
            *seen.entry(*loss).or_default() += count;
        }
    }
    let all = [
        Loss::Sector,
        Loss::Hole,
        Loss::Torn,
        Loss::Size,
        Loss::Name,
        Loss::FailedSync,
        Loss::NoSpace,
        Loss::FailedRead,
        Loss::Rot,
        Loss::Misdirected,
        Loss::Stale,
        Loss::Late,
        Loss::Stalled,
    ];
    for loss in all {
        assert!(seen.contains_key(&loss), "{loss:?} never happened: {seen:?}");
    }
}

/// Operations by chance on a disk on which everything goes wrong now and then, and power cuts.
fn busy_life(seed: u64) -> FakeDisk {
    let mut dice = Dice::new(seed);
    let mut disk = disk_with_file();
    disk.set_bytes_max(40_000);
    disk.set_latency_us(50);
    let chances = Chances { error: 300, no_space: 200, stale: 200, misdirected: 200, rot: 200 };
    disk.set_chances(seed, chances);
    for ticket in 0..60 {
        let bytes = vec![1; 1 + dice.below(3000)];
        let operation = match dice.below(8) {
            0 => Operation::Create { file: OTHER, bytes: 4096 },
            1 => Operation::Remove(OTHER),
            2 => Operation::Rename { from: OTHER, to: FILE },
            3 => Operation::Sync(FILE),
            4 => Operation::SyncDirectory,
            5 => Operation::Read { file: FILE, offset: 0, len: 512 },
            _ => write(dice.below(20_000) as u64, &bytes),
        };
        disk.submit(Ticket(ticket), operation);
        disk.set_stalled(dice.hits(500));
        disk.complete(&mut Vec::new());
        disk.set_stalled(false);
        disk.advance_to(Time(ticket * 60));
        if dice.hits(1_000) {
            disk = disk.crash_point().image_by_chance(&mut dice);
            disk.set_chances(dice.roll(), chances);
        }
    }
    disk
}

#[test]
fn one_seed_is_one_life() {
    for seed in 0..20 {
        let files = |disk: FakeDisk| -> Vec<_> {
            let names = disk.names();
            names.iter().map(|name| (*name, disk.contents(*name).map(<[u8]>::to_vec))).collect()
        };
        assert_eq!(files(busy_life(seed)), files(busy_life(seed)));
    }
}

#[test]
fn what_was_synced_survives_and_what_was_not_may_be_lost_sector_by_sector() {
    let mut disk = disk_with_file();
    perform(&mut disk, write(0, &[1; 1024]));
    perform(&mut disk, Operation::Sync(FILE));
    perform(&mut disk, write(512, &[2; 1024]));
    assert_eq!(read(&mut disk, 512, 1)[0], 2);

    let point = disk.crash_point();
    assert_eq!(point.len(), 2);
    let mut hole = point.image(|item| if item == 0 { Kept::Lost } else { Kept::Whole });
    assert_eq!(read(&mut hole, 0, 1536)[..], [vec![1; 1024], vec![2; 512]].concat());
    let mut torn = point.image(|item| if item == 0 { Kept::Part(0..3) } else { Kept::Lost });
    assert_eq!(read(&mut torn, 510, 7)[..], [1, 1, 2, 2, 2, 1, 1]);
}

#[test]
fn a_sync_covers_what_came_before_it_and_no_more() {
    let mut disk = disk_with_file();
    disk.submit(Ticket(1), write(0, &[1]));
    disk.submit(Ticket(2), Operation::Sync(FILE));
    disk.submit(Ticket(3), write(1, &[2]));
    assert_eq!(read(&mut lost(&disk), 0, 2)[..], [0, 0]);
    disk.complete(&mut Vec::new());
    assert_eq!(read(&mut lost(&disk), 0, 2)[..], [1, 0]);
}

#[test]
fn a_name_is_not_durable_before_its_directory_is() {
    let mut disk = disk_with_file();
    perform(&mut disk, Operation::Create { file: OTHER, bytes: 512 });
    perform(&mut disk, Operation::Sync(OTHER));
    assert_eq!(lost(&disk).names(), [FILE]);
    perform(&mut disk, Operation::SyncDirectory);
    assert_eq!(lost(&disk).names(), [FILE, OTHER]);
    perform(&mut disk, Operation::Rename { from: OTHER, to: FILE });
    assert_eq!(disk.names(), [FILE]);
    assert_eq!(lost(&disk).names(), [FILE, OTHER]);
}

#[test]
fn after_a_failed_sync_the_next_one_succeeds_and_keeps_nothing() {
    let mut disk = disk_with_file();
    perform(&mut disk, write(0, &[1]));
    disk.fail_at(disk.count(), Fault::Error);
    assert!(disk.perform(Operation::Sync(FILE)).is_err());
    perform(&mut disk, Operation::Sync(FILE));
    assert_eq!(read(&mut disk, 0, 1)[0], 1);
    assert_eq!(read(&mut lost(&disk), 0, 1)[0], 0);
}

#[test]
fn a_full_disk_keeps_half_of_a_write() {
    let mut disk = disk_with_file();
    disk.fail_at(disk.count(), Fault::NoSpace);
    assert_eq!(disk.perform(write(0, &[1; 1000])), Err(DiskError::NoSpace));
    assert_eq!(read(&mut disk, 499, 2)[..], [1, 0]);
}

#[test]
fn stale_and_misdirected_writes_show_after_a_restart_only() {
    let mut disk = disk_with_file();
    disk.fail_at(disk.count(), Fault::Stale);
    perform(&mut disk, write(0, &[1; 512]));
    disk.fail_at(disk.count(), Fault::Misdirected(2));
    perform(&mut disk, write(512, &[2; 512]));
    perform(&mut disk, Operation::Sync(FILE));
    assert_eq!(read(&mut disk, 511, 2)[..], [1, 2]);
    let mut disk = lost(&disk);
    assert_eq!(read(&mut disk, 511, 2)[..], [0, 0]);
    assert_eq!(read(&mut disk, 1536, 1)[0], 2);
}

#[test]
fn a_slow_disk_answers_in_its_time_and_a_stalled_one_never() {
    let mut disk = disk_with_file();
    disk.set_latency_us(100);
    disk.submit(Ticket(1), write(0, &[1]));
    disk.submit(Ticket(2), Operation::Sync(FILE));
    let mut finished = Vec::new();
    disk.advance_to(Time(100));
    disk.complete(&mut finished);
    assert_eq!(finished, [Completion { ticket: Ticket(1), result: Ok(Done::Nothing) }]);
    assert_eq!(disk.next_completion(), Time(200));
    disk.set_stalled(true);
    assert_eq!(disk.next_completion(), Time::NEVER);
    disk.advance_to(Time::from_ms(1_000));
    disk.complete(&mut finished);
    assert_eq!(finished.len(), 1);
}

#[test]
fn reads_beyond_the_end_and_of_no_file_say_so() {
    let mut disk = disk_with_file();
    let beyond = Operation::Read { file: FILE, offset: 4095, len: 2 };
    assert_eq!(disk.perform(beyond), Err(DiskError::BeyondEnd));
    let nowhere = Operation::Read { file: OTHER, offset: 0, len: 0 };
    assert_eq!(disk.perform(nowhere), Err(DiskError::NotFound));
}
