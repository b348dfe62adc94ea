//! Masks secrets in the lines of a file, before any of them can be shown.
//!
//! By the look of the keys alone, since a file that can't be parsed is shown
//! too: better a harmless value masked than a password printed.

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
    TELLING.iter().any(|part| key.contains(part)) || super::problem::nearest(&key, WORDS).is_some()
}

/// The lines of `text`, secrets masked.
pub(super) fn lines(text: &str) -> Vec<String> {
    // Lines that are further in than this belong to a masked key's own block.
    let mut inside: Option<usize> = None;
    text.lines()
        .map(|line| {
            let indent = line.chars().take_while(|c| *c == ' ').count();
            let blank = line.trim().is_empty();
            if let Some(depth) = inside {
                let item = indent == depth && line.trim_start().starts_with('-');
                if blank || indent > depth || item {
                    let pad: String = line.chars().take_while(|c| c.is_whitespace()).collect();
                    return if blank {
                        line.to_owned()
                    } else {
                        format!("{pad}{MASK}")
                    };
                }
                inside = None;
            }
            let (masked, open) = mask(line);
            if open {
                inside = Some(indent);
            }
            masked
        })
        .collect()
}

/// The line with its secrets masked, and whether a secret goes on below it.
fn mask(line: &str) -> (String, bool) {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some((before, after)) = rest.split_once(':') {
        let key = before
            .trim_end()
            .rsplit(['{', ',', '[', ' ', '\t'])
            .next()
            .unwrap_or(before);
        out.push_str(before);
        out.push(':');
        rest = after;
        // No key without a space, a quote or the end behind its colon.
        let is_key = after.is_empty() || after.starts_with([' ', '\t']) || before.ends_with(['"', '\'']);
        if !is_key || !is_telling(key) {
            continue;
        }
        let value = after.trim_start();
        let pad = after.len() - value.len();
        out.extend(after.chars().take(pad));
        if value.is_empty() || value.starts_with(['|', '>', '&', '!', '#']) {
            out.push_str(if value.is_empty() { "" } else { MASK });
            return (out, true);
        }
        out.push_str(MASK);
        // In a flow mapping the rest of the line may be shown again, after the value.
        let (end, goes_on) = value_end(value);
        rest = end;
        if goes_on {
            return (out, true);
        }
    }
    out.push_str(rest);
    (out, false)
}

/// What stands behind the value that `text` begins with, and whether it goes on below.
fn value_end(text: &str) -> (&str, bool) {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote) {
            return match inner.split_once(quote) {
                // A quote may be escaped by a backslash or by its double: too clever, mask all.
                Some((value, rest)) if !rest.starts_with(quote) && !value.ends_with('\\') => (rest, false),
                _ => ("", true),
            };
        }
    }
    match text.find([',', '}']) {
        // A comma inside a plain value: whether it ends there depends on what we can't see. Mask all.
        Some(at) if text.contains('}') => (text.get(at..).unwrap_or(""), false),
        _ => ("", true),
    }
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
            "community:\n- hunter2",
        ] {
            let shown = lines(text).join("\n");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }

    #[test]
    fn other_lines_stay_as_they_are() {
        for text in [
            "name: Thạch Khoán",
            "url: http://a:80/x",
            "- {id: a, site: b}",
            "credentials: [lan]",
        ] {
            assert_eq!(lines(text).join("\n"), text);
        }
    }
}
