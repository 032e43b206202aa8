//! The pipes to and from a child.

use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};

use crate::net::unix::pipe;

/// The input of a child. Dropping or closing it lets the child read to the end.
#[derive(Debug)]
pub struct ChildStdin(pipe::Sender);

impl ChildStdin {
    pub(super) fn new(pipe: std::process::ChildStdin) -> io::Result<Self> {
        pipe::Sender::from_fd(pipe).map(ChildStdin)
    }
}

impl futures_io::AsyncWrite for ChildStdin {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, buffers)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(cx)
    }
}

/// One of the output pipes.
macro_rules! output {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $type(pipe::Receiver);

        impl $type {
            pub(super) fn new(pipe: std::process::$type) -> io::Result<Self> {
                pipe::Receiver::from_fd(pipe).map($type)
            }

            /// The pipe as another child's input, in blocking mode again.
            ///
            /// # Errors
            ///
            /// Those of the operating system.
            pub fn into_stdio(self) -> io::Result<Stdio> {
                Ok(Stdio::from(self.0.into_fd()?))
            }
        }

        impl futures_io::AsyncRead for $type {
            fn poll_read(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffer: &mut [u8],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.0).poll_read(cx, buffer)
            }

            fn poll_read_vectored(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buffers: &mut [io::IoSliceMut<'_>],
            ) -> Poll<io::Result<usize>> {
                Pin::new(&mut self.0).poll_read_vectored(cx, buffers)
            }
        }
    };
}

output! {
    /// The output of a child.
    ChildStdout
}
output! {
    /// The errors of a child.
    ChildStderr
}
