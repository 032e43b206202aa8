//! `select!`.

/// Awaits several futures at once, in one task, and goes on with the first that is ready; the others are
/// dropped.
///
/// ```text
/// select! {
///     biased;                                     // optional
///     pattern = future, if condition => handler,  // `, if condition` is optional
///     …
///     else => handler                             // optional
/// }
/// ```
///
/// Futures are made in the order they are written, and dropped before the handler runs. A branch whose
/// condition is false is not polled. A branch whose output does not match its pattern is out, and the
/// others go on; `else` is taken when all are out. Handlers may `break`, `return`, `?` and await.
///
/// Each poll begins with another branch, by the runtime's chooser (seeded runs repeat it); with `biased;`
/// with the first.
///
/// Dropping the futures that lose is the caller's business to think about: the table in
/// [`sync`](crate::sync) says what that loses, for the futures of this crate nothing.
///
/// # Panics
///
/// When all branches are out and there is no `else`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use vitte_rt::{channel::mpsc, select, time::sleep};
///
/// vitte_rt::block_on(async {
///     let (tx, mut rx) = mpsc::channel(1);
///     vitte_rt::spawn(async move {
///         for n in 0..3 {
///             tx.send(n).await.unwrap();
///         }
///     });
///     let mut sum = 0;
///     loop {
///         select! {
///             Some(n) = rx.recv() => sum += n,
///             () = sleep(Duration::from_secs(5)) => panic!("too slow"),
///             else => break,
///         }
///         # if sum == 3 { break }
///     }
///     assert_eq!(sum, 3);
/// });
/// ```
#[macro_export]
macro_rules! select {
    // All branches are read: `name`s are those of one branch, one hygiene each.
    (# $start:expr;
        { $(($future:ident $output:ident $is_in:ident $number:ident)
            ($pattern:pat) ($made:expr) ($condition:expr) ($handler:expr))+ }
        $otherwise:expr
    ) => {{
        $( let mut $output = $crate::__support::None; )+
        {
            let mut n_branches = 0u32;
            $(
                let mut $is_in: bool = $condition;
                let $number = n_branches;
                n_branches += 1;
            )+
            $(
                let mut $future =
                    $crate::__support::pin!($crate::__support::IntoFuture::into_future($made));
            )+
            $crate::__support::poll_fn(|cx| {
                let first: u32 = $start(n_branches);
                let mut waits = false;
                for step in 0..n_branches {
                    let branch = (first + step) % n_branches;
                    $(
                        if branch == $number && $is_in {
                            match $crate::__support::Future::poll($future.as_mut(), cx) {
                                $crate::__support::task::Poll::Pending => waits = true,
                                $crate::__support::task::Poll::Ready(output) => {
                                    $is_in = false;
                                    // The guard binds by reference and says no: nothing is moved.
                                    let mut fits = false;
                                    #[allow(unused, unreachable_patterns, clippy::all, clippy::pedantic)]
                                    match output {
                                        $pattern if { fits = true; false } => unreachable!(),
                                        _ => {}
                                    }
                                    if fits {
                                        $output = $crate::__support::Some(output);
                                        return $crate::__support::task::Poll::Ready(());
                                    }
                                }
                            }
                        }
                    )+
                }
                if waits {
                    $crate::__support::task::Poll::Pending
                } else {
                    $crate::__support::task::Poll::Ready(())
                }
            })
            .await;
        } // the futures are dropped here
        #[allow(unreachable_patterns, clippy::all, clippy::pedantic)]
        {
            $(
                if let $crate::__support::Some(output) = $output {
                    match output {
                        $pattern => $handler,
                        _ => unreachable!("the pattern was tried"),
                    }
                } else
            )+ { $otherwise }
        }
    }};

    // The end, with and without `else`.
    (@ $start:expr; { $($read:tt)* } else => $otherwise:expr $(,)?) => {
        $crate::select!(# $start; { $($read)* } $otherwise)
    };
    (@ $start:expr; { $($read:tt)+ }) => {
        $crate::select!(# $start; { $($read)+ }
            panic!("all branches are disabled and there is no else branch"))
    };

    // A branch. A block needs no comma behind it.
    (@ $start:expr; { $($read:tt)* }
        $p:pat = $f:expr, if $c:expr => $h:block, $($rest:tt)*) => {
        $crate::select!(@ $start; { $($read)*
            (future output is_in number) ($p) ($f) ($c) ($h) } $($rest)*)
    };
    (@ $start:expr; { $($read:tt)* }
        $p:pat = $f:expr, if $c:expr => $h:block $($rest:tt)*) => {
        $crate::select!(@ $start; { $($read)*
            (future output is_in number) ($p) ($f) ($c) ($h) } $($rest)*)
    };
    (@ $start:expr; { $($read:tt)* }
        $p:pat = $f:expr, if $c:expr => $h:expr, $($rest:tt)*) => {
        $crate::select!(@ $start; { $($read)*
            (future output is_in number) ($p) ($f) ($c) ($h) } $($rest)*)
    };
    (@ $start:expr; { $($read:tt)* }
        $p:pat = $f:expr, if $c:expr => $h:expr) => {
        $crate::select!(@ $start; { $($read)* (future output is_in number) ($p) ($f) ($c) ($h) })
    };
    (@ $start:expr; { $($read:tt)* }
        $p:pat = $f:expr => $h:block, $($rest:tt)*) => {
        $crate::select!(@ $start; { $($read)*
            (future output is_in number) ($p) ($f) (true) ($h) } $($rest)*)
    };
    (@ $start:expr; { $($read:tt)* }
        $p:pat = $f:expr => $h:block $($rest:tt)*) => {
        $crate::select!(@ $start; { $($read)*
            (future output is_in number) ($p) ($f) (true) ($h) } $($rest)*)
    };
    (@ $start:expr; { $($read:tt)* }
        $p:pat = $f:expr => $h:expr, $($rest:tt)*) => {
        $crate::select!(@ $start; { $($read)*
            (future output is_in number) ($p) ($f) (true) ($h) } $($rest)*)
    };
    (@ $start:expr; { $($read:tt)* }
        $p:pat = $f:expr => $h:expr) => {
        $crate::select!(@ $start; { $($read)* (future output is_in number) ($p) ($f) (true) ($h) })
    };

    () => {
        compile_error!("select! needs at least one branch")
    };
    (biased; $($branches:tt)+) => { $crate::select!(@ |_: u32| 0u32; {} $($branches)+) };
    (else => $otherwise:expr $(,)?) => { $otherwise };
    ($($branches:tt)+) => { $crate::select!(@ $crate::__support::first_branch; {} $($branches)+) };
}
