//! Frontend-neutral coroutine lowering - typed CFG IR, liveness, frame layout, explicit state machines.
