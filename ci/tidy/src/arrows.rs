//! Which crate may depend on which: the arrows of the design, and what the core may take from outside.
//!
//! Looks at manifests, dependencies of tests included. What a permitted dependency drags in is asked of
//! cargo, in `cargo_tree`; what features may turn on is in `features`.

use crate::Violation;
use crate::workspace::{Dependency, Kind, Member, Workspace};

use To::{AllBut, Behind, Only};

/// Every crate under `crates/`, and what of ours it may depend on.
#[rustfmt::skip]
const ARROWS: [(&str, To); 9] = [
    ("raft-core",     Only(&[])),
    ("raft-storage",  Only(&["raft-core"])),
    ("raft-net-quic", Only(&["raft-core"])),
    ("kv-core",       Only(&["raft-core"])),
    ("checker",       Behind("processes", &["kv-service", "raft-net-quic"])),
    ("sim",           Only(&["raft-core", "raft-storage", "kv-core", "checker"])),
    ("kv-service",    Only(&["raft-core", "raft-storage", "raft-net-quic", "kv-core"])),
    ("bench",         AllBut(&["sim", "kv", "bench"])),
    ("kv",            AllBut(&["kv"])),
];

/// All that the core takes from outside.
pub(crate) const RAFT_CORE_TAKES: [&str; 3] = ["bytes", "serde", "postcard"];

enum To {
    Only(&'static [&'static str]),
    /// Optional, and turned on by the feature; without it the crate stands alone.
    Behind(&'static str, &'static [&'static str]),
    AllBut(&'static [&'static str]),
}

/// The names of our crates.
pub fn crates() -> impl Iterator<Item = &'static str> {
    ARROWS.iter().map(|(name, _)| *name)
}

pub(crate) fn check(workspace: &Workspace) -> Vec<Violation> {
    let mut found = Vec::new();
    for name in crates() {
        if !workspace.crates().any(|member| member.name == name) {
            found.push(Violation::of_file(
                RULE,
                &format!("crates/{name}/Cargo.toml"),
                format!("bring {name} back, or take it out of the table of arrows"),
            ));
        }
    }
    for member in workspace.crates() {
        match ARROWS.iter().find(|(name, _)| *name == member.name) {
            Some((_, to)) => found.extend(check_row(member, to)),
            None => found.push(Violation::of_file(
                RULE,
                &member.path,
                format!("draw the arrows of {} in DESIGN.md and in tidy's table", member.name),
            )),
        }
        if member.name == "raft-core" {
            found.extend(check_core(member));
        }
    }
    found
}

fn check_row(member: &Member, to: &To) -> Vec<Violation> {
    let ours = member.dependencies.iter().filter(|dependency| is_ours(dependency));
    ours.filter(|dependency| !to.allows(dependency))
        .map(|dependency| {
            let (name, package) = (&member.name, &dependency.package);
            let message = format!("do without {package} in {name}: {}", to.sentence());
            Violation::of_file(RULE, &member.path, message)
        })
        .collect()
}

fn check_core(core: &Member) -> Vec<Violation> {
    let outside = core.dependencies.iter().filter(|dependency| {
        dependency.kind != Kind::Dev && !RAFT_CORE_TAKES.contains(&dependency.package.as_str())
    });
    outside
        .map(|dependency| {
            let package = &dependency.package;
            let message =
                format!("do without {package}: the core takes bytes, serde and postcard only");
            Violation::of_file(RULE, &core.path, message)
        })
        .collect()
}

impl To {
    fn allows(&self, dependency: &Dependency) -> bool {
        let package = dependency.package.as_str();
        match self {
            Only(list) => list.contains(&package),
            Behind(_, list) => {
                let is_optional = dependency.kind == Kind::Normal && dependency.is_optional;
                is_optional && list.contains(&package)
            }
            AllBut(list) => is_crate(package) && !list.contains(&package),
        }
    }

    fn sentence(&self) -> String {
        match self {
            Only([]) => "no arrow leads from it to a crate of ours".to_owned(),
            Only(list) => format!("its arrows lead to {} only", list.join(", ")),
            Behind(feature, list) => format!(
                "its arrows lead to {} only, as optional dependencies behind the feature {feature}",
                list.join(", ")
            ),
            AllBut(list) => format!("its arrows lead to every crate but {}", list.join(", ")),
        }
    }
}

const RULE: &str = "arrows";

fn is_ours(dependency: &Dependency) -> bool {
    dependency.is_local || is_crate(&dependency.package)
}

fn is_crate(package: &str) -> bool {
    crates().any(|name| name == package)
}
