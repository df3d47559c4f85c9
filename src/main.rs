//! The `lithify` command.

fn main() -> std::process::ExitCode {
    lithify::cli::main()
}
