//! The manifests of the workspace, read as cargo reads them: what is inherited is filled in.
//!
//! Knows the members by where they lie, `crates/*` and `ci/tidy`; the workspaces of their own (fuzzer,
//! peers of the benchmarks) are none of them.

use toml::{Table, Value};

use crate::Violation;
use crate::tree::Tree;

/// The root manifest and those of all members.
pub(crate) struct Workspace {
    pub(crate) root: Table,
    /// In the order of their paths.
    pub(crate) members: Vec<Member>,
}

/// One member's manifest.
pub(crate) struct Member {
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) table: Table,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One dependency of a member, with what it takes from the workspace.
pub(crate) struct Dependency {
    /// What the member calls it.
    pub(crate) key: String,
    /// The package it is, also if renamed.
    pub(crate) package: String,
    pub(crate) kind: Kind,
    pub(crate) is_optional: bool,
    pub(crate) is_inherited: bool,
    /// Lies in this repository.
    pub(crate) is_local: bool,
    pub(crate) features: Vec<String>,
}

/// When a dependency is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Build,
    Dev,
}

impl Workspace {
    /// Fails with the first manifest that cannot be read; cargo could not either.
    pub(crate) fn read(tree: &Tree) -> Result<Self, Violation> {
        let text = tree.text(ROOT).ok_or_else(|| {
            Violation::of_file(RULE, ROOT, "give tidy the root of the workspace: no manifest here")
        })?;
        let root = parse(ROOT, text)?;
        let manifests = tree.files().iter().filter(|file| is_member(&file.path));
        let members = manifests
            .map(|file| Ok(Member::new(&file.path, parse(&file.path, &file.text)?, &root)))
            .collect::<Result<_, _>>()?;
        Ok(Self { root, members })
    }

    /// The members that DESIGN.md draws arrows between.
    pub(crate) fn crates(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.path.starts_with("crates/"))
    }
}

impl Member {
    fn new(path: &str, table: Table, root: &Table) -> Self {
        let name = at(&table, &["package", "name"]).and_then(Value::as_str).unwrap_or_default();
        let none = Table::new();
        let targets = at(&table, &["target"]).and_then(Value::as_table).unwrap_or(&none);
        let sections = targets.values().filter_map(Value::as_table).chain([&table]);
        let dependencies = sections.flat_map(|section| dependencies(section, root)).collect();
        Self { path: path.to_owned(), name: name.to_owned(), dependencies, table }
    }

    /// Each feature with what it turns on.
    pub(crate) fn features(&self) -> impl Iterator<Item = (&str, Vec<&str>)> {
        let features = self.table.get("features").and_then(Value::as_table);
        features.into_iter().flatten().map(|(name, list)| (name.as_str(), strings(Some(list))))
    }
}

impl Dependency {
    fn new(key: &str, kind: Kind, own: &Value, root: &Table) -> Self {
        let is_inherited = own.get("workspace").and_then(Value::as_bool) == Some(true);
        let shared = is_inherited.then(|| at(root, &["workspace", "dependencies", key])).flatten();
        let field = |name| own.get(name).or_else(|| shared?.get(name));
        let features = strings(own.get("features")).into_iter();
        let features = features.chain(strings(shared.and_then(|shared| shared.get("features"))));
        Self {
            key: key.to_owned(),
            package: field("package").and_then(Value::as_str).unwrap_or(key).to_owned(),
            kind,
            is_optional: field("optional").and_then(Value::as_bool) == Some(true),
            is_inherited,
            is_local: field("path").is_some(),
            features: features.map(str::to_owned).collect(),
        }
    }
}

/// What stands at the end of a path of keys.
pub(crate) fn at<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(table.get(*first)?, |value, key| value.get(key))
}

/// The path of the root manifest.
pub(crate) const ROOT: &str = "Cargo.toml";

const RULE: &str = "manifest";

fn parse(path: &str, text: &str) -> Result<Table, Violation> {
    text.parse().map_err(|error: toml::de::Error| {
        Violation::of_file(RULE, path, format!("make it TOML: {}", error.message()))
    })
}

fn is_member(path: &str) -> bool {
    let parts: Vec<_> = path.split('/').collect();
    matches!(parts[..], ["crates", _, "Cargo.toml"] | ["ci", "tidy", "Cargo.toml"])
}

fn dependencies(section: &Table, root: &Table) -> Vec<Dependency> {
    let kinds = [
        ("dependencies", Kind::Normal),
        ("build-dependencies", Kind::Build),
        ("dev-dependencies", Kind::Dev),
    ];
    let mut found = Vec::new();
    for (name, kind) in kinds {
        let entries = section.get(name).and_then(Value::as_table);
        let entries = entries.into_iter().flatten();
        found.extend(entries.map(|(key, own)| Dependency::new(key, kind, own, root)));
    }
    found
}

fn strings(list: Option<&Value>) -> Vec<&str> {
    let list = list.and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}
