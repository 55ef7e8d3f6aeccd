//! W13, W14: random worlds. Messages are lost, doubled and overtaken, connections break, nodes crash with part
//! of what they had written, pause, run on wrong clocks and stuck disks; after every step everything is held
//! against the invariants, and after healing the cluster must work again. A world is its seed.
//!
//! `CHAOS_STEPS` sets how many steps are taken in all (5,000,000 by default), `CHAOS_SEED` replays one world.

mod harness;

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use harness::cluster::{Cluster, Weather, election_timeouts};
use harness::random::Random;
use harness::voters;
use raft_core::{Config, Loaded, NodeId, Token};

/// How often each kind of trouble comes, drawn anew for each world; many worlds lack some kinds.
struct Troubles {
    crash: u64,
    disconnect: u64,
    partition: u64,
    pause: u64,
    disk: u64,
    clock: u64,
    propose: u64,
}

impl Troubles {
    fn drawn(random: &mut Random) -> Self {
        let mut often = |most| if random.percent(50) { 0 } else { 1 + random.below(most) };
        Self {
            crash: often(8),
            disconnect: often(12),
            partition: often(8),
            pause: often(5),
            disk: often(6),
            clock: often(3),
            propose: 20 + often(40),
        }
    }
}

fn weather(random: &mut Random) -> Weather {
    let latency = [100, 1_000, 10_000, 60_000][usize::try_from(random.below(4)).expect("small")];
    let disk = [10, 500, 8_000][usize::try_from(random.below(3)).expect("small")];
    let lossy = |random: &mut Random, most| if random.percent(50) { 0 } else { random.below(most) };
    Weather {
        latency_us: (latency / 10, latency),
        disk_us: (disk / 10, disk),
        apply_us: (0, random.below(3_000)),
        drop_percent: lossy(random, 30),
        double_percent: lossy(random, 20),
        overtake_percent: lossy(random, 50),
        check_all: true,
    }
}

fn configure(random: &mut Random, config: &mut Config) {
    let small = |random: &mut Random, full: usize, least: usize| {
        if random.percent(50) { full } else { least << random.below(4) }
    };
    config.append_bytes_max = small(random, 4_096, 64);
    config.inflight_bytes_max =
        config.append_bytes_max * (1 + usize::try_from(random.below(6)).expect("small"));
    config.inflight_messages_max = 1 + usize::try_from(random.below(8)).expect("small");
    config.apply_bytes_max = small(random, 1 << 20, 64);
    config.uncommitted_bytes_max = small(random, 1 << 20, 200);
    config.priority = u8::try_from(random.below(3)).expect("small");
}

/// One world, from its birth to its recovery; says how many steps it took.
fn world(seed: u64) -> u64 {
    let mut random = Random::new(seed);
    let size = random.pick(&[1, 2, 3, 3, 3, 4, 5, 5]);
    let settings = Random::new(random.next());
    let membership = voters(size);
    let mut cluster = Cluster::loaded(
        membership.clone(),
        seed,
        |config| configure(&mut settings.clone(), config),
        |_| Loaded::genesis(membership.clone()),
    );
    cluster.weather = weather(&mut random);
    let troubles = Troubles::drawn(&mut random);
    let mut asked = Vec::new();
    for _ in 0..60 + random.below(120) {
        trouble(&mut cluster, &mut random, &troubles, &mut asked);
        cluster.run_for(1 + random.below(40));
    }
    recover(&mut cluster, seed, &asked);
    cluster.steps
}

fn trouble(
    cluster: &mut Cluster,
    random: &mut Random,
    troubles: &Troubles,
    asked: &mut Vec<(u64, Token)>,
) {
    let size = cluster.ids().len() as u64;
    let id = 1 + random.below(size);
    let other = 1 + random.below(size);
    let mut dice = random.below(100);
    let mut falls_to = |share: u64| {
        let hit = dice < share;
        dice = dice.saturating_sub(share);
        if hit {
            dice = u64::MAX / 2
        }
        hit
    };
    if falls_to(troubles.propose) {
        propose(cluster, random, asked);
    } else if falls_to(troubles.crash) {
        crash_or_restart(cluster, random, id);
    } else if falls_to(troubles.disconnect) && id != other {
        cluster.reconnect(id.min(other), id.max(other));
    } else if falls_to(troubles.partition) {
        cut_or_heal(cluster, random, id, other);
    } else if falls_to(troubles.pause) {
        if cluster.hosts[&NodeId(id)].is_paused { cluster.resume(id) } else { cluster.pause(id) }
    } else if falls_to(troubles.disk) {
        if cluster.hosts[&NodeId(id)].is_disk_stuck {
            cluster.free_disk(id)
        } else {
            cluster.stick_disk(id)
        }
    } else if falls_to(troubles.clock) {
        cluster.set_clock(id, 880_000 + random.below(240_000));
    }
}

fn propose(cluster: &mut Cluster, random: &mut Random, asked: &mut Vec<(u64, Token)>) {
    for id in cluster.ids().into_iter().map(|id| id.0) {
        let leads = cluster.is_up(id) && cluster.raft(id).leader() == Some(NodeId(id));
        if cluster.is_up(id) && (leads || random.percent(5)) {
            for _ in 0..=random.below(4) {
                let length = usize::try_from(random.below(40)).expect("small");
                asked.push((id, cluster.propose(id, &"x".repeat(length))));
            }
        }
    }
}

fn crash_or_restart(cluster: &mut Cluster, random: &mut Random, id: u64) {
    if !cluster.is_up(id) {
        return cluster.restart(id);
    }
    let units = usize::try_from(random.below(4)).expect("small");
    let records = random.percent(50).then(|| usize::try_from(random.below(4)).expect("small"));
    cluster.crash_keeping(id, units, records);
    asked_of_the_dead(cluster, id);
}

// A node that crashed answers nobody any more: what it was asked stays open, which is "unknown".
fn asked_of_the_dead(cluster: &Cluster, id: u64) {
    assert!(cluster.hosts[&NodeId(id)].raft.is_none());
}

fn cut_or_heal(cluster: &mut Cluster, random: &mut Random, id: u64, other: u64) {
    match random.below(5) {
        0 => cluster.isolate(id),
        1 => cluster.mute(id),
        2 => cluster.deafen(id),
        3 => cluster.partition(&[id], &[other]),
        _ => cluster.heal(),
    }
}

/// Everything works again, and so must the cluster: W14.
fn recover(cluster: &mut Cluster, seed: u64, asked: &[(u64, Token)]) {
    cluster.weather = Weather { check_all: true, ..Weather::default() };
    cluster.heal();
    for id in cluster.ids().into_iter().map(|id| id.0) {
        cluster.resume(id);
        cluster.free_disk(id);
        cluster.set_clock(id, 1_000_000);
        if !cluster.is_up(id) {
            cluster.restart(id);
        }
    }
    for (a, b) in pairs(&cluster.ids()) {
        cluster.reconnect(a, b);
    }
    cluster.run_for(election_timeouts(12));
    let leader = cluster.leader().unwrap_or_else(|| panic!("seed {seed}: no leader after healing"));
    let write = cluster.propose(leader.0, "after");
    let done = cluster.run_until(election_timeouts(10), |cluster| cluster.is_committed(write));
    assert!(
        done,
        "seed {seed}: nothing commits after healing: {}",
        cluster.raft(leader.0).explain()
    );
    cluster.run_for(election_timeouts(2));
    cluster.assert_converged();
    // Whoever was asked and has lived on has answered everything by now.
    for (id, token) in asked {
        let restarted = cluster.was_restarted(*id);
        assert!(
            restarted || cluster.outcome(*token).is_some(),
            "seed {seed}: {token:?} has no outcome"
        );
    }
}

fn pairs(ids: &[NodeId]) -> Vec<(u64, u64)> {
    ids.iter().flat_map(|a| ids.iter().filter(move |b| a < b).map(move |b| (a.0, b.0))).collect()
}

fn from_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn w13_w14_random_worlds_keep_every_invariant_and_recover() {
    if let Some(seed) = from_environment("CHAOS_SEED") {
        println!("{} steps", world(seed));
        return;
    }
    let wanted = from_environment("CHAOS_STEPS").unwrap_or(5_000_000);
    let (steps, seeds) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while steps.load(Ordering::Relaxed) < wanted {
                    let seed = seeds.fetch_add(1, Ordering::Relaxed);
                    let taken = std::panic::catch_unwind(|| world(seed));
                    let taken = taken.unwrap_or_else(|_| panic!("replay with CHAOS_SEED={seed}"));
                    steps.fetch_add(taken, Ordering::Relaxed);
                }
            });
        }
    });
    println!("{} steps in {} worlds", steps.into_inner(), seeds.into_inner());
}
