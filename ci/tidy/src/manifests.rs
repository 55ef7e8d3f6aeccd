//! What every manifest of a member says: lints, publishing and versions come from the workspace.
//!
//! A version written twice is two versions one day; a git dependency is a version that can change.

use toml::Value;

use crate::Violation;
use crate::workspace::{Member, ROOT, Workspace, at};

pub(crate) fn check(workspace: &Workspace) -> Vec<Violation> {
    let mut found = check_root(workspace);
    found.extend(workspace.members.iter().flat_map(check_member));
    found
}

fn check_root(workspace: &Workspace) -> Vec<Violation> {
    let root = &workspace.root;
    let mut found = Vec::new();
    let mut violation = |rule, message: String| {
        found.push(Violation::of_file(rule, ROOT, message));
    };
    if at(root, &["workspace", "package", "publish"]) != Some(&Value::Boolean(false)) {
        violation("publish", "write `publish = false` in [workspace.package]".to_owned());
    }
    let unsafe_code = at(root, &["workspace", "lints", "rust", "unsafe_code"]);
    let level = unsafe_code.map(|lint| lint.get("level").unwrap_or(lint));
    if level.and_then(Value::as_str) != Some("forbid") {
        violation(
            "unsafe",
            "write `unsafe_code = \"forbid\"` in [workspace.lints.rust]".to_owned(),
        );
    }
    let shared = at(root, &["workspace", "dependencies"]).and_then(Value::as_table);
    for (name, _) in shared.into_iter().flatten().filter(|(_, value)| value.get("git").is_some()) {
        violation("versions", format!("take {name} from the registry, not from git"));
    }
    for section in ["patch", "replace"].into_iter().filter(|name| root.contains_key(*name)) {
        violation("versions", format!("remove [{section}]: what we build is what the lock says"));
    }
    found
}

fn check_member(member: &Member) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut violation = |rule, message: String| {
        found.push(Violation::of_file(rule, &member.path, message));
    };
    if at(&member.table, &["lints", "workspace"]) != Some(&Value::Boolean(true)) {
        violation("lints", "write `workspace = true` under [lints]".to_owned());
    }
    if at(&member.table, &["package", "publish", "workspace"]) != Some(&Value::Boolean(true)) {
        violation("publish", "write `publish.workspace = true` under [package]".to_owned());
    }
    for dependency in member.dependencies.iter().filter(|dependency| !dependency.is_inherited) {
        let key = &dependency.key;
        violation(
            "versions",
            format!("give {key} its version in [workspace.dependencies] and inherit it here"),
        );
    }
    found
}
