//! The table of keys: what may stand where. Readers and the JSON Schema both
//! live by it, so that they can't drift apart.

/// One key of a mapping.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The word.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// What it is for, in one sentence.
    pub doc: &'static str,
    /// What holds when the key is not there, as it would be written.
    pub default: Option<&'static str>,
}

/// What a value is.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Text.
    Text,
    /// A permanent id: a slug.
    Id,
    /// `true` or `false`.
    Bool,
    /// A whole number, from, to.
    Integer(u64, u64),
    /// A number.
    Number,
    /// A share: `0.995` or `99.5%`.
    Ratio,
    /// A length of time: `500ms`, `30s`, `5m`, `6h`, `14d`.
    Duration,
    /// Bits per second: `100Mbit`.
    Bandwidth,
    /// Bytes: `512MB`.
    Size,
    /// A day: `2025-07-01`.
    Date,
    /// A moment: `2025-07-01T08:00` in the configured time zone, or with its own offset.
    Moment,
    /// A time of day: `07:30`.
    Time,
    /// An IP address, with a port or not, or a name.
    Host,
    /// A network: `10.0.0.0/8`.
    Network,
    /// An address with a port.
    Listen,
    /// A hardware address.
    Mac,
    /// A secret, or a pointer to one.
    Secret,
    /// One of these words.
    Word(fn() -> Vec<&'static str>),
    /// A list; a single value stands for a list of one.
    List(&'static Kind),
    /// A mapping with these keys.
    Object(&'static [Key]),
    /// A mapping of names to values of this kind.
    Named(&'static Kind),
    /// Any of these.
    OneOf(&'static [Kind]),
    /// A mapping with `kind` and the options of the plugin of that name, which knows them itself.
    Plugin,
}

/// Shorthand for a row of a table without a default.
pub const fn key(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        doc,
        default: None,
    }
}

/// Shorthand for a row of a table with a default.
pub const fn preset(name: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key {
        name,
        kind,
        doc,
        default: Some(default),
    }
}
