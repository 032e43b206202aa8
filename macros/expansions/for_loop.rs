// async fn for_loop(jobs: Vec<Job>) {
//     for job in jobs {
//         run(job).await;
//     }
// }

fn for_loop(jobs: Vec<Job>) -> impl Coroutine<Output = ()> {
    enum __State<T0, T2, F0> {
        Unresumed { jobs: T0 },
        Await0 { future: Child<F0>, iter: T2 },
        Returned,
        Poisoned,
    }
    enum __At {
        State,
        Join0 {},
    }
    machine(
        __State::Unresumed { jobs: jobs },
        move |state, cx| -> Poll<()> {
            let mut at = __At::State;
            loop {
                if let __State::Unresumed { jobs } = state {
                    let jobs = moved(jobs);
                    vacate(state);
                    let mut iter = IntoIterator::into_iter(jobs);
                    enter(
                        state,
                        cx,
                        __State::Await0 {
                            future: empty(),
                            iter,
                        },
                    );
                    at = __At::Join0 {};
                }
                if let __At::Join0 {} = at {
                    let __State::Await0 { iter, .. } = state else { over(state) };
                    match Iterator::next(&mut (*iter)) {
                        Some(job) => {
                            let next = child(run(job));
                            let __State::Await0 { future, .. } = state else {
                                over(state)
                            };
                            restart(future, cx, next);
                            at = __At::State;
                        }
                        None => {
                            let __State::Await0 { iter, .. } = state else {
                                over(state)
                            };
                            let mut iter = moved(iter);
                            leave(state, cx);
                            end(iter);
                            return Ready(());
                        }
                    }
                }
                if let __State::Await0 { future, iter } = state {
                    let Ready(_) = resume_in_place(future, cx) else {
                        return pending(cx, 0usize);
                    };
                    at = __At::Join0 {};
                    continue;
                }
                over(state)
            }
        },
    )
}
