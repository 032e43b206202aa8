// async fn question_mark(path: Path) -> Result<u64, Error> {
//     let file = open(path).await?;
//     let (file, n) = read(file).await?;
//     close(file).await?;
//     Ok(n)
// }

fn question_mark(path: Path) -> impl Coroutine<Output = Result<u64, Error>> {
    enum __State<T0, T3, F0, F1, F2> {
        Unresumed { path: T0 },
        Await0 { future: Child<F0> },
        Await1 { future: Child<F1> },
        Await2 { future: Child<F2>, n: T3 },
        Returned,
        Poisoned,
    }
    machine(
        __State::Unresumed { path: path },
        move |state, cx| -> Poll<Result<u64, Error>> {
            if let __State::Unresumed { path } = state {
                let path = moved(path);
                vacate(state);
                suspend(
                    state,
                    __State::Await0 {
                        future: child(open(path)),
                    },
                );
            }
            if let __State::Await0 { future } = state {
                let Ready(value) = resume(future, cx) else {
                    return pending(cx, 0usize);
                };
                let file = (match branch(value) {
                    Continue(value) => value,
                    Break(residual) => return Ready(from_residual(residual)),
                });
                suspend(
                    state,
                    __State::Await1 {
                        future: child(read(file)),
                    },
                );
            }
            if let __State::Await1 { future } = state {
                let Ready(value_2) = resume(future, cx) else {
                    return pending(cx, 1usize);
                };
                let (file_2, n) = (match branch(value_2) {
                    Continue(value) => value,
                    Break(residual) => return Ready(from_residual(residual)),
                });
                suspend(
                    state,
                    __State::Await2 {
                        future: child(close(file_2)),
                        n,
                    },
                );
            }
            if let __State::Await2 { future, n } = state {
                let Ready(value_3) = resume(future, cx) else {
                    return pending(cx, 2usize);
                };
                let n = moved(n);
                (match branch(value_3) {
                    Continue(value) => value,
                    Break(residual) => return Ready(from_residual(residual)),
                });
                return Ready(Ok(n));
            }
            over(state)
        },
    )
}
