//! Reads profiles: the built-in ones, and a folder of the user's own that overrides them.
//!
//! A broken profile is a [`Problem`] with its line; [`Library`] then keeps the
//! last set that was good.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;

use super::builtin::BUILTIN;
use super::model::Profile;
use super::set::Fault;
use super::set::Set;
use crate::config::problem::Problem;
use crate::config::problem::Problems;
use crate::config::problem::Sink;

/// Longest profile in bytes: the longest built-in one is a tenth of it.
pub const MAX_BYTES: u64 = 1024 * 1024;

/// Most files of a user's folder.
pub const MAX_FILES: usize = 1_000;

/// A profile's text and where it stands, to point at mistakes.
struct Text {
    file: String,
    text: String,
}

impl Text {
    fn problem(&self, line: usize, column: usize, what: impl Into<String>) -> Problem {
        Problem {
            line,
            column: column.max(1),
            source_line: line
                .checked_sub(1)
                .and_then(|n| self.text.lines().nth(n))
                .unwrap_or_default()
                .to_owned(),
            ..Problem::of_file(self.file.clone(), what)
        }
    }

    fn parse(&self) -> Result<Profile, Box<Problem>> {
        let options = serde_saphyr::options! { strict_booleans: true };
        let mut profile: Profile =
            serde_saphyr::from_str_with_options(&self.text, options).map_err(|error| {
                let at = error.location();
                let number = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
                let text = error.without_snippet().to_string();
                let what = text.lines().next().unwrap_or("not YAML").to_owned();
                Box::new(self.problem(
                    number(at.as_ref().map(serde_saphyr::Location::line)),
                    number(at.as_ref().map(serde_saphyr::Location::column)),
                    what,
                ))
            })?;
        let stem = Path::new(&self.file)
            .file_stem()
            .map(|s| s.to_string_lossy().into_owned())
            .unwrap_or_default();
        if profile.name.is_empty() {
            profile.name = stem;
        } else if profile.name != stem {
            return Err(Box::new(
                self.problem(
                    self.line_of("name"),
                    1,
                    format!("the profile's name is {:?}", profile.name),
                )
                .expected(format!("the file's name, {stem:?}, or no name")),
            ));
        }
        Ok(profile)
    }

    /// The first line that holds `word`, from 1; 1 if there is none.
    fn line_of(&self, word: &str) -> usize {
        self.text
            .lines()
            .position(|line| line.contains(word))
            .map_or(1, |n| n + 1)
    }

    fn fault(&self, fault: &Fault) -> Problem {
        self.problem(self.line_of(&fault.near), 1, fault.what.clone())
    }
}

/// Reads one profile.
///
/// # Errors
/// What is wrong with it, and where. References to other profiles are checked
/// by [`builtin`] and [`with_folder`] only.
pub fn parse(file: &str, text: &str) -> Result<Profile, Box<Problem>> {
    Text {
        file: file.to_owned(),
        text: text.to_owned(),
    }
    .parse()
}

/// The built-in profiles.
///
/// # Errors
/// None in a released program: a test reads them all.
pub fn builtin() -> Result<Set, Problems> {
    let sink = Sink::new();
    let set = assemble(Vec::new(), &sink);
    sink.finish(set)
}

/// The built-in profiles and those of a folder (`*.yaml`), or of one file;
/// the user's take the place of built-in ones of the same name.
///
/// # Errors
/// Every mistake in them, each with its place; and a folder that can't be read.
pub fn with_folder(path: &Path) -> Result<Set, Problems> {
    let sink = Sink::new();
    let mut texts = Vec::new();
    for file in files(path, &sink) {
        let name = file.display().to_string();
        let size = fs::metadata(&file).map_or(0, |m| m.len());
        if size > MAX_BYTES {
            sink.report(
                Problem::of_file(name, "this profile is too long")
                    .expected(format!("at most {MAX_BYTES} bytes")),
            );
            continue;
        }
        match fs::read_to_string(&file) {
            Ok(text) => texts.push(Text { file: name, text }),
            Err(e) => sink.report(Problem::of_file(name, format!("can't be read: {e}"))),
        }
    }
    let set = assemble(texts, &sink);
    sink.finish(set)
}

fn files(path: &Path, sink: &Sink) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(e) => {
            sink.report(
                Problem::of_file(path.display().to_string(), format!("can't be read: {e}"))
                    .expected("a folder of profiles (*.yaml), or one"),
            );
            return Vec::new();
        }
    };
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|p| p.extension().is_some_and(|e| e == "yaml" || e == "yml"))
        .take(MAX_FILES)
        .collect();
    files.sort();
    files
}

fn assemble(own: Vec<Text>, sink: &Sink) -> Option<Set> {
    let mut texts: Vec<Text> = BUILTIN
        .iter()
        .map(|(name, text)| Text {
            file: format!("{name}.yaml"),
            text: (*text).to_owned(),
        })
        .collect();
    texts.extend(own);
    let mut profiles = Vec::new();
    let mut sources: Vec<(String, &Text)> = Vec::new();
    for text in &texts {
        match text.parse() {
            Ok(profile) => {
                sources.push((profile.name.clone(), text));
                profiles.push(profile);
            }
            Err(problem) => sink.report(*problem),
        }
    }
    // What does not parse makes others' references fail too: then tell the causes only.
    let parsed = sink.is_empty();
    match Set::new(profiles) {
        Ok(set) if parsed => Some(set),
        Ok(_) => None,
        Err(faults) => {
            for fault in faults.iter().filter(|_| parsed) {
                if let Some((_, text)) = sources.iter().rev().find(|(name, _)| *name == fault.profile) {
                    sink.report(text.fault(fault));
                }
            }
            None
        }
    }
}

/// The profiles in use: the last set that was good.
#[derive(Debug, Clone)]
pub struct Library {
    folder: Option<PathBuf>,
    set: Arc<Set>,
}

impl Library {
    /// The built-in profiles and those of `folder`, if there is one.
    ///
    /// # Errors
    /// Every mistake in them.
    pub fn open(folder: Option<&Path>) -> Result<Self, Problems> {
        Ok(Self {
            folder: folder.map(Path::to_owned),
            set: Arc::new(read(folder)?),
        })
    }

    /// The profiles.
    pub fn set(&self) -> &Arc<Set> {
        &self.set
    }

    /// Reads the profiles again; if one is broken the set stays as it was.
    ///
    /// # Errors
    /// Every mistake in them.
    pub fn reload(&mut self) -> Result<(), Problems> {
        self.set = Arc::new(read(self.folder.as_deref())?);
        Ok(())
    }
}

fn read(folder: Option<&Path>) -> Result<Set, Problems> {
    folder.map_or_else(builtin, with_folder)
}
