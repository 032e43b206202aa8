//! Native tasks are what rustc makes of them, and their awaits have names.

use std::time::Duration;
use vitte::rt::runtime::Builder;
use vitte::{Coroutine, sleep, task};

struct Client {
    calls: u32,
}

impl Client {
    #[task(native)]
    async fn get(&mut self, url: &str) -> usize {
        self.calls += 1;
        task::yield_now().await;
        url.len()
    }
}

#[task(native)]
async fn fetch(mut client: Client, (url, _): (String, u8), _: u32) -> Result<usize, String> {
    let n = client.get(&url).await;
    if n == 0 {
        return Err("empty".into());
    }
    std::future::pending::<()>().await;
    Ok(n)
}

#[task(native)]
async fn generic<T: Clone, const N: usize>(value: &T) -> [T; N] {
    task::yield_now().await;
    std::array::from_fn(|_| value.clone())
}

#[test]
fn the_dump_names_what_a_native_task_awaits() {
    let runtime = Builder::current_thread().build().unwrap();
    let waits = runtime.spawn(fetch(Client { calls: 0 }, ("http://a".into(), 0), 1));
    let dump = runtime.run(waits).unwrap_err().dump.to_string();
    let line = line!() - 15;
    let want = format!(
        "fetch: waiting, awaiting std::future::pending::<()>() at ui-tests/tests/native.rs:{line}"
    );
    assert!(dump.contains(&want), "{dump}");
}

#[test]
fn the_record_lists_the_states() {
    let client = Client { calls: 0 };
    let future = fetch(client, (String::new(), 0), 1);
    let record = future.layout();
    assert_eq!((record.name.as_str(), record.kind.as_str()), ("fetch", "native"));
    let names: Vec<_> = record.states.iter().map(|s| (s.id, s.name.as_str())).collect();
    assert_eq!(names, [(3, "await0"), (4, "await1")]);
    assert_eq!(record.states[0].awaitee.to_string(), "client.get(&url)");
    assert_eq!(record.size as usize, size_of_val(&future));
    let runtime = Builder::seeded(0).build().unwrap();
    assert_eq!(runtime.block_on(future), Err("empty".into()));
}

#[test]
fn a_wrapped_future_is_a_word_larger_at_most() {
    async fn plain(n: u64) -> u64 {
        let v = [n; 4];
        sleep(Duration::from_millis(n)).await;
        v[1]
    }
    #[task(native)]
    async fn named(n: u64) -> u64 {
        let v = [n; 4];
        sleep(Duration::from_millis(n)).await;
        v[1]
    }
    assert!(size_of_val(&named(1)) <= size_of_val(&plain(1)) + size_of::<usize>());
}

#[test]
fn generics_and_borrows_pass_through() {
    let runtime = Builder::current_thread().build().unwrap();
    let text = String::from("x");
    let future = generic::<_, 3>(&text);
    assert!(!future.is_done());
    assert_eq!(future.state_name(), "native");
    assert_eq!(runtime.block_on(future), ["x", "x", "x"]);
}
