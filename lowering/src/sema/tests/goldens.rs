//! Goldens: the HIR of programs, and what is said about the wrong example of every key.

use super::{check_text, good};
use expect_test::{Expect, expect, expect_file};
use std::fmt::Write as _;

fn hir(text: &str, expect: &Expect) {
    expect.assert_eq(&crate::sema::print(&good(text)));
}

#[test]
fn what_is_said_about_each_wrong_example() {
    let mut out = String::new();
    for code in crate::diagnostics::codes::all() {
        if ["SEMA_E_", "TYPECK_E_", "BORROWCK_E_", "HIRASYNC"]
            .iter()
            .any(|area| code.key.starts_with(area))
        {
            let _ = writeln!(out, "{}", check_text(code.bad).2);
        }
    }
    expect_file!["codes.txt"].assert_eq(&out);
}

#[test]
fn arm_without_its_pick_is_told_whose_it_is() {
    let said = check_text("pick Shape { Dot, Line(int) }\nproc main() { let s = Line(3) }").2;
    assert!(said.contains("help: an arm is named with its pick: `Shape.Line`"), "{said}");
}

#[test]
fn what_is_sugar_is_gone() {
    hir(
        r#"
proc half(n: int) -> ?int { n % 2 == 0 ? n / 2 : null }
proc quarter(n: int) -> ?int { half(half(n)?) }
proc check(a: bool, b: ?int) -> int {
    if a and b is Some(_) { give 1 }
    assert a or not a, "logic";
    let mut xs = [1];
    set xs = xs + [b ?? 0];
    set xs += xs;
    when b is 3 { println(xs[0]) }
    for let mut i = 0; i < 3; i += 1 { continue }
    let (p, q) = (xs, wrapping_add(1, 2));
    give p.len() + q
}
"#,
        &expect![[r#"
            proc half(%0 n: int) -> ?int = {
                if ((%0 n % 2) == 0) then Some((%0 n / 2)) else None
            }

            proc quarter(%0 n: int) -> ?int = {
                half(try half(%0 n) {
                    Some(%1 <value>: int) => %1 <value>
                    _ => give None
                })
            }

            proc check(%0 a: bool, %1 b: ?int) -> int = {
                if if %0 a then is %1 b {
                    Some(_) => true
                    _ => false
                } else false then {
                    give 1;
                };
                if if %0 a then true else not(%0 a) then () else assert("logic");
                let %2 xs: [int] assigned = [1];
                append %2 xs [coalesce %1 b {
                    Some(%3 <value>: int) => %3 <value>
                    _ => 0
                }];
                append %2 xs all %2 xs;
                when %1 b {
                    Some(3) => {
                        @Println(@ToString(%2 xs[0]));
                    }
                    _ => ()
                };
                {
                    let %4 i: int assigned = 0;
                    loop0 while (%4 i < 3) {
                        continue loop0;
                    } step %4 i += 1
                };
                let (%5 p: [int], %6 q: int) = (%2 xs, (1 wrapping+ 2));
                give (@Len(%5 p) + %6 q);
            }
        "#]],
    );
}

#[test]
fn awaits_say_what_is_awaited() {
    hir(
        r#"
async proc one[T](x: T) -> T { give x }
async proc count(n: int) -> stream[int] { for i in 0..n { emit i } }
async proc main() -> int {
    let f = one(1);
    let t = spawn one("x");
    let ch = channel[?int](2);
    await ch.send(null);
    let (a, b) = await (f, t);
    println(b ?? "lost");
    for await n in count(3) { println(n) }
    with task_scope() as s { s.spawn(one(2)); }
    select {
        when v = ch.recv() { println(v is None) }
        when r = timeout(5, one(a)) { println(r ?? 0) }
    }
    give 0
}
"#,
        &expect![[r#"
            async proc one[T](%0 x: T) -> T = {
                give %0 x;
            }

            async proc count(%0 n: int) -> stream[int] = {
                loop0 for %1 i: int in 0..%0 n {
                    emit (%1 i);
                };
            }

            async proc main() -> int = {
                let %0 f: Future[int] of one[int] = cold one[int](1);
                let %1 t: Task[string] = spawn one[string]("x");
                let %2 ch: Channel[?int] = @ChannelNew(2);
                await op Send(%2 ch, None);
                let (%3 a: int, %4 b: Result[string, TaskError]) = await join (future move %0 f, task %1 t);
                @Println(coalesce %4 b {
                    Ok(%5 <value>: string) => %5 <value>
                    _ => "lost"
                });
                loop0 for await stream %6 n: int in cold count(3) {
                    @Println(@ToString(%6 n));
                };
                scope %7 s: TaskScope {
                    spawn in (%7 s) one[int](2);
                };
                select {
                    op Recv(%2 ch) -> %8 v: ??int => {
                        @Println(@ToString(is %8 v {
                            None => true
                            _ => false
                        }));
                    }
                    timeout(5, one[int](%3 a)) -> %9 r: Result[int, Timeout] => {
                        @Println(@ToString(coalesce %9 r {
                            Ok(%10 <value>: int) => %10 <value>
                            _ => 0
                        }));
                    }
                };
                give 0;
            }
        "#]],
    );
}
