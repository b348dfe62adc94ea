//! Vietnamese order and the folding of diacritics.
//!
//! Order of a Vietnamese dictionary: first by the letters (a ă â b c d đ e ê …),
//! then by the tones (none, huyền, hỏi, ngã, sắc, nặng), then by case. Runs of
//! digits compare by their value, so that school 3 comes before school 12.

/// Letters with their five toned forms, each row: the letter, then huyền, hỏi, ngã, sắc, nặng.
const VOWELS: [&str; 12] = [
    "aàảãáạ",
    "ăằẳẵắặ",
    "âầẩẫấậ",
    "eèẻẽéẹ",
    "êềểễếệ",
    "iìỉĩíị",
    "oòỏõóọ",
    "ôồổỗốộ",
    "ơờởỡớợ",
    "uùủũúụ",
    "ưừửữứự",
    "yỳỷỹýỵ",
];

/// The letters of the alphabet in their order, with those of foreign words.
const ALPHABET: &str = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz";

/// A text to sort by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SortKey {
    letters: Vec<Unit>,
    tones: Vec<u8>,
    text: String,
}

/// One thing to compare by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    /// Space and punctuation come first: "An Bình" before "Ánh".
    Gap,
    Number(u128),
    Letter(u8),
    Other(char),
}

/// A letter taken apart: its base within the alphabet, and its tone 0 to 5.
fn apart(c: char) -> (char, u8) {
    for row in VOWELS {
        let mut base = None;
        for (tone, form) in (0u8..).zip(row.chars()) {
            let letter = *base.get_or_insert(form);
            if form == c {
                return (letter, tone);
            }
        }
    }
    (c, 0)
}

/// The tone of a combining mark, where it is one.
fn mark(c: char) -> Option<u8> {
    match c {
        '\u{300}' => Some(1),
        '\u{309}' => Some(2),
        '\u{303}' => Some(3),
        '\u{301}' => Some(4),
        '\u{323}' => Some(5),
        _ => None,
    }
}

/// A letter with a combining breve, circumflex or horn, as one letter.
fn joined(base: char, mark: char) -> Option<char> {
    Some(match (base, mark) {
        ('a', '\u{306}') => 'ă',
        ('a', '\u{302}') => 'â',
        ('e', '\u{302}') => 'ê',
        ('o', '\u{302}') => 'ô',
        ('o', '\u{31b}') => 'ơ',
        ('u', '\u{31b}') => 'ư',
        _ => return None,
    })
}

/// The lower-case letters of a text taken apart; combining marks join their letter.
fn letters(text: &str) -> Vec<(char, u8)> {
    let mut out: Vec<(char, u8)> = Vec::new();
    for c in text.chars().flat_map(char::to_lowercase) {
        if let Some(last) = out.last_mut() {
            if let Some(tone) = mark(c) {
                last.1 = tone;
                continue;
            }
            if let Some(letter) = joined(last.0, c) {
                last.0 = letter;
                continue;
            }
        }
        out.push(apart(c));
    }
    out
}

/// What to sort `text` by.
pub fn sort_key(text: &str) -> SortKey {
    let mut key = SortKey {
        letters: Vec::new(),
        tones: Vec::new(),
        text: text.to_owned(),
    };
    for (letter, tone) in letters(text) {
        if let Some(digit) = letter.to_digit(10) {
            if let Some(Unit::Number(n)) = key.letters.last_mut() {
                *n = n.saturating_mul(10).saturating_add(digit.into());
            } else {
                key.letters.push(Unit::Number(digit.into()));
            }
            continue;
        }
        let place = (0u8..).zip(ALPHABET.chars()).find(|(_, c)| *c == letter);
        key.letters.push(match place {
            Some((place, _)) => Unit::Letter(place),
            None if letter.is_alphanumeric() => Unit::Other(letter),
            None => Unit::Gap,
        });
        key.tones.push(tone);
    }
    key
}

/// Lower case without diacritics, for search: `Thạch Khoán` becomes `thach khoan`.
pub fn fold(text: &str) -> String {
    letters(text)
        .into_iter()
        .map(|(letter, _)| match letter {
            'ă' | 'â' => 'a',
            'đ' => 'd',
            'ê' => 'e',
            'ô' | 'ơ' => 'o',
            'ư' => 'u',
            other => other,
        })
        .collect()
}

/// Whether every word of `query` is found in `text`, diacritics aside.
pub fn matches(text: &str, query: &str) -> bool {
    let text = fold(text);
    fold(query).split_whitespace().all(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decomposed_letters_sort_with_the_composed_ones() {
        let (composed, decomposed) = (sort_key("Thạch ơ"), sort_key("Tha\u{323}ch o\u{31b}"));
        assert_eq!(composed.letters, decomposed.letters);
        assert_eq!(composed.tones, decomposed.tones);
    }
}
