// async fn awaiting_arms(event: Event) -> u64 {
//     let at: u64 = match decode(event) {
//         Event::Key(code) => translate(code).await,
//         Event::Click(x, y) if x > y => locate(x, y).await + 1,
//         other => return report(other).await,
//     };
//     at
// }

fn awaiting_arms(event: Event) -> impl Coroutine<Output = u64> {
    enum __State<T0, F0, F1, F2> {
        Unresumed { event: T0 },
        Await0 { future: Child<F0> },
        Await1 { future: Child<F1> },
        Await2 { future: Child<F2> },
        Returned,
        Poisoned,
    }
    enum __At<T6> {
        State,
        Join0 { out: T6 },
    }
    machine(
        __State::Unresumed { event: event },
        move |state, cx| -> Poll<u64> {
            let mut at = __At::State;
            if let __State::Unresumed { event } = state {
                let event = moved(event);
                vacate(state);
                match decode(event) {
                    Event::Key(code) => {
                        suspend(
                            state,
                            __State::Await0 {
                                future: child(translate(code)),
                            },
                        );
                        at = __At::State;
                    }
                    Event::Click(x, y) if x > y => {
                        suspend(
                            state,
                            __State::Await1 {
                                future: child(locate(x, y)),
                            },
                        );
                        at = __At::State;
                    }
                    other => {
                        suspend(
                            state,
                            __State::Await2 {
                                future: child(report(other)),
                            },
                        );
                        at = __At::State;
                    }
                }
            }
            if let __State::Await0 { future } = state {
                let Ready(value) = resume(future, cx) else {
                    return pending(cx, 0usize);
                };
                vacate(state);
                let out = value;
                at = __At::Join0 { out };
            }
            if let __State::Await1 { future } = state {
                let Ready(value_2) = resume(future, cx) else {
                    return pending(cx, 1usize);
                };
                vacate(state);
                let out = value_2 + 1;
                at = __At::Join0 { out };
            }
            if let __At::Join0 { out } = at {
                let at: u64 = out;
                return Ready(at);
            }
            if let __State::Await2 { future } = state {
                let Ready(value_3) = resume(future, cx) else {
                    return pending(cx, 2usize);
                };
                return Ready(value_3);
            }
            over(state)
        },
    )
}
