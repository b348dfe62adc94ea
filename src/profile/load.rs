//! Reads profiles: the built-in ones, and a folder of the user's own that overrides them.
//!
//! A broken profile is a [`Problem`] with its line; [`Library`] then keeps the
//! last set that was good.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::OnceLock;

use super::builtin::BUILTIN;
use super::model::Profile;
use super::set::Fault;
use super::set::Set;
use crate::config::problem::Problem;
use crate::config::problem::Problems;
use crate::config::problem::Sink;
use crate::config::problem::nearest;

/// Longest profile in bytes: the longest built-in one is a tenth of it.
pub const MAX_BYTES: u64 = 1024 * 1024;

/// Most files of a user's folder.
pub const MAX_FILES: usize = 1_000;

/// Most mistakes that are told of one profile.
const MAX_PROBLEMS: usize = 50;

/// The lines of the entry (a fact, a rule, a row of a table; else a whole key) around
/// `line`, from 1: from where it begins to the next line that is not deeper.
fn part_around(lines: &[&str], line: usize) -> Option<std::ops::Range<usize>> {
    let depth = |text: &str| {
        let inner = text.trim_start();
        (!inner.is_empty() && !inner.starts_with('#')).then(|| text.len() - inner.len())
    };
    let at = line.checked_sub(1)?.min(lines.len().checked_sub(1)?);
    let is_begin = |n: usize| lines.get(n).and_then(|l| depth(l)).is_some_and(|d| d <= 2);
    let begin = (0..=at).rev().find(|n| is_begin(*n))?;
    let deep = lines.get(begin).and_then(|l| depth(l))?;
    let is_end = |n: &usize| lines.get(*n).and_then(|l| depth(l)).is_some_and(|d| d <= deep);
    let end = (begin + 1..lines.len()).find(is_end).unwrap_or(lines.len());
    Some(begin..end)
}

/// Blanks a part, and the key that it leaves empty.
fn blank(lines: &mut [&str], part: std::ops::Range<usize>) {
    let begin = part.start;
    for line in lines.get_mut(part).into_iter().flatten() {
        *line = "";
    }
    let is_key = |l: &&str| !l.trim().is_empty() && !l.starts_with([' ', '#', '-']);
    let Some(key) = lines
        .get(..begin)
        .and_then(|above| above.iter().rposition(is_key))
    else {
        return;
    };
    let says_nothing = |l: &&str| l.trim().is_empty() || l.trim_start().starts_with('#');
    let is_empty = lines
        .get(key + 1..)
        .into_iter()
        .flatten()
        .take_while(|l| !is_key(l))
        .all(says_nothing);
    if let Some(line) = lines
        .get_mut(key)
        .filter(|l| is_empty && l.trim_end().ends_with(':'))
    {
        *line = "";
    }
}

/// The known word that was probably meant, where a mistake lists the known ones.
fn meant(what: &str) -> Option<&str> {
    let (said, known) = what
        .split_once(", expected one of ")
        .or_else(|| what.split_once(": there are "))?;
    let word = said.split(['`', '"']).nth(1)?;
    let known = known.split([',', ' ']).filter(|w| !w.is_empty() && *w != "and");
    nearest(word, known)
}

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
            caret: column.max(1),
            source_line: line
                .checked_sub(1)
                .and_then(|n| self.text.lines().nth(n))
                .unwrap_or_default()
                .to_owned(),
            ..Problem::of_file(self.file.clone(), what)
        }
    }

    /// The profile as its YAML has it, or the first mistake.
    fn read(&self, text: &str) -> Result<Profile, Box<Problem>> {
        let options = serde_saphyr::options! { strict_booleans: true };
        serde_saphyr::from_str_with_options(text, options).map_err(|error| {
            let at = error.location();
            let number = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
            let text = error.without_snippet().to_string();
            let what = text.lines().next().unwrap_or("not YAML");
            // The place is told beside it.
            let what = what.rsplit_once(" at line ").map_or(what, |(what, _)| what);
            let line = number(at.as_ref().map(serde_saphyr::Location::line));
            // Some mistakes come without a place, but with the word that is wrong in quotes.
            let line = match (line, what.split('"').nth(1)) {
                (0, Some(word)) => self.line_of(word),
                (line, _) => line,
            };
            let column = number(at.as_ref().map(serde_saphyr::Location::column));
            Box::new(
                self.problem(line, column, what.to_owned())
                    .did_you_mean(meant(what)),
            )
        })
    }

    /// Every mistake: what holds one is left out, and the rest is read again.
    fn problems(&self) -> Vec<Problem> {
        let mut lines: Vec<&str> = self.text.lines().collect();
        let mut found: Vec<Problem> = Vec::new();
        while found.len() < MAX_PROBLEMS {
            let Err(problem) = self.read(&lines.join("\n")) else {
                break;
            };
            let part = part_around(&lines, problem.line);
            let is_news = found.iter().all(|known| known.line != problem.line);
            if is_news {
                found.push(*problem);
            }
            let Some(part) = part.filter(|_| is_news) else {
                break;
            };
            blank(&mut lines, part);
        }
        found
    }

    fn parse(&self) -> Result<Profile, Vec<Problem>> {
        let Ok(mut profile) = self.read(&self.text) else {
            return Err(self.problems());
        };
        let stem = Path::new(&self.file)
            .file_stem()
            .map(|s| s.to_string_lossy().into_owned())
            .unwrap_or_default();
        if profile.name.is_empty() {
            profile.name = stem;
        } else if profile.name != stem {
            return Err(vec![
                self.problem(
                    self.line_of("name"),
                    1,
                    format!("the profile's name is {:?}", profile.name),
                )
                .expected(format!("the file's name, {stem:?}, or no name")),
            ]);
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
pub fn parse(file: &str, text: &str) -> Result<Profile, Vec<Problem>> {
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
            Err(problems) => problems.into_iter().for_each(|p| sink.report(p)),
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
            set: read(folder)?,
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
        self.set = read(self.folder.as_deref())?;
        Ok(())
    }
}

/// The built-in profiles, for the whole process.
static SHARED: OnceLock<Result<Arc<Set>, Problems>> = OnceLock::new();

fn read(folder: Option<&Path>) -> Result<Arc<Set>, Problems> {
    match folder {
        Some(folder) => with_folder(folder).map(Arc::new),
        None => SHARED.get_or_init(|| builtin().map(Arc::new)).clone(),
    }
}

/// Reads the built-in profiles before they are asked for: a fifth of a second, which another thread may take.
pub fn read_ahead() {
    // Whoever asks for them is told what is wrong.
    drop(read(None));
}
