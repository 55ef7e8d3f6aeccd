//! `kv check FILE…`: reads histories, has the checker judge them, and says what it found, one line a file.
//!
//! A file that cannot be read does not keep the others from being judged. A table of expected verdicts is in
//! `expect`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use checker::check::{Options, Report, Verdict, check};
use checker::judge::{Tier, Tiers};
use checker::models::ModelKind;
use checker::read::{ReadLimits, Reading, read_file};
use checker::{page, witness};

use crate::answer::Answer;
use crate::cli::options::Format;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::model::Model;
use crate::{explain, json};

/// What is to be judged, and how.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The histories.
    pub files: &'a [PathBuf],
    /// What they are of; by default what each history suggests.
    pub model: Option<Model>,
    /// The one tier that may speak.
    pub tier: Option<u8>,
    /// Where the page about the one file goes.
    pub html: Option<&'a Path>,
    /// Where the order that proves the one file ok goes.
    pub witness: Option<&'a Path>,
    /// The order that is only to be checked.
    pub verify_witness: Option<&'a Path>,
    /// How the result is printed.
    pub format: Format,
}

/// What is said of one file.
#[derive(Debug)]
struct Line {
    file: String,
    verdict: Verdict,
    operations: usize,
    ms: f64,
    /// The one that decided; none looked at a witness that was given.
    tier: Option<Tier>,
    /// Why it is bad or unknown.
    sentence: Option<String>,
    warnings: Vec<String>,
}

/// Judges every file.
pub fn files(request: &Request<'_>) -> Result<Answer, Failure> {
    if request.model == Some(Model::Store) {
        return Err(store_is_not_built());
    }
    if let (Some(order), [file]) = (request.verify_witness, request.files) {
        return verify(request, file, order);
    }
    let mut lines = Vec::new();
    let mut complaints = Vec::new();
    for file in request.files {
        match judge(request, file, &mut complaints) {
            Ok(line) => lines.push(line),
            Err(failure) => complaints.push(failure),
        }
    }
    let exit = exit(&lines, &complaints);
    Ok(Answer { text: render(&lines, request.format), complaints, exit })
}

/// How `--tier` tells the checker what to use.
pub(crate) fn options(tier: Option<u8>) -> Options {
    let only = tier.and_then(Tier::of_number).map_or(Tiers::All, Tiers::Only);
    Options { tiers: only, ..Options::default() }
}

fn judge(
    request: &Request<'_>,
    file: &Path,
    complaints: &mut Vec<Failure>,
) -> Result<Line, Failure> {
    let reading = read(file)?;
    let model = model_of(request, &reading);
    let started = Instant::now();
    let report = check(&reading.history, &model, &options(request.tier));
    let ms = started.elapsed().as_secs_f64() * 1000.0;
    if let Some(out) = request.html {
        let title = file.file_name().unwrap_or_default().to_string_lossy();
        let page = page::render(&title, &reading.history, &model, &report);
        complaints.extend(write(out, &page).err());
    }
    if let Some(out) = request.witness {
        let written = witness::write(&report, &model)
            .ok_or_else(|| no_witness(file, report.verdict))
            .and_then(|order| write(out, &order));
        complaints.extend(written.err());
    }
    Ok(Line::of(file, &report, ms))
}

/// A good order proves the history ok; a bad one proves nothing about the history.
fn verify(request: &Request<'_>, file: &Path, order: &Path) -> Result<Answer, Failure> {
    let reading = read(file)?;
    let model = model_of(request, &reading);
    let text = fs::read_to_string(order).map_err(|error| unreadable(order, &error.to_string()))?;
    let started = Instant::now();
    let flaw = witness::verify(&reading.history, &model, &text).err();
    let (verdict, exit) = match flaw {
        None => (Verdict::Ok, Exit::Ok),
        Some(_) => (Verdict::Unknown, Exit::CheckFailed),
    };
    let line = Line {
        file: file.display().to_string(),
        verdict,
        operations: reading.history.operations().len(),
        ms: started.elapsed().as_secs_f64() * 1000.0,
        tier: None,
        sentence: flaw.map(|flaw| format!("the witness {} does not hold: {flaw}", order.display())),
        warnings: Vec::new(),
    };
    Ok(Answer::new(render(&[line], request.format), exit))
}

fn read(file: &Path) -> Result<Reading, Failure> {
    read_file(file, &ReadLimits::default()).map_err(|error| unreadable(file, &error.to_string()))
}

fn model_of(request: &Request<'_>, reading: &Reading) -> ModelKind {
    let named = request.model.and_then(|model| model.kind(reading.format));
    named.unwrap_or_else(|| ModelKind::guess(&reading.history, reading.format))
}

fn write(out: &Path, text: &str) -> Result<(), Failure> {
    fs::write(out, text).map_err(|error| Failure {
        id: None,
        message: format!("kv check: {} could not be written: {error}", out.display()),
        exit: Exit::Other,
    })
}

fn exit(lines: &[Line], complaints: &[Failure]) -> Exit {
    let has = |verdict| lines.iter().any(|line| line.verdict == verdict);
    if has(Verdict::Bad) {
        Exit::CheckFailed
    } else if has(Verdict::Unknown) || !complaints.is_empty() {
        Exit::Other
    } else {
        Exit::Ok
    }
}

fn render(lines: &[Line], format: Format) -> String {
    match format {
        Format::Table => lines.iter().map(Line::text).collect(),
        Format::Json => json::lines(lines.iter().map(Line::json)),
    }
}

impl Line {
    fn of(file: &Path, report: &Report, ms: f64) -> Self {
        let why_bad = report.explanation.as_ref().map(|it| it.sentence.clone());
        let why_unknown = report.reason.as_ref().map(ToString::to_string);
        Self {
            file: file.display().to_string(),
            verdict: report.verdict,
            operations: report.operations,
            ms,
            tier: Some(report.tier),
            sentence: match report.verdict {
                Verdict::Ok => None,
                Verdict::Bad => why_bad,
                Verdict::Unknown => why_unknown,
            },
            warnings: report.warnings.clone(),
        }
    }

    fn text(&self) -> String {
        let Self { file, operations, ms, .. } = self;
        let by = self.tier.map_or_else(
            || "by the witness given".to_owned(),
            |tier| format!("tier {}", tier.number()),
        );
        let sentence = self.sentence.iter().map(|sentence| format!(": {sentence}"));
        let warnings = self.warnings.iter().map(|warning| format!("; warning: {warning}"));
        let more: String = sentence.chain(warnings).collect();
        let verdict = self.verdict.name();
        format!("{file}: {verdict}, {operations} operations, {ms:.3} ms, {by}{more}\n")
    }

    fn json(&self) -> String {
        json::object(&[
            ("file", json::string(&self.file)),
            ("verdict", json::string(self.verdict.name())),
            ("ops", self.operations.to_string()),
            ("ms", format!("{:.3}", self.ms)),
            ("tier", json::or_null(self.tier.map(Tier::number))),
            ("sentence", json::or_null(self.sentence.as_deref().map(json::string))),
        ])
    }
}

fn unreadable(file: &Path, why: &str) -> Failure {
    Failure {
        id: Some(explain::UNREADABLE),
        message: format!("kv check: {}: {why}", file.display()),
        exit: Exit::Other,
    }
}

fn no_witness(file: &Path, verdict: Verdict) -> Failure {
    let (file, verdict) = (file.display(), verdict.name());
    Failure {
        id: None,
        message: format!(
            "kv check: {file} is {verdict}, and only an ok history has a witness; none was written"
        ),
        exit: Exit::Other,
    }
}

fn store_is_not_built() -> Failure {
    Failure {
        id: Some(explain::NOT_BUILT),
        message: "kv check: the model store is not built yet; the checker knows kv, register, \
                  cas-register, multi-register, mutex, set and counter"
            .to_owned(),
        exit: Exit::Other,
    }
}
