//! An argument of a type of one's own is taken apart by a `match` whose arms await.

enum Shape {
    Circle(String),
    Square { side: u64 },
    Nothing,
}

async fn turn() {
    vitte::task::yield_now().await;
}

#[vitte::task(explicit)]
async fn area(shape: Shape) -> u64 {
    match shape {
        Shape::Circle(name) if name.is_empty() => 0,
        Shape::Circle(name) => {
            turn().await;
            name.len() as u64
        }
        Shape::Square { side } => {
            turn().await;
            side * side
        }
        Shape::Nothing => 1,
    }
}

#[vitte::main]
async fn main() {
    assert_eq!(area(Shape::Circle("three".into())).await, 5);
    assert_eq!(area(Shape::Square { side: 3 }).await, 9);
    assert_eq!(area(Shape::Nothing).await, 1);
}
