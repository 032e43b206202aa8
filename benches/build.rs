//! Compiles the C++ peer where there is a g++; `has_gxx` says whether.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rustc-check-cfg=cfg(has_gxx)");
    println!("cargo::rerun-if-changed=cpp/coroutines.cpp");
    let out = std::env::var("OUT_DIR").expect("cargo sets OUT_DIR");
    let object = Path::new(&out).join("coroutines.o");
    let library = Path::new(&out).join("libcoroutines.a");
    let compiled = Command::new("g++")
        .args(["-O3", "-std=c++20", "-fno-exceptions", "-c", "cpp/coroutines.cpp", "-o"])
        .arg(&object)
        .status();
    let archived = || Command::new("ar").arg("crs").arg(&library).arg(&object).status();
    let fine =
        |status: std::io::Result<std::process::ExitStatus>| status.is_ok_and(|s| s.success());
    if fine(compiled) && fine(archived()) {
        println!("cargo::rustc-cfg=has_gxx");
        println!("cargo::rustc-link-search=native={out}");
        println!("cargo::rustc-link-lib=static=coroutines");
        println!("cargo::rustc-link-lib=stdc++");
    } else {
        println!("cargo::warning=g++ with C++20 is missing: the C++ peer is left out");
    }
}
