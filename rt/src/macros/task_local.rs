//! `task_local!`.

/// Declares values that belong to the task that runs, and are there while a scope that set them does.
///
/// Each becomes a [`LocalKey`](crate::task::LocalKey).
///
/// # Examples
///
/// ```
/// vitte_rt::task_local! {
///     /// Who asked.
///     static USER: String;
///     static DEPTH: u32;
/// }
///
/// async fn greet() -> String {
///     vitte_rt::task::yield_now().await; // other tasks with their own user may run meanwhile
///     USER.with(|user| format!("Hello, {user}"))
/// }
///
/// vitte_rt::block_on(async {
///     let text = USER.scope("Ada".into(), DEPTH.scope(1, greet())).await;
///     assert_eq!(text, "Hello, Ada");
///     assert!(USER.try_with(|_| ()).is_err());
/// });
/// ```
#[macro_export]
macro_rules! task_local {
    () => {};
    ($(#[$meta:meta])* $vis:vis static $name:ident: $t:ty $(; $($rest:tt)*)?) => {
        $(#[$meta])*
        $vis static $name: $crate::task::LocalKey<$t> = {
            ::std::thread_local! {
                static VALUE: ::std::cell::RefCell<$crate::__support::Option<$t>> =
                    const { ::std::cell::RefCell::new($crate::__support::None) };
            }
            $crate::task::LocalKey::__new(&VALUE)
        };
        $($crate::task_local!($($rest)*);)?
    };
}
