//! Vitte procedures as Rust functions: the boundary that `vitte!` and `include_vitte!` expand to.
//!
//! ```text
//!  static Module (IR as text) ─first call─► module: parse, sizes of operations, lower, compile
//!                                              │ Entry: machine, places of the parameters
//!  Rust arguments ─value─► frame ──────────────┤
//!                                              ├ call  sync procedure: run here, at once
//!                                              └ task  async procedure: a task of this runtime
//!  Rust result   ◄─value── frame ◄─────────────┘
//! ```
//!
//! In: the IR that the macro made of Vitte source, with everything checked; arguments as Rust values.
//! Out: results as Rust values; a fault of the procedure is a panic with its message and place.
//!
//! The IR is embedded before the coroutine transform because frames hold the storage of host
//! operations, whose size only the final program knows. It is embedded as text, not as source, so
//! that a program needs no frontend: parsing is linear and takes a fraction of the code generation
//! that follows.
//!
//! * **E1** Values cross as copies: a Vitte value is made of the Rust one, and the other way round.
//!   Nothing mutable is ever shared between the two.
//! * **E2** Code lives as long as the program: nothing frees a module.
//! * **E3** A dropped future asks its task to cancel; cleanup runs on the runtime, later.

mod call;
mod module;
mod object;
mod task;
mod value;

pub use crate::__private::{Parts, Reader, Value, Writer};
pub use module::{Module, import_table};
pub use object::{
    ArmOf, Form, OBJECT, Pick, PickArm, arm_desc, largest_arm, load_form, load_pick, store_arm,
    store_form,
};
