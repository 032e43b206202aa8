//! Reading and writing: the traits, their extensions, buffers, standard streams, descriptors.
//!
//! The traits are those of `futures-io`, so that our streams fit libraries written for them, and
//! the reverse. What can be done with any of them is `futures-lite`'s: the methods of
//! [`AsyncReadExt`], [`AsyncWriteExt`], [`AsyncBufReadExt`] and [`AsyncSeekExt`], [`BufReader`],
//! [`BufWriter`], [`copy`], [`split`]. They have tokio's names, but for `close`, which there is
//! `shutdown`.
//!
//! | operation, mostly on an [`AsyncFd`] | dropped before it is ready |
//! | --- | --- |
//! | `readable`, `writable`, [`wait_for`] | nothing is lost |
//! | [`copy_bidirectional`] | bytes that were read and not yet written are lost, on either way |
//! | `read_with`, `write_with` | what was given to them has not answered but "would block", and is dropped |
//!
//! # Examples
//!
//! ```
//! use vitte_rt::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
//! use vitte_rt::net::UnixStream;
//! # vitte_rt::runtime::Runtime::new()?.block_on(async {
//! let (mut near, far) = UnixStream::pair()?;
//! AsyncWriteExt::write_all(&mut near, b"one\ntwo\n").await?;
//! let mut line = String::new();
//! BufReader::new(far).read_line(&mut line).await?;
//! assert_eq!(line, "one\n");
//! # std::io::Result::Ok(()) })?;
//! # std::io::Result::Ok(())
//! ```

#[cfg(unix)]
mod async_fd;
mod both;
mod duplex;
mod standard;

#[cfg(unix)]
pub use async_fd::{AsyncFd, Interest, wait_for};
pub use both::copy_bidirectional;
pub use duplex::{DuplexStream, duplex};
pub use futures_io::{AsyncBufRead, AsyncRead, AsyncSeek, AsyncWrite};
pub use futures_lite::io::{
    AsyncBufReadExt, AsyncReadExt, AsyncSeekExt, AsyncWriteExt, BufReader, BufWriter, Cursor,
    ReadHalf, WriteHalf, copy, empty, repeat, sink, split,
};
pub use standard::{Stderr, Stdin, Stdout, stderr, stdin, stdout};
