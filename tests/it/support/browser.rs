//! A real browser without a window: Chromium, when it is there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::{peer, wait_for};

/// Longest that one page may take.
const LIMIT: Duration = Duration::from_secs(40);

/// Light or dark, as the reader's system prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// A browser with a profile of its own.
pub struct Browser {
    program: PathBuf,
    folder: tempfile::TempDir,
}

impl Browser {
    /// The browser; `None` (after saying so) where there is none.
    pub fn find() -> Option<Self> {
        Some(Self {
            program: peer("chromium")?,
            folder: tempfile::tempdir().unwrap(),
        })
    }

    fn command(&self, more: &[String]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--hide-scrollbars",
                "--virtual-time-budget=1500",
            ])
            .arg(format!(
                "--user-data-dir={}",
                self.folder.path().join("profile").display()
            ))
            .args(more)
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command
    }

    fn run(&self, more: &[String], output: Stdio) -> bool {
        let mut child = self.command(more).stdout(output).spawn().unwrap();
        wait_for("the browser", LIMIT, || child.try_wait().unwrap()).success()
    }

    /// A picture of a page, as PNG.
    pub fn picture(&self, url: &str, (width, height): (u32, u32), scheme: Scheme, to: &Path) {
        let scheme = match scheme {
            Scheme::Dark => 0,
            Scheme::Light => 1,
        };
        let done = self.run(
            &[
                format!("--blink-settings=preferredColorScheme={scheme}"),
                format!("--window-size={width},{height}"),
                format!("--screenshot={}", to.display()),
                url.to_owned(),
            ],
            Stdio::null(),
        );
        assert!(done, "the browser took no picture of {url}");
    }

    /// The document as the browser understood it, after its script has run.
    pub fn document(&self, url: &str) -> String {
        let path = self.folder.path().join("document.html");
        let file = std::fs::File::create(&path).unwrap();
        let done = self.run(&["--dump-dom".to_owned(), url.to_owned()], Stdio::from(file));
        assert!(done, "the browser could not read {url}");
        std::fs::read_to_string(path).unwrap()
    }
}
