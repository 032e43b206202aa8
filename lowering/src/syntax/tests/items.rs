//! Trees of items.

use expect_test::expect;

use super::check;

#[test]
fn modules() {
    check(
        "#![feature(x, y = 1)]
         space demo/fetch
         use std/net
         use a/b.c as d
         use a.b.{X, Y as Z, *}
         use a::b.*
         use .sibling/x
         export *
         export a, b
         export { a, b as c }
         share name, other
         export proc f() {}
         pub const X = 1",
        &expect![[r#"
            (#! feature x (= y 1))
            (space demo/fetch)
            (use std/net)
            (use a/b/c (as d))
            (use a/b (name X) (as Y Z) *)
            (use a/b *)
            (use .sibling/x)
            (export *)
            (export a b)
            (export a (as b c))
            (share name other)
            (with share (proc f (block)))
            (with pub (const X 1))
        "#]],
    );
}

#[test]
fn procedures() {
    check(
        "proc main() -> int { give 0 }
         async proc f[T: A + B, U](a: T, b: string = \"x\", owned c: [U]) -> ?T where U: C { }
         proc g<T>(self, &a: int) {}
         proc h(&mut self) -> stream[int];
         unsafe inline proc i(args: ...int) effects(io, net.tcp) noexcept {}
         extern \"C\" proc j(a: *const u8) -> i32;
         proc operator +(self, other: V) -> V { give self }
         intrinsic k(path: string) -> bool;"
            .replace("&a: int", "a: &int")
            .as_str(),
        &expect![[r#"
            (proc main (-> int) (block (give 0)))
            (proc async f
              (generics (type T (: A B)) U)
              (param a T)
              (param b string (= "x"))
              (param owned c (list U))
              (-> (? T))
              (where (bound U C))
              (block))
            (proc g (generics T) (self) (param a (& int)) (block))
            (proc h (self & mut) (-> (of stream int)))
            (proc unsafe inline i (param ... args int) (effects io net/tcp) (block))
            (proc (extern "C") j (param a (* const u8)) (-> i32))
            (proc operator + (self) (param other V) (-> V) (block (give self)))
            (proc k (param path string) (-> bool))
        "#]],
    );
}

#[test]
fn forms_and_picks() {
    check(
        "form Point[T] where T: Copy { x: T, y: T = 0
            pub mut z: [T; 3]
            proc len(self) -> T { give self.x }
         }
         form Empty {}
         pick Shape: u8 { Dot, Circle(r: f64), case Rect(f64, f64) = 3
            Named { a: int, b: int } }
         pick Ordering { Less Equal Greater }
         type Pair[T] = (T, T)
         opaque type Handle = u64
         trait Show[T]: Base { proc show(self) -> string; type Out: X = int; const N: int = 1 }
         impl Show[int] for Point[int] { proc show(self) -> string { give \"\" } }
         impl[T] Point[T] { }
         extern \"C\" { proc puts(s: string) -> int; type FILE }",
        &expect![[r#"
            (form Point
              (generics T)
              (where (bound T Copy))
              (field x T)
              (field y T (= 0))
              (field pub mut z (array T 3))
              (proc len (self) (-> T) (block (give (. self x)))))
            (form Empty)
            (pick-item Shape
              (: u8)
              (arm Dot)
              (arm Circle (: r f64))
              (arm Rect f64 f64 (= 3))
              (arm Named (: a int) (: b int)))
            (pick-item Ordering (arm Less) (arm Equal) (arm Greater))
            (type Pair (generics T) (tuple T T))
            (opaque-type Handle u64)
            (trait Show
              (generics T)
              (: Base)
              (proc show (self) (-> string))
              (associated-type Out (: X) int)
              (const N (: int) 1))
            (impl
              (trait (of Show int))
              (for (of Point int))
              (proc show (self) (-> string) (block (give ""))))
            (impl (generics T) (for (of Point T)))
            (extern "C" (proc puts (param s string) (-> int)) (associated-type FILE))
        "#]],
    );
}

#[test]
fn types() {
    check(
        "const a: ?[int] = 1
         const b: [int; 2 * N] = 1
         const c: (int, proc(a: int, string) -> bool) = 1
         const d: &'a mut T = 1
         const e: Map<string, List<?int>> = 1
         const f: async proc() -> Task[int] = 1
         const g: *mut u8 = 1
         const h: A | B = 1
         const i: dyn Show + Send = 1
         const j: ??int = 1
         const k: ref mut a.b.F[int] = 1
         const l: Buffer[16] = 1
         const m: () = 1",
        &expect![[r#"
            (const a (: (? (list int))) 1)
            (const b (: (array int (* 2 N))) 1)
            (const c (: (tuple int (proc (: a int) string (-> bool)))) 1)
            (const d (: (& 'a mut T)) 1)
            (const e (: (of Map string (of List (? int)))) 1)
            (const f (: (proc async (-> (of Task int)))) 1)
            (const g (: (* mut u8)) 1)
            (const h (: (| A B)) 1)
            (const i (: (dyn Show Send)) 1)
            (const j (: (? (? int))) 1)
            (const k (: (& mut (of a/b/F int))) 1)
            (const l (: (of Buffer 16)) 1)
            (const m (: (tuple)) 1)
        "#]],
    );
}

#[test]
fn other_items() {
    check(
        "test \"adds\" { assert 1 + 1 == 2 }
         bench \"fast\" { f() }
         static mut COUNT: int = 0
         static_assert(1 == 1, \"one\")
         macro m(item) { anything { goes } here }
         entry main at core/app {}
         #[inline] #[a.b(c = 1, \"d\")] proc f() {}
         class Worker { id: int }
         union U { a: int, b: f64 }",
        &expect![[r#"
            (test "adds" (block (assert (== (+ 1 1) 2))))
            (bench "fast" (block (value (call f))))
            (static mut COUNT (: int) 0)
            (static-assert (== 1 1) "one")
            (meta macro m {…})
            (meta entry main {…})
            (with (# inline) (# a/b (= c 1) "d") (proc f (block)))
            (class Worker (field id int))
            (union U (field a int) (field b f64))
        "#]],
    );
}
