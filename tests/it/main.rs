//! Every integration test, in one binary: `mod` lines only.

#![expect(clippy::unwrap_used, reason = "helpers of tests are no #[test] functions")]

mod architecture;
