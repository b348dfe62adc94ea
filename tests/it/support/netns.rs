//! Network namespaces joined by veth pairs: hosts that a test makes itself.
//!
//! All names begin with `tg` and the process number, so that tests that run at
//! the same time do not meet; everything goes when the value is dropped. Or
//! joined by the lab's wire, which delays, loses, breaks ([`Netns::wire`]).

use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use tramgac::clock::SystemClock;
use tramgac::lab::wire::{End, Faults, Wire};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// One namespace.
pub struct Netns {
    name: String,
}

impl Netns {
    /// A new namespace with its loopback up; `None` (after saying so) without root or `ip`.
    pub fn new() -> Option<Self> {
        if !super::is_root() {
            return None;
        }
        super::peer("ip")?;
        let name = format!(
            "tg{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        ip(&["netns", "add", &name]);
        let made = Self { name };
        made.ip(&["link", "set", "lo", "up"]);
        Some(made)
    }

    /// Its name, for `ip netns exec`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A command that runs inside.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// Runs a command inside and returns how it ended.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Output {
        self.command(program).args(arguments).output().unwrap()
    }

    /// Runs `ip` inside; it must work.
    pub fn ip(&self, arguments: &[&str]) {
        let all: Vec<&str> = ["-n", &self.name]
            .into_iter()
            .chain(arguments.iter().copied())
            .collect();
        ip(&all);
    }

    /// Runs `nft` inside with a script; it must work.
    pub fn nft(&self, script: &str) {
        let output = self.run("nft", &[script]);
        assert!(
            output.status.success(),
            "nft {script}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// Joins this namespace with another: `(interface here, address/length here)` to `(there, address there)`.
    pub fn join(&self, here: (&str, &str), other: &Self, there: (&str, &str)) {
        ip(&[
            "link",
            "add",
            here.0,
            "netns",
            &self.name,
            "type",
            "veth",
            "peer",
            "name",
            there.0,
            "netns",
            &other.name,
        ]);
        for (ns, (interface, address)) in [(self, here), (other, there)] {
            ns.ip(&["addr", "add", address, "dev", interface]);
            ns.ip(&["link", "set", interface, "up"]);
        }
    }

    /// Joins this namespace with another by a wire with these faults both ways:
    /// 10.NET.0.1 here, 10.NET.0.2 there, and fdNET::1, fdNET::2 (NET in decimal
    /// digits in both). The interfaces are called `w0`, or as `name` says.
    ///
    /// 10.NET.1.0/24 … 10.NET.255.0/24 and fdNET:1::/32 lead there as well, so
    /// that the far side can be many hosts: `far.ip(&["route", "add", "local", …])`.
    pub fn wire(&self, other: &Self, net: u8, name: &str, faults: Faults, seed: u64) -> Wire {
        let ends = [End::new(&self.name, name), End::new(&other.name, name)];
        let wire = Wire::join(&ends, faults, seed, SystemClock::shared()).unwrap();
        for (ns, host, peer) in [(self, 1, 2), (other, 2, 1)] {
            let (v4, v6) = (format!("10.{net}.0.{host}/24"), format!("fd{net:02}::{host}/64"));
            ns.ip(&["addr", "add", &v4, "dev", name]);
            ns.ip(&["link", "set", name, "up"]);
            ns.ip(&["addr", "add", &v6, "dev", name, "nodad"]);
            ns.ip(&[
                "route",
                "add",
                &format!("10.{net}.0.0/16"),
                "via",
                &format!("10.{net}.0.{peer}"),
            ]);
            ns.ip(&[
                "-6",
                "route",
                "add",
                &format!("fd{net:02}::/16"),
                "via",
                &format!("fd{net:02}::{peer}"),
            ]);
        }
        wire
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        // A namespace that can't be removed stays for the machine's owner to see.
        drop(Command::new("ip").args(["netns", "del", &self.name]).output());
    }
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "ip {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
}
