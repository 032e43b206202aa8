//! A TCP echo server: a task per connection, each sends back what comes until its client has no more.
//!
//! `cargo run --release --example echo_server -- 127.0.0.1:7000` serves until Ctrl-C, then lets the
//! connections end. Without an address it serves a hundred clients of its own.

// Prints:
//   100 clients, 300 lines echoed

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use vitte::io::{AsyncBufReadExt, BufReader};
use vitte::net::{TcpListener, TcpStream};
use vitte::runtime::Runtime;
use vitte::task::JoinSet;
use vitte::time::timeout;
use vitte::{select, signal, spawn};

const N_CLIENTS: usize = 100;
const N_LINES: usize = 3;
/// How long a connection may be silent, and how long the server waits for them at its end.
const PATIENCE: Duration = Duration::from_secs(30);

async fn echo(stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 1024];
    loop {
        let n = timeout(PATIENCE, stream.read(&mut buffer)).await??;
        if n == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..n]).await?;
    }
}

/// Serves until `stop` is ready, and the connections that there are then to their end.
async fn serve(listener: TcpListener, stop: impl Future) -> io::Result<()> {
    let mut stop = std::pin::pin!(stop);
    let mut connections = JoinSet::new();
    loop {
        select! {
            accepted = listener.accept() => {
                connections.spawn(echo(accepted?.0));
            }
            // A client that breaks off is its own affair.
            Some(_ended) = connections.join_next() => {}
            _ = &mut stop => break,
        }
    }
    drop(listener);
    let _ = timeout(PATIENCE, async { while connections.join_next().await.is_some() {} }).await;
    Ok(())
}

/// Sends lines and answers how many came back unharmed.
async fn client(id: usize, server: SocketAddr) -> io::Result<usize> {
    let mut stream = BufReader::new(TcpStream::connect(server).await?);
    let mut n_good = 0;
    for n in 0..N_LINES {
        let line = format!("client {id} line {n}\n");
        stream.get_ref().write_all(line.as_bytes()).await?;
        let mut back = String::new();
        stream.read_line(&mut back).await?;
        n_good += usize::from(back == line);
    }
    Ok(n_good)
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1);
    Runtime::new()?.block_on(async {
        let listener = TcpListener::bind(address.as_deref().unwrap_or("127.0.0.1:0")).await?;
        let server = listener.local_addr()?;
        if address.is_some() {
            println!("listening on {server}");
            return serve(listener, signal::ctrl_c()).await;
        }
        let (stop, stopped) = vitte::channel::oneshot::channel::<()>();
        let serving = spawn(serve(listener, stopped));
        let mut clients: JoinSet<_> = (0..N_CLIENTS).map(|id| client(id, server)).collect();
        let mut n_lines = 0;
        while let Some(echoed) = clients.join_next().await {
            n_lines += echoed.expect("a client does not panic")?;
        }
        drop(stop);
        serving.await.expect("the server does not panic")?;
        println!("{N_CLIENTS} clients, {n_lines} lines echoed");
        Ok(())
    })
}
