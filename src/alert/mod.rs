//! Who is told what, by which way, and when; and the sender that does it.
