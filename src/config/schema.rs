//! The table of keys: what may stand where. Readers and the JSON Schema both
//! live by it, so that they can't drift apart.

/// One key of a mapping.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// The word.
    pub name: &'static str,
    /// What its value is.
    pub kind: Kind,
    /// What it is for, in one sentence; the default at its end.
    pub doc: &'static str,
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
    /// Options of a plugin, which knows them itself; each `kind` is one of these words.
    Plugin(fn() -> Vec<&'static str>),
}

/// Shorthand for a row of a table.
pub const fn key(name: &'static str, kind: Kind, doc: &'static str) -> Key {
    Key { name, kind, doc }
}
