//! An HTTP/1.1 server with keep-alive: `GET /` greets, `POST /echo` answers what it was sent,
//! everything else is not found.

use std::convert::Infallible;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use vitte_rt::hyper::{VitteIo, VitteTimer};
use vitte_rt::net::{TcpListener, TcpStream};

/// How long a client may take for the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Answers one request.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => (StatusCode::OK, Bytes::from_static(b"hello\n")),
        (&Method::POST, "/echo") => match request.into_body().collect().await {
            Ok(body) => (StatusCode::OK, body.to_bytes()),
            Err(_) => (StatusCode::BAD_REQUEST, Bytes::new()),
        },
        _ => (StatusCode::NOT_FOUND, Bytes::new()),
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    Ok(response)
}

/// Serves the requests of one connection, one after the other.
async fn serve_connection(stream: TcpStream) -> hyper::Result<()> {
    hyper::server::conn::http1::Builder::new()
        .timer(VitteTimer)
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(VitteIo::new(stream), service_fn(answer))
        .await
}

/// Serves whoever connects, each in a task of its own.
///
/// # Errors
///
/// Those of accepting that do not pass.
pub async fn serve(listener: TcpListener) -> std::io::Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        // Without it the end of a short answer may wait for the client's acknowledgement.
        stream.set_nodelay(true)?;
        // A client that breaks off is its own affair.
        drop(vitte_rt::spawn(serve_connection(stream)));
    }
}
