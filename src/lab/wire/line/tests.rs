//! What a line does to packets, on virtual time.

use proptest::prelude::*;

use super::*;

const MS: Span = Span::from_millis(1);

fn share(of: f64) -> Ratio {
    Ratio::new(of).unwrap()
}

/// A packet that carries its number behind an IPv4 header.
fn packet(number: u32, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length.max(24)];
    bytes[0] = 0x45;
    bytes[20..24].copy_from_slice(&number.to_be_bytes());
    bytes
}

fn number(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[20..24].try_into().unwrap())
}

/// Everything that comes out up to `until`, with its time, walking from due time to due time.
fn drain(line: &mut Line, until: Mono) -> Vec<(Mono, Vec<u8>)> {
    let mut out = Vec::new();
    while let Some(at) = line.next_due().filter(|at| *at <= until) {
        line.deliver(at, &mut |bytes| out.push((at, bytes.to_vec())));
    }
    out
}

#[test]
fn a_line_without_faults_hands_everything_on_at_once() {
    let mut line = Line::new(Faults::default(), 1);
    for n in 0..100 {
        line.offer(&packet(n, 84), Mono(u64::from(n)));
    }
    let out = drain(&mut line, Mono(99));
    assert!(out.iter().map(|(_, b)| number(b)).eq(0..100));
    assert!(out.iter().zip(0..).all(|((at, _), n)| at.0 == n));
    assert_eq!(
        line.counts(),
        Counts {
            offered: 100,
            delivered: 100,
            ..Counts::default()
        }
    );
    assert_eq!(line.next_due(), None);
}

#[test]
fn a_slow_line_carries_its_rate_and_drops_what_its_queue_does_not_hold() {
    // 512 kbit/s carry an echo of 84 bytes in 1.3125 ms.
    let mut line = Line::new(
        Faults {
            rate: Some(512_000),
            queue: 50,
            delay: 60 * MS,
            ..Faults::default()
        },
        1,
    );
    for n in 0..500 {
        line.offer(&packet(n, 84), Mono(0));
    }
    assert_eq!((line.counts().overflowed, line.counts().held), (450, 50));
    let out = drain(&mut line, Mono(1_000_000_000));
    assert_eq!(out[0].0, Mono(61_312_500));
    assert_eq!(out[49].0, Mono(60_000_000 + 50 * 1_312_500));
    // Once it is empty, it takes as many again; and at its own pace it drops none.
    for n in 0..500_u32 {
        line.offer(&packet(n, 84), Mono(2_000_000_000 + u64::from(n) * 1_312_500));
    }
    assert_eq!(line.counts().overflowed, 450);
    assert_eq!(drain(&mut line, Mono(5_000_000_000)).len(), 500);
}

#[test]
fn the_shares_of_the_faults_are_met() {
    let mut line = Line::new(
        Faults {
            loss: share(0.1),
            duplication: share(0.05),
            reordering: share(0.2),
            corruption: share(0.02),
            delay: MS,
            ..Faults::default()
        },
        42,
    );
    let mut out = 0;
    for n in 0..100_000_u32 {
        let now = Mono(u64::from(n) * 100_000);
        line.offer(&packet(n, 64), now);
        line.deliver(now, &mut |_| out += 1);
    }
    let counts = line.counts();
    let near = |seen: u64, wanted: f64| (seen as f64 - wanted).abs() < wanted * 0.1;
    assert!(near(counts.lost, 10_000.0), "{counts:?}");
    assert!(near(counts.duplicated, 4_500.0), "{counts:?}");
    // Doubles of a packet that is held back are held back, too.
    assert!(near(counts.reordered, 18_900.0), "{counts:?}");
    assert!(near(counts.corrupted, 1_890.0), "{counts:?}");
    assert_eq!(out, counts.delivered);
}

#[test]
fn a_cut_takes_effect_at_once_and_what_is_on_its_way_arrives() {
    let mut line = Line::new(Faults::delay(10 * MS), 1);
    line.offer(&packet(1, 64), Mono(0));
    line.set(Faults::cut());
    line.offer(&packet(2, 64), Mono(1));
    let out = drain(&mut line, Mono(1_000_000_000));
    assert_eq!((out.len(), number(&out[0].1)), (1, 1));
    assert_eq!(line.counts().lost, 1);
}

#[test]
fn corruption_leaves_the_ip_header_and_flips_one_bit_behind_it() {
    for (first, header) in [(0x45, 20), (0x60, 40)] {
        let mut line = Line::new(
            Faults {
                corruption: Ratio::ONE,
                ..Faults::default()
            },
            3,
        );
        let mut sent = vec![0; 64];
        sent[0] = first;
        for _ in 0..200 {
            line.offer(&sent, Mono(0));
        }
        line.deliver(Mono(0), &mut |bytes| {
            assert_eq!(bytes[..header], sent[..header]);
            let flipped: u32 = bytes[header..].iter().map(|b| b.count_ones()).sum();
            assert_eq!(flipped, 1);
        });
        // There is nothing to break in a bare header.
        line.offer(&sent[..header], Mono(0));
        line.deliver(Mono(0), &mut |_| {});
        assert_eq!((line.counts().corrupted, line.counts().delivered), (200, 201));
    }
}

fn faults() -> impl Strategy<Value = Faults> {
    let any_share = || prop_oneof![Just(0.0), Just(1.0), 0.0..1.0];
    let span = || (0_u64..50_000_000).prop_map(Span::from_nanos);
    (
        (span(), span(), span()),
        (any_share(), any_share(), any_share(), any_share()),
        proptest::option::of(1_000_u64..10_000_000),
        0_usize..40,
    )
        .prop_map(|((delay, jitter, detour), (a, b, c, d), rate, queue)| Faults {
            delay,
            jitter,
            detour,
            loss: share(a),
            duplication: share(b),
            reordering: share(c),
            corruption: share(d),
            rate,
            queue,
        })
}

proptest! {
    #[test]
    fn every_packet_has_one_fate_and_none_comes_before_its_time(
        faults in faults(), seed: u64, steps in proptest::collection::vec((0_u64..5_000_000, 24_usize..1_500), 1..200),
    ) {
        let mut line = Line::new(faults, seed);
        let mut now = Mono(0);
        let mut began = Vec::new();
        let mut out = Vec::new();
        for (n, (step, length)) in (0..).zip(&steps) {
            now = now.plus(Span::from_nanos(*step));
            out.extend(drain(&mut line, now));
            line.offer(&packet(n, *length), now);
            began.push(now);
            let c = line.counts();
            prop_assert_eq!(c.offered + c.duplicated, c.overflowed + c.lost + c.delivered + c.held);
        }
        out.extend(drain(&mut line, Mono(u64::MAX)));
        let c = line.counts();
        prop_assert_eq!(c.held, 0);
        prop_assert_eq!(c.delivered, out.len() as u64);
        prop_assert!(out.windows(2).all(|w| w[0].0 <= w[1].0));
        if faults.corruption == Ratio::ZERO {
            let mut seen = vec![0_u32; steps.len()];
            let mut highest = None;
            let mut overtaken = 0;
            for (at, bytes) in &out {
                let n = number(bytes);
                let place = usize::try_from(n).unwrap();
                seen[place] += 1;
                prop_assert!(at.since(began[place]) >= faults.delay);
                overtaken += u64::from(highest.is_some_and(|h| n < h));
                highest = highest.max(Some(n));
            }
            prop_assert!(seen.iter().all(|times| *times <= 2));
            prop_assert_eq!(c.duplicated, seen.iter().filter(|times| **times == 2).count() as u64);
            prop_assert_eq!(c.reordered, overtaken);
            if faults.reordering == Ratio::ZERO {
                prop_assert_eq!(overtaken, 0);
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_fates_and_a_further_fault_moves_no_other(
        faults in faults(), seed: u64, count in 1_u32..150,
    ) {
        let lost = |faults: Faults| {
            let mut line = Line::new(Faults { rate: None, corruption: Ratio::ZERO, ..faults }, seed);
            for n in 0..count {
                line.offer(&packet(n, 64), Mono(u64::from(n) * 1_000));
            }
            let mut there: Vec<u32> = drain(&mut line, Mono(u64::MAX)).iter().map(|(_, b)| number(b)).collect();
            there.sort_unstable();
            there.dedup();
            there
        };
        let first = lost(faults);
        prop_assert_eq!(&first, &lost(faults));
        prop_assert_eq!(first, lost(Faults { duplication: Ratio::ONE, reordering: Ratio::ZERO, jitter: Span::ZERO, ..faults }));
    }
}
