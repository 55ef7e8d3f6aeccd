//! Judges the history files given and says why, each with a page beside the working directory's
//! other files if `--html` comes first: `cargo run -p checker --example judge -- [--html] FILE…`.

use std::path::Path;

use checker::check::{Options, check};
use checker::explain::Proof;
use checker::models::ModelKind;
use checker::page;
use checker::read::{ReadLimits, read_file};

fn main() {
    let mut files: Vec<String> = std::env::args().skip(1).collect();
    let has_page = files.first().is_some_and(|first| first == "--html");
    for file in files.drain(usize::from(has_page)..) {
        let reading = match read_file(file.as_ref(), &ReadLimits::default()) {
            Ok(reading) => reading,
            Err(error) => {
                eprintln!("{file}: {error}");
                continue;
            }
        };
        let model = ModelKind::guess(&reading.history, reading.format);
        let report = check(&reading.history, &model, &Options::default());
        let (verdict, tier) = (report.verdict.name(), report.tier.number());
        println!("{file}: {verdict}, {} operations, tier {tier}, {model}", report.operations);
        if let Some(explanation) = &report.explanation {
            let proof = match explanation.proof {
                Proof::Again => "proved again",
                Proof::NotTried => "not proved again",
                Proof::Refuted => "refuted",
            };
            let (guilty, ties) = (explanation.guilty.len(), explanation.ties.len());
            println!("  {} ({guilty} guilty, {ties} ties, {proof})", explanation.sentence);
        }
        if let Some(reason) = &report.reason {
            println!("  {reason}");
        }
        if has_page {
            let name = Path::new(&file).file_name().unwrap_or_default().to_string_lossy();
            let page = page::render(&name, &reading.history, &model, &report);
            if let Err(error) = std::fs::write(format!("{name}.html"), page) {
                eprintln!("{name}.html: {error}");
            }
        }
        for warning in &report.warnings {
            println!("  warning: {warning}");
        }
    }
}
