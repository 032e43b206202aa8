//! The traits of `futures-io` for our streams, written once.

/// Implements `AsyncRead` for a type and its reference by `poll_read_with(&self, cx, buffers)`.
macro_rules! forward_read {
    ($type:ident $(<$life:lifetime>)?) => {
        $crate::net::forward_read!(@one [$($life)?], $type $(<$life>)?);
        $crate::net::forward_read!(@one [$($life)?], &$type $(<$life>)?);
    };
    (@one [$($life:lifetime)?], $type:ty) => {
        impl $(<$life>)? futures_io::AsyncRead for $type {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buffer: &mut [u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.poll_read_with(cx, &mut [std::io::IoSliceMut::new(buffer)])
            }

            fn poll_read_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buffers: &mut [std::io::IoSliceMut<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.poll_read_with(cx, buffers)
            }
        }
    };
}

/// Implements `AsyncWrite` for a type and its reference by `poll_write_with(&self, cx, buffers)` and
/// `close_write(&self)`.
macro_rules! forward_write {
    ($type:ident $(<$life:lifetime>)?) => {
        $crate::net::forward_write!(@one [$($life)?], $type $(<$life>)?);
        $crate::net::forward_write!(@one [$($life)?], &$type $(<$life>)?);
    };
    (@one [$($life:lifetime)?], $type:ty) => {
        impl $(<$life>)? futures_io::AsyncWrite for $type {
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bytes: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.poll_write_with(cx, &[std::io::IoSlice::new(bytes)])
            }

            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buffers: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                self.poll_write_with(cx, buffers)
            }

            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(Ok(()))
            }

            fn poll_close(
                self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(self.close_write())
            }
        }
    };
}

pub(crate) use {forward_read, forward_write};
