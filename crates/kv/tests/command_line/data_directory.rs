//! `kv fsck` and `kv log` on a directory that storage itself has written, whole and then with a flipped byte.

use std::fs;
use std::path::{Path, PathBuf};

use raft_core::{
    Ballot, ClusterId, Entries, EntriesBuf, Entry, EntryId, Incarnation, Index, LogTime,
    Membership, NodeId, Payload, Term, Time, Write, WriteToken,
};
use raft_storage::{
    DataDirectory, Disk, Expected, Identity, Operation, RealDisk, SyncMode, WalConfig, create, open,
};

use crate::json::Json;
use crate::support::{Run, folder, kv_in};

const CLUSTER: ClusterId = ClusterId(0x5171);
const NODE: NodeId = NodeId(1);

/// A folder in which `n1` is the directory of a node that voted for n2 in term 2, with entries 1@1 and 2@1, and
/// 3@2 written by a sync of its own.
fn stopped_node(name: &str) -> PathBuf {
    let folder = folder(name);
    let directory = DataDirectory::claim(&folder.join("n1")).expect("nobody else has it");
    let mut disk = directory.disk(SyncMode::Fdatasync);
    let members = Membership::of_voters([NODE, NodeId(2), NodeId(3)]).expect("three voters");
    let identity = Identity::new(CLUSTER, NODE, Incarnation(7));
    create(&mut disk, &identity, members).expect("an empty directory");
    let config = WalConfig { segment_bytes: 64 * 1024, ..WalConfig::default() };
    let expected = Expected { cluster: CLUSTER, node: NODE };
    let (_, mut wal, _) = open(&mut disk, expected, config).expect("it was just made");
    let first = [(1, 1, Payload::Empty), (2, 1, Payload::Command(b"put k v"))];
    let units = [(1, None, entries(&first)), (2, Some(2), entries(&[(3, 2, Payload::Empty)]))];
    for (term, vote, entries) in units {
        let vote = vote.map(NodeId);
        let ballot = Some(Ballot { term: Term(term), vote, recovering: None });
        let (token, commit_index) = (WriteToken(term), Index(term));
        let unit = Write { token, snapshot: None, ballot, entries, commit_index };
        wal.append(unit).expect("it follows");
        let batch = loop {
            match wal.next_batch(Time::from_ms(1)) {
                Some(batch) => break batch,
                None => {
                    let chore = wal.next_chore().expect("the first segment is to be made");
                    carry_out(&mut disk, chore.operations);
                    wal.chore_done(Ok(())).expect("nothing fails");
                }
            }
        };
        carry_out(&mut disk, batch.operations);
        wal.done(Ok(())).expect("nothing fails");
    }
    folder
}

fn carry_out(disk: &mut RealDisk, operations: Vec<Operation>) {
    for operation in operations {
        disk.perform(operation).expect("the disk works");
    }
}

fn entries(of: &[(u64, u64, Payload<'_>)]) -> Entries {
    let mut run = EntriesBuf::default();
    for (index, term, payload) in of {
        let id = EntryId::new(Term(*term), Index(*index));
        let entry = Entry { id, time: LogTime(1), payload: *payload };
        run.push(&entry).expect("they follow one another");
    }
    run.take()
}

/// Flips a byte in the middle of the command of entry 2.
fn flip(folder: &Path) {
    let path = segment(folder);
    let mut bytes = fs::read(&path).expect("a segment");
    let at = bytes.windows(7).position(|part| part == b"put k v").expect("the command is there");
    bytes[at + 3] ^= 1;
    fs::write(&path, bytes).expect("a segment");
}

fn segment(folder: &Path) -> PathBuf {
    folder.join("n1/log/00000000000000000001.seg")
}

#[test]
fn a_directory_that_is_whole_is_clean() {
    let folder = stopped_node("fsck-clean");
    let Run { code, stdout, stderr } = kv_in(&folder, "kv fsck n1");
    assert_eq!((code, stderr.as_str()), (0, ""), "{stdout}");
    assert!(stdout.starts_with("n1: node n1 of cluster 0000"), "{stdout}");
    assert!(stdout.contains("\nvote      term 2, vote for n2\n"), "{stdout}");
    assert!(stdout.contains("\nsegment 1  entries 1@1 to 3@2, "), "{stdout}");
    assert!(stdout.contains("\nlog       entries 1@1 to 3@2, "), "{stdout}");
    assert!(stdout.ends_with("goes on from what is here\nclean\n"), "{stdout}");

    let json = Json::line(&kv_in(&folder, "kv fsck n1 -o json").stdout);
    assert_eq!(*json.at("clean"), Json::Bool(true));
    assert_eq!(json.at("damage").items(), []);
    assert_eq!(json.at("identity").at("node").number(), 1.0);
    assert_eq!(json.at("vote").at("vote").number(), 2.0);
    assert_eq!(json.at("segments").items()[0].at("last").at("index").number(), 3.0);
}

#[test]
fn a_flipped_byte_is_damage_and_nothing_is_written() {
    let folder = stopped_node("fsck-damage");
    flip(&folder);
    let before = fs::read(segment(&folder)).expect("a segment");
    let Run { code, stdout, stderr } = kv_in(&folder, "kv fsck n1");
    assert_eq!((code, stderr.as_str()), (8, ""), "{stdout}");
    assert!(stdout.contains("\ndamage    log/00000000000000000001.seg at byte "), "{stdout}");
    assert!(stdout.contains("the node recovers from its peers"), "{stdout}");
    assert!(stdout.ends_with("\nDAMAGED\n"), "{stdout}");

    let run = kv_in(&folder, "kv fsck n1 -o json");
    let json = Json::line(&run.stdout);
    assert_eq!((run.code, json.at("clean")), (8, &Json::Bool(false)));
    let [damage] = json.at("damage").items() else { panic!("one place: {json:?}") };
    assert_eq!(damage.at("kind").text(), "rot");
    assert!(!damage.at("sentence").text().is_empty());
    assert!(
        kv_in(&folder, "kv log n1")
            .stdout
            .ends_with("damaged; `kv fsck n1` says where, and what it means\n")
    );
    assert_eq!(fs::read(segment(&folder)).expect("a segment"), before);
}

#[test]
fn a_torn_tail_is_clean_with_a_note() {
    let folder = stopped_node("fsck-torn");
    let path = segment(&folder);
    let mut bytes = fs::read(&path).expect("a segment");
    // The last batch as a write leaves it that was cut off: some of its sectors are not there.
    let last = bytes.iter().rposition(|byte| *byte != 0).expect("it is not empty");
    let start = last / 512 * 512;
    bytes[start..].fill(0);
    bytes[start] = 1;
    fs::write(&path, bytes).expect("a segment");
    let run = kv_in(&folder, "kv fsck n1");
    println!("{}", run.stdout);
    assert_eq!(run.code, 0, "{}", run.stdout);
    assert!(run.stdout.contains("\nnote      log/"), "{}", run.stdout);
    assert!(run.stdout.contains("cuts the torn tail and goes on"), "{}", run.stdout);
}

#[test]
fn what_is_no_directory_of_a_node_is_not_found_and_what_is_beyond_repair_is_damage() {
    let folder = stopped_node("fsck-lost");
    for line in ["kv fsck nowhere", "kv log nowhere"] {
        let run = kv_in(&folder, line);
        assert_eq!((run.code, run.stdout.as_str()), (3, ""), "{line}");
        assert!(run.stderr.contains(" nowhere: the directory holds no data"), "{}", run.stderr);
    }
    fs::remove_file(folder.join("n1/vote")).expect("it is there");
    let run = kv_in(&folder, "kv fsck n1 -o json");
    assert_eq!(run.code, 8);
    assert_eq!(Json::line(&run.stderr).at("error").at("id").text(), "KV-0003");
}

#[test]
fn a_directory_in_use_is_left_alone() {
    let folder = stopped_node("fsck-locked");
    let _running = DataDirectory::claim(&folder.join("n1")).expect("nobody else has it");
    let run = kv_in(&folder, "kv fsck n1");
    assert_eq!(run.code, 1);
    assert!(run.stderr.contains("has the directory open; stop it first"), "{}", run.stderr);
}

#[test]
fn the_log_is_listed_by_range_and_by_term() {
    let folder = stopped_node("log");
    let lines = |line: &str| {
        let run = kv_in(&folder, line);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{line}");
        run.stdout
    };
    let (one, two, three) =
        ("1@1  empty       0 bytes\n", "2@1  command     7 bytes\n", "3@2  empty       0 bytes\n");
    let all = lines("kv log n1");
    assert!(all.starts_with("segment 1  entries 1@1 to 3@2, "), "{all}");
    assert!(all.ends_with(&[one, two, three].concat()), "{all}");
    assert_eq!(lines("kv log n1 --range 2..3"), two);
    assert_eq!(lines("kv log n1 --term 1"), [one, two].concat());
    assert_eq!(lines("kv log n1 --range 2..9 --term 2"), three);
    assert_eq!(lines("kv log n1 --term 9"), "");
}

#[test]
fn the_log_and_the_votes_can_be_json() {
    let folder = stopped_node("log-json");
    let json = Json::line(&kv_in(&folder, "kv log n1 --term 1 -o json").stdout);
    let [_, put] = json.at("entries").items() else { panic!("two entries: {json:?}") };
    assert_eq!((put.at("index").number(), put.at("term").number()), (2.0, 1.0));
    assert_eq!((put.at("kind").text(), put.at("bytes").number()), ("command", 7.0));
    let whole = Json::line(&kv_in(&folder, "kv log n1 -o json").stdout);
    assert_eq!(whole.at("entries").items().len(), 3);
    assert_eq!(whole.at("segments").items()[0].at("number").number(), 1.0);

    let votes = kv_in(&folder, "kv log n1 --votes").stdout;
    assert_eq!(votes.lines().count(), 2, "{votes}");
    assert!(votes.contains("term 2, vote for n2\n"), "{votes}");
    let json = Json::line(&kv_in(&folder, "kv log n1 --votes -o json").stdout);
    let terms: Vec<f64> =
        json.at("votes").items().iter().map(|vote| vote.at("term").number()).collect();
    assert!(terms.contains(&2.0), "{terms:?}");
}
