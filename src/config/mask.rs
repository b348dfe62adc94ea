//! Masks secrets in the lines of a file, before any of them can be shown.
//!
//! By the look of the keys alone, since a file that can't be parsed is shown
//! too: better a harmless value masked than a password printed.

use std::collections::HashMap;
use std::ops::Range;

use super::print::MASK;

/// Parts of a key that make its value a secret.
const TELLING: [&str; 10] = [
    "pass",
    "passwd",
    "pwd",
    "secret",
    "token",
    "communit",
    "credential",
    "auth_key",
    "priv_key",
    "api_key",
];

/// Whether the value of such a key is to be masked; slips of the finger included.
pub(super) fn is_telling(key: &str) -> bool {
    const WORDS: [&str; 6] = [
        "password",
        "passphrase",
        "secret",
        "token",
        "community",
        "auth_password",
    ];
    let key = key
        .trim_matches(|c: char| !c.is_alphanumeric())
        .to_lowercase()
        .replace('-', "_");
    // `credentials:` and `credential:` name things; only their insides are secret.
    if matches!(key.as_str(), "credentials" | "credential") {
        return false;
    }
    let near = |piece: &str| super::problem::nearest(piece, WORDS).is_some();
    TELLING.iter().any(|part| key.contains(part)) || near(&key) || key.split('_').any(near)
}

/// A line as it may be shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Line {
    /// The text, secrets masked.
    pub text: String,
    /// What was masked: column where it begins, characters that it had. In order.
    cuts: Vec<(usize, usize)>,
}

impl Line {
    /// Where a column of the line as it was written is in the line as it is shown; both from 1.
    pub fn column(&self, written: usize) -> usize {
        let shown = MASK.chars().count();
        let mut column = written;
        for (at, length) in &self.cuts {
            let end = at + length;
            if written >= end {
                column = (column + shown).saturating_sub(*length);
            } else if written > *at {
                column = column.saturating_sub(written - at);
            }
        }
        column.max(1)
    }
}

/// The lines of `text`, secrets masked.
pub(super) fn lines(text: &str) -> Vec<Line> {
    // Lines that are further in than this belong to a masked key's own block.
    let mut inside: Option<usize> = None;
    // A long file repeats few keys.
    let mut told = HashMap::new();
    text.lines()
        .map(|line| {
            let indent = line.chars().take_while(|c| *c == ' ').count();
            if let Some(depth) = inside {
                let item = indent == depth && line.trim_start().starts_with('-');
                if line.trim().is_empty() || indent > depth || item {
                    let start = line.len() - line.trim_start().len();
                    let whole = std::iter::once(start..line.len()).filter(|r| !r.is_empty());
                    return build(line, whole.collect());
                }
                inside = None;
            }
            let (mut ranges, open) = secrets(line, &mut told);
            if open {
                inside = Some(indent);
            }
            ranges.extend(urls(line));
            build(line, ranges)
        })
        .collect()
}

/// The line with these bytes masked.
fn build(line: &str, mut ranges: Vec<Range<usize>>) -> Line {
    ranges.sort_by_key(|r| r.start);
    let mut out = Line::default();
    let mut done = 0;
    let part = |from: usize, to: usize| line.get(from..to).unwrap_or("");
    for range in ranges {
        if range.start < done || range.is_empty() {
            continue;
        }
        out.text.push_str(part(done, range.start));
        out.text.push_str(MASK);
        let column = part(0, range.start).chars().count() + 1;
        let length = part(range.start, range.end).chars().count();
        out.cuts.push((column, length));
        done = range.end;
    }
    out.text.push_str(part(done, line.len()));
    out
}

/// The values of telling keys, and whether the last goes on below the line.
/// `told` remembers which keys are telling.
fn secrets<'t>(line: &'t str, told: &mut HashMap<&'t str, bool>) -> (Vec<Range<usize>>, bool) {
    let mut ranges = Vec::new();
    let mut from = 0;
    while let Some(colon) = line.get(from..).and_then(|rest| rest.find(':')).map(|i| from + i) {
        let before = line.get(from..colon).unwrap_or("");
        let after = line.get(colon + 1..).unwrap_or("");
        from = colon + 1;
        let key = before.trim_end().rsplit(['{', ',', '[', ' ', '\t']).next();
        // No key without a space, a quote or the end behind its colon.
        let is_key = after.is_empty() || after.starts_with([' ', '\t']) || before.ends_with(['"', '\'']);
        if !is_key || !key.is_some_and(|key| *told.entry(key).or_insert_with(|| is_telling(key))) {
            continue;
        }
        let value = after.trim_start();
        let start = line.len() - value.len();
        if value.is_empty() || value.starts_with(['|', '>', '&', '!', '#']) {
            ranges.push(start..line.len());
            return (ranges, true);
        }
        // In a flow mapping the rest of the line may be shown again, after the value.
        let Some(length) = value_length(value) else {
            ranges.push(start..line.len());
            return (ranges, true);
        };
        ranges.push(start..start + length);
        from = start + length;
    }
    (ranges, false)
}

/// How long the value is that `text` begins with; `None`: it takes the rest of the line, and may go on below.
fn value_length(text: &str) -> Option<usize> {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote) {
            let end = inner.find(quote)?;
            let (value, rest) = (inner.get(..end)?, inner.get(end + 1..)?);
            // A quote may be escaped by a backslash or by its double: too clever, mask all.
            let escaped = rest.starts_with(quote) || value.ends_with('\\');
            return (!escaped).then_some(end + 2);
        }
    }
    // A comma in a plain value outside of a flow mapping is part of it.
    text.contains('}').then(|| text.find([',', '}'])).flatten()
}

/// What may hold a token in the addresses of a line: user information, and what comes after the host.
fn urls(line: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    for (at, separator) in line.match_indices("://") {
        let start = at + separator.len();
        let rest = line.get(start..).unwrap_or("");
        let length = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | '}' | ')'))
            .unwrap_or(rest.len());
        let address = rest.get(..length).unwrap_or("");
        let host_end = address.find(['/', '?', '#']).unwrap_or(length);
        if let Some(user_end) = address.get(..host_end).and_then(|host| host.rfind('@')) {
            ranges.push(start..start + user_end);
        }
        // The slash itself tells nothing.
        let path = if address.get(host_end..).is_some_and(|p| p.starts_with('/')) {
            host_end + 1
        } else {
            host_end
        };
        ranges.push(start + path..start + length);
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_wherever_it_stands() {
        for text in [
            "password: hunter2",
            "pasword: hunter2",
            "  auth-password: \"hunter2\"  ",
            "{user: a, password: hunter2, port: 1}",
            "x: {token: 'hunter2'}",
            "secret: |\n  hunter2\n  hunter2",
            "\"password\": hunter2",
            "community:\n  - hunter2",
            "password: a\n  hunter2",
            "password: \"a\n  hunter2\"",
            "password: \"a\\\"hunter2\"",
            "hmac_secret : hunter2",
            "comunity: hunter2",
            "priv_pasword: hunter2",
            "auth-passwrod: hunter2",
            "community:\n- hunter2",
            "url: https://hooks.example/hunter2",
            "- {url: 'https://a:hunter2@h/', x: y}",
            "[https://h?hunter2]",
        ] {
            let shown: Vec<String> = lines(text).into_iter().map(|l| l.text).collect();
            let shown = shown.join("\n");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn other_lines_stay_as_they_are() {
        for text in [
            "name: Thạch Khoán",
            "url: http://a:80/",
            "- {id: a, site: b}",
            "credentials: [lan]",
        ] {
            assert_eq!(lines(text)[0].text, text);
        }
    }

    #[test]
    fn the_caret_keeps_to_its_word() {
        let written = "lan: {community: a-long-secret, verzion: 2c}";
        let line = &lines(written)[0];
        let column = written.find("verzion").unwrap() + 1;
        assert_eq!(line.text, format!("lan: {{community: {MASK}, verzion: 2c}}"));
        let shown: String = line.text.chars().skip(line.column(column) - 1).take(7).collect();
        assert_eq!(shown, "verzion");
        assert_eq!(line.column(18), 18, "the secret itself");
        assert_eq!(line.column(22), 18, "within the secret");
    }
}
