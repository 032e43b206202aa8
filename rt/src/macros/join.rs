//! `join!` and `try_join!`.

/// Awaits several futures at once, in one task; answers a tuple of their outputs.
///
/// Every wake-up of the task polls those that are not ready yet. Dropped before all are ready, it drops
/// the futures and the outputs.
///
/// # Examples
///
/// ```
/// use vitte_rt::{join, task::yield_now};
///
/// vitte_rt::block_on(async {
///     let one = async {
///         yield_now().await;
///         1
///     };
///     assert_eq!(join!(one, async { "two" }), (1, "two"));
///     assert_eq!(join!(), ());
/// });
/// ```
#[macro_export]
macro_rules! join {
    // All futures have a name.
    (@ { $(($name:ident $future:expr))* }) => {{
        $(
            let mut $name = $crate::__support::pin!($crate::__support::MaybeDone::Future(
                $crate::__support::IntoFuture::into_future($future)
            ));
        )*
        $crate::__support::poll_fn(|_cx| {
            let mut _is_done = true;
            $( _is_done &= $name.as_mut().poll_done(_cx); )*
            if _is_done {
                $crate::__support::task::Poll::Ready(())
            } else {
                $crate::__support::task::Poll::Pending
            }
        })
        .await;
        ($( $name.as_mut().take(), )*)
    }};
    (@ { $($named:tt)* } $future:expr $(, $($rest:tt)*)?) => {
        $crate::join!(@ { $($named)* (future $future) } $($($rest)*)?)
    };
    ($($future:expr),* $(,)?) => { $crate::join!(@ {} $($future),*) };
}

/// Awaits several futures of `Result`s at once, in one task; answers a tuple of their values, or the
/// first error.
///
/// At the first error the other futures are dropped. Dropped before it is ready, it drops the futures and
/// the outputs.
///
/// # Examples
///
/// ```
/// use vitte_rt::try_join;
///
/// vitte_rt::block_on(async {
///     let both = try_join!(async { Ok::<_, String>(1) }, async { Ok("two") });
///     assert_eq!(both, Ok((1, "two")));
///     let failed = try_join!(async { "x".parse::<u8>() }, std::future::pending::<Result<(), _>>());
///     assert!(failed.is_err());
/// });
/// ```
#[macro_export]
macro_rules! try_join {
    (@ { $(($name:ident $future:expr))* }) => {{
        $(
            let mut $name = $crate::__support::pin!($crate::__support::MaybeDone::Future(
                $crate::__support::IntoFuture::into_future($future)
            ));
        )*
        let outcome = $crate::__support::poll_fn(|_cx| {
            let mut _is_done = true;
            $(
                match $crate::__support::poll_try($name.as_mut(), _cx) {
                    $crate::__support::Ok(done) => _is_done &= done,
                    $crate::__support::Err(error) => {
                        return $crate::__support::task::Poll::Ready($crate::__support::Err(error));
                    }
                }
            )*
            if _is_done {
                $crate::__support::task::Poll::Ready($crate::__support::Ok(()))
            } else {
                $crate::__support::task::Poll::Pending
            }
        })
        .await;
        match outcome {
            $crate::__support::Ok(()) => $crate::__support::Ok(($(
                match $name.as_mut().take() {
                    $crate::__support::Ok(value) => value,
                    $crate::__support::Err(_) => unreachable!("an error ends it"),
                },
            )*)),
            $crate::__support::Err(error) => $crate::__support::Err(error),
        }
    }};
    (@ { $($named:tt)* } $future:expr $(, $($rest:tt)*)?) => {
        $crate::try_join!(@ { $($named)* (future $future) } $($($rest)*)?)
    };
    ($($future:expr),* $(,)?) => { $crate::try_join!(@ {} $($future),*) };
}
