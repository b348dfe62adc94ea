//! Who is due when: phases spread by a stable hash, retries, pacing, back-off.
//!
//! Pure.
