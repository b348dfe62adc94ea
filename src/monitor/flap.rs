//! Flapping: Icinga 2's window.
//!
//! The last 20 results; each that differs from the one before weighs 0.8 +
//! 0.02·i, the newest (i = 19) most. In above 30 % of 20, out at or below 25 %.
//! In hundredths of a result, so that no rounding decides.

/// Results in the window.
const RESULTS: u32 = 20;
/// Above this it begins: 30 % of 20 results, in hundredths.
const ENTER: u32 = 600;
/// At or below this it ends: 25 %.
const LEAVE: u32 = 500;

/// The window with one more result.
#[must_use]
pub fn push(window: u32, changed: bool) -> u32 {
    ((window << 1) | u32::from(changed)) & ((1 << RESULTS) - 1)
}

/// The weighted sum of changes in the window, in hundredths of a result: 0 to 1980.
pub fn weight(window: u32) -> u32 {
    (0..RESULTS)
        .filter(|age| window & (1 << age) != 0)
        .map(|age| 118 - 2 * age)
        .sum()
}

/// Whether it flaps, given whether it did.
pub fn is_flapping(window: u32, was: bool) -> bool {
    // Most windows are all zeros.
    window != 0 && weight(window) > if was { LEAVE } else { ENTER }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_of_icinga() {
        assert_eq!(weight(1), 118, "newest 1.18");
        assert_eq!(weight(1 << 19), 80, "oldest 0.80");
        assert_eq!(weight((1 << 20) - 1), 1980);
        assert_eq!(
            push(1 << 19, false),
            0,
            "what is older than 20 results is forgotten"
        );
    }

    #[test]
    fn flapping_begins_above_thirty_percent_and_ends_at_twenty_five() {
        // Five changes in a row weigh 1.18 + 1.16 + 1.14 + 1.12 + 1.10 = 5.70 of 20.
        let mut window = 0b1_1111;
        assert!(!is_flapping(window, false));
        window = push(window, true);
        assert!(is_flapping(window, false), "6.78 of 20");
        let mut quiet = 0;
        while is_flapping(window, true) {
            window = push(window, false);
            quiet += 1;
        }
        // 678 - 12 per quiet result: at or below 500 after 15.
        assert_eq!(quiet, 15);
    }
}
