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
                vacate(state, __State::Returned);
                match decode(event) {
                    Event::Key(code) => {
                        suspend(
                            state,
                            __State::Await0 {
                                future: Child::new(translate(code)),
                            },
                        );
                        at = __At::State;
                    }
                    Event::Click(x, y) if x > y => {
                        suspend(
                            state,
                            __State::Await1 {
                                future: Child::new(locate(x, y)),
                            },
                        );
                        at = __At::State;
                    }
                    other => {
                        suspend(
                            state,
                            __State::Await2 {
                                future: Child::new(report(other)),
                            },
                        );
                        at = __At::State;
                    }
                }
            }
            if let __State::Await0 { future } = state {
                let Poll::Ready(value) = resume(future, cx) else {
                    return pending(cx, &__SITES[0usize]);
                };
                vacate(state, __State::Returned);
                let out = value;
                at = __At::Join0 { out };
            }
            if let __State::Await1 { future } = state {
                let Poll::Ready(value_2) = resume(future, cx) else {
                    return pending(cx, &__SITES[1usize]);
                };
                vacate(state, __State::Returned);
                let out = value_2 + 1;
                at = __At::Join0 { out };
            }
            if let __At::Join0 { out } = at {
                let at: u64 = out;
                return Poll::Ready(at);
            }
            if let __State::Await2 { future } = state {
                let Poll::Ready(value_3) = resume(future, cx) else {
                    return pending(cx, &__SITES[2usize]);
                };
                vacate(state, __State::Returned);
                return Poll::Ready(value_3);
            }
            over(state)
        },
    )
}
