//! `vitte explain CODE`.

use super::exit;
use vitte_lowering::diagnostics::codes;
use vitte_lowering::ir;

/// Prints what a diagnostic means.
pub(super) fn run(code: &str) -> u8 {
    let key = code.trim().to_uppercase();
    if let Some(entry) = codes::lookup(&key) {
        print!("{entry}");
        return exit::FINE;
    }
    if let Some(entry) = ir::codes::lookup(&key) {
        println!("{}: {}", entry.code, entry.meaning);
        return exit::FINE;
    }
    eprintln!("error: no diagnostic has the key `{code}`");
    let near: Vec<&str> =
        codes::all().map(|c| c.key).filter(|k| !key.is_empty() && k.contains(&key)).collect();
    if near.is_empty() {
        eprintln!("help: the key stands in brackets after the word: `error[KEY]: …`");
    } else {
        eprintln!("help: there is {}", near.join(", "));
    }
    exit::ERROR
}
