compile_object_for("pdp11-unknown-unix", &module, &machines, &Options::default())
