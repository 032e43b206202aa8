//! The rules of the language, by test blocks in Vitte: on a real thread and under several seeds.

use super::vitte;

fn check(name: &str) {
    let file = format!("tests/semantics/{name}.vit");
    for how in [&[][..], &["--seeds", "5"]] {
        let ran = vitte(&[&["test", &file], how].concat());
        assert_eq!(ran.code, 0, "{name} {how:?}\n{}{}", ran.out, ran.err);
        assert!(!ran.out.starts_with("0 passed"), "{name} has no tests");
    }
}

macro_rules! files {
    ($($test:ident = $name:literal;)*) => {$(
        #[test]
        fn $test() {
            check($name);
        }
    )*};
}

files! {
    values_are_copied_shared_or_counted = "01_values";
    tasks_are_islands = "02_islands";
    calls_are_cold_and_awaits_run_them = "03_futures";
    tasks_are_structured_and_cancelled_in_order = "04_tasks";
    channels_lose_nothing = "05_channels";
    expressions_are_evaluated_left_to_right = "06_expressions";
    scopes_and_cancels_end_tasks_in_order = "07_ends";
    every_kind_of_panic_ends_its_task_after_cleanup = "08_panics";
    defers_run_on_every_exit = "09_defers";
    the_other_rules_hold = "10_rules";
}
