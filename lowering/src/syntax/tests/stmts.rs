//! Trees of statements, and where they end.

use expect_test::expect;

use super::check_body;

#[test]
fn statements() {
    check_body(
        "let x = 1; let mut y: ?int = null
         let (a, _) = (1, 2)
         set x = 2
         set xs[0].f += 1
         set (a, b) = (b, a)
         set i: usize = 0
         x = 3; y <<= 1
         set y >>= 2
         give
         emit x
         assert x == 1, \"one\"
         assert(x == 1, \"one\")
         panic \"no\"
         unreachable
         critical { x }
         unsafe { y }
         defer { close() }
         const N: int = 3
         proc inner() -> int { give N }
         try f()
         f()",
        &expect![[r#"
            (proc p
              (block
                (let x 1)
                (let mut y (: (? int)) null)
                (let (tuple a _) (tuple 1 2))
                (set x 2)
                (set += (. (index xs 0) f) 1)
                (set (tuple a b) (tuple b a))
                (let mut i (: usize) 0)
                (set x 3)
                (set <<= y 1)
                (set >>= y 2)
                (give)
                (emit x)
                (assert (== x 1) "one")
                (assert (== x 1) "one")
                (panic "no")
                (unreachable)
                (critical (block (value x)))
                (unsafe (block (value y)))
                (defer (block (value (call close))))
                (const N (: int) 3)
                (proc inner (-> int) (block (give N)))
                (try (call f))
                (value (call f))))
        "#]],
    );
}

#[test]
fn loops() {
    check_body(
        "while a { break }
         loop { continue }
         for i in 0..=9 { f(i) }
         for (k, v) in m { break k }
         for await n in primes(100) { println(n) }
         for i = 0; i < 3; i = i + 1 { f(i) }
         for (let mut j = 0; j < 3; j += 1) { f(j) }",
        &expect![[r#"
            (proc p
              (block
                (while a (block (break)))
                (loop (block (continue)))
                (for i (..= 0 9) (block (value (call f i))))
                (for (tuple k v) m (block (break k)))
                (for await n (call primes 100) (block (value (call println n))))
                (for-c (set i 0) (< i 3) (set i (+ i 1)) (block (value (call f i))))
                (for-c (let mut j 0) (< j 3) (set += j 1) (block (value (call f j))))))
        "#]],
    );
}

#[test]
fn selects_and_scopes() {
    check_body(
        "select {
            when v = ch.recv() { println(v ?? -1); }
            when _ = sleep(100) { println(\"late\"); }
            when done() => give 1
            else { println(\"nothing ready\"); }
         }
         select e { when 0 { a } when Some(v) if v > 1 { b } else { c } }
         with task_scope() as s { s.spawn(fetch(3)); s.spawn(fetch(4)); }
         with pair { x }
         when e is P.A(x) { x } else { y }",
        &expect![[r#"
            (proc p
              (block
                (select
                  (when (= v) (call (. ch recv)) (block (call println (?? v (- 1)))))
                  (when (= _) (call sleep 100) (block (call println "late")))
                  (when (call done) (block (give 1)))
                  (else (block (call println "nothing ready"))))
                (switch e
                  (when 0 (block (value a)))
                  (when (arm Some (payload v)) (if (> v 1)) (block (value b)))
                  (else (block (value c))))
                (with
                  (call task_scope)
                  (as s)
                  (block (call (. s spawn) (call fetch 3)) (call (. s spawn) (call fetch 4))))
                (with pair (block (value x)))
                (when e (arm P/A (payload x)) (block (value x)) (else (block (value y))))))
        "#]],
    );
}

#[test]
fn lines_end_statements() {
    check_body(
        "let a = b
         -c
         *d = 1
         (e)
         [f]
         let g = h
           + i
           - j
           and k
           ?? l
         m
           .n()
           .o
         let p = q ?
           r
         let s = cond
           ? 1
           : 2
         t(
           u
           , v)
         give
           w + x",
        &expect![[r#"
            (proc p
              (block
                (let a b)
                (- c)
                (set (* d) 1)
                e
                (list f)
                (let g (?? (and (- (+ h i) j) k) l))
                (. (call (. m n)) o)
                (let p (? q))
                r
                (let s (?: cond 1 2))
                (call t u v)
                (give (+ w x))))
        "#]],
    );
}

#[test]
fn keywords_are_names_where_nothing_else_fits() {
    check_body(
        "let set = 1
         set = 2
         let match = set.pick
         loop.if = match + select
         f(give: 1, spawn: 2)
         emit.await()
         let when = F { let: 1, for: 2 }
         state.test = share
         set(1)
         form.export(use)",
        &expect![[r#"
            (proc p
              (block
                (let set 1)
                (set set 2)
                (let match (. set pick))
                (set (. loop if) (+ match select))
                (call f (: give 1) (: spawn 2))
                (call (. emit await))
                (let when (form-of F (: let 1) (: for 2)))
                (set (. state test) share)
                (call set 1)
                (value (call (. form export) use))))
        "#]],
    );
}

#[test]
fn patterns() {
    check_body(
        "match x {
            case _ {}
            case 1 | -2 | \"s\" | 'c' | null | true {}
            case 1..5 | 'a'..='z' {}
            case mut n {}
            case ref m {}
            case P.A(x, Q.B(_)) {}
            case a::B {}
            case F { a, b: 1, .. } => 1
            case (a, b) => 2
            case (a) {}
            case [first, .., last] {}
            case [a, ..rest] {}
         }",
        &expect![[r#"
            (proc p
              (block
                (value
                  (match x
                    (case _ (block))
                    (case (| 1 (- 2) "s" 'c' null true) (block))
                    (case (| (.. 1 5) (..= 'a' 'z')) (block))
                    (case (bind mut n) (block))
                    (case (bind ref m) (block))
                    (case (arm P/A (payload x (arm Q/B (payload _)))) (block))
                    (case (arm a/B) (block))
                    (case (form F (: a a) (: b 1) ..) (block (value 1)))
                    (case (tuple a b) (block (value 2)))
                    (case a (block))
                    (case (list first .. last) (block))
                    (case (list a (.. rest)) (block))))))
        "#]],
    );
}
