// async fn method(&mut self, n: usize) -> bool {
//     self.reserve(n);
//     let old = replace(n).await;
//     self.len() > old
// }

fn method(&mut self, n: usize) -> impl Coroutine<Output = bool> {
    enum __State<T0, T1, F0> {
        Unresumed { this: T0, n: T1 },
        Await0 { future: Child<F0>, this: T0 },
        Returned,
        Poisoned,
    }
    machine(
        __State::Unresumed {
            this: self,
            n: n,
        },
        move |state, cx| -> Poll<bool> {
            if let __State::Unresumed { this, n } = state {
                let this = moved(this);
                let n = *n;
                vacate(state);
                this.reserve(n);
                suspend(
                    state,
                    __State::Await0 {
                        future: child(replace(n)),
                        this,
                    },
                );
            }
            if let __State::Await0 { future, this } = state {
                let Ready(value) = resume(future, cx) else {
                    return pending(cx, 0usize);
                };
                let this = moved(this);
                let old = value;
                return Ready(this.len() > old);
            }
            over(state)
        },
    )
}
