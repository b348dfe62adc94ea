use super::*;

fn c32(value: u64) -> Counter {
    Counter { value, bits: 32 }
}

fn c64(value: u64) -> Counter {
    Counter { value, bits: 64 }
}

fn seconds(n: u64) -> Span {
    Span::from_secs(n)
}

fn at(n: u64) -> Mono {
    Mono::ZERO.plus(seconds(n))
}

fn up(ticks: u32) -> Uptime {
    Uptime {
        ticks: Some(ticks),
        ..Uptime::default()
    }
}

fn port(name: &str, index: u64, octets: Counter) -> Interface {
    Interface {
        index: Some(index),
        name: Some(name.to_owned()),
        speed_bps: Some(100_000_000),
        in_octets: Some(octets),
        ..Interface::default()
    }
}

fn poll(memory: &mut Memory, ports: &[Interface], restarted: bool, n: u64) -> Vec<Totals> {
    let names = names(ports);
    let polled = memory.interfaces(ports, &names, restarted, at(n));
    let told: Vec<&str> = polled.iter().map(|(name, _)| &**name).collect();
    assert_eq!(told, names);
    polled.into_iter().map(|(_, totals)| totals).collect()
}

// trap 1
#[test]
fn a_reset_is_not_a_wrap_and_sets_the_base_anew() {
    assert_eq!(
        delta(c64(1_000_000_000_000), c64(5_000), true, None),
        Delta::Reset
    );
    assert_eq!(
        delta(c32(4_294_967_000), c32(500), false, None),
        Delta::Exact(796)
    );
    let mut memory = Memory::default();
    poll(&mut memory, &[port("a", 1, c64(1_000_000_000_000))], false, 0);
    let reset = poll(&mut memory, &[port("a", 1, c64(5_000))], true, 60);
    assert_eq!(reset[0].in_rate, None);
    let next = poll(&mut memory, &[port("a", 1, c64(11_000))], false, 120);
    assert_eq!(next[0].in_rate, Some(100.0));
    // Smaller though nothing restarted (counters cleared by hand): no rate, and not silent for ever.
    let cleared = poll(&mut memory, &[port("a", 1, c64(0))], false, 180);
    assert_eq!(cleared[0].in_rate, None);
    let after = poll(&mut memory, &[port("a", 1, c64(600))], false, 240);
    assert_eq!(after[0].in_rate, Some(10.0));
}

// trap 1
#[test]
fn a_total_goes_on_over_wraps_and_begins_anew_with_its_counter() {
    let mut memory = Memory::default();
    let mut total = |counter, restarted, n| {
        poll(&mut memory, &[port("a", 1, counter)], restarted, n)[0].counters[0].unwrap()
    };
    let first = total(c32(4_294_967_000), false, 0);
    assert_eq!(first, 4_294_967_000);
    assert_eq!(total(c32(500), false, 60), first + 796);
    assert_eq!(total(c32(900), false, 120), first + 1_196);
    assert_eq!(total(c32(100), false, 180), first + 1_196 + (1 << 32) - 800);
    assert_eq!(total(c32(7), true, 240), 7);
    assert_eq!(total(c32(8), false, 300), 8);
    // Another counter in its place: not the old one's wraps.
    assert_eq!(total(c64(1 << 40), false, 360), 1 << 40);
    assert_eq!(total(c64((1 << 40) + 5), false, 420), (1 << 40) + 5);
}

// trap 2
#[test]
fn a_narrow_counter_on_a_fast_port_is_ambiguous_and_a_wide_one_exact() {
    // 286 Mbit/s for 60 s pass half of 2^32 octets.
    assert_eq!(
        delta(c32(0), c32(5), false, Some(2_200_000_000)),
        Delta::Ambiguous(5)
    );
    assert_eq!(delta(c32(0), c32(5), false, Some(2_000_000_000)), Delta::Exact(5));
    let wide = (1u64 << 53) + 1;
    assert_eq!(
        delta(c64(wide), c64(wide + 1), false, Some(u64::MAX)),
        Delta::Exact(1)
    );
    let mut memory = Memory::default();
    let mut fast = port("a", 1, c32(0));
    fast.speed_bps = Some(1_000_000_000);
    poll(&mut memory, &[fast.clone()], false, 0);
    fast.in_octets = Some(c32(600));
    let totals = poll(&mut memory, &[fast], false, 60);
    assert_eq!(totals[0].in_rate, None);
    assert_eq!(totals[0].counters[0], Some(600));
}

// trap 3
#[test]
fn a_rate_is_over_the_time_that_really_passed() {
    let mut memory = Memory::default();
    poll(&mut memory, &[port("a", 1, c64(0))], false, 0);
    let totals = poll(&mut memory, &[port("a", 1, c64(24_000))], false, 240);
    assert_eq!(totals[0].in_rate, Some(100.0));
    let same_time = poll(&mut memory, &[port("a", 1, c64(25_000))], false, 240);
    assert_eq!(same_time[0].in_rate, None);
}

// trap 4
#[test]
fn an_uptime_that_wraps_is_no_restart() {
    let engine = |ticks, engine_seconds| Uptime {
        ticks: Some(ticks),
        boots: Some(3),
        engine_seconds: Some(engine_seconds),
    };
    let minute = seconds(60);
    let wrapped = restart(
        engine(4_294_967_000, 42_949_670),
        engine(5_700, 42_949_730),
        minute,
    );
    assert_eq!(wrapped, Restart::Wrapped);
    assert_eq!(restart(up(4_294_967_000), up(5_700), minute), Restart::Wrapped);
    // The others are small too: it restarted.
    assert_eq!(
        restart(engine(4_294_967_000, 42_949_670), engine(1_200, 12), minute),
        Restart::Yes
    );
    assert_eq!(restart(up(500_000), up(1_200), minute), Restart::Yes);
    assert_eq!(restart(up(500_000), up(506_000), minute), Restart::No);
}

// trap 4
#[test]
fn a_restart_between_two_polls_that_are_far_apart_is_seen() {
    // 100 s of uptime, then a day later 4 hours: it can't have run all day.
    assert_eq!(restart(up(10_000), up(1_440_000), seconds(86_400)), Restart::Yes);
    let boots = |n| Uptime {
        boots: Some(n),
        ..up(10_000)
    };
    assert_eq!(restart(boots(1), boots(2), seconds(1)), Restart::Yes);
}

// trap 4
#[test]
fn the_time_since_the_start_grows_over_wraps() {
    let mut memory = Memory::default();
    let (_, first) = memory.clock(up(4_294_967_000), at(0));
    let (verdict, second) = memory.clock(up(5_700), at(60));
    assert_eq!(verdict, Restart::Wrapped);
    assert!(second > first);
    // An engine that has run for 1,000 days tells of two wraps at the first look.
    let engine = Uptime {
        ticks: Some(50_065_408),
        boots: Some(1),
        engine_seconds: Some(86_400_000),
    };
    let (_, span) = Memory::default().clock(engine, at(0));
    assert_eq!(span.unwrap().as_secs(), 86_400_000);
}

#[test]
fn a_million_interfaces_take_no_more_than_a_hundred_bytes_each() {
    assert!(size_of::<Known>() <= 96, "{}", size_of::<Known>());
    let mut memory = Memory::default();
    let ports: Vec<Interface> = (0..48).map(|n| port(&format!("ether{n}"), n, c64(n))).collect();
    poll(&mut memory, &ports, false, 0);
    assert_eq!(memory.interfaces.capacity(), 48);
}

// trap 5
#[test]
fn indices_that_swap_move_no_history() {
    let mut memory = Memory::default();
    poll(
        &mut memory,
        &[port("ether1", 3, c64(0)), port("ether2", 4, c64(5_000))],
        false,
        0,
    );
    let swapped = poll(
        &mut memory,
        &[port("ether2", 3, c64(5_600)), port("ether1", 4, c64(1_200))],
        false,
        60,
    );
    assert_eq!(swapped[0].in_rate, Some(10.0));
    assert_eq!(swapped[1].in_rate, Some(20.0));
}

// trap 5
#[test]
fn a_renamed_port_is_known_by_description_and_mac_then_by_alias() {
    let hardware = |name: &str, octets| Interface {
        descr: Some("Gigabit".into()),
        mac: Some("00:00:00:00:00:01".into()),
        ..port(name, 1, c64(octets))
    };
    let mut memory = Memory::default();
    poll(&mut memory, &[hardware("old", 0)], false, 0);
    assert_eq!(
        poll(&mut memory, &[hardware("new", 600)], false, 60)[0].in_rate,
        Some(10.0)
    );
    let alias = |name: &str, octets| Interface {
        alias: Some("Xã Võ Miếu".into()),
        ..port(name, 1, c64(octets))
    };
    let mut memory = Memory::default();
    poll(&mut memory, &[alias("old", 0)], false, 0);
    assert_eq!(
        poll(&mut memory, &[alias("new", 600)], false, 60)[0].in_rate,
        Some(10.0)
    );
}

// trap 5
#[test]
fn a_card_that_is_pulled_and_put_back_goes_on() {
    let mut memory = Memory::default();
    poll(
        &mut memory,
        &[port("a", 1, c64(0)), port("b", 2, c64(0))],
        false,
        0,
    );
    poll(&mut memory, &[port("a", 1, c64(0))], false, 60);
    let back = poll(
        &mut memory,
        &[port("a", 1, c64(0)), port("b", 9, c64(1_200))],
        false,
        120,
    );
    assert_eq!(back[1].in_rate, Some(10.0));
}

// trap 6
#[test]
fn names_are_unique_whatever_the_device_calls_its_ports() {
    let ports = [
        port("lan", 1, c64(0)),
        port("lan", 2, c64(0)),
        port("lan#2", 3, c64(0)),
        Interface {
            index: Some(9),
            ..Interface::default()
        },
    ];
    assert_eq!(names(&ports), ["lan#1", "lan#2", "lan#2'", "if9"]);
}
