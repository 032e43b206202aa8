//! Values of every type, to Vitte and back.

vitte::vitte! {
    form Point { x: int, y: i8 }
    form Line { from: Point, to: Point, name: string }
    form Tree { value: int, kids: [Tree] }
    form Chain { value: int, next: ?Chain }
    form Pair[A, B] { first: A, second: B }
    pick Colour { Red, Green, Blue }
    pick Shape { Dot, Circle(int), Named(name: string, at: Point) }

    proc scalars(a: bool, b: char, c: i8, d: i16, e: i32, f: int, g: u8, h: u16, i: u32, j: u64, k: usize, l: f32, m: f64) -> (bool, char, i8, i16, i32, int, u8, u16, u32, u64, usize) {
        let _ = (l, m)
        give (not a, b, c, d, e, f, g, h, i, j, k)
    }
    proc floats(l: f32, m: f64) -> (f32, f64) { give (l * 2.0, m / 2.0) }
    proc nothing() { }
    proc text(a: string, b: string) -> string { give a + "·" + b }
    proc numbers(list: [int]) -> [int] { give list + [len(list)] }
    proc words(list: [string]) -> [string] { give list + ["end"] }
    proc nested(list: [[u8]]) -> [[u8]] { give list + [list[0]] }
    proc raw(list: bytes) -> bytes { give list }
    proc pairs(list: [(i8, int)]) -> [(int, i8)] {
        let mut out: [(int, i8)] = []
        for p in list { push(out, (p.1, p.0)) }
        give out
    }
    proc maybe(n: ?int) -> ?string {
        if let_is(n) { give "some" }
        give null
    }
    proc let_is(n: ?int) -> bool { give (n ?? -1) >= 0 }
    proc divide(a: int, b: int) -> Result[int, string] {
        if b == 0 { give Err("by zero") }
        give Ok(a / b)
    }
    proc unwrap_or(r: Result[int, string], other: int) -> int { give r ?? other }
    proc moved(p: Point, by: int) -> Point { give Point { x: p.x + by, y: p.y } }
    proc turned(l: Line) -> Line { give Line { from: l.to, to: l.from, name: l.name + "'" } }
    proc grown(t: Tree) -> Tree { give Tree { value: t.value + 1, kids: t.kids + [t] } }
    proc longer(c: Chain) -> Chain { give Chain { value: 0, next: c } }
    proc swapped(p: Pair[int, string]) -> Pair[string, int] {
        give Pair { first: p.second, second: p.first }
    }
    proc next(c: Colour) -> Colour {
        pick c { Red { give Colour.Green } Green { give Colour.Blue } Blue { give Colour.Red } }
    }
    proc shapes(n: int) -> [Shape] {
        give [Shape.Dot, Shape.Circle(n), Shape.Named("p", Point { x: n, y: 1 })]
    }
    proc area(s: Shape) -> int {
        pick s { Dot { give 0 } Circle(r) { give r * r } Named(_, p) { give p.x } }
    }
    proc itself() -> Chain {
        let c = Chain { value: 1, next: null }
        set c.next = c
        give c
    }
    async proc later(list: [string], p: Point) -> ([string], Point, ?int) {
        await sleep(0)
        give (list, p, null)
    }
    async proc shared() -> (string, string, [Point], [Point]) {
        let s = "a" + to_string(1)
        let l = [Point { x: 1, y: 2 }]
        await sleep(0)
        give (s, s, l, l)
    }
}

#[test]
fn scalars_cross() {
    let least = scalars(true, 'ß', i8::MIN, i16::MIN, i32::MIN, i64::MIN, 0, 0, 0, 0, 0, 0.5, 0.25);
    assert_eq!(least, (false, 'ß', i8::MIN, i16::MIN, i32::MIN, i64::MIN, 0, 0, 0, 0, 0));
    let (max, size) = (u64::MAX, usize::MAX);
    let most = scalars(false, '\0', 0, 0, 0, 0, u8::MAX, u16::MAX, u32::MAX, max, size, 0.5, 0.25);
    assert_eq!(most, (true, '\0', 0, 0, 0, 0, u8::MAX, u16::MAX, u32::MAX, max, size));
    assert_eq!(floats(1.5, f64::INFINITY), (3.0, f64::INFINITY));
    nothing();
}

#[test]
fn texts_and_lists_cross() {
    assert_eq!(text("", String::from("ü")), "·ü");
    assert_eq!(numbers(vec![]), [0]);
    assert_eq!(numbers(vec![7; 1000]).last(), Some(&1000));
    assert_eq!(words(vec!["a".into(), String::new()]), ["a", "", "end"]);
    assert_eq!(nested(vec![vec![1, 2], vec![]]), [vec![1, 2], vec![], vec![1, 2]]);
    assert_eq!(raw(vec![0, 255]), [0, 255]);
    assert_eq!(pairs(vec![(1, -2), (3, -4)]), [(-2, 1), (-4, 3)]);
}

#[test]
fn options_and_results_cross() {
    assert_eq!((maybe(None), maybe(Some(1))), (None, Some("some".into())));
    assert_eq!((divide(7, 2), divide(1, 0)), (Ok(3), Err("by zero".into())));
    assert_eq!((unwrap_or(Ok(1), 2), unwrap_or(Err("x".into()), 2)), (1, 2));
}

#[test]
fn forms_cross_as_structs() {
    assert_eq!(moved(Point { x: 1, y: 2 }, 3), Point { x: 4, y: 2 });
    let (a, b) = (Point { x: 1, y: 2 }, Point { x: 3, y: 4 });
    let line = turned(Line { from: a.clone(), to: b.clone(), name: "l".into() });
    assert_eq!(line, Line { from: b, to: a, name: "l'".into() });
    let tree = grown(grown(Tree { value: 0, kids: vec![] }));
    assert_eq!((tree.value, tree.kids.len(), tree.kids[1].kids[0].value), (2, 2, 0));
    let chain = longer(longer(Chain { value: 5, next: None }));
    assert_eq!(chain.next.and_then(|c| c.next).map(|c| c.value), Some(5));
    assert_eq!(
        swapped(Pair { first: 1, second: "a".into() }),
        Pair { first: "a".into(), second: 1 }
    );
}

#[test]
fn picks_cross_as_enums() {
    assert_eq!([Colour::Red, Colour::Green, Colour::Blue].map(next)[2], Colour::Red);
    let all = shapes(3);
    assert_eq!(all[1], Shape::Circle(3));
    assert_eq!(all[2], Shape::Named("p".into(), Point { x: 3, y: 1 }));
    assert_eq!(all.into_iter().map(area).collect::<Vec<_>>(), [0, 9, 3]);
}

#[test]
fn a_value_that_refers_to_itself_is_refused() {
    let text = crate::panic_text(itself);
    assert!(text.contains("refers to itself"), "{text}");
}

#[test]
fn async_procedures_take_and_give_values_too() {
    let given = vitte::block_on(later(vec!["a".into()], Point { x: 1, y: 2 }));
    assert_eq!(given, (vec!["a".into()], Point { x: 1, y: 2 }, None));
    let (s, t, l, m) = vitte::block_on(shared());
    assert_eq!((s.as_str(), &t, &l), ("a1", &s, &m));
}
