//! Halves of a stream: one task reads, another writes. Written once for TCP and Unix streams.
//!
//! Borrowed halves cost nothing. Owned halves share the stream; the writing one ends its direction
//! when it is dropped, unless [`forget`](self) was asked for, and both together make it whole again.

/// The halves of one stream type.
macro_rules! halves {
    ($stream:ident) => {
        /// The reading half of a borrowed stream.
        #[derive(Debug)]
        pub struct ReadHalf<'a>(pub(super) &'a $stream);

        /// The writing half of a borrowed stream. Dropping it ends nothing.
        #[derive(Debug)]
        pub struct WriteHalf<'a>(pub(super) &'a $stream);

        /// The reading half of a stream.
        #[derive(Debug)]
        pub struct OwnedReadHalf(pub(super) std::sync::Arc<$stream>);

        /// The writing half of a stream. Dropping it ends its direction: the peer reads to the end.
        #[derive(Debug)]
        pub struct OwnedWriteHalf(pub(super) std::sync::Arc<$stream>, pub(super) bool);

        /// Two owned halves that are not of one stream.
        #[derive(Debug)]
        pub struct ReuniteError(
            /// The reading half.
            pub OwnedReadHalf,
            /// The writing half.
            pub OwnedWriteHalf,
        );

        impl std::fmt::Display for ReuniteError {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("the halves are of different streams")
            }
        }

        impl std::error::Error for ReuniteError {}

        impl $stream {
            /// Borrows both directions, for two futures of one task.
            pub fn split(&mut self) -> (ReadHalf<'_>, WriteHalf<'_>) {
                (ReadHalf(self), WriteHalf(self))
            }

            /// Gives each direction to an owner of its own, for two tasks.
            pub fn into_split(self) -> (OwnedReadHalf, OwnedWriteHalf) {
                let stream = std::sync::Arc::new(self);
                (OwnedReadHalf(stream.clone()), OwnedWriteHalf(stream, true))
            }
        }

        $crate::net::halves::half_of!($stream, ReadHalf<'a>);
        $crate::net::halves::half_of!($stream, WriteHalf<'a>);
        $crate::net::halves::half_of!($stream, OwnedReadHalf);
        $crate::net::halves::half_of!($stream, OwnedWriteHalf);

        impl ReadHalf<'_> {
            fn poll_read_with(
                &self,
                cx: &mut std::task::Context<'_>,
                buffers: &mut [std::io::IoSliceMut<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.0.poll_read_with(cx, buffers)
            }
        }

        impl OwnedReadHalf {
            fn poll_read_with(
                &self,
                cx: &mut std::task::Context<'_>,
                buffers: &mut [std::io::IoSliceMut<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.0.poll_read_with(cx, buffers)
            }

            /// Makes the stream whole again.
            ///
            /// # Errors
            ///
            /// [`ReuniteError`], with both halves, if they are not of one stream.
            pub fn reunite(self, write: OwnedWriteHalf) -> Result<$stream, ReuniteError> {
                if !std::sync::Arc::ptr_eq(&self.0, &write.0) {
                    return Err(ReuniteError(self, write));
                }
                write.forget();
                Ok(std::sync::Arc::into_inner(self.0).expect("I: a stream has two owned halves"))
            }
        }

        impl WriteHalf<'_> {
            fn poll_write_with(
                &self,
                cx: &mut std::task::Context<'_>,
                buffers: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.0.poll_write_with(cx, buffers)
            }

            fn close_write(&self) -> std::io::Result<()> {
                self.0.close_write()
            }
        }

        impl OwnedWriteHalf {
            fn poll_write_with(
                &self,
                cx: &mut std::task::Context<'_>,
                buffers: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.0.poll_write_with(cx, buffers)
            }

            fn close_write(&self) -> std::io::Result<()> {
                self.0.close_write()
            }

            /// Drops the half without ending its direction.
            pub fn forget(mut self) {
                self.1 = false;
            }

            /// Makes the stream whole again.
            ///
            /// # Errors
            ///
            /// [`ReuniteError`], with both halves, if they are not of one stream.
            pub fn reunite(self, read: OwnedReadHalf) -> Result<$stream, ReuniteError> {
                read.reunite(self)
            }
        }

        impl Drop for OwnedWriteHalf {
            fn drop(&mut self) {
                if self.1 {
                    // The peer may have closed already: nothing to end then.
                    let _ = self.0.close_write();
                }
            }
        }

        $crate::net::forward_read!(ReadHalf<'a>);
        $crate::net::forward_read!(OwnedReadHalf);
        $crate::net::forward_write!(WriteHalf<'a>);
        $crate::net::forward_write!(OwnedWriteHalf);
    };
}

/// A half gives the stream's shared methods.
macro_rules! half_of {
    ($stream:ident, $half:ident $(<$life:lifetime>)?) => {
        impl $(<$life>)? AsRef<$stream> for $half $(<$life>)? {
            fn as_ref(&self) -> &$stream {
                &self.0
            }
        }
    };
}

pub(crate) use {half_of, halves};
