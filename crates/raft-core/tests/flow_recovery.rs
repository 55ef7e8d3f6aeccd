//! Theme F, peers that are slow or gone: the others go on, what is kept for them stays within the window, and
//! they catch up by themselves. Peers that come back as others stand in `flow_reconnection.rs`.

mod harness;

use std::collections::VecDeque;

use harness::cluster::Cluster;
use harness::solo::{Solo, append, heartbeat, heartbeat_reply};
use harness::{HEARTBEAT_MS, id, node, voters};
use raft_core::{
    Commit, Config, EntryId, Epoch, Event, Index, Input, Kind, Loaded, NodeId, PeerState,
    PeerStatus,
};

fn peer_of(peers: Vec<PeerStatus>, id: u64) -> PeerStatus {
    peers.into_iter().find(|peer| peer.id == NodeId(id)).expect("a member")
}

fn peer(solo: &Solo, id: u64) -> PeerStatus {
    peer_of(solo.status().peers, id)
}

/// The commands `c0`, `c1`, and so on, each of 68 bytes: with its header an entry of a hundred.
fn command(number: usize) -> String {
    format!("{:<68}", format!("c{number}"))
}

const ENTRY_BYTES: usize = 100;

fn small_window(config: &mut Config) {
    config.append_bytes_max = ENTRY_BYTES;
    config.inflight_bytes_max = 8 * ENTRY_BYTES;
}

#[test]
fn f13_slow_follower_does_not_block_fast() {
    /// How long each of fifty writes takes to be committed, in milliseconds.
    fn commit_times(trouble: impl Fn(&mut Cluster)) -> (Cluster, Vec<u64>) {
        let mut cluster = Cluster::with(voters(3), small_window).elect(1);
        trouble(&mut cluster);
        let times = (0..50).map(|number| {
            let asked_ms = cluster.now_ms();
            let write = cluster.propose(1, &command(number));
            assert!(cluster.run_until(1_000, |it| it.is_committed(write)), "{number}");
            let took_ms = cluster.now_ms() - asked_ms;
            cluster.run_for(7);
            took_ms
        });
        let times = times.collect();
        (cluster, times)
    }
    let (_, healthy) = commit_times(|_| {});
    // A round trip of two milliseconds and half a one for a disk.
    assert!(healthy.iter().all(|ms| *ms <= 3), "{healthy:?}");
    for trouble in [
        |cluster: &mut Cluster| cluster.pause(3),
        |cluster: &mut Cluster| cluster.stick_disk(3),
        |cluster: &mut Cluster| cluster.isolate(3),
        |cluster: &mut Cluster| cluster.crash(3),
    ] {
        let (mut cluster, times) = commit_times(trouble);
        assert_eq!(times, healthy, "n3's trouble is n3's alone");
        assert_eq!(cluster.leader(), Some(node(1)));
        assert!(peer_of(cluster.status(1).peers, 3).inflight_bytes <= 800);
        if cluster.is_up(3) {
            cluster.resume(3);
            cluster.free_disk(3);
            cluster.heal();
            cluster.run_for(1_000);
            cluster.assert_converged();
        }
    }
}

#[test]
fn f14_dead_peer_bounded_memory() {
    const WINDOW: u64 = 8 * ENTRY_BYTES as u64;
    let mut solo = Solo::open(Loaded::genesis(voters(3)), small_window);
    solo.lead_and_settle();
    // n3 is connected and never answers again, for a minute.
    let (mut appends, mut bytes, mut beats) = (0, 0, 0);
    for number in 0..1_200 {
        solo.propose(&command(number));
        solo.flush();
        solo.sync();
        let last = solo.status().last.index.0;
        solo.ack(2, last);
        solo.finish_applying();
        solo.pass(HEARTBEAT_MS);
        let (term, mut answered) = (solo.term(), None);
        for (to, message) in solo.sent() {
            match message.kind {
                Kind::AppendEntries(append) if to == node(3) => {
                    appends += 1;
                    bytes += append.entries.bytes().len() as u64;
                }
                Kind::Heartbeat(_) if to == node(3) => beats += 1,
                Kind::Heartbeat(beat) => answered = Some(beat.round.0),
                _ => {}
            }
        }
        solo.receive(2, term, heartbeat_reply(answered.expect("one an interval")));
        assert!(peer(&solo, 3).inflight_bytes <= WINDOW);
    }
    assert_eq!((appends, bytes, beats), (8, WINDOW, 1_200));
    assert_eq!(solo.commit(), 1_201, "the others went on");

    // Then the connection is gone as well, and nothing more is kept or said.
    solo.step(Input::PeerDown { peer: node(3), epoch: Epoch(1) });
    for number in 0..50 {
        solo.propose(&command(number));
        solo.flush();
        solo.sync();
        let last = solo.status().last.index.0;
        solo.ack(2, last);
    }
    assert_eq!(solo.sent_to(3), []);
    assert!(peer(&solo, 3).inflight_bytes <= WINDOW);
}

// The window is a number of the configuration, and changes with a restart.
#[test]
fn f15_window_adjust_at_runtime() {
    let mut cluster = Cluster::with(voters(3), |config| {
        config.append_bytes_max = ENTRY_BYTES;
        config.inflight_messages_max = 8;
    });
    cluster.make_leader(1);
    let mut expected = Vec::new();
    for window in [8, 2, 1, 32, 4] {
        cluster.crash(1);
        let host = cluster.hosts.get_mut(&node(1)).expect("n1");
        host.config.inflight_messages_max = window;
        cluster.restart(1);
        cluster.make_leader(1);
        // Twice: before anything has filled it, and after it was drained.
        for _ in 0..2 {
            cluster.is_manual = true;
            for _ in 0..40 {
                let command = command(expected.len());
                cluster.propose(1, &command);
                cluster.step(1, Input::Tick);
                expected.push(command);
            }
            let appends = cluster.under_way(|kind| matches!(kind, Kind::AppendEntries(_)));
            assert_eq!(appends, 2 * window, "n2 and n3 have one window each");
            cluster.settle();
            cluster.is_manual = false;
            cluster.run_for(150);
            cluster.assert_converged();
            assert_eq!(cluster.applied(3), expected);
        }
    }
}

#[test]
fn f20_empty_append_carries_commit() {
    // A leader whose log is still: a late ack commits its last entry.
    let mut solo = Solo::of(3);
    solo.lead_and_settle();
    solo.propose("x");
    solo.flush();
    solo.sync();
    solo.pass(20);
    solo.sent();
    solo.ack(3, 2);
    solo.pass(5);
    let told = solo.sent();
    assert_eq!(told.len(), 2);
    for (at, (to, message)) in told.into_iter().enumerate() {
        let Kind::Commit(notice) = message.kind else { panic!("{message:?}") };
        assert_eq!((to.0, notice.commit_index), (at as u64 + 2, Index(2)));
    }
    // If that is lost, the next heartbeat tells whoever is known to hold it.
    solo.ack(2, 2);
    solo.pass(HEARTBEAT_MS);
    let beats = solo.sent().into_iter().filter_map(|(to, message)| match message.kind {
        Kind::Heartbeat(beat) => Some((to.0, beat.commit_index.0)),
        _ => None,
    });
    assert_eq!(beats.collect::<Vec<_>>(), [(2, 2), (3, 2)]);
    // And so does the append without entries that greets a new connection.
    solo.connect(2, 2);
    let greeting = solo.appends_to(2);
    assert_eq!(greeting.len(), 1);
    assert_eq!((greeting[0].entries.is_empty(), greeting[0].commit_index), (true, Index(2)));

    // A follower takes it from each of them.
    let commit = Kind::Commit(Commit { epoch: Epoch(1), commit_index: Index(2) });
    for carrier in [append(id(1, 2), &[], 2), heartbeat(1, 2), commit] {
        let mut follower = Solo::of(3);
        follower.receive(2, 1, append(EntryId::ZERO, &[1, 1], 1));
        follower.sync();
        assert_eq!(follower.commit(), 1);
        follower.receive(2, 1, carrier);
        assert_eq!(follower.commit(), 2);
        assert_eq!(follower.applied.last().expect("applied").0, id(1, 2));
    }
}

/// A follower that takes so many bytes a millisecond, one append after another, a millisecond away.
struct Slow {
    id: u64,
    /// When it was sent, when its ack arrives, and what it says.
    queue: VecDeque<(u64, u64, u64)>,
    free_at: u64,
    /// The longest time from an append to its ack.
    worst_ms: u64,
}

impl Slow {
    const BYTES_PER_MS: u64 = 8_192;

    fn take(&mut self, now: u64, bytes: u64, last: u64) {
        self.free_at = self.free_at.max(now + 1) + bytes.div_ceil(Self::BYTES_PER_MS);
        self.queue.push_back((now, self.free_at + 1, last));
    }

    fn answered(&mut self, now: u64) -> Option<u64> {
        let (sent, _, last) = self.queue.pop_front_if(|(_, due, _)| *due <= now)?;
        self.worst_ms = self.worst_ms.max(now - sent);
        Some(last)
    }
}

#[test]
fn f21_pipelining_latency_guard() {
    // Twice as much is proposed as the followers can take, for a second.
    let worst_ms = |window: usize| {
        let mut solo = Solo::open(Loaded::genesis(voters(3)), |it| it.inflight_bytes_max = window);
        solo.lead_and_settle();
        let slow = |id| Slow { id, queue: VecDeque::new(), free_at: 0, worst_ms: 0 };
        let mut followers = [slow(2), slow(3)];
        for _ in 0..1_000 {
            solo.propose_bytes(&[7; 16 * 1024 - 32]);
            solo.pass(1);
            solo.sync();
            let now = solo.now_ms();
            for (to, message) in solo.sent() {
                let slow = followers.iter_mut().find(|it| it.id == to.0).expect("n2 or n3");
                match message.kind {
                    Kind::AppendEntries(append) => {
                        let last = append.entries.last().unwrap_or(append.previous);
                        slow.take(now, append.entries.bytes().len() as u64, last.index.0);
                    }
                    Kind::Heartbeat(beat) => {
                        solo.receive(to.0, message.term.0, heartbeat_reply(beat.round.0));
                    }
                    _ => {}
                }
            }
            for slow in &mut followers {
                while let Some(index) = slow.answered(now) {
                    solo.ack(slow.id, index);
                }
                let inflight = peer(&solo, slow.id).inflight_bytes;
                assert!(inflight <= window as u64, "{inflight} of {window}");
            }
        }
        assert!(solo.commit() > 300, "the followers are kept busy");
        followers.iter().map(|it| it.worst_ms).max().expect("two of them")
    };
    // The queue is what the window holds, and no longer: so many bytes at their pace, and the way there
    // and back.
    for window in [256 * 1024, 512 * 1024, 1024 * 1024] {
        let bound_ms = (window as u64).div_ceil(Slow::BYTES_PER_MS) + 4;
        let worst_ms = worst_ms(window);
        assert!(worst_ms <= bound_ms, "{worst_ms} ms with {window} bytes, above {bound_ms}");
    }
}

#[test]
fn f22_wedged_pipeline_recovers() {
    let mut cluster = Cluster::with(voters(3), small_window).elect(1);
    cluster.stick_disk(3);
    let mut commands = Vec::new();
    for number in 0..100 {
        commands.push(command(number));
        cluster.propose(1, &commands[number]);
        cluster.run_for(1_800);
        assert!(peer_of(cluster.status(1).peers, 3).inflight_bytes <= 800);
    }
    assert_eq!(cluster.leader(), Some(node(1)));
    assert_eq!(cluster.applied(2), commands, "three minutes later");
    assert!(cluster.events(3).contains(&Event::DiskStalled));
    let wedged = peer_of(cluster.status(1).peers, 3);
    assert!(wedged.connected && wedged.matched < Index(100));

    cluster.free_disk(3);
    cluster.run_for(300);
    cluster.assert_converged();
    assert_eq!(cluster.applied(3), commands);
    assert!(!cluster.was_restarted(3) && !cluster.was_restarted(1));
    let now = peer_of(cluster.status(1).peers, 3);
    assert_eq!((now.state, now.inflight_bytes), (PeerState::Replicate, 0));
    // And it follows at full pace again.
    let write = cluster.propose(1, "again");
    assert!(cluster.run_until(3, |it| it.disks[&node(3)].durable.last().index == Index(102)));
    cluster.run_for(10);
    assert!(cluster.is_committed(write));
}
