//! `rt/include/vitte.h` says the same as the crate: it compiles (its static assertions hold) as C
//! and C++, and every `VT_AT` and `VT_SIZE` line is true of the Rust types.

use std::mem::{offset_of, size_of};
use std::process::{Command, Stdio};
use vitte_abi::*;

const HEADER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../include/vitte.h");

/// Compiles the header alone; `None` if the compiler is missing.
fn compile(compiler: &str, arguments: &[&str]) -> Option<bool> {
    let status = Command::new(compiler)
        .args(["-Wall", "-Wextra", "-Werror", "-fsyntax-only"])
        .args(arguments)
        .arg(HEADER)
        .stdin(Stdio::null())
        .status();
    status.ok().map(|s| s.success())
}

#[test]
fn header_compiles_as_c_and_cpp() {
    for (compiler, arguments) in [("cc", ["-std=c11", "-xc"]), ("c++", ["-std=c++17", "-xc++"])] {
        match compile(compiler, &arguments) {
            Some(ok) => assert!(ok, "{compiler} rejects the header"),
            None => eprintln!("skipped: no {compiler}"),
        }
    }
}

macro_rules! facts {
    ($($ty:ident { $($field:ident)* })*) => {
        vec![$(
            (stringify!($ty).to_string(), size_of::<$ty>()),
            $((format!("{}.{}", stringify!($ty), stringify!($field)), offset_of!($ty, $field)),)*
        )*]
    };
}

#[test]
fn header_and_crate_agree_on_every_offset() {
    let facts = facts! {
        vt_leaf { resume frame root cancel status phase running shield }
        vt_record { cancel status phase running shield resume frame }
        vt_ctx { leaf task fns budget stack_limit now_ns mode child_status coop requeue abort winner
                 wake_reason ready_mask errno timed_out user }
        vt_fns { alloc_frame free_frame overrun fault choose branches run }
        vt_site { offset state machine }
        vt_prefix { parent machine link }
        vt_span { file_len line column }
        vt_awaitee { machine name name_len offset record record_bytes }
        vt_state { name_len line awaitees n_awaitees }
        vt_machine { resume size align tag_offset tag_bytes result_offset result_bytes name name_len
                     n_states states layout_hash span user }
    };
    let header = std::fs::read_to_string(HEADER).unwrap();
    let mut said = 0;
    for line in header.lines() {
        let Some((what, rest)) = line.split_once('(') else { continue };
        let words: Vec<&str> = rest.trim_end_matches(");").split(", ").collect();
        let (name, value) = match (what, words.as_slice()) {
            ("VT_AT", [ty, field, at]) => (format!("{ty}.{}", field.trim_end_matches('_')), at),
            ("VT_SIZE", [ty, size]) if *ty != "void *" => ((*ty).to_string(), size),
            _ => continue,
        };
        let fact = facts.iter().find(|f| f.0 == name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!(value.parse(), Ok(fact.1), "{name}");
        said += 1;
    }
    assert_eq!(said, facts.len(), "the header asserts all of them");
}

#[test]
fn header_and_crate_agree_on_constants() {
    let header = std::fs::read_to_string(HEADER).unwrap();
    for (name, value) in [
        ("VT_RUNNING", VT_RUNNING),
        ("VT_YIELDED", VT_YIELDED),
        ("VT_DONE", VT_DONE),
        ("VT_FAULTED", VT_FAULTED),
        ("VT_CANCELLED", VT_CANCELLED),
        ("VT_ITEM", VT_ITEM),
        ("VT_JOIN", VT_JOIN),
        ("VT_SELECT", VT_SELECT),
        ("VT_SELECT_NOW", VT_SELECT_NOW),
        ("VT_RECORD_FLAGS", VT_RECORD_FLAGS),
        ("VT_RECORD_SHIELD", VT_RECORD_SHIELD),
        ("VT_RECORD_LEAF", VT_RECORD_LEAF),
        ("VT_RECORD_IS_LEAF", VT_RECORD_IS_LEAF),
        ("VT_FRAME_ARENA", VT_FRAME_ARENA),
        ("VT_FRAME_TASK", VT_FRAME_TASK),
        ("VT_MODE_CANCEL", VT_MODE_CANCEL),
        ("VT_FAULT_MEMORY", fault_code::MEMORY),
        ("VT_FAULT_FUEL", fault_code::FUEL),
        ("VT_FAULT_FIRST_FRONTEND", fault_code::FIRST_FRONTEND),
    ] {
        let found =
            [",", " ", "\n"].iter().any(|end| header.contains(&format!("{name} = {value}{end}")));
        assert!(found, "{name} = {value}");
    }
    assert!(header.contains("VT_NONE = 0xff") && VT_NONE == 0xff);
}
