//! What a running Vitte program allocates: one block per task, nothing per await beside the texts and
//! lists that it makes.
//!
//! Each program is a `turn` that is run a few times and many times; what the second run allocates more
//! is divided by the additional turns. The count is of the whole process, threads for files included,
//! so a test starts this binary again for the one test that counts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

use vitte::driver::{Compilation, Language, find};
use vitte::execute::{End, Executable};
use vitte::runtime::Builder;

struct Counting;

static N_ALLOCS: AtomicU64 = AtomicU64::new(0);

// SAFETY: as the system's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        N_ALLOCS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller vouches.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as the caller vouches.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Set in the process that counts.
const MARK: &str = "VITTE_TEST_COUNTS_ALLOCATIONS";
const FEW: u64 = 100;
const MANY: u64 = 600;

/// One kind of turn: what stands before the loop, in it, and after it.
struct Turn {
    name: &'static str,
    before: &'static str,
    body: &'static str,
    after: &'static str,
    /// Allocations of one turn, at most. What is amortised may add a tenth.
    most: u64,
}

const fn turn(name: &'static str, body: &'static str, most: u64) -> Turn {
    Turn { name, before: "", body, after: "", most }
}

const SHARED: &str = r#"
space test/allocations
use std/net.{tcp_listen, tcp_connect}
use std/fs.{read_file, write_file}

async proc leaf(n: int) -> int {
    await yield_now()
    give n
}

async proc middle(n: int) -> int {
    give (await leaf(n)) + (await leaf(n))
}

async proc down(n: int) -> int {
    if n == 0 {
        await yield_now()
        give 0
    }
    give (await down(n - 1)) + 1
}

async proc text(n: int) -> string {
    await yield_now()
    give n as string
}

async proc numbers(n: int) -> stream[int] {
    for i in 0..n {
        await yield_now()
        emit i
    }
}

async proc produce(to: Channel[int], n: int) {
    for i in 0..n {
        await to.send(i)
    }
}

async proc produce_lists(to: Channel[[int]], n: int) {
    for i in 0..n {
        await to.send([i])
    }
}

async proc back(stream: TcpStream) -> int {
    loop {
        pick await stream.read(100) {
            Ok(text) {
                if len(text) == 0 {
                    break
                }
                pick await stream.write(text) { Ok(n) {} Err(e) { break } }
            }
            Err(e) { break }
        }
    }
    give 0
}

async proc serve(listener: TcpListener) -> int {
    pick await listener.accept() {
        Ok(stream) { give await back(stream) }
        Err(e) { give 1 }
    }
}

async proc serve_all(listener: TcpListener, n: int) -> int {
    for _ in 0..n {
        pick await listener.accept() {
            Ok(stream) { stream.close() }
            Err(e) { give 1 }
        }
    }
    give 0
}
"#;

const TCP: &str = r#"
    let mut good = 0
    let listener = pick await tcp_listen("127.0.0.1:0") { Ok(l) { l } Err(e) { panic e } }
    let server = spawn serve(listener)
    let address = "127.0.0.1:" + (listener.port() as string)
    let stream = pick await tcp_connect(address) { Ok(s) { s } Err(e) { panic e } }
"#;

const TURNS: &[Turn] = &[
    turn("call", "set sum += await middle(i)", 0),
    turn("yield", "await yield_now()", 0),
    turn("sleep", "await sleep(0)", 0),
    turn("join", "let (a, b) = await (leaf(i), leaf(i)); set sum += a + b", 0),
    turn("timeout", "pick await timeout(1000, leaf(i)) { Ok(v) { set sum += v } Err(e) {} }", 0),
    turn("select", "select { when v = leaf(i) { set sum += v } when _ = sleep(1000) {} }", 0),
    turn("stream", "for await x in numbers(3) { set sum += x }", 0),
    turn("spawn", "set sum += (await spawn leaf(i)) ?? -1", 1),
    turn("spawn of a chain", "set sum += (await spawn middle(i)) ?? -1", 1),
    turn("spawn, not awaited", "spawn leaf(i); await yield_now()", 1),
    turn("scope", "with task_scope() as s { s.spawn(leaf(i)); s.spawn(leaf(i)) }", 4),
    // The text itself, and the copy that the await gets.
    turn("spawn for a text", "set sum += len((await spawn text(i)) ?? \"\")", 3),
    // 100 frames of a task come from chunks of its arena: its head and 5 chunks.
    turn("recursion", "set sum += (await spawn down(100)) ?? -1", 9),
    Turn {
        name: "channel",
        before: "let ch = channel[int](4); let p = spawn produce(ch, n)",
        body: "set sum += (await ch.recv()) ?? -1",
        after: "await p",
        most: 0,
    },
    Turn {
        name: "channel of lists",
        before: "let ch = channel[[int]](4); let p = spawn produce_lists(ch, n)",
        body: "set sum += len((await ch.recv()) ?? [])",
        after: "await p",
        // The object and its elements.
        most: 2,
    },
    Turn {
        name: "tcp",
        before: TCP,
        body: r#"
            pick await stream.write("hello") { Ok(v) {} Err(e) { panic e } }
            pick await stream.read(100) { Ok(v) { set sum += len(v) } Err(e) { panic e } }
        "#,
        after: "stream.close(); await server",
        // The texts that the two ends read.
        most: 2,
    },
    Turn {
        name: "file",
        before: r#"let path = "PATH""#,
        body: r#"
            pick await write_file(path, "hello") { Ok(v) {} Err(e) { panic e } }
            pick await read_file(path) { Ok(v) { set sum += len(v) } Err(e) { panic e } }
        "#,
        after: "",
        // The text that is read, and room for threads that the pool starts on a busy machine.
        most: 2,
    },
];

fn source(turn: &Turn, path: &str) -> String {
    let Turn { before, body, after, .. } = turn;
    let before = before.replace("PATH", path);
    format!(
        "{SHARED}
async proc run(n: int) -> int {{
    let mut sum = 0
    {before}
    for i in 0..n {{
        {body}
    }}
    {after}
    give if sum >= 0 {{ 0 }} else {{ 1 }}
}}
test \"few\" {{ assert (await run({FEW})) == 0 }}
test \"many\" {{ assert (await run({MANY})) == 0 }}
"
    )
}

/// Allocations of one turn, in hundredths.
fn measure(turn: &Turn, path: &str) -> u64 {
    let file = Path::new("turn.vit");
    let mut compilation = Compilation::of_text(file, Language::Vitte, source(turn, path));
    let module = compilation.module().unwrap_or_else(|e| panic!("{}: {e}", turn.name));
    let module = module.unwrap_or_else(|| panic!("{}: {:?}", turn.name, compilation.diagnostics));
    let tests = compilation.tests.iter();
    let entries: Vec<_> = tests.map(|test| find(&module, &test.symbol).unwrap()).collect();
    let program = Executable::new(file, module, &entries).unwrap();
    // On a loaded machine the watchdog has something to tell, in texts of its own.
    let runtime = Builder::current_thread().watchdog(None).build().unwrap();
    let run = |n: usize| {
        let before = N_ALLOCS.load(Ordering::Relaxed);
        let running = program.start(n, &runtime).unwrap();
        let end = running.wait(&runtime);
        assert!(matches!(end, End::Gave(0)), "{}: {end:?}", turn.name);
        drop(running);
        N_ALLOCS.load(Ordering::Relaxed) - before
    };
    // Both once, so that all is compiled and the tables have grown.
    run(1);
    run(0);
    let (few, many) = (run(0), run(1));
    many.saturating_sub(few) * 100 / (MANY - FEW)
}

#[test]
fn a_task_is_one_block_and_an_await_is_none() {
    let exe = std::env::current_exe().unwrap();
    let name = "allocations::count_all_turns";
    let counted = Command::new(exe).args(["--exact", name, "--nocapture"]).env(MARK, "1").output();
    let counted = counted.unwrap();
    let out = String::from_utf8_lossy(&counted.stdout);
    let err = String::from_utf8_lossy(&counted.stderr);
    assert!(counted.status.success() && out.contains("counted all"), "{out}\n{err}");
}

/// The process that counts. In any other this does nothing.
#[test]
fn count_all_turns() {
    if std::env::var_os(MARK).is_none() {
        return;
    }
    let folder = super::Folder::new();
    let path = folder.file("hello.txt", "hello");
    let mut wrong = Vec::new();
    for turn in TURNS {
        let found = measure(turn, &path);
        let line = format!("{}: {}.{:02} of {}", turn.name, found / 100, found % 100, turn.most);
        println!("{line}");
        if found > turn.most * 100 + 10 {
            wrong.push(line);
        }
    }
    assert!(wrong.is_empty(), "more than promised: {wrong:#?}");
    println!("counted all");
}
