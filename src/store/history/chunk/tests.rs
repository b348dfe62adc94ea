//! The compressed format gives back what it took, and is small.

use proptest::prelude::*;

use super::*;

fn exact(samples: &[(i64, f64)]) -> usize {
    let samples: Vec<(Tick, f64)> = samples.iter().map(|(t, v)| (Tick(*t), *v)).collect();
    let bytes = encode(Tick(0), &samples, Precision::Exact);
    let back = decode(Tick(0), &bytes).unwrap();
    assert_eq!(back.len(), samples.len());
    for (a, b) in back.iter().zip(&samples) {
        assert_eq!((a.0, a.1.to_bits()), (b.0, b.1.to_bits()), "{a:?} {b:?}");
    }
    bytes.len()
}

/// A generator of its own, so that figures are the same every time.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }

    /// A step of a bell curve: the sum of twelve.
    fn bell(&mut self) -> f64 {
        (0..12).map(|_| self.next()).sum::<f64>() - 6.0
    }
}

/// A day at one a minute: round trip times of a link, 12 ms with half a millisecond of noise.
pub(super) fn rtt_day() -> Vec<(i64, f64)> {
    let mut noise = Noise(7);
    (0..1440)
        .map(|i| {
            let late = i64::from(noise.next() < 0.1);
            let spike = if noise.next() < 0.01 {
                0.08 * noise.next()
            } else {
                0.0
            };
            let value = 0.012 + 0.0005 * noise.bell().abs() + spike;
            (i * 600 + late, (value * 1e6).round() / 1e6)
        })
        .collect()
}

#[test]
fn a_day_of_round_trip_times_takes_little_and_stays_true_to_a_thousandth() {
    let samples: Vec<(Tick, f64)> = rtt_day().into_iter().map(|(t, v)| (Tick(t), v)).collect();
    let bytes = encode(Tick(0), &samples, Precision::Relative(9));
    let each = bytes.len() as f64 / samples.len() as f64;
    eprintln!("round trip times: {each:.3} bytes a sample");
    assert!(each < 1.2, "{each}");
    for ((t0, v0), (t1, v1)) in samples.iter().zip(decode(Tick(0), &bytes).unwrap()) {
        assert_eq!(*t0, t1);
        assert!((v0 - v1).abs() <= v0 / 1000.0, "{v0} {v1}");
    }
    // What was rounded once is not rounded again, though the window grows.
    let once = decode(Tick(0), &bytes).unwrap();
    let twice = decode(Tick(0), &encode(Tick(0), &once, Precision::Relative(9))).unwrap();
    assert_eq!(once, twice);
}

#[test]
fn states_and_counters_take_less() {
    let mut noise = Noise(3);
    let state: Vec<(i64, f64)> = (0..1440)
        .map(|i| (i * 600, if (700..730).contains(&i) { 0.0 } else { 1.0 }))
        .collect();
    let each = exact(&state) as f64 / 1440.0;
    eprintln!("states: {each:.3} bytes a sample");
    assert!(each < 0.1, "{each}");
    let mut octets = 1e9f64;
    let counter: Vec<(i64, f64)> = (0..1440)
        .map(|i| {
            if noise.next() < 0.1 {
                octets += (noise.next() * 100.0).round();
            }
            (i * 600, octets)
        })
        .collect();
    let each = exact(&counter) as f64 / 1440.0;
    eprintln!("slow counter: {each:.3} bytes a sample");
    assert!(each < 0.6, "{each}");
}

#[test]
fn decimal_readings_and_odd_numbers_come_back_exactly() {
    exact(&[(1, 23.4), (2, 23.5), (3, -0.1), (9, 1e-6)]);
    exact(&[
        (1, 1.0 / 3.0),
        (2, std::f64::consts::PI),
        (3, 1e300),
        (4, -1e-300),
    ]);
    exact(&[(1, 0.0), (2, -0.0), (3, f64::MIN_POSITIVE), (4, f64::MAX)]);
    // trap 2
    exact(&[(1, 9_007_199_254_740_992.0), (2, 9_007_199_254_740_994.0)]);
    exact(&[]);
}

#[test]
fn buckets_of_exact_values_come_back_exactly() {
    let buckets: Vec<Bucket> = (0..288)
        .filter(|i| i % 7 != 3)
        .map(|i| {
            let base = f64::from(i % 5) + 20.5;
            Bucket {
                place: i,
                count: 5,
                min: base - 0.5,
                max: base + 1.0,
                sum: base * 5.0 + 0.3,
            }
        })
        .collect();
    let bytes = encode_buckets(&buckets, Precision::Exact);
    assert_eq!(decode_buckets(&bytes).unwrap(), buckets);
}

proptest! {
    #[test]
    fn what_is_shortened_stays_near_and_has_no_second_half(bits in any::<u64>()) {
        let value = f64::from_bits(bits);
        prop_assert_eq!(Precision::Exact.round(value).to_bits(), bits);
        let short = Precision::Relative(9).round(value);
        prop_assert_eq!(Precision::Relative(9).round(short).to_bits(), short.to_bits());
        prop_assert_eq!(short.is_finite(), value.is_finite());
        if value.is_normal() && value.abs() < f64::MAX / 1.1 {
            prop_assert!(short.to_bits().trailing_zeros() >= 32 || short.to_bits() == bits);
            prop_assert!(((short - value) / value).abs() <= 2f64.powi(-21), "{} {}", value, short);
        }
    }

    #[test]
    fn round_trip_times_are_not_shortened(micros in any::<u32>()) {
        let time = f64::from(micros) / 1e6;
        prop_assert_eq!(millionths(time), Some(micros));
        prop_assert_eq!(Precision::Relative(9).round(time).to_bits(), time.to_bits());
    }

    #[test]
    fn samples_come_back_exactly(
        samples in prop::collection::btree_map(-1_000_000i64..1_000_000, prop_oneof![
            (-1000i32..1000).prop_map(f64::from),
            (-100_000i32..100_000).prop_map(|n| f64::from(n) / 100.0),
            any::<f64>().prop_filter("finite", |v| v.is_finite()),
        ], 0..200)
    ) {
        exact(&samples.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn lossy_samples_stay_near(values in prop::collection::vec(1e-6f64..1e3, 1..200)) {
        let samples: Vec<(Tick, f64)> = values.iter().enumerate()
            .map(|(i, v)| (Tick(i64::try_from(i).unwrap()), *v)).collect();
        let back = decode(Tick(0), &encode(Tick(0), &samples, Precision::Relative(9))).unwrap();
        for ((_, a), (_, b)) in samples.iter().zip(&back) {
            prop_assert!((a - b).abs() <= a / 1000.0, "{} {}", a, b);
        }
    }

    #[test]
    fn buckets_of_any_kind_come_back_near(
        values in prop::collection::vec((1u32..100, -1e9f64..1e9, 0f64..1e6, 0f64..1.0), 0..100)
    ) {
        let buckets: Vec<Bucket> = values.iter().zip(0u32..).map(|((count, min, spread, part), place)| Bucket {
            place, count: *count, min: *min, max: min + spread, sum: (min + spread * part) * f64::from(*count),
        }).collect();
        let back = decode_buckets(&encode_buckets(&buckets, Precision::Exact)).unwrap();
        prop_assert_eq!(back.len(), buckets.len());
        for (a, b) in buckets.iter().zip(&back) {
            prop_assert_eq!((a.place, a.count), (b.place, b.count));
            if a.count > 1 {
                prop_assert!((a.sum - b.sum).abs() <= 1e-3 + a.sum.abs() * 1e-3);
            }
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        drop(decode(Tick(0), &bytes));
        drop(decode_buckets(&bytes));
    }
}
