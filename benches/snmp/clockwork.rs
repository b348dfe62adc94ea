//! When each device was asked, as the agents saw it: the truth about a schedule.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::net::UdpSocket;
use std::time::Duration;

/// Asks the agents what they saw since they were asked the last time.
pub(super) const QUESTION: &[u8] = b"when?";
/// A pause in the questions to a device so long, and its next turn begins.
const BETWEEN_TURNS: Duration = Duration::from_secs(3);

/// When the devices were asked.
#[derive(Debug, Default)]
pub(super) struct Clockwork {
    /// By device: the beginning of its turn, and the newest question.
    turns: HashMap<u32, (Duration, Duration)>,
    /// By device: turns begun.
    begun: HashMap<u32, u32>,
    /// Seconds from one turn's beginning to the next one's.
    gaps: Vec<f64>,
    questions: u64,
}

impl Clockwork {
    pub(super) fn asked(&mut self, device: u32, at: Duration) {
        self.questions += 1;
        let Some((begun, newest)) = self.turns.get_mut(&device) else {
            self.turns.insert(device, (at, at));
            *self.begun.entry(device).or_default() += 1;
            return;
        };
        if at.saturating_sub(*newest) >= BETWEEN_TURNS {
            self.gaps.push(at.saturating_sub(*begun).as_secs_f64());
            *begun = at;
            *self.begun.entry(device).or_default() += 1;
        }
        *newest = at;
    }

    /// What was seen, and begins anew: questions; devices; fewest and most turns
    /// of one of them; their number; the gaps' least, 1st, 50th and 99th of a hundred, most.
    pub(super) fn report(&mut self) -> String {
        self.gaps.sort_by(f64::total_cmp);
        let part = |q: f64| {
            let place = ((self.gaps.len().max(1) - 1) as f64 * q) as usize;
            self.gaps.get(place).copied().unwrap_or(f64::NAN)
        };
        let text = format!(
            "{} {} {} {} {} {} {} {} {} {}",
            self.questions,
            self.begun.len(),
            self.begun.values().min().unwrap_or(&0),
            self.begun.values().max().unwrap_or(&0),
            self.begun.values().sum::<u32>(),
            part(0.0),
            part(0.01),
            part(0.5),
            part(0.99),
            part(1.0),
        );
        self.begun.clear();
        self.gaps.clear();
        self.questions = 0;
        text
    }
}

/// What the agents saw.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) questions: f64,
    pub(super) devices: f64,
    pub(super) fewest: f64,
    pub(super) most: f64,
    pub(super) turns: f64,
    /// Least, 1st, 50th, 99th of a hundred, most.
    pub(super) gaps: [f64; 5],
}

/// Asks the agents at this port; `None`: they are not there.
pub(super) fn ask(port: u16) -> Option<Seen> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    socket.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    socket.connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    socket.send(QUESTION).ok()?;
    let mut buffer = [0; 512];
    let length = socket.recv(&mut buffer).ok()?;
    let text = std::str::from_utf8(&buffer[..length]).ok()?;
    let numbers: Vec<f64> = text.split(' ').filter_map(|n| n.parse().ok()).collect();
    let &[questions, devices, fewest, most, turns, g0, g1, g2, g3, g4] = numbers.as_slice() else {
        return None;
    };
    Some(Seen {
        questions,
        devices,
        fewest,
        most,
        turns,
        gaps: [g0, g1, g2, g3, g4],
    })
}
