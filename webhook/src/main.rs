//! The `lithify-webhook` command.

fn main() -> std::process::ExitCode {
    lithify_webhook::command::main()
}
