//! Every text that a person reads, in Vietnamese and English; numbers and dates as the language writes them.
//!
//! Pure.
