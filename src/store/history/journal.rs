//! Samples that are in no chunk yet: one packed row for each commit.
//!
//! A row holds a count, the series' numbers, the times and the values, each in
//! a block of its own.

use super::tick::Tick;

/// One sample as the journal has it: series number, time, value.
pub(super) type Entry = (u32, Tick, f64);

/// A number, seven bits a byte, the lowest first.
pub(super) fn put(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(u8::try_from(n & 0x7f).unwrap_or(0) | 0x80);
        n >>= 7;
    }
    out.push(u8::try_from(n).unwrap_or(0));
}

/// The number that [`put`] wrote; `None` if the bytes end before it does.
pub(super) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut n = 0u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        n |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(n);
        }
    }
    None
}

/// Signed numbers near zero as small ones.
pub(super) fn zigzag(n: i64) -> u64 {
    ((n << 1) ^ (n >> 63)).cast_unsigned()
}

/// The number that [`zigzag`] took.
pub(super) fn unzigzag(n: u64) -> i64 {
    (n >> 1).cast_signed() ^ -(n & 1).cast_signed()
}

/// Packs the samples of one commit, in their order.
pub(super) fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::with_capacity(entries.len() * 12 + 4);
    put(&mut out, u64::try_from(entries.len()).unwrap_or(u64::MAX));
    let mut last = 0;
    for (series, _, _) in entries {
        let series = i64::from(*series);
        put(&mut out, zigzag(series - last));
        last = series;
    }
    let mut last = 0i64;
    for (_, at, _) in entries {
        put(&mut out, zigzag(at.0.wrapping_sub(last)));
        last = at.0;
    }
    for (_, _, value) in entries {
        out.extend_from_slice(&value.to_le_bytes());
    }
    out
}

/// Unpacks a row. `None` if it is damaged.
pub(super) fn decode(mut bytes: &[u8]) -> Option<Vec<Entry>> {
    let count = usize::try_from(take(&mut bytes)?).ok()?;
    // Each sample takes ten bytes at least: a damaged count can't make us reserve more than that.
    if count.checked_mul(10)? > bytes.len() {
        return None;
    }
    let mut entries = Vec::with_capacity(count);
    let mut last = 0i64;
    for _ in 0..count {
        last = last.checked_add(unzigzag(take(&mut bytes)?))?;
        entries.push((u32::try_from(last).ok()?, Tick(0), 0.0));
    }
    let mut last = 0i64;
    for (_, at, _) in &mut entries {
        last = last.wrapping_add(unzigzag(take(&mut bytes)?));
        *at = Tick(last);
    }
    let (values, rest) = bytes.as_chunks::<8>();
    if values.len() != count || !rest.is_empty() {
        return None;
    }
    for ((_, _, value), bytes) in entries.iter_mut().zip(values) {
        *value = f64::from_le_bytes(*bytes);
    }
    Some(entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_row_comes_back_whole(
            entries in prop::collection::vec((0u32..50, any::<i64>(), -1e12f64..1e12), 0..200)
        ) {
            let entries: Vec<Entry> = entries.into_iter().map(|(s, t, v)| (s, Tick(t), v)).collect();
            let bytes = encode(&entries);
            prop_assert_eq!(decode(&bytes), Some(entries));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            drop(decode(&bytes));
        }
    }
}
