//! The `vitte` command; see [`vitte::command`].

fn main() -> std::process::ExitCode {
    vitte::command::main()
}
