//! D12, D14 to D16: what a crash leaves, what a failed sync ends, and that no promise is taken back by either.

mod harness;

use harness::id;
use harness::random::Random;
use harness::solo::{Solo, append, append_on, request_vote, stored};
use raft_core::{
    AppendResult, End, EntryId, Event, Health, Index, Input, Kind, Loaded, Message, NodeId,
    Refused, RoleName, SnapshotMeta, StepDown, Term, Unknown, VoteRefusal,
};

/// How far the messages acknowledge, those that do.
fn acks(messages: &[Message]) -> Vec<u64> {
    let acked = messages.iter().filter_map(|message| match &message.kind {
        Kind::AppendEntriesReply(reply) => match reply.result {
            AppendResult::Matched(index) => Some(index.0),
            AppendResult::Conflict { .. } => None,
        },
        _ => None,
    });
    acked.collect()
}

fn durable(solo: &Solo) -> u64 {
    solo.status().durable.0
}

fn votes(solo: &mut Solo, from: u64, term: u64, last: EntryId) -> Vec<Option<VoteRefusal>> {
    solo.receive(from, term, request_vote(last));
    let replies = solo.sent_to(from).into_iter().filter_map(|message| match message.kind {
        Kind::RequestVoteReply(reply) => Some(reply.refusal),
        _ => None,
    });
    replies.collect()
}

/// A follower that has taken entries, had some replaced, learnt of commits and voted; all of it pending.
fn busy_follower() -> Solo {
    let mut solo = Solo::of(3);
    solo.receive(2, 1, append(EntryId::ZERO, &[1, 1], 0));
    solo.receive(2, 1, append(id(1, 2), &[1, 1], 2));
    solo.receive(3, 2, append(id(1, 2), &[2, 2], 2));
    solo.receive(3, 2, append(id(2, 4), &[2, 2], 5));
    solo.sleep(700);
    solo.receive(2, 3, request_vote(id(2, 9)));
    solo
}

// A unit is carried out in the order ballot, records; its commit hint counts only with its records.
#[test]
fn d12_hardstate_and_entries_atomic() {
    let before = busy_follower();
    let truth = before.log_ids();
    let (mut states, mut newest) = (0, 0);
    for (unit, write) in before.disk.pending.iter().enumerate() {
        for records in 0..=usize::try_from(write.entries.len()).expect("few") {
            let mut disk = before.disk.clone();
            disk.crash(unit, Some(records));
            let mut loaded = disk.durable.loaded();
            if records > 0 {
                loaded.commit_hint = write.commit_index;
            }
            newest = newest.max(restart_is_sound(&loaded, &truth));
            // A snapshot of the same unit would have become current before all this.
            let meta = SnapshotMeta { last: id(3, 100), ..loaded.snapshot.clone() };
            let (snapshot, log, applied) = (meta, Vec::new(), Index(100));
            restart_is_sound(&Loaded { snapshot, log, applied, ..loaded }, &truth);
            states += 1;
        }
    }
    assert_eq!((states, newest), (13, 5), "every prefix was looked at");
    let loaded = before.disk.written.loaded();
    assert_eq!(restart_is_sound(&Loaded { commit_hint: Index(99), ..loaded }, &truth), 6);
}

/// Says how far it knows to be committed.
fn restart_is_sound(loaded: &Loaded, truth: &[String]) -> u64 {
    let solo = Solo::open(loaded.clone(), |_| {});
    let status = solo.status();
    assert_eq!(status.health, Health::Good, "every prefix is a state to go on from");
    assert!(status.commit <= status.last.index, "the commit index is clamped to the log");
    let commit = usize::try_from(status.commit.0).expect("few");
    if status.snapshot == EntryId::ZERO {
        assert_eq!(solo.log_ids()[..commit], truth[..commit], "what is committed is the truth");
    }
    status.commit.0
}

/// A leader that a test speaks for, and what it has been promised.
struct Promised {
    leader: u64,
    term: u64,
    /// The terms of its entries.
    log: Vec<u64>,
    acked: usize,
    vote: Option<(u64, NodeId)>,
}

impl Promised {
    fn id_at(&self, index: usize) -> EntryId {
        index.checked_sub(1).map_or(EntryId::ZERO, |at| id(self.log[at], index as u64))
    }

    fn ids(&self, upto: usize) -> Vec<String> {
        (1..=upto).map(|index| self.id_at(index).to_string()).collect()
    }

    fn happen(&mut self, solo: &mut Solo, random: &mut Random) {
        let below = |random: &mut Random, end: usize| {
            usize::try_from(random.below(end as u64)).expect("small")
        };
        match random.below(10) {
            0..=3 => {
                let previous = below(random, self.log.len() + 1);
                let end = previous + below(random, self.log.len() - previous + 1);
                let terms = &self.log[previous..end];
                solo.receive(self.leader, self.term, append(self.id_at(previous), terms, 0));
            }
            4 | 5 => self.log.extend([self.term; 2]),
            6 => {
                self.term += 1;
                self.leader = 2 + random.below(2);
                solo.sleep(700);
                solo.receive(self.leader, self.term, request_vote(id(self.term - 1, 1_000)));
                self.log.truncate(below(random, self.log.len() + 1));
                self.log.push(self.term);
                self.acked = 0;
            }
            7 => solo.receive(5 - self.leader, self.term, request_vote(id(self.term - 1, 1_000))),
            _ => drop(solo.sync_one()),
        }
    }

    /// Everything said is on disk at the moment it is said.
    fn note(&mut self, solo: &mut Solo) {
        for (to, message) in solo.sent() {
            let disk = &solo.disk.durable;
            assert_eq!(message.term, disk.ballot.term);
            match message.kind {
                Kind::RequestVoteReply(reply) if reply.refusal.is_none() => {
                    assert_eq!(disk.ballot.vote, Some(to), "a vote that a crash takes back");
                    self.vote = Some((message.term.0, to));
                }
                Kind::AppendEntriesReply(_) => {
                    let upto = acks(&[message]).first().map_or(0, |upto| *upto);
                    self.acked = self.acked.max(usize::try_from(upto).expect("small"));
                }
                _ => {}
            }
        }
    }

    /// The power goes now: what comes back is what was durable, and keeps every promise.
    fn holds_after_a_crash_of(&self, solo: &Solo) {
        let mut disk = solo.disk.clone();
        disk.crash(0, None);
        let mut again = Solo::open(disk.durable.loaded(), |_| {});
        let durable = &solo.disk.durable;
        assert_eq!((again.term(), again.status().last), (durable.ballot.term.0, durable.last()));
        assert_eq!(again.status().health, Health::Good);
        assert_eq!(again.log_ids()[..self.acked], self.ids(self.acked), "an ack is taken back");
        let Some((term, vote)) = self.vote else { return };
        assert!(again.term() >= term, "a term is taken back");
        if again.term() == term {
            let answer = votes(&mut again, 5 - vote.0, term, id(term - 1, 1_000));
            assert_eq!(answer, [Some(VoteRefusal::AlreadyVoted { vote })], "votes twice");
        }
    }
}

#[test]
fn d14_crash_before_any_fsync() {
    let (mut acked, mut voted) = (0, 0);
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut solo = Solo::of(3);
        let mut world = Promised { leader: 2, term: 1, log: vec![1, 1, 1], acked: 0, vote: None };
        for _ in 0..120 {
            world.happen(&mut solo, &mut random);
            world.note(&mut solo);
            world.holds_after_a_crash_of(&solo);
            acked += world.acked;
            voted += u64::from(world.vote.is_some());
        }
    }
    assert!(acked > 1_000 && voted > 1_000, "{acked} and {voted}: the runs promise something");
}

#[test]
fn d15_fsync_failure_is_fatal() {
    let mut leader = Solo::of(3);
    leader.lead_and_settle();
    let written = leader.propose("on its way");
    leader.flush();
    let open = leader.propose("still gathered");
    let retried = leader.disk.pending[0].token;
    leader.step(Input::WriteFailed);
    assert_eq!((leader.role(), leader.status().health), (RoleName::Follower, Health::DiskFailed));
    let cause = StepDown::StorageFault;
    assert!(leader.events.contains(&Event::SteppedDown { term: Term(1), cause }));
    assert_eq!(leader.outcome(written), Some(&End::Unknown(Unknown::StorageFault)));
    assert_eq!(leader.outcome(open), Some(&End::Refused(Refused::StorageFault)));
    leader.sent();

    leader.step(Input::Durable(retried));
    assert_eq!((durable(&leader), leader.commit()), (1, 1), "a second try proves nothing");
    leader.pass(5_000);
    assert_eq!((leader.role(), leader.term()), (RoleName::Follower, 1), "it does not campaign");
    assert_eq!(leader.sent(), [], "and says nothing");
    let refused = leader.propose("later");
    assert_eq!(leader.outcome(refused), Some(&End::Refused(Refused::StorageFault)));

    let mut follower = Solo::with_log(&[1]);
    follower.receive(2, 1, append(id(1, 1), &[1], 0));
    let retried = follower.disk.pending[0].token;
    follower.sent();
    follower.step(Input::WriteFailed);
    follower.step(Input::Durable(retried));
    follower.receive(2, 1, append(id(1, 1), &[1], 0));
    follower.receive(2, 1, append(id(1, 2), &[1], 0));
    // Nor what was durable before, when it is asked on a new connection.
    follower.receive(2, 1, append_on(2, EntryId::ZERO, &[1], 0));
    assert_eq!(acks(&follower.sent_to(2)), [0; 0], "nothing is acknowledged any more");
    assert_eq!((durable(&follower), follower.status().health), (1, Health::DiskFailed));

    // A vote on its way to the disk is never given, and no other is.
    let mut voter = Solo::with_log(&[1]);
    assert_eq!(votes(&mut voter, 2, 2, id(1, 1)), [], "it waits for the disk");
    let retried = voter.disk.pending[0].token;
    voter.step(Input::WriteFailed);
    voter.step(Input::Durable(retried));
    voter.sleep(700);
    for (peer, term) in [(2, 2), (3, 2), (3, 3)] {
        let given = votes(&mut voter, peer, term, id(1, 9)).contains(&None);
        assert!(!given, "n{peer} gets a vote in term {term}");
    }
}

// What a torn tail and what rot is, storage decides; here is what a node makes of its verdict.
#[test]
fn d16_torn_tail_recovery() {
    let torn = Solo::open(stored(3, &[1, 1]), |_| {});
    assert_eq!((torn.status().health, torn.status().last), (Health::Good, id(1, 2)));

    let rot = Loaded { suspect_from: Some(Index(3)), ..stored(3, &[1, 1, 1, 1]) };
    let mut solo = Solo::open(rot, |_| {});
    assert_eq!(solo.status().health, Health::Recovering { from: Index(3) });
    assert_eq!(solo.status().last, id(1, 2), "nothing of it is served");
    solo.sync();
    solo.receive(2, 2, append(id(1, 4), &[2], 4));
    solo.sync();
    let sent = solo.sent_to(2);
    assert_eq!((acks(&sent), solo.applied.len()), (vec![], 0), "nor vouched for, nor applied");
    solo.sleep(700);
    solo.pass(3_000);
    assert_eq!(solo.role(), RoleName::Follower, "it does not campaign");
    let refused = votes(&mut solo, 3, 2, id(1, 9));
    assert_eq!(refused, [Some(VoteRefusal::Recovering)], "the vote is for newer terms only");
}
