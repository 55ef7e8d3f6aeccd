//! Every crash: at every prefix of the disk operations of many stories, every subset of what was pending. After
//! each, recovery holds all that was acknowledged and nothing that was never written.

mod common;

use common::crash::{subsets, tears, whole};
use common::node::{Node, small};
use common::story::{Chapters, Moment, Story};
use common::truth::Truth;
use raft_storage::{DamageKind, Dice, FakeDisk, Kept};

/// How many states were opened.
#[derive(Default)]
struct Count {
    states: u64,
    torn_tails: u64,
    suspects: u64,
    nested: u64,
}

#[test]
fn no_crash_loses_what_was_acknowledged() {
    enumerate(100_000);
}

#[test]
#[ignore = "long: a million crash states"]
fn no_crash_of_a_million_loses_what_was_acknowledged() {
    enumerate(1_000_000);
}

fn enumerate(wanted: u64) {
    let mut count = Count::default();
    let mut chapters = Chapters::default();
    for seed in 0.. {
        let mut story = Story::new(seed);
        let mut dice = Dice::new(seed);
        for _ in 0..30 {
            story.step(&mut |moment| crash_everywhere(moment, &mut dice, &mut count));
        }
        chapters.add(story.chapters);
        if count.states >= wanted {
            break;
        }
    }
    println!("crash states: {}", count.states);
    println!(
        "of them torn tails: {}, tears inside a sector that were suspected: {}, crashes while recovering: {}",
        count.torn_tails, count.suspects, count.nested
    );
    println!("{chapters:?}");
    assert!(count.torn_tails > 0 && count.suspects > 0 && count.nested > 0);
    let Chapters { appends, overwrites, votes, snapshots, discards, .. } = chapters;
    let Chapters { idle, rolls, restarts, retired, .. } = chapters;
    let happened =
        [appends, overwrites, votes, snapshots, discards, idle, rolls, restarts, retired];
    for happened in happened {
        assert!(happened > 0, "{chapters:?}");
    }
}

fn crash_everywhere(moment: &Moment<'_>, dice: &mut Dice, count: &mut Count) {
    let point = moment.disk.crash_point();
    for set in subsets(&point, dice, 20) {
        let disk = point.image(|item| whole(set[item]));
        count.states += 1;
        check_sectors(moment, &disk, &format!("kept {set:?}"), count);
        if dice.hits(300) {
            crash_while_recovering(moment, &disk, dice, count);
        }
    }
    for parts in tears(&point, dice) {
        let disk = point.image(|item| parts[item].clone());
        count.states += 1;
        check_tear(moment, disk, &parts, count);
    }
}

/// Whole sectors were kept or lost: nothing but a torn tail may be found, and nobody recovers.
fn check_sectors(moment: &Moment<'_>, disk: &FakeDisk, story: &str, count: &mut Count) {
    let node = open(disk.clone(), story);
    let loaded = &node.recovered.loaded;
    assert_eq!(loaded.suspect_from, None, "{story}\n{:#?}", node.recovered.damage);
    for damage in &node.recovered.damage {
        assert!(
            matches!(damage.kind, DamageKind::TornTail | DamageKind::VoteCopy),
            "{story}\n{damage:?}"
        );
        count.torn_tails += u64::from(damage.kind == DamageKind::TornTail);
    }
    check_ballot(moment, &node, story);
    let found = Truth::of(loaded);
    assert!(
        possible(moment).iter().any(|truth| truth.has_log_of(&found)),
        "{story}\nfound {found:?}\nacknowledged {:?}\nunder way {:?}",
        moment.acknowledged,
        moment.under_way
    );
    go_on(node, story);
}

/// A sector was torn: the member may have to recover, but what it vouches for is right.
fn check_tear(moment: &Moment<'_>, disk: FakeDisk, parts: &[Kept], count: &mut Count) {
    let story = format!("kept {parts:?}");
    let node = open(disk, &story);
    check_ballot(moment, &node, &story);
    let loaded = &node.recovered.loaded;
    let found = Truth::of(loaded);
    for line in &found.log {
        assert!(moment.written.contains(line), "{story}\nnever written: {line:?}");
    }
    let Some(from) = loaded.suspect_from else {
        assert!(
            possible(moment).iter().any(|truth| truth.has_log_of(&found)),
            "{story}\n{found:?}"
        );
        return;
    };
    count.suspects += 1;
    let below = |truth: &Truth| -> Vec<_> {
        truth.log.iter().filter(|(id, _)| id.index < from).cloned().collect()
    };
    let holds = |truth: &Truth| truth.snapshot == found.snapshot && below(truth) == below(&found);
    assert!(possible(moment).iter().any(holds), "{story}\nsuspect from {from}\n{found:?}");
}

fn check_ballot(moment: &Moment<'_>, node: &Node, story: &str) {
    let ballot = node.recovered.loaded.ballot;
    let promised = moment.under_way.iter().rev().find_map(|unit| unit.ballot);
    let is_right =
        ballot == Some(moment.acknowledged.ballot) || promised.is_some() && ballot == promised;
    assert!(is_right, "{story}\nfound {ballot:?} instead of {:?}", moment.acknowledged.ballot);
}

/// Every state that the order within a unit allows: before it, with its snapshot only, and behind it.
fn possible(moment: &Moment<'_>) -> Vec<Truth> {
    let before = moment.acknowledged.clone();
    let renamed = moment.under_way.first().and_then(|unit| before.renamed(unit));
    let mut after = before.clone();
    moment.under_way.iter().for_each(|unit| after.apply(unit));
    [Some(before), renamed, Some(after)].into_iter().flatten().collect()
}

/// What was recovered is a place to go on from: one more write, one more power cut, and all of it is there.
fn go_on(mut node: Node, story: &str) {
    let term = node.truth.ballot.term.0.max(node.truth.last().term.0).max(1);
    node.append_entries(term, 1);
    node.flush();
    let truth = node.truth.clone();
    let node = open(node.power_cut(), story);
    assert!(node.recovered.damage.is_empty(), "{story}\n{:?}", node.recovered.damage);
    assert!(node.truth.has_log_of(&truth), "{story}\nwent on to {truth:?}\nfound {:?}", node.truth);
}

fn open(disk: FakeDisk, story: &str) -> Node {
    match Node::open(disk) {
        Ok(node) => node,
        Err(error) => panic!("{story}\n{error}"),
    }
}

/// The power goes again before recovery is through: it is begun from the start, and comes to the same end.
fn crash_while_recovering(
    moment: &Moment<'_>,
    disk: &FakeDisk,
    dice: &mut Dice,
    count: &mut Count,
) {
    let mut watched = Watched { disk: disk.clone(), seen: Vec::new() };
    raft_storage::open(&mut watched, common::node::EXPECTED, small())
        .expect("it was opened before");
    for seen in &watched.seen {
        let point = seen.crash_point();
        for set in subsets(&point, dice, 4) {
            count.states += 1;
            count.nested += 1;
            let disk = point.image(|item| whole(set[item]));
            check_sectors(moment, &disk, &format!("while recovering, kept {set:?}"), count);
        }
    }
}

/// A disk that remembers what it was like after each operation.
struct Watched {
    disk: FakeDisk,
    seen: Vec<FakeDisk>,
}

impl raft_storage::Disk for Watched {
    fn submit(&mut self, ticket: raft_storage::Ticket, operation: raft_storage::Operation) {
        self.disk.submit(ticket, operation);
    }

    fn complete(&mut self, finished: &mut Vec<raft_storage::Completion>) {
        self.disk.complete(finished);
    }

    fn perform(
        &mut self,
        operation: raft_storage::Operation,
    ) -> Result<raft_storage::Done, raft_storage::DiskError> {
        use raft_storage::Operation::{List, Read};
        let is_silent = matches!(operation, Read { .. } | List);
        let result = self.disk.perform(operation);
        if !is_silent {
            self.seen.push(self.disk.clone());
        }
        result
    }
}
