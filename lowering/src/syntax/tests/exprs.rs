//! Trees of expressions.

use expect_test::expect;

use super::{check_body, check_exprs};

#[test]
fn precedence() {
    check_exprs(
        &[
            "1 + 2 * 3 - 4",
            "a or b and not c == d",
            "a || b && !c",
            "a | b ^ c & d == e < f << g + h * i as int",
            "a ?? b ?? c",
            "a..b + 1",
            "x == 1 ? a : b ? c : d",
            "a xor b",
            "-a.b(c)[d]? as i8",
            "&mut *a.b",
            "&&a",
            "ref mut x",
            "a in xs and b not in ys",
            "e is P.A(x) and e is not B",
            "a >> b >= c",
            "0 < a and a < 9",
            "(1 + 2) * 3",
            "a as int + b as f64",
        ],
        &expect![[r#"
            (- (+ 1 (* 2 3)) 4)
            (or a (and b (== (not c) d)))
            (or a (and b (not c)))
            (| a (^ b (& c (== d (< e (<< f (+ g (* h (as i int)))))))))
            (?? (?? a b) c)
            (.. a (+ b 1))
            (?: (== x 1) a (?: b c d))
            (^ a b)
            (as (- (? (index (call (. a b) c) d))) i8)
            (&mut (* (. a b)))
            (& (& a))
            (&mut x)
            (and (in a xs) (not in b ys))
            (and (is e (arm P/A (payload x))) (is-not e B))
            (>= (>> a b) c)
            (and (< 0 a) (< a 9))
            (* (+ 1 2) 3)
            (+ (as a int) (as b f64))
        "#]],
    );
}

#[test]
fn suspending() {
    check_exprs(
        &[
            "await f()?",
            "await a ?? \"lost\"",
            "await f().g()[0]?.h()?",
            "f().await? + g().await",
            "await (a, b)",
            "await spawn f(1)",
            "spawn move x",
            "1 + await f() * 2",
            "not await done()",
            "await x as int",
            "try await read_all(\"notes.txt\")",
            "try f() ?? 1",
            "spawn_detached(f())",
            "(await ch.recv()) ?? 0",
        ],
        &expect![[r#"
            (? (await (call f)))
            (?? (await a) "lost")
            (? (call (. (? (await (index (call (. (call f) g)) 0))) h)))
            (+ (? (await (call f))) (await (call g)))
            (await (tuple a b))
            (await (spawn (call f 1)))
            (spawn (move x))
            (+ 1 (* (await (call f)) 2))
            (not (await (call done)))
            (as (await x) int)
            (try (await (call read_all "notes.txt")))
            (?? (try (call f)) 1)
            (call spawn_detached (call f))
            (?? (await (call (. ch recv))) 0)
        "#]],
    );
}

#[test]
fn brackets_of_types_and_indices() {
    check_exprs(
        &[
            "channel[int](8)",
            "channel[?int](8)",
            "handlers[i](x)",
            "xs[i].f",
            "Stack[int].new()",
            "Box[int] { value: 3 }",
            "pair<i32>(1, 2)",
            "a<b",
            "f(a < b, c)",
            "Map<K, List<V>>.new()",
            "xs[1:2]",
            "xs[:]",
            "xs[a:b:2]",
            "xs[1..=2]",
            "t.0.1",
            "m[k][l]",
            "sizeof([int; 4])",
            "typeof(x + 1)",
        ],
        &expect![[r#"
            (call (instantiate channel int (or-index int)) 8)
            (call (instantiate channel (? int)) 8)
            (call (instantiate handlers i (or-index i)) x)
            (. (index xs i) f)
            (call (. (instantiate Stack int (or-index int)) new))
            (form-of (instantiate Box int (or-index int)) (: value 3))
            (call (instantiate pair i32) 1 2)
            (< a b)
            (call f (< a b) c)
            (call (. (instantiate Map K (of List V)) new))
            (slice xs 1 2)
            (slice xs _ _)
            (slice xs a b 2)
            (index xs (..= 1 2))
            (. (. t 0) 1)
            (index (index m k) l)
            (query sizeof (array int 4))
            (call typeof (+ x 1))
        "#]],
    );
}

#[test]
fn question_marks() {
    check_exprs(
        &[
            "f()?",
            "f()? + 1",
            "c ? a : b",
            "c ? f()? : g()?",
            "f(a?, b: c?)",
            "c ? { 1 } : { 2 }",
            "[a? - 1, b]",
            "a?.b?.c",
            "c ? -1 : 1",
            "(a ? b : c) ? d : e",
        ],
        &expect![[r#"
            (? (call f))
            (+ (? (call f)) 1)
            (?: c a b)
            (?: c (? (call f)) (? (call g)))
            (call f (? a) (: b (? c)))
            (?: c (block (value 1)) (block (value 2)))
            (list (- (? a) 1) b)
            (. (? (. (? a) b)) c)
            (?: c (- 1) 1)
            (?: (?: a b c) d e)
        "#]],
    );
}

#[test]
fn literals_of_composites() {
    check_exprs(
        &[
            "[]",
            "[1, 2,]",
            "(1,)",
            "(1, \"a\", ())",
            "F {}",
            "F { a: 1, b, ..rest }",
            "a.F { x: 1\n y: 2 }",
            "map { \"a\": 1, \"b\": 2 }",
            "set { 1, 2 }",
            "[x * x for x in xs if x > 1]",
            "f(1, name: 2)",
            "g(match: 1, if: 2)",
            "b\"x\\0\"",
            "'\\u{e9}'",
            "r\"\\n\"",
            "0xff_u8 + 0b101 + 0o17 + 1_000i64",
            "1.5e-3 + 2f32 + 1e9",
            "null ?? true",
        ],
        &expect![[r#"
            (list)
            (list 1 2)
            (tuple 1)
            (tuple 1 "a" ())
            (form-of F)
            (form-of F (: a 1) (: b b) (.. rest))
            (form-of (. a F) (: x 1) (: y 2))
            (map (: "a" 1) (: "b" 2))
            (set-of 1 2)
            (list-for (* x x) x xs (if (> x 1)))
            (call f 1 (: name 2))
            (call g (: match 1) (: if 2))
            b"x\x00"
            'é'
            "\\n"
            (+ (+ (+ 255u8 5) 15) 1000i64)
            (+ (+ 0.0015 2.0f32) 1000000000.0)
            (?? null true)
        "#]],
    );
}

#[test]
fn procedures_as_values() {
    check_exprs(
        &[
            "proc(a: int) -> int { give a }",
            "async proc() { await f() }",
            "|a, b: int| a + b",
            "|| 1",
            "|x| { x }",
            "xs.map(|x| x + 1)",
        ],
        &expect![[r#"
            (proc (param a int) (-> int) (block (give a)))
            (proc async (block (value (await (call f)))))
            (closure (param a) (param b int) (+ a b))
            (closure 1)
            (closure (param x) (block (value x)))
            (call (. xs map) (closure (param x) (+ x 1)))
        "#]],
    );
}

#[test]
fn values_of_blocks() {
    check_body(
        "let a = if c { 1 } elif d { 2 } else if e { 3 } else { 4 }
         let b = match x { case 1 | 2 => \"low\", case n if n > 9 { \"high\" } else => \"mid\" }
         let c = loop { break 3 }
         let d = { f(); 1 }
         let e = pick p { A(x) { x } P.B { 0 } _ { give 1 } }
         let f = unsafe { g() }
         if (F { a: 1 }).a == 1 { 1 } else { 2 }",
        &expect![[r#"
            (proc p
              (block
                (let a
                  (if c (block (value 1)) d (block (value 2)) e (block (value 3)) (else (block (value 4)))))
                (let b
                  (match x
                    (case (| 1 2) (block (value "low")))
                    (case n (if (> n 9)) (block (value "high")))
                    (else (block (value "mid")))))
                (let c (loop (block (break 3))))
                (let d (block (call f) (value 1)))
                (let e
                  (pick p
                    (case (arm A (payload x)) (block (value x)))
                    (case (arm P/B) (block (value 0)))
                    (case _ (block (give 1)))))
                (let f (unsafe (block (value (call g)))))
                (value (if (== (. (form-of F (: a 1)) a) 1) (block (value 1)) (else (block (value 2)))))))
        "#]],
    );
}

#[test]
fn heads_end_at_the_brace() {
    check_body(
        "if x == y { a }
         while f(F { a: 1 }) { b }
         for x in xs { c }
         if (F { a: 1 } == z) { d }
         match x { A { e } B { f } }
         pick state { P.A { 1 }

            P.B { 2 } }
         if a is P.A(x) { x }
         when e is F { a, b: 1 } { a }",
        &expect![[r#"
            (proc p
              (block
                (if (== x y) (block (value a)))
                (while (call f (form-of F (: a 1))) (block (value b)))
                (for x xs (block (value c)))
                (if (== (form-of F (: a 1)) z) (block (value d)))
                (match x (case A (block (value e))) (case B (block (value f))))
                (pick state (case (arm P/A) (block (value 1))) (case (arm P/B) (block (value 2))))
                (if (is a (arm P/A (payload x))) (block (value x)))
                (when e (form F (: a a) (: b 1)) (block (value a)))))
        "#]],
    );
}
