//! Frames of the explicit class beside rustc's. Sizes are exact: they are the same on every run.

use crate::pairs::ALL;

fn sizes() -> Vec<(&'static str, usize, usize)> {
    ALL.iter().map(|p| (p.name, (p.native.size)(), (p.task.size)())).collect()
}

fn table() -> String {
    let line = |(name, rustc, ours): &(&str, usize, usize)| format!("{name}: {rustc} {ours}\n");
    sizes().iter().map(line).collect::<Vec<_>>().concat()
}

#[test]
fn every_function_of_the_pairs_is_explicit() {
    assert!(ALL.len() >= 20, "{}", ALL.len());
    let native: Vec<_> = ALL.iter().filter(|p| (p.kind)() != "explicit").map(|p| p.name).collect();
    assert!(native.is_empty(), "{native:?}");
}

#[test]
fn both_machines_give_the_same_after_as_many_polls() {
    for pair in ALL {
        assert_eq!((pair.native.run)(), (pair.task.run)(), "{}", pair.name);
    }
}

#[test]
fn no_frame_is_larger_than_that_of_rustc_by_more_than_a_word() {
    for (name, rustc, ours) in sizes() {
        assert!(ours <= rustc + size_of::<usize>(), "{name}: {ours}, rustc {rustc}");
    }
}

#[test]
fn the_median_frame_is_three_quarters_of_that_of_rustc() {
    let percent = |(_, rustc, ours): &(&str, usize, usize)| (100 * ours).div_ceil(*rustc);
    let mut ratios: Vec<usize> = sizes().iter().map(percent).collect();
    ratios.sort_unstable();
    assert!(ratios[ratios.len() / 2] <= 75, "{ratios:?}\n{}", table());
}
