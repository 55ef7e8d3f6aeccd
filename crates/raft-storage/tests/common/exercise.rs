//! What bytes from anywhere must survive. Shared by the tests and the fuzz targets, so that what the fuzzer
//! finds replays as a plain test. Stands alone: needs `bytes`, `crc32c`, `raft-core` and `raft-storage`.

use bytes::Bytes;
use raft_core::{
    ClusterId, Config, EntryId, Incarnation, Index, Membership, NodeId, Raft, SnapshotId, Term,
};
use raft_storage::{
    Expected, FakeDisk, FileName, Identity, SnapshotError, SnapshotStore, SyncMode, WalConfig,
};

const CLUSTER: ClusterId = ClusterId(7);
const NODE: NodeId = NodeId(1);
const INCARNATION: Incarnation = Incarnation(9);
const SEGMENT_BYTES: usize = 16 * 1024;

/// Bytes as the content of a file, the first one saying which: a directory is refused or opened, and what is
/// opened is a log that the core takes or refuses, and that can be opened again.
pub(crate) fn file(bytes: &[u8]) {
    let Some((which, content)) = bytes.split_first() else { return };
    let name = match which % 6 {
        0 => FileName::Identity,
        1 => FileName::Vote,
        2 => FileName::Segment(1),
        3 => FileName::Segment(2),
        4 => FileName::Snapshot(EntryId::ZERO),
        _ => FileName::Snapshot(EntryId::new(Term(1), Index(1))),
    };
    let mut disk = made();
    disk.put(name, content);
    open(disk);
}

/// Bytes as the records of a batch whose checksums all hold: what only a program could have written.
pub(crate) fn records(bytes: &[u8]) {
    let mut disk = made();
    disk.put(FileName::Segment(1), &segment(bytes));
    open(disk);
}

/// Bytes as a snapshot that a peer sends, in chunks whose size the first byte says.
pub(crate) fn snapshot(bytes: &[u8]) {
    let Some((chunk, content)) = bytes.split_first() else { return };
    let (mut disk, mut store) = store();
    let last = EntryId::new(Term(1), Index(1));
    let id = SnapshotId { last, bytes: content.len() as u64 };
    let mut offset = 0;
    for part in content.chunks(usize::from(*chunk) * 16 + 1) {
        let part = Bytes::copy_from_slice(part);
        let end = offset + part.len() as u64;
        match store.receive(&mut disk, id, offset, part) {
            Ok(staged) => assert_eq!(staged, end),
            Err(error) => {
                assert!(!matches!(error, SnapshotError::Gap { .. } | SnapshotError::Disk(_)));
                return;
            }
        }
        offset = end;
    }
    if let Ok(meta) = store.verify(&mut disk, id) {
        assert_eq!(meta.last, last);
    }
}

/// The records of a log, one batch, every checksum right.
pub(crate) fn segment(bytes: &[u8]) -> Vec<u8> {
    let mut segment = vec![0; SEGMENT_BYTES];
    segment[..512].copy_from_slice(&head());
    let mut records = Vec::new();
    let mut chain = 0;
    let mut rest = bytes;
    while let [kind, low, high, more @ ..] = rest {
        let length = usize::from(u16::from_le_bytes([*low, *high])).min(more.len());
        let (payload, after) = more.split_at(length);
        let mut record = u32::try_from(length).unwrap_or(0).to_le_bytes().to_vec();
        record.extend([kind % 5, 0, 0, 0]);
        chain = crc32c::crc32c_append(crc32c::crc32c_append(chain, &record), payload);
        records.extend(chain.to_le_bytes());
        records.extend(record);
        records.extend(payload);
        rest = after;
    }
    records.truncate(SEGMENT_BYTES - 4096 - 64);
    let size = u32::try_from(records.len()).unwrap_or(0);
    let mut fields = 1_u64.to_le_bytes().to_vec();
    for number in [0, chain, size, (64 + size).div_ceil(512), 0, 0] {
        fields.extend(number.to_le_bytes());
    }
    fields.extend([1; 8]);
    fields.extend([255; 8]);
    fields.extend([0; 8]);
    let mut place = INCARNATION.0.to_le_bytes().to_vec();
    place.extend(1_u64.to_le_bytes());
    place.extend(4096_u64.to_le_bytes());
    let crc = crc32c::crc32c_append(crc32c::crc32c(&place), &fields);
    let batch = [b"QRMB".as_slice(), &crc.to_le_bytes(), &fields, &records].concat();
    segment[4096..4096 + batch.len()].copy_from_slice(&batch);
    segment
}

fn head() -> Vec<u8> {
    let mut head = b"QRMSEGM\0\0\0\0\0\x01\0\x01\0".to_vec();
    head.extend(CLUSTER.0.to_le_bytes());
    head.extend(NODE.0.to_le_bytes());
    head.extend(INCARNATION.0.to_le_bytes());
    for number in [1, SEGMENT_BYTES as u64, 0, 0, 0] {
        head.extend(number.to_le_bytes());
    }
    head.resize(512, 0);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&head[..8]), &head[12..]);
    head[8..12].copy_from_slice(&crc.to_le_bytes());
    head
}

/// A directory as it is made.
pub(crate) fn made() -> FakeDisk {
    let mut disk = FakeDisk::new();
    let members = Membership::of_voters([NODE]).expect("one voter");
    let identity = Identity::new(CLUSTER, NODE, INCARNATION);
    raft_storage::create(&mut disk, &identity, members).expect("an empty disk");
    disk
}

fn store() -> (FakeDisk, SnapshotStore) {
    let mut disk = made();
    let (_, _, store) = raft_storage::open(&mut disk, expected(), config()).expect("just made");
    (disk, store)
}

fn open(mut disk: FakeDisk) {
    let looked_at = raft_storage::inspect(&mut disk);
    let opened = raft_storage::open(&mut disk, expected(), config());
    let (Ok(looked_at), Ok((recovered, _, _))) = (looked_at, opened) else { return };
    assert_eq!(looked_at.recovered, recovered);
    // Checked bytes may still say what the core does not believe; it refuses, and does not panic.
    drop(Raft::open(Config::new(CLUSTER, NODE, 1), recovered.loaded.clone()));
    let (again, _, _) = raft_storage::open(&mut disk, expected(), config()).expect("just opened");
    assert_eq!(again.loaded.log, recovered.loaded.log);
    assert_eq!(again.loaded.ballot, recovered.loaded.ballot);
    assert_eq!(again.loaded.suspect_from, recovered.loaded.suspect_from);
}

fn expected() -> Expected {
    Expected { cluster: CLUSTER, node: NODE }
}

fn config() -> WalConfig {
    WalConfig {
        segment_bytes: SEGMENT_BYTES as u64,
        batch_bytes_max: 4096,
        sync: SyncMode::Fdatasync,
        idle_batch_ms: 5,
    }
}
