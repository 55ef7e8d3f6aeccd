//! Which Cargo features there are, and that they do not open a way around the arrows.
//!
//! Two features exist: `processes` of checker, for faults on real processes, and `relay` of
//! raft-net-quic, which adds code but no dependency. Neither is a default: there is no feature `default`.

use crate::Violation;
use crate::workspace::{Member, Workspace};

pub(crate) fn check(workspace: &Workspace) -> Vec<Violation> {
    workspace.crates().flat_map(check_member).collect()
}

fn check_member(member: &Member) -> Vec<Violation> {
    let stray = member.features().filter(|(name, _)| !is_known(&member.name, name));
    let stray = stray.map(|(name, _)| format!("remove the feature {name}: {KNOWN}"));
    let unnamed = member.dependencies.iter().filter(|dependency| dependency.is_optional);
    let unnamed = unnamed.filter(|dependency| !is_named(member, &dependency.key));
    let unnamed = unnamed.map(|dependency| {
        let key = &dependency.key;
        format!("name `dep:{key}` in a feature, or {key} becomes a feature of its own: {KNOWN}")
    });
    let mut messages: Vec<String> = stray.chain(unnamed).collect();
    if member.name == "raft-net-quic" {
        messages.extend(check_relay(member));
    }
    if member.name == "sim" {
        messages.extend(check_judge(member));
    }
    let violation = |message| Violation::of_file(RULE, &member.path, message);
    messages.into_iter().map(violation).collect()
}

/// The relay is for tests of whoever wants one, so it must cost nothing.
fn check_relay(member: &Member) -> Vec<String> {
    let relay = member.features().filter(|(name, list)| *name == "relay" && !list.is_empty());
    relay.map(|(_, list)| format!("leave relay empty, without {}", list.join(", "))).collect()
}

/// With features the judge would bring tokio and quinn into the deterministic world.
fn check_judge(member: &Member) -> Vec<String> {
    let judge = member.dependencies.iter().filter(|dependency| dependency.package == "checker");
    judge
        .flat_map(|dependency| &dependency.features)
        .map(|feature| format!("take checker without the feature {feature}"))
        .collect()
}

fn is_known(member: &str, feature: &str) -> bool {
    matches!((member, feature), ("checker", "processes") | ("raft-net-quic", "relay"))
}

fn is_named(member: &Member, key: &str) -> bool {
    let name = format!("dep:{key}");
    member.features().any(|(_, list)| list.contains(&name.as_str()))
}

const RULE: &str = "features";

const KNOWN: &str = "there are processes of checker and relay of raft-net-quic, and no others";
