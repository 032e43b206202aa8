// async fn one_await(name: String) -> usize {
//     pause().await;
//     name.len()
// }

fn one_await(name: String) -> impl Coroutine<Output = usize> {
    enum __State<T0, F0> {
        Unresumed { name: T0 },
        Await0 { future: Child<F0>, name: T0 },
        Returned,
        Poisoned,
    }
    static __SITES: [SuspendSite; 1usize] = [
        SuspendSite {
            task: "one_await",
            state: "await0",
            awaitee: "pause()",
            file: "src/lib.rs",
            line: 2u32,
            column: 5u32,
        },
    ];
    impl<T0, F0> States for __State<T0, F0> {
        const TASK: &'static Task = &Task {
            name: "one_await",
            kind: Kind::Explicit,
            sites: &__SITES,
            slots: &["name"],
            live: &[&[0u32]],
        };
        const RETURNED: Self = Self::Returned;
        const POISONED: Self = Self::Poisoned;
        fn number(&self) -> u32 {
            match self {
                Self::Unresumed { .. } => 0,
                Self::Poisoned => 2,
                Self::Await0 { .. } => 3u32,
                _ => 1,
            }
        }
        fn visit(&self, visit: &mut Visit<'_>) {
            match self {
                Self::Await0 { future: _, name } => {
                    visit.slot(0usize, name);
                }
                _ => {}
            }
        }
    }
    machine(
        __State::Unresumed { name: name },
        move |state, cx| -> Poll<usize> {
            if let __State::Unresumed { name } = state {
                let name = moved(name);
                vacate(state, __State::Returned);
                suspend(
                    state,
                    __State::Await0 {
                        future: Child::new(pause()),
                        name,
                    },
                );
            }
            if let __State::Await0 { future, name } = state {
                let Poll::Ready(_) = resume(future, cx, &__SITES[0usize]) else {
                    return Poll::Pending;
                };
                let name = moved(name);
                vacate(state, __State::Returned);
                return Poll::Ready(name.len());
            }
            over(state)
        },
    )
}
