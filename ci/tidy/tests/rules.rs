//! Each rule of the house on a made-up house that breaks it, and on one that does not.

use tidy::{Violation, cargo_tree};

mod made_up;
use made_up::{BANS, House, LIBRARY, ROOT, manifest};

#[test]
fn clean_house_breaks_no_rule() {
    assert_eq!(House::clean().violations(), []);
}

#[test]
fn violation_reads_as_place_rule_and_advice() {
    let house = House::clean().with("crates/kv/src/a.rs", "//! A.\nfn a() { todo!() }\n");
    let lines: Vec<_> = house.violations().iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["crates/kv/src/a.rs:2: leftovers: write it, or refuse with a reason"]);
}

#[test]
fn arrow_that_is_not_drawn_is_refused() {
    breaks_manifest("arrows", "raft-core", "[dev-dependencies]\nkv-core.workspace = true");
    breaks_manifest("arrows", "raft-storage", "[dependencies]\nkv-core.workspace = true");
    breaks_manifest("arrows", "raft-net-quic", "[dependencies]\nraft-storage.workspace = true");
    breaks_manifest("arrows", "kv-core", "[build-dependencies]\nraft-storage.workspace = true");
    breaks_manifest("arrows", "sim", "[dependencies]\nkv-service.workspace = true");
    breaks_manifest("arrows", "kv-service", "[dev-dependencies]\nchecker.workspace = true");
    breaks_manifest("arrows", "bench", "[dependencies]\nsim.workspace = true");
    breaks_manifest("arrows", "bench", "[dependencies]\nworld.workspace = true");
    breaks_manifest(
        "arrows",
        "kv-core",
        "[target.'cfg(unix)'.dependencies]\nraft-storage = { workspace = true }",
    );

    keeps_manifest("kv-core", "[dependencies]\nraft-core.workspace = true");
    keeps_manifest("sim", "[dependencies]\nchecker.workspace = true");
    keeps_manifest("bench", "[dependencies]\nchecker.workspace = true");
    keeps_manifest("kv", "[dependencies]\nworld.workspace = true\nbench.workspace = true");
    keeps_manifest("kv-core", "[target.'cfg(unix)'.dependencies]\nraft-core.workspace = true");
}

#[test]
fn checker_reaches_the_service_only_through_its_feature() {
    breaks_manifest("arrows", "checker", "[dependencies]\nkv-service.workspace = true");
    breaks_manifest("arrows", "checker", "[dev-dependencies]\nkv-service.workspace = true");
    breaks_manifest(
        "arrows",
        "checker",
        "[dependencies]\nkv-core = { workspace = true, optional = true }\n\
         [features]\nprocesses = [\"dep:kv-core\"]",
    );
    breaks_manifest(
        "features",
        "checker",
        "[dependencies]\nkv-service = { workspace = true, optional = true }",
    );
    breaks_manifest("features", "checker", "[features]\nprocesses = []\ndefault = [\"processes\"]");

    keeps_manifest(
        "checker",
        "[dependencies]\nkv-service = { workspace = true, optional = true }\n\
         raft-net-quic = { workspace = true, optional = true }\n\
         [features]\n\
         processes = [\"dep:kv-service\", \"dep:raft-net-quic\", \"raft-net-quic/relay\"]",
    );
}

#[test]
fn crate_without_a_row_or_row_without_a_crate_is_refused() {
    breaks("arrows", "crates/extra/Cargo.toml", &manifest("extra", ""));

    let house = House::clean().without("crates/bench/Cargo.toml");
    accuses(&house.violations(), "arrows", "crates/bench/Cargo.toml");
}

#[test]
fn core_takes_three_crates_from_outside() {
    breaks_manifest("arrows", "raft-core", "[dependencies]\ntokio.workspace = true");

    keeps_manifest("raft-core", "[dependencies]\nbytes.workspace = true");
    keeps_manifest("raft-core", "[dev-dependencies]\ntokio.workspace = true");
    keeps_manifest("raft-storage", "[dependencies]\ntokio.workspace = true");
}

#[test]
fn features_are_two_and_open_no_way_round() {
    breaks_manifest("features", "kv-core", "[features]\nfast = []");
    breaks_manifest("features", "kv", "[features]\nrelay = []");
    breaks_manifest("features", "raft-net-quic", "[features]\nrelay = [\"tokio/net\"]");
    breaks_manifest(
        "features",
        "raft-storage",
        "[dependencies]\nbytes = { workspace = true, optional = true }",
    );
    breaks_manifest(
        "features",
        "sim",
        "[dependencies]\nchecker = { workspace = true, features = [\"processes\"] }",
    );

    keeps_manifest("raft-net-quic", "[features]\nrelay = []");
    keeps_manifest(
        "kv",
        "[dependencies]\nchecker = { workspace = true, features = [\"processes\"] }",
    );
}

#[test]
fn features_that_sim_inherits_count_as_its_own() {
    let with_features = r#"checker = { path = "crates/checker", features = ["processes"] }"#;
    let root = ROOT.replace(r#"checker = { path = "crates/checker" }"#, with_features);
    let house = House::clean().with("Cargo.toml", &root);
    assert_eq!(house.violations(), []);

    let text = manifest("sim", "[dependencies]\nchecker.workspace = true");
    let house = house.with("crates/sim/Cargo.toml", &text);
    accuses(&house.violations(), "features", "crates/sim/Cargo.toml");
}

#[test]
fn cargo_tree_of_sim_shows_no_runtime_and_no_network() {
    let clean = "sim v0.1.0 (here/crates/sim)\nbytes v1.12.1\nraft-core v0.1.0 (here)\n";
    assert_eq!(cargo_tree::sim(clean), []);
    for name in ["tokio", "tokio-util", "quinn", "quinn-proto", "rustls", "rustls-webpki"] {
        let text = format!("{clean}{name} v1.2.3 (*)\n{name} v1.2.3\n");
        accuses(&cargo_tree::sim(&text), "cargo-tree", "crates/sim/Cargo.toml");
    }
}

#[test]
fn cargo_tree_of_checker_shows_no_crate_of_ours() {
    let clean = "checker v0.1.0 (here/crates/checker)\nserde v1.0.229\n";
    assert_eq!(cargo_tree::checker(clean), []);
    let text = format!("{clean}raft-core v0.1.0 (here/crates/raft-core)\n");
    accuses(&cargo_tree::checker(&text), "cargo-tree", "crates/checker/Cargo.toml");
}

#[test]
fn cargo_tree_of_the_core_shows_three_crates() {
    let clean = "raft-core v0.1.0 (here)\nbytes v1.12.1\npostcard v1.1.3\nserde v1.0.229\n";
    assert_eq!(cargo_tree::raft_core(clean), []);
    let text = format!("{clean}rand v0.9.0\n");
    accuses(&cargo_tree::raft_core(&text), "cargo-tree", "crates/raft-core/Cargo.toml");
}

#[test]
fn cargo_tree_that_printed_nothing_is_not_clean() {
    accuses(&cargo_tree::sim(""), "cargo-tree", "crates/sim/Cargo.toml");
    accuses(&cargo_tree::checker("kv v0.1.0"), "cargo-tree", "crates/checker/Cargo.toml");
    accuses(&cargo_tree::raft_core("\n"), "cargo-tree", "crates/raft-core/Cargo.toml");
}

#[test]
fn sans_io_crate_denies_the_ban_lists() {
    for name in ["raft-core", "kv-core"] {
        let path = format!("crates/{name}/src/lib.rs");
        breaks("sans-io", &path, "//! A library.\n");
        breaks("sans-io", &path, &LIBRARY.replace("not(test)", "test"));
        breaks("sans-io", &path, &LIBRARY.replace("clippy::disallowed_types", "clippy::style"));
        breaks("sans-io", &path, &LIBRARY.replace("#![", "// #!["));
        let house = House::clean().without(&path);
        accuses(&house.violations(), "sans-io", &path);
    }
    keeps("crates/raft-storage/src/lib.rs", "//! A library.\n");
}

#[test]
fn sans_io_crate_takes_no_ban_back() {
    for attribute in [
        "#[allow(clippy::disallowed_types, reason = \"a map\")]",
        "#![allow(clippy::disallowed_macros)]",
        "#[expect(unused, clippy::disallowed_methods)]",
        "#[cfg_attr(unix, allow(clippy::disallowed_types))]",
        "#![warn(clippy::all)]",
        "#![allow(clippy::indexing_slicing, clippy::unwrap_used)]",
        "#[allow(clippy::restriction)]",
        "#[expect(clippy::arithmetic_side_effects)]",
    ] {
        let text = format!("//! A file.\n{attribute}\nmod a;\n");
        breaks("sans-io", "crates/raft-core/src/a.rs", &text);
        breaks("sans-io", "crates/kv-core/tests/a.rs", &text);
        keeps("crates/raft-storage/src/a.rs", &text);
    }
    keeps("crates/raft-core/src/a.rs", "//! A file.\n#[allow(unused)]\nmod a;\n");
    keeps("crates/raft-core/src/a.rs", "//! A file.\n// #[allow(clippy::disallowed_types)]\n");
}

#[test]
fn ban_lists_keep_what_matters_and_a_reason_for_it() {
    for (path, list) in [
        ("std::time::Instant::now", "disallowed-methods"),
        ("std::collections::HashMap", "disallowed-types"),
        ("std::panic", "disallowed-macros"),
    ] {
        assert!(BANS.contains(list));
        breaks(
            "sans-io",
            "clippy.toml",
            &BANS.replace(&format!("path = \"{path}\""), "path = \"a\""),
        );
        let line = BANS.lines().find(|line| line.contains(&format!("\"{path}\""))).expect("banned");
        let (ban, _) = line.split_once(", reason").expect("with a reason");
        breaks("sans-io", "clippy.toml", &BANS.replace(line, &format!("{ban} }},")));
    }
    let house = House::clean().with("clippy.toml", "");
    assert!(house.violations().len() > 20, "an emptied list is not a list");
}

#[test]
fn member_takes_its_lints_from_the_workspace() {
    let own = manifest("sim", "").replace("[lints]\nworkspace = true", "[lints.rust]");
    breaks("lints", "crates/sim/Cargo.toml", &own);
    breaks("lints", "ci/tidy/Cargo.toml", &own.replace("sim", "tidy"));
}

#[test]
fn member_is_never_published() {
    let own = manifest("sim", "").replace("publish.workspace = true", "publish = true");
    breaks("publish", "crates/sim/Cargo.toml", &own);
    breaks("publish", "crates/sim/Cargo.toml", &own.replace("publish = true\n", ""));
    breaks("publish", "Cargo.toml", &ROOT.replace("publish = false", ""));
}

#[test]
fn member_takes_its_versions_from_the_workspace() {
    breaks_manifest("versions", "sim", "[dependencies]\nbytes = \"1\"");
    breaks_manifest("versions", "sim", "[dev-dependencies]\nbytes = { version = \"1\" }");
    breaks_manifest("versions", "sim", "[dependencies]\nraft-core = { path = \"../raft-core\" }");
    breaks_manifest("versions", "sim", "[target.x.dependencies]\nbytes = { git = \"a\" }");
    breaks("versions", "ci/tidy/Cargo.toml", &manifest("tidy", "[dependencies]\ntoml = \"1\""));
    breaks("versions", "Cargo.toml", &ROOT.replace("bytes = \"1\"", "bytes.git = \"a\""));
    breaks("versions", "Cargo.toml", &format!("{ROOT}\n[patch.crates-io]\n"));

    keeps_manifest("sim", "[dependencies]\nbytes.workspace = true");
    keeps_manifest("sim", "[dependencies]\nbytes = { workspace = true, features = [\"std\"] }");
}

#[test]
fn no_code_is_outside_safe_rust() {
    for code in ["fn a() { unsafe { b() } }", "unsafe fn a() {}", "unsafe impl A for B {}"] {
        breaks("unsafe", "crates/kv/src/a.rs", &format!("//! A file.\n{code}\n"));
        breaks("unsafe", "fuzz/fuzz_targets/a.rs", &format!("{code}\n"));
        keeps("crates/kv/src/a.rs", &format!("//! A file.\n// {code}\n/* {code} */\n"));
        keeps("crates/kv/src/a.rs", &format!("//! A file.\nconst A: &str = \"{code}\";\n"));
    }
    keeps("crates/kv/src/a.rs", "//! A file.\n#![forbid(unsafe_code)]\n");
    breaks("unsafe", "Cargo.toml", &ROOT.replace("forbid", "deny"));
    breaks("unsafe", "Cargo.toml", &ROOT.replace("unsafe_code", "missing_docs"));
    keeps("Cargo.toml", &ROOT.replace("\"forbid\"", "{ level = \"forbid\", priority = 1 }"));
}

#[test]
fn source_file_opens_by_saying_what_it_holds() {
    breaks("opening", "crates/kv/src/main.rs", "fn main() {}\n");
    breaks("opening", "crates/kv/src/a/b.rs", "// A comment.\n//! A file.\n");
    breaks("opening", "ci/tidy/src/a.rs", "");

    keeps("crates/kv/src/main.rs", "//! A file.\nfn main() {}\n");
    keeps("crates/kv/tests/a.rs", "fn a() {}\n");
}

#[test]
fn debugging_and_unfinished_work_do_not_stay() {
    for code in ["todo!()", "unimplemented!(\"later\")", "dbg!(a)", "std::todo ! ()"] {
        let text = format!("//! A file.\nfn a() {{\n    {code};\n}}\n");
        breaks("leftovers", "crates/kv/src/a.rs", &text);
        breaks("leftovers", "crates/kv/tests/a.rs", &text);
    }
    breaks("leftovers", "crates/kv/src/a.rs", "//! A file.\n// FIXME: it is wrong\n");
    breaks("leftovers", "crates/kv/src/a.rs", "//! A file.\n/* a\n XXX b */\n");

    keeps("crates/kv/src/a.rs", "//! A file.\nfn todo() { if todo != 1 {} }\n");
    keeps("crates/kv/src/a.rs", "//! A file.\nconst A: &str = \"FIXME todo!()\";\n");
    keeps("crates/kv/src/a.rs", "//! A file: ids look like XXXX-XXXX.\n");
}

#[test]
fn ignored_test_gives_its_reason() {
    for attribute in ["#[ignore]", "#[ignore = \"\"]", "#[cfg_attr(miri, ignore)]"] {
        breaks("ignore", "crates/kv/tests/a.rs", &format!("#[test]\n{attribute}\nfn a() {{}}\n"));
    }
    for attribute in
        ["#[ignore = \"slow\"]", "#[cfg_attr(miri, ignore = \"files\")]", "#[other(ignore)]"]
    {
        keeps("crates/kv/tests/a.rs", &format!("#[test]\n{attribute}\nfn a() {{}}\n"));
    }
}

#[test]
fn nobody_here_verifies_certificates_himself() {
    for code in [
        "fn a() { config.dangerous().with_verifier(b); }",
        "impl ServerCertVerifier for A {}",
        "impl rustls::server::danger::ClientCertVerifier for A {}",
    ] {
        breaks("verifier", "crates/kv/src/a.rs", &format!("//! A file.\n{code}\n"));
        breaks("verifier", "crates/kv/tests/a.rs", &format!("{code}\n"));
        keeps("crates/kv/src/a.rs", &format!("//! A file.\n// {code}\n"));
    }
    keeps("crates/kv/src/a.rs", "//! A file.\nfn a(b: Arc<dyn ClientCertVerifier>) {}\n");
}

#[test]
fn no_file_names_a_folder_of_one_machine() {
    for folder in [
        ["/ho", "me/ann/kv"],
        ["/ro", "ot/kv"],
        ["/wo", "rk/kv"],
        ["/Us", "ers/ann"],
        ["/private", "/tmp/kv"],
    ] {
        let folder = folder.concat();
        breaks("machine-path", "docs/a.md", &format!("Run it in {folder}.\n"));
        breaks("machine-path", ".ci/run", &format!("cd {folder}\n"));
        breaks("machine-path", "crates/kv/src/a.rs", &format!("//! In `{folder}`.\n"));
        keeps("docs/a.md", &format!("See example.org{folder}, or $HOME{folder}, or ..{folder}.\n"));
        keeps("target/debug/a.d", &folder);
        keeps("kv-dev/a.toml", &folder);
        keeps("fuzz/corpus/message/a", &folder);
    }
    keeps("docs/a.md", &["Homes lie in /ho", "me/ and the like.\n"].concat());
}

#[test]
fn no_file_names_a_host_of_a_registry() {
    for host in [
        ["index.", "crates.io"],
        ["static.", "crates.io"],
        ["py", "pi.org"],
        ["registry.npm", "js.org"],
        ["deb.debian", ".org"],
    ] {
        let address = format!("https://{}/a\n", host.concat());
        breaks("registry-host", "ci/install", &address);
        breaks("registry-host", "docs/a.md", &address);
        keeps("Cargo.lock", &address);
    }
    keeps("deny.toml", "allow = [\"https://github.com/rust-lang/crates.io-index\"]\n");
}

#[test]
fn file_of_a_thousand_lines_is_listed_and_a_longer_one_refused() {
    let lines = |count| "//! A line.\n".repeat(count);
    let house = House::clean()
        .with("crates/kv/src/a.rs", &lines(501))
        .with("crates/kv/src/b.rs", &lines(1_000))
        .with("crates/kv/src/c.rs", &lines(500))
        .with("crates/kv/tests/d.rs", &lines(1_001));
    assert_eq!(house.violations(), []);
    let tree = house.read();
    let long = tidy::long_files(&tree);
    assert_eq!(long, [(1_000, "crates/kv/src/b.rs"), (501, "crates/kv/src/a.rs")]);

    breaks("file-length", "crates/kv/src/a.rs", &lines(1_001));
}

#[test]
fn line_of_two_hundred_characters_is_the_longest() {
    let (most, more) = ("\u{fc}".repeat(200), "x".repeat(201));
    breaks("line-length", "docs/a.md", &more);
    breaks("line-length", "crates/kv/tests/a.rs", &format!("// {more}\n"));

    keeps("docs/a.md", &most);
    keeps("docs/a.md", &format!("| {more} |\n"));
    keeps("docs/a.tsv", &more);
}

#[test]
fn manifest_that_is_not_toml_is_named() {
    breaks("manifest", "crates/kv/Cargo.toml", "[package\n");
    breaks("manifest", "Cargo.toml", "=");
    let house = House::clean().without("Cargo.toml");
    accuses(&house.violations(), "manifest", "Cargo.toml");
}

/// The clean house with this file in it breaks this rule in this file, and no other.
fn breaks(rule: &str, path: &str, text: &str) {
    accuses(&House::clean().with(path, text).violations(), rule, path);
}

/// The clean house with this file in it is still clean.
fn keeps(path: &str, text: &str) {
    assert_eq!(House::clean().with(path, text).violations(), [], "{path} holds:\n{text}");
}

fn breaks_manifest(rule: &str, name: &str, rest: &str) {
    breaks(rule, &format!("crates/{name}/Cargo.toml"), &manifest(name, rest));
}

fn keeps_manifest(name: &str, rest: &str) {
    keeps(&format!("crates/{name}/Cargo.toml"), &manifest(name, rest));
}

fn accuses(violations: &[Violation], rule: &str, path: &str) {
    let found: Vec<_> = violations.iter().map(|v| (v.rule, v.path.as_str())).collect();
    assert_eq!(found, [(rule, path)], "{violations:#?}");
}
