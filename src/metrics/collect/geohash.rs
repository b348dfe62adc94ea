//! Geohash: a place as a short text, which map panels read from a label.
//!
//! Source: G. Niemeyer, 2008; base 32 without a, i, l, o.

const DIGITS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// The geohash of a place in degrees, 9 digits: right to about 5 m. `None` for
/// what is no place on earth.
pub(super) fn encode((latitude, longitude): (f64, f64)) -> Option<String> {
    if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
        return None;
    }
    let (mut lat, mut lon) = ((-90.0, 90.0), (-180.0, 180.0));
    let mut text = String::new();
    let mut is_longitude = true;
    for _ in 0..9 {
        let mut digit = 0usize;
        for _ in 0..5 {
            let (range, value) = if is_longitude {
                (&mut lon, longitude)
            } else {
                (&mut lat, latitude)
            };
            let middle = f64::midpoint(range.0, range.1);
            digit <<= 1;
            if value >= middle {
                digit |= 1;
                range.0 = middle;
            } else {
                range.1 = middle;
            }
            is_longitude = !is_longitude;
        }
        text.extend(DIGITS.get(digit).map(|d| char::from(*d)));
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_place_has_its_known_geohash() {
        // The example that the inventor's site gave.
        assert_eq!(encode((57.64911, 10.40744)).as_deref(), Some("u4pruydqq"));
        assert_eq!(encode((91.0, 0.0)), None);
        assert_eq!(encode((f64::NAN, 0.0)), None);
    }
}
