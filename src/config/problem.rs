//! A mistake in a file that a person wrote, with its place, and how it prints.
//!
//! Problems are collected, never thrown one by one: whoever reads a file
//! reports to a [`Sink`] and goes on; at the end they come out as [`Problems`].
//! The line that is shown has its secrets masked when the file is read
//! (`config::yaml`), so that no message can carry one.

use std::cell::RefCell;
use std::error::Error;
use std::fmt;

/// Most characters of the offending line that are shown.
const SHOWN_WIDTH: usize = 120;

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named on the command line or found by `include`; empty: no file.
    pub file: String,
    /// Line, from 1; 0: the file as a whole.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// The line itself, secrets masked; empty when there is none to show.
    pub source_line: String,
    /// Column in the line as it is shown, from 1.
    pub caret: usize,
    /// What is wrong.
    pub what: String,
    /// What would be right.
    pub expected: Option<String>,
    /// What was probably meant.
    pub did_you_mean: Option<String>,
    /// Worth a look, but nothing that stops us.
    pub is_warning: bool,
}

impl Problem {
    /// A mistake of a whole file.
    pub fn of_file(file: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            line: 0,
            column: 0,
            source_line: String::new(),
            caret: 0,
            what: what.into(),
            expected: None,
            did_you_mean: None,
            is_warning: false,
        }
    }

    /// The same, saying what would be right.
    #[must_use]
    pub fn expected(mut self, expected: impl Into<String>) -> Self {
        self.expected = Some(expected.into());
        self
    }

    /// The same, saying what was probably meant; `None` says nothing.
    #[must_use]
    pub fn did_you_mean(mut self, word: Option<impl Into<String>>) -> Self {
        self.did_you_mean = word.map(Into::into);
        self
    }

    /// The same, as a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.is_warning = true;
        self
    }

    /// The part of the line to show and how far the caret is moved in.
    fn excerpt(&self) -> (String, String) {
        let chars: Vec<char> = self.source_line.chars().collect();
        let at = self.caret.saturating_sub(1).min(chars.len());
        let start = if at < SHOWN_WIDTH { 0 } else { at - SHOWN_WIDTH / 2 };
        let end = (start + SHOWN_WIDTH).min(chars.len());
        let mut shown: String = if start > 0 {
            "…".to_owned()
        } else {
            String::new()
        };
        shown.extend(chars.iter().take(end).skip(start));
        if end < chars.len() {
            shown.push('…');
        }
        let mut pad: String = if start > 0 { " ".to_owned() } else { String::new() };
        pad.extend(chars.iter().take(at).skip(start).filter_map(|c| match c {
            '\t' => Some('\t'),
            // Combining marks take no room of their own.
            '\u{300}'..='\u{36f}' => None,
            _ => Some(' '),
        }));
        (shown, pad)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = if self.is_warning { "warning" } else { "error" };
        write!(f, "{level}: {}", self.what)?;
        let gutter = self.line.to_string().len().max(1);
        if self.line > 0 {
            write!(
                f,
                "\n{:gutter$}--> {}:{}:{}",
                "", self.file, self.line, self.column
            )?;
            if !self.source_line.is_empty() {
                let (shown, pad) = self.excerpt();
                write!(f, "\n{:gutter$} |", "")?;
                write!(f, "\n{} | {shown}", self.line)?;
                write!(f, "\n{:gutter$} | {pad}^", "")?;
            }
        } else if !self.file.is_empty() {
            write!(f, "\n{:gutter$}--> {}", "", self.file)?;
        }
        if let Some(expected) = &self.expected {
            write!(f, "\n{:gutter$} = expected: {expected}", "")?;
        }
        if let Some(word) = &self.did_you_mean {
            write!(f, "\n{:gutter$} = did you mean: {word}", "")?;
        }
        Ok(())
    }
}

/// All the mistakes found, in the order of the files and their lines. Never empty as an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The mistakes, in order.
    pub fn as_slice(&self) -> &[Problem] {
        &self.0
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self(vec![problem])
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in &self.0 {
            write!(f, "{problem}\n\n")?;
        }
        match self.0.len() {
            1 => f.write_str("1 problem found"),
            n if n >= Sink::MAX => write!(f, "the first {n} problems are shown"),
            n => write!(f, "{n} problems found"),
        }
    }
}

impl Error for Problems {}

/// Where readers report; shared by reference while one file is read.
#[derive(Debug, Default)]
pub struct Sink {
    found: RefCell<Vec<Problem>>,
}

impl Sink {
    /// Most problems that are kept: past this a file is no configuration at all.
    pub const MAX: usize = 200;

    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a problem; the same one at the same place is kept once.
    pub fn report(&self, problem: Problem) {
        let mut found = self.found.borrow_mut();
        if found.len() < Self::MAX && !found.contains(&problem) {
            found.push(problem);
        }
    }

    /// How many mistakes have been reported, warnings not counted.
    pub fn errors(&self) -> usize {
        self.found.borrow().iter().filter(|p| !p.is_warning).count()
    }

    /// Whether no mistake has been reported; warnings are none.
    pub fn is_empty(&self) -> bool {
        self.errors() == 0
    }

    /// The problems, in the order of files as they were read, then of lines.
    pub fn into_problems(self) -> Problems {
        let mut found = self.found.into_inner();
        let mut files: Vec<String> = Vec::new();
        for problem in &found {
            if !files.contains(&problem.file) {
                files.push(problem.file.clone());
            }
        }
        found.sort_by_key(|p| {
            let file = files.iter().position(|f| *f == p.file);
            (file, p.line, p.column)
        });
        Problems(found)
    }

    /// `value` and the warnings if no mistake has been reported, else the problems.
    ///
    /// # Errors
    /// The problems, when there are mistakes, or when there is no value.
    pub fn finish_with_warnings<T>(self, value: Option<T>) -> Result<(T, Problems), Problems> {
        match value {
            Some(value) if self.is_empty() => Ok((value, self.into_problems())),
            Some(_) | None => Err(self.into_problems()),
        }
    }

    /// `value` if no mistake has been reported, else the problems.
    ///
    /// # Errors
    /// The problems, when there are mistakes, or when there is no value.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Problems> {
        self.finish_with_warnings(value).map(|(value, _)| value)
    }
}

/// The known word nearest to `word`, if it is near enough to be meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().take(64).collect();
    known
        .into_iter()
        .map(|k| {
            (
                distance(&word, &k.to_lowercase().chars().take(64).collect::<Vec<_>>()),
                k,
            )
        })
        .filter(|(d, k)| *d <= (word.len().max(k.len()) / 3).max(1))
        .min_by_key(|(d, _)| *d)
        .map(|(_, k)| k)
}

/// Edits from `a` to `b`: insert, delete, replace, swap of neighbours (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let cell = |r: &[usize], n: usize| r.get(n).copied().unwrap_or(usize::MAX - 1);
            let mut best = (cell(&last, j) + usize::from(x != y))
                .min(cell(&last, j + 1) + 1)
                .min(cell(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(cell(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_known_word_is_offered_and_a_far_one_is_not() {
        assert_eq!(nearest("nmae", ["name", "kind"]), Some("name"));
        assert_eq!(nearest("adress", ["address", "addresses"]), Some("address"));
        assert_eq!(nearest("zzz", ["name", "kind"]), None);
        assert_eq!(nearest("", ["name"]), None);
    }

    #[test]
    fn a_problem_prints_its_place_its_line_and_a_suggestion() {
        let problem = Problem {
            file: "a.yaml".into(),
            line: 12,
            column: 3,
            caret: 3,
            source_line: "  nmae: Thạch Khoán".into(),
            ..Problem::of_file("", "unknown key \"nmae\"")
        }
        .expected("one of: id, name")
        .did_you_mean(Some("name"));
        assert_eq!(
            problem.to_string(),
            "error: unknown key \"nmae\"\n  --> a.yaml:12:3\n   |\n12 |   nmae: Thạch Khoán\n   |   ^\n   \
             = expected: one of: id, name\n   = did you mean: name"
        );
    }

    #[test]
    fn problems_come_in_the_order_of_their_lines() {
        let sink = Sink::new();
        for line in [7, 3, 7] {
            sink.report(Problem {
                line,
                ..Problem::of_file("a", "x")
            });
        }
        let problems = sink.into_problems();
        let lines: Vec<usize> = problems.as_slice().iter().map(|p| p.line).collect();
        assert_eq!(lines, [3, 7]);
    }
}
