//! What readers see of an interface.
//!
//! A fleet has a million of them, so that each byte is a megabyte: texts lie in
//! one string, and what is not told takes no room of its own.

use std::num::NonZeroU32;
use std::num::NonZeroU64;
use std::sync::Arc;

use crate::model::Count;
use crate::model::Timestamp;

/// One interface of a device, known by its name (trap 5).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InterfaceView {
    /// The stable name: ifName, else ifDescr, made unique within the device. Set it before the texts are told.
    pub name: Arc<str>,
    /// What it is called besides; see [`InterfaceView::told`].
    pub texts: Texts,
    /// Its number of the moment.
    pub index: u32,
    /// MTU in bytes.
    pub mtu: Option<u32>,
    /// ifAdminStatus is up(1).
    pub admin_up: Option<bool>,
    /// ifOperStatus is up(1).
    pub oper_up: Option<bool>,
    /// Nominal speed in bits per second.
    pub speed_bps: Option<Count>,
    /// Octets received, unwrapped to 64 bits; never decreases but over an agent's restart.
    pub in_octets: Option<Count>,
    /// Octets sent.
    pub out_octets: Option<Count>,
    /// Packets received with errors.
    pub in_errors: Option<Count>,
    /// Packets not sent because of errors.
    pub out_errors: Option<Count>,
    /// Packets received and discarded.
    pub in_discards: Option<Count>,
    /// Packets to send that were discarded.
    pub out_discards: Option<Count>,
    /// Octets received per second between the last two polls (traps 1 to 3).
    pub in_rate: Option<Rate>,
    /// Octets sent per second between the last two polls.
    pub out_rate: Option<Rate>,
    /// When its operational state last changed, as we saw it or as the agent told.
    pub changed_at: Option<Moment>,
}

/// The texts of an interface, beside its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Told<'a> {
    /// ifDescr.
    pub descr: Option<&'a str>,
    /// ifAlias.
    pub alias: Option<&'a str>,
    /// IANA ifType name.
    pub kind: Option<&'a str>,
    /// Hardware address, lower case with colons.
    pub mac: Option<&'a str>,
}

impl InterfaceView {
    /// What it is called besides its name.
    pub fn told(&self) -> Told<'_> {
        let [descr, alias, kind, mac] = self.texts.read(&self.name);
        Told {
            descr,
            alias,
            kind,
            mac,
        }
    }

    /// What it is called from now on; `before`: its view of before, which has most likely the same.
    pub fn tell(&mut self, told: Told<'_>, before: Option<&Self>) {
        let same = before.filter(|before| before.name == self.name && before.told() == told);
        self.texts = same.map_or_else(
            || Texts::of(&self.name, [told.descr, told.alias, told.kind, told.mac]),
            |before| before.texts.clone(),
        );
    }

    /// The same, called so.
    #[must_use]
    pub fn with(mut self, told: Told<'_>) -> Self {
        self.tell(told, None);
        self
    }
}

/// Instead of a length: there is no such text, and it is the interface's name.
const NONE: u16 = u16::MAX;
const NAME: u16 = u16::MAX - 1;

/// The texts of an interface behind one another: 24 bytes, and a string's where there are any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    all: Arc<str>,
    lengths: [u16; 4],
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            all: Arc::default(),
            lengths: [NONE; 4],
        }
    }
}

impl Texts {
    /// A text of more than 65,533 bytes is cut; what a device tells is much shorter.
    fn of(name: &str, texts: [Option<&str>; 4]) -> Self {
        let mut all = String::new();
        let lengths = texts.map(|text| match text {
            None => NONE,
            Some(text) if text == name => NAME,
            Some(text) => {
                let end = text.floor_char_boundary(usize::from(NAME - 1));
                all.push_str(text.get(..end).unwrap_or_default());
                u16::try_from(end).unwrap_or(0)
            }
        });
        let all = if all.is_empty() {
            Arc::default()
        } else {
            all.into()
        };
        Self { all, lengths }
    }

    fn read<'a>(&'a self, name: &'a str) -> [Option<&'a str>; 4] {
        let mut rest = &*self.all;
        self.lengths.map(|length| match length {
            NONE => None,
            NAME => Some(name),
            length => {
                let (text, after) = rest.split_at_checked(usize::from(length))?;
                rest = after;
                Some(text)
            }
        })
    }
}

/// Octets a second, as exactly as they are measured: 24 bits of a rate are more
/// than a clock is worth. An `Option` of it takes 4 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate(NonZeroU32);

impl Rate {
    /// The rate, where it is a number.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "24 bits of a rate are enough, and what is too large becomes infinite"
    )]
    pub fn new(octets: f64) -> Option<Self> {
        let bits = (octets as f32).to_bits();
        // All ones are no number.
        NonZeroU32::new(!bits).filter(|_| !octets.is_nan()).map(Self)
    }

    /// The number.
    pub fn get(self) -> f64 {
        f64::from(f32::from_bits(!self.0.get()))
    }
}

/// A moment of the wall clock, of which an `Option` takes 8 bytes. Of the two
/// earliest moments there is only one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(NonZeroU64);

impl From<Timestamp> for Moment {
    fn from(at: Timestamp) -> Self {
        let above = at.0.cast_unsigned() ^ (1 << 63);
        Self(NonZeroU64::MIN.max(NonZeroU64::new(above).unwrap_or(NonZeroU64::MIN)))
    }
}

impl From<Moment> for Timestamp {
    fn from(at: Moment) -> Self {
        Self((at.0.get() ^ (1 << 63)).cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn port(name: &str, told: Told<'_>) -> InterfaceView {
        InterfaceView {
            name: name.into(),
            ..InterfaceView::default()
        }
        .with(told)
    }

    #[test]
    fn a_million_interfaces_keep_each_text_once() {
        let told = Told {
            descr: Some("ether1"),
            mac: Some("02:00:00:00:00:01"),
            ..Told::default()
        };
        let first = port("ether1", told);
        assert_eq!(first.told(), told);
        assert_eq!(&*first.texts.all, "02:00:00:00:00:01");
        let mut later = port("ether1", Told::default());
        later.tell(told, Some(&first));
        assert!(Arc::ptr_eq(&later.texts.all, &first.texts.all));
        later.tell(
            Told {
                alias: Some(""),
                ..told
            },
            Some(&first),
        );
        assert_eq!(later.told().alias, Some(""));
        assert_eq!(first.told(), told);
        assert!(
            size_of::<InterfaceView>() <= 128,
            "{}",
            size_of::<InterfaceView>()
        );
    }

    #[test]
    fn a_text_is_not_taken_from_the_view_of_another_interface() {
        let first = port(
            "ether1",
            Told {
                descr: Some("ether1"),
                ..Told::default()
            },
        );
        let mut second = port("ether2", Told::default());
        second.tell(
            Told {
                descr: Some("ether1"),
                ..Told::default()
            },
            Some(&first),
        );
        assert_eq!(second.told().descr, Some("ether1"));
    }

    #[test]
    fn a_text_that_is_far_too_long_is_cut_between_two_letters() {
        let long = "ườ".repeat(30_000);
        let view = port(
            "a",
            Told {
                alias: Some(&long),
                mac: Some("m"),
                ..Told::default()
            },
        );
        let told = view.told();
        assert!(long.starts_with(told.alias.unwrap()) && told.alias.unwrap().len() > 65_000);
        assert_eq!(told.mac, Some("m"));
    }

    #[test]
    fn a_rate_is_a_number_or_nothing() {
        assert_eq!(Rate::new(f64::NAN), None);
        for rate in [0.0, 1.0, 1_250_000.0, f64::INFINITY] {
            assert_eq!(
                Rate::new(rate).map(Rate::get).map(f64::to_bits),
                Some(rate.to_bits())
            );
        }
        assert_eq!(size_of::<Option<Rate>>(), 4);
    }

    proptest! {
        #[test]
        fn texts_come_back_as_they_were_told(
            name in "[ab]{0,2}",
            texts in prop::array::uniform4(prop::option::of("[abđ]{0,2}")),
        ) {
            let texts = texts.each_ref().map(Option::as_deref);
            let kept = Texts::of(&name, texts);
            prop_assert_eq!(kept.read(&name), texts);
        }

        #[test]
        fn a_moment_comes_back(at in any::<i64>()) {
            prop_assert_eq!(Timestamp::from(Moment::from(Timestamp(at))).0, at.max(i64::MIN + 1));
        }
    }
}
