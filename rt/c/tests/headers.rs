//! The checked-in headers are what cbindgen writes from the declarations. `UPDATE_EXPECT=1` writes
//! them.

use std::path::Path;

const FILES: [&str; 6] = ["runtime.rs", "trace.rs", "task.rs", "wait.rs", "token.rs", "queue.rs"];

/// The header that `config` makes of the crate in `source`.
fn generate(config: &Path, source: &Path, files: &[&str]) -> String {
    let config = cbindgen::Config::from_file(config).unwrap();
    let mut builder = cbindgen::Builder::new().with_config(config);
    for file in files {
        builder = builder.with_src(source.join(file));
    }
    let mut text = Vec::new();
    builder.generate().unwrap().write(&mut text);
    String::from_utf8(text).unwrap()
}

fn compare(header: &str, config: &str, source: &str, files: &[&str]) {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let header = here.join(header);
    let now = generate(&here.join(config), &here.join(source), files);
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&header, &now).unwrap();
    }
    let checked_in = std::fs::read_to_string(&header).unwrap_or_default();
    let first = now.lines().zip(checked_in.lines()).find(|(a, b)| a != b);
    assert!(now == checked_in, "{}: UPDATE_EXPECT=1 writes it anew: {first:?}", header.display());
}

#[test]
fn runtime_h_is_what_the_declarations_say() {
    compare("../include/runtime.h", "cbindgen.toml", "src", &FILES);
}
