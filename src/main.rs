//! The program: what `tramgac::cli` does, as an exit code.

fn main() -> std::process::ExitCode {
    tramgac::cli::main()
}
