// async fn straight_line(id: u64) -> Page {
//     let user = load(id).await;
//     let posts = posts_of(user).await;
//     render(posts, id).await
// }

fn straight_line(id: u64) -> impl Coroutine<Output = Page> {
    enum __State<T0, F0, F1, F2> {
        Unresumed { id: T0 },
        Await0 { future: Child<F0>, id: T0 },
        Await1 { future: Child<F1>, id: T0 },
        Await2 { future: Child<F2> },
        Returned,
        Poisoned,
    }
    machine(
        __State::Unresumed { id: id },
        move |state, cx| -> Poll<Page> {
            if let __State::Unresumed { id } = state {
                let id = *id;
                vacate(state);
                suspend(
                    state,
                    __State::Await0 {
                        future: child(load(id)),
                        id,
                    },
                );
            }
            if let __State::Await0 { future, id } = state {
                let Ready(value) = resume(future, cx) else {
                    return pending(cx, 0usize);
                };
                let id = *id;
                let user = value;
                suspend(
                    state,
                    __State::Await1 {
                        future: child(posts_of(user)),
                        id,
                    },
                );
            }
            if let __State::Await1 { future, id } = state {
                let Ready(value_2) = resume(future, cx) else {
                    return pending(cx, 1usize);
                };
                let id = *id;
                let posts = value_2;
                suspend(
                    state,
                    __State::Await2 {
                        future: child(render(posts, id)),
                    },
                );
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
