//! The files of the workspace, read once and kept in the order of their paths.
//!
//! Walks folders itself, so that a source archive is checked as a clone is. Relies on nothing but the
//! list of build output and local data below. Files that are not text are left out, and symbolic links
//! are not followed: what they point to is checked where it lies.

use std::path::Path;
use std::{fs, io};

use crate::source::Source;

/// The text files below one root.
pub struct Tree {
    files: Vec<File>,
}

/// One text file.
pub(crate) struct File {
    /// Relative to the root, with `/` between folders.
    pub(crate) path: String,
    pub(crate) text: String,
    /// Code and comments apart, for a Rust file.
    source: Option<Source>,
}

impl Tree {
    /// Reads every text file below `root`.
    pub fn read(root: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        walk(root, "", &mut files)?;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { files })
    }

    pub(crate) fn files(&self) -> &[File] {
        &self.files
    }

    pub(crate) fn rust(&self) -> impl Iterator<Item = (&File, &Source)> {
        self.files.iter().filter_map(|file| Some((file, file.source.as_ref()?)))
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.iter().find(|file| file.path == path).map(|file| file.text.as_str())
    }
}

impl File {
    fn new(path: String, text: String) -> Self {
        let source = path.ends_with(".rs").then(|| Source::of(&text));
        Self { path, text, source }
    }

    pub(crate) fn is_test(&self) -> bool {
        self.path.split('/').any(|part| matches!(part, "tests" | "benches" | "tests.rs"))
    }
}

fn walk(folder: &Path, path: &str, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let path = match path {
            "" => name.to_string_lossy().into_owned(),
            folder => format!("{folder}/{}", name.to_string_lossy()),
        };
        if SKIPPED.contains(&path.as_str()) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            walk(&entry.path(), &path, files)?;
        } else if kind.is_file()
            && let Some(text) = read_text(&entry.path())?
        {
            files.push(File::new(path, text));
        }
    }
    Ok(())
}

/// `None` for a file that is not text, or that its editor took away since the folder was listed.
fn read_text(path: &Path) -> io::Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What git, builds, fuzzers and local clusters keep for themselves. Named in full, so that a folder called `target`
/// among the sources is still read.
const SKIPPED: [&str; 7] = [
    ".git",
    "target",
    "kv-dev",
    "fuzz/target",
    "fuzz/corpus",
    "fuzz/artifacts",
    "crates/bench/peers/target",
];
