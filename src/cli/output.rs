//! The only file that writes to the terminal.
//!
//! A reader that goes away (`tramgac … | head`) ends the output, not in a panic.

use std::error::Error;
use std::io::{self, IsTerminal, Write};

/// Writes text to standard output.
///
/// # Errors
/// When it can't be written; a closed pipe is none.
pub fn text(text: &str) -> io::Result<()> {
    bytes(text.as_bytes())
}

/// Writes bytes to standard output.
///
/// # Errors
/// When they can't be written; a closed pipe is none.
pub fn bytes(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes a line to standard error.
#[expect(clippy::print_stderr, reason = "this is the file that may")]
pub fn note(line: &str) {
    eprintln!("{line}");
}

/// Shows a passing line on standard error, over the one before. For terminals.
#[expect(clippy::print_stderr, reason = "this is the file that may")]
pub fn progress(line: &str) {
    eprint!("\r\x1b[K{line}");
}

/// Takes the passing line away.
#[expect(clippy::print_stderr, reason = "this is the file that may")]
pub fn progress_end() {
    eprint!("\r\x1b[K");
}

/// Shows passing lines on standard error in the place of the last `before`. For terminals.
#[expect(clippy::print_stderr, reason = "this is the file that may")]
pub fn live(before: usize, lines: &[String]) {
    if before > 0 {
        eprint!("\r\x1b[{before}A\x1b[J");
    }
    for line in lines {
        eprintln!("{line}");
    }
}

/// Whether standard error is a terminal.
pub fn is_error_terminal() -> bool {
    io::stderr().is_terminal()
}

/// Prints an error and, indented, what caused it.
pub fn failure(error: &(dyn Error + Send + Sync)) {
    let text = error.to_string();
    // Problems of a configuration say so themselves, one by one.
    let prefix = if text.starts_with("error: ") {
        ""
    } else {
        "error: "
    };
    note(&format!("{prefix}{text}"));
    let mut cause = error.source();
    while let Some(inner) = cause {
        note(&format!("  because: {inner}"));
        cause = inner.source();
    }
}

/// Prints clap's help, version or usage error where it belongs.
pub fn clap(error: &clap::Error) {
    // Nothing can be told to anyone if neither stream can be written.
    drop(error.print());
}

/// Whether standard output is a terminal: colours and live lines only then.
pub fn is_terminal() -> bool {
    io::stdout().is_terminal()
}
