//! Programs of several files: which file a `use` means, what it shows, and what is said if there is
//! none.

use super::{Folder, Ran, vitte};

const UTIL: &str = "space demo/util
export twice, Pair
export { half as halved }
form Pair { a: int, b: int }
proc twice(n: int) -> int { give n * 2 }
proc half(n: int) -> int { give n / 2 }
proc hidden() -> int { give 1 }
test \"of the module\" { panic \"its tests are not those of who uses it\" }
";

/// Runs one of some files; its messages without the folder.
fn run(files: &[(&str, &str)], main: &str) -> Ran {
    run_as("run", files, main)
}

fn run_as(command: &str, files: &[(&str, &str)], main: &str) -> Ran {
    let folder = Folder::new();
    for (name, text) in files {
        folder.file(name, text);
    }
    let mut ran = vitte(&[command, &folder.0.join(main).display().to_string()]);
    for text in [&mut ran.out, &mut ran.err] {
        let real = folder.0.canonicalize().unwrap();
        *text = text.replace(&format!("{}/", folder.0.display()), "");
        *text = text.replace(&format!("{}/", real.display()), "");
    }
    ran
}

#[test]
fn a_module_is_found_below_beside_and_from_the_folder_of_its_first_name() {
    let main = "space demo/main
use demo/util
use demo/util.{twice, halved as h}
proc main() -> int {
    let p = util.Pair { a: twice(5), b: h(8) }
    give p.a + p.b + util.twice(1)
}
";
    for (util, main_file) in [
        ("demo/util.vit", "main.vit"),
        ("util.vit", "main.vit"),
        ("demo/util.vit", "demo/main.vit"),
        ("demo/util.vitl", "demo/parts/deep/main.vit"),
    ] {
        let ran = run(&[(util, UTIL), (main_file, main)], main_file);
        assert_eq!((ran.code, ran.err.as_str()), (16, ""), "{util} {main_file}");
    }
}

#[test]
fn modules_use_each_other_even_in_a_circle() {
    let files = [
        ("main.vit", "use odd.{is_odd}\nproc main() -> int { give is_odd(7) as int }\n"),
        (
            "odd.vit",
            "space odd\nuse even.*\nexport *\nproc is_odd(n: int) -> bool { give n != 0 and is_even(n - 1) }\n",
        ),
        (
            "even.vit",
            "space even\nuse odd\nshare is_even\nproc is_even(n: int) -> bool { give n == 0 or odd.is_odd(n - 1) }\n",
        ),
    ];
    let ran = run(&files, "main.vit");
    assert_eq!((ran.code, ran.err.as_str()), (1, ""));
}

#[test]
fn async_procedures_cross_files_and_panics_name_theirs() {
    let files = [
        ("main.vit", "use work\nasync proc main() -> int { give await work.slow(3) }\n"),
        (
            "work.vit",
            "export async proc slow(n: int) -> int {\n    await sleep(n)\n    panic \"there\"\n}\n",
        ),
    ];
    let ran = run(&files, "main.vit");
    assert_eq!(ran.code, 101);
    assert_eq!(ran.err, "error: `main` panicked: there\n  --> work.vit:3:5\n");
}

#[test]
fn a_missing_module_is_told_with_the_files_looked_for() {
    let ran = run(&[("main.vit", "use demo/nothing\nproc main() -> int { give 0 }\n")], "main.vit");
    assert_eq!((ran.code, ran.out.as_str()), (1, ""));
    for part in [
        "error[SEMA_E_UNRESOLVED_USE]: there is no `demo/nothing` to use\n  --> main.vit:1:5",
        "= note: looked for `demo/nothing.vit`, `demo/nothing.vitl`, `nothing.vit`, `nothing.vitl`",
        "error: 1 error\n",
    ] {
        assert!(ran.err.contains(part), "{part}\n{}", ran.err);
    }
}

#[test]
fn what_is_not_exported_cannot_be_used() {
    for text in [
        "use demo/util.{hidden}\nproc main() -> int { give hidden() }\n",
        "use demo/util\nproc main() -> int { give util.hidden() }\n",
        "use demo/util/hidden\nproc main() -> int { give hidden() }\n",
        "use demo/util\nproc main() -> int { let f = util.hidden; give f() }\n",
    ] {
        let ran = run(&[("demo/util.vit", UTIL), ("main.vit", text)], "main.vit");
        assert_eq!(ran.code, 1, "{text}");
        assert!(ran.err.contains("`hidden` is not exported"), "{}", ran.err);
        assert!(ran.err.contains("error: 1 error\n"), "{}", ran.err);
    }
}

#[test]
fn mistakes_in_a_module_are_told_at_their_place() {
    let files = [
        ("main.vit", "use util\nproc main() -> int { give util.f() }\n"),
        ("util.vit", "export *\nproc f() -> int { give \"text\" }\nproc g( { }\n"),
    ];
    let ran = run(&files, "main.vit");
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("--> util.vit:2:24"), "{}", ran.err);
    assert!(ran.err.contains("--> util.vit:3:"), "{}", ran.err);
    let folder = Folder::new();
    std::fs::write(folder.0.join("util.vit"), [0xff]).unwrap();
    let main = folder.file("main.vit", "use util\nproc main() -> int { give 0 }\n");
    let ran = vitte(&["check", &main]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("util.vit`: it is no text in UTF-8"), "{}", ran.err);
}

#[test]
fn tests_of_a_used_module_are_not_run() {
    let main = "use demo/util\ntest \"own\" { assert util.twice(2) == 4, \"four\" }\n";
    let ran = run_as("test", &[("demo/util.vit", UTIL), ("main.vit", main)], "main.vit");
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(ran.out, "test own ... ok\n1 passed, 0 failed, 0 filtered out\n");
}
