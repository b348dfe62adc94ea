//! The unit file is part of the product.

use std::process::Command;

use crate::support;
use crate::support::program::{TRAMGAC, write};

fn unit(dir: &std::path::Path) -> String {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/systemd/tramgac.service")).unwrap();
    write(dir, "tramgac.service", &text.replace("/usr/bin/tramgac", TRAMGAC))
}

#[test]
fn systemd_finds_no_fault_in_the_unit_and_little_exposure() {
    let Some(analyze) = support::peer("systemd-analyze") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let unit = unit(dir.path());
    for arguments in [
        ["verify", "--man=no", &unit].as_slice(),
        ["security", "--offline=true", "--threshold=20", &unit].as_slice(),
    ] {
        let output = Command::new(&analyze).args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            output.status.success(),
            "{arguments:?}: {said}{}",
            String::from_utf8_lossy(&output.stdout)
        );
        let ours: Vec<&str> = said.lines().filter(|l| l.contains("tramgac")).collect();
        assert!(ours.is_empty(), "{ours:?}");
    }
}
