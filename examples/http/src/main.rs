//! Serves HTTP on the address given, or on 127.0.0.1:8080, until Ctrl-C.

use vitte_rt::net::TcpListener;
use vitte_rt::runtime::Runtime;

fn main() -> std::io::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_string());
    Runtime::new()?.block_on(async {
        let listener = TcpListener::bind(address).await?;
        println!("http://{}", listener.local_addr()?);
        drop(vitte_rt::spawn(http_server::serve(listener)));
        vitte_rt::signal::ctrl_c().await
    })
}
