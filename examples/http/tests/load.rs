//! The server under load, in a seeded run, and asked by a client that needs tokio.

use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use vitte_rt::compat::CompatExt;
use vitte_rt::hyper::VitteIo;
use vitte_rt::net::{TcpListener, TcpStream};
use vitte_rt::runtime::{Builder, Runtime};
use vitte_rt::spawn;

/// Connections of the load client, each with two descriptors in this process.
const N_CONNECTIONS: usize = 512;
const N_REQUESTS: usize = 20;

/// Starts the server on a free port; answers its address.
async fn start() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(spawn(http_server::serve(listener)));
    address
}

/// A connection, kept alive over all requests that are sent over it.
async fn connect(address: std::net::SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (sender, connection) = handshake(VitteIo::new(stream)).await.unwrap();
    drop(spawn(connection));
    sender
}

/// Has `text` echoed.
async fn echo(sender: &mut SendRequest<Full<Bytes>>, text: String) {
    let request = Request::post("/echo").header("host", "load").body(text.clone().into());
    sender.ready().await.unwrap();
    let response = sender.send_request(request.unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let body = response.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(body, text);
}

#[test]
fn five_hundred_and_twelve_connections_are_kept_alive_without_an_error() {
    let limit = getrlimit(Resource::Nofile);
    let needed = 2 * N_CONNECTIONS as u64 + 200;
    if limit.current.is_some_and(|current| current < needed) {
        let more = Rlimit { current: Some(needed), maximum: limit.maximum };
        setrlimit(Resource::Nofile, more).expect("the limit of descriptors allows the load");
    }
    Runtime::new().unwrap().block_on(async {
        let address = start().await;
        let mut senders = Vec::new();
        for _ in 0..N_CONNECTIONS {
            senders.push(connect(address).await);
        }
        let clients = senders.into_iter().enumerate().map(|(i, mut sender)| {
            spawn(async move {
                for j in 0..N_REQUESTS {
                    // Some of them do not fit into one packet.
                    echo(&mut sender, format!("{i}.{j}").repeat(1 + i * j / 3)).await;
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.unwrap();
        }
    });
}

#[test]
fn a_seeded_run_serves_the_same_way_each_time() {
    let run = |seed| {
        let runtime = Builder::seeded(seed).build().unwrap();
        runtime.block_on(async {
            let address = start().await;
            let clients = (0..8).map(|i| {
                spawn(async move {
                    let mut sender = connect(address).await;
                    for j in 0..5 {
                        echo(&mut sender, format!("{i}.{j}")).await;
                    }
                })
            });
            for client in clients.collect::<Vec<_>>() {
                client.await.unwrap();
            }
        });
        runtime.handle().trace_hash()
    };
    for seed in 0..10 {
        assert_eq!(run(seed), run(seed));
    }
}

/// The client pools connections that tokio's connector opened, spawns with `tokio::spawn`, and runs in
/// our tasks.
#[test]
fn a_client_that_needs_tokio_is_used_from_our_tasks() {
    Runtime::new().unwrap().block_on(async {
        let address = start().await;
        let client: Client<HttpConnector, Empty<Bytes>> =
            Client::builder(TokioExecutor::new()).build_http();
        let tasks = (0..20).map(|_| {
            let client = client.clone();
            let ask = async move {
                for path in ["", "", "nowhere"] {
                    let uri = format!("http://{address}/{path}").parse().unwrap();
                    let response = client.get(uri).await.unwrap();
                    let found = if path.is_empty() { 200 } else { 404 };
                    assert_eq!(response.status(), found);
                    let body = response.into_body().collect().await.unwrap().to_bytes();
                    assert_eq!(body.is_empty(), found == 404);
                    tokio::time::sleep(std::time::Duration::from_micros(100)).await;
                }
            };
            spawn(ask.compat())
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
    });
}
