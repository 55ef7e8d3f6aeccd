//! Every history with a known verdict gets that verdict.

use std::path::{Path, PathBuf};

use checker::check::Options;
use checker::expect::Expectations;
use checker::judge::Tiers;

/// The table of recorded histories, which lie beside the repository and need not be there.
fn table() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let table = root.join("../shared/histories/expected.tsv");
    if table.is_file() {
        return Some(table);
    }
    println!("skipped: there are no histories beside the repository");
    None
}

fn run(table: &Path, tiers: Tiers) -> Expectations {
    let options = Options { tiers, ..Options::default() };
    Expectations::run(table, &options).expect("the table is well formed")
}

#[test]
fn every_history_has_its_expected_verdict() {
    let Some(table) = table() else { return };
    let outcome = run(&table, Tiers::All);
    for row in &outcome.rows {
        if !row.is_passed() {
            println!("{row:?}");
        }
    }
    let slowest = outcome.rows.iter().max_by(|one, other| one.ms.total_cmp(&other.ms));
    println!("{}; slowest {slowest:?}", outcome.summary());
    assert_eq!(outcome.counts().1, 0);
    assert!(outcome.skipped.iter().all(|file| file.starts_with("extra/")), "{:?}", outcome.skipped);
}

#[test]
#[ignore = "measures"]
fn times() {
    let Some(table) = table() else { return };
    for row in run(&table, Tiers::All).rows {
        let passed = if row.is_passed() { " " } else { "!" };
        let (file, ops, ms) = (row.file, row.operations, row.ms);
        let (verdict, tier) = (row.verdict.name(), row.tier.number());
        println!("{passed} {ms:>10.3} ms  tier {tier} {verdict:>7} {ops:>8}  {file}");
    }
}
