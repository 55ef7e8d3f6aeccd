//! The shortest stories: a leader is found, a write is committed, a leader is lost.

mod harness;

use harness::cluster::{Cluster, election_timeouts};
use harness::solo::Solo;
use raft_core::{End, NodeId, Refused, RoleName, Unknown};

#[test]
fn three_nodes_find_a_leader_by_themselves() {
    let mut cluster = Cluster::of(3);
    assert!(cluster.run_until(election_timeouts(5), |cluster| cluster.leader().is_some()));
    cluster.run_for(100);
    cluster.assert_converged();
}

#[test]
fn a_write_is_committed_and_applied_everywhere() {
    let mut cluster = Cluster::of(3).elect(1);
    let write = cluster.write("x");
    assert!(cluster.is_committed(write));
    cluster.assert_converged();
    assert_eq!(cluster.applied(3), ["x"]);
}

#[test]
fn isolated_leader_cannot_commit_and_steps_down() {
    let mut cluster = Cluster::of(3).elect(1);
    cluster.isolate(1);
    let write = cluster.propose(1, "x");
    cluster.run_for(election_timeouts(3));

    assert_ne!(cluster.leader(), Some(NodeId(1)));
    assert_eq!(cluster.role(1), RoleName::PreCandidate);
    assert!(!cluster.is_committed(write));

    cluster.heal();
    cluster.run_for(election_timeouts(3));
    cluster.assert_converged();
    assert!(
        matches!(
            cluster.outcome(write),
            Some(
                End::Unknown(Unknown::SteppedDown { .. })
                    | End::Refused(Refused::Overwritten { .. })
            )
        ),
        "{:?}",
        cluster.outcome(write)
    );
}

#[test]
fn the_leader_dies_and_comes_back_as_a_follower() {
    let mut cluster = Cluster::of(3).elect(1);
    cluster.write("before");
    cluster.crash(1);
    assert!(cluster.run_until(election_timeouts(6), |cluster| cluster.leader().is_some()));
    cluster.run_for(20);
    cluster.write("meanwhile");
    cluster.restart(1);
    cluster.run_for(election_timeouts(2));
    cluster.assert_converged();
    assert_eq!(cluster.applied(1), ["before", "meanwhile"]);
}

#[test]
fn a_single_voter_leads_alone() {
    let mut solo = Solo::of(1);
    solo.lead();
    let write = solo.propose("x");
    solo.flush();
    assert_eq!(solo.outcome(write), None);
    solo.sync();
    assert!(matches!(solo.outcome(write), Some(End::Committed(_))));
}
