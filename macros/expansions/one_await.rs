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
    static __TASK: Task = Task {
        name: "one_await",
        kind: Kind::Explicit,
        sites: &__SITES,
        slots: &["name"],
        live: &[&[0u32]],
    };
    impl<T0, F0> States for __State<T0, F0> {
        fn over(poisoned: bool) -> Self {
            if poisoned { Self::Poisoned } else { Self::Returned }
        }
        fn look(&self, visit: &mut Visit<'_>) -> (&'static Task, u32) {
            (
                &__TASK,
                match self {
                    Self::Unresumed { .. } => 0,
                    Self::Returned => 1,
                    Self::Poisoned => 2,
                    Self::Await0 { future: _, name } => {
                        visit.slot(0usize, name);
                        3u32
                    }
                },
            )
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
                let Poll::Ready(_) = resume(future, cx) else {
                    return pending(cx, &__SITES[0usize]);
                };
                let name = moved(name);
                vacate(state, __State::Returned);
                return Poll::Ready(name.len());
            }
            over(state)
        },
    )
}
