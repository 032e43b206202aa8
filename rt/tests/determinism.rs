//! Nothing in the runtime asks the clock, starts threads or orders by hash behind the environment's
//! back: the words for it occur only where listed, with the reason.

use std::path::{Path, PathBuf};

const WORDS: [&str; 7] =
    ["Instant", "SystemTime", "thread::", "RandomState", "HashMap", "HashSet", "DefaultHasher"];

/// (file, why it may)
const ALLOWED: [(&str, &str); 17] = [
    ("env.rs", "it is the environment"),
    ("runtime.rs", "counts processors"),
    ("shutdown.rs", "the deadline of a shutdown is real time"),
    ("scheduler/affinity.rs", "binds real threads to processors"),
    ("scheduler/close.rs", "waits for real threads to end"),
    ("scheduler/ring.rs", "its test has thieves"),
    ("models.rs", "loom's threads"),
    ("channel/models.rs", "loom's threads"),
    ("reactor/models.rs", "loom's threads"),
    ("atomic.rs", "gives way to the thread that is in the middle of a change"),
    ("channel/queue.rs", "gives way to the sender that is in the middle of a push"),
    ("task/local.rs", "the word for a thread-local key"),
    ("time/instant.rs", "defines the instants of the environment's clock"),
    ("time/interval.rs", "uses those"),
    ("time.rs", "uses those"),
    ("hyper.rs", "hyper's instants are std's: a zero, plus the environment's clock"),
    ("compat.rs", "the thread of tokio, which a seeded runtime refuses"),
];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = folder.read_dir().unwrap().map(|e| e.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push(path);
        }
    }
}

#[test]
fn only_the_environment_is_not_deterministic() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    files(&root, &mut found);
    assert!(found.len() > 20);
    let mut stray = Vec::new();
    for path in found {
        let name = path.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/");
        if ALLOWED.iter().any(|(file, _)| *file == name) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for (n, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap();
            if WORDS.iter().any(|word| code.contains(word)) {
                stray.push(format!("{name}:{}: {}", n + 1, line.trim()));
            }
        }
    }
    assert!(stray.is_empty(), "{stray:#?}");
}
