// async fn one_await(name: String) -> usize {
//     pause().await;
//     name.len()
// }

fn one_await(name: String) -> impl Coroutine<Output = usize> {
    use ::vitte::__private as __vitte;
    enum __State<T0, F0> {
        Unresumed { name: T0 },
        Await0 { future: Child<F0>, name: T0 },
        Returned,
        Poisoned,
    }
    impl<T0, F0> States for __State<T0, F0> {
        const TASK: &'static Task = &Task {
            name: "one_await",
            sites: &sites::<
                1,
            >("one_await", "await0\tsrc/lib.rs\t2\t5\tpause()\t"),
            kept: "name",
        };
        fn over(poisoned: bool) -> Self {
            if poisoned { Self::Poisoned } else { Self::Returned }
        }
        fn look(&self, __visit: &mut Visit<'_>) -> u32 {
            match self {
                Self::Unresumed { .. } => 0,
                Self::Returned => 1,
                Self::Poisoned => 2,
                Self::Await0 { future: _, name } => __visit.state(0, (name, ())),
            }
        }
    }
    machine(
        __State::Unresumed { name: name },
        move |state, cx| -> Poll<usize> {
            if let __State::Unresumed { name } = state {
                let name = moved(name);
                vacate(state);
                suspend(
                    state,
                    __State::Await0 {
                        future: child(pause()),
                        name,
                    },
                );
            }
            if let __State::Await0 { future, name } = state {
                let Ready(_) = resume(future, cx) else {
                    return pending(cx, 0usize);
                };
                let name = moved(name);
                return Ready(name.len());
            }
            over(state)
        },
    )
}
