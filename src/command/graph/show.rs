//! `vitte graph show FILE`.

use std::io::Write;

use super::{ShowArgs, ShowFormat, exit};

/// Prints the graph.
pub(super) fn run(args: &ShowArgs) -> Result<u8, String> {
    let exec = super::executor(&super::read(&args.file)?, None)?;
    let text = match args.format {
        ShowFormat::Dot => exec.to_dot(),
        ShowFormat::Mermaid => exec.to_mermaid(),
        ShowFormat::Json => exec.to_json(),
    };
    // A closed pipe wants to hear no more.
    let _ = std::io::stdout().write_all(text.as_bytes());
    Ok(exit::FINE)
}
