Jit::compile(
    &module,
    &machines,
    &imports,
    &Options { perf_map: Some("/no/such/folder/perf.map".into()), ..Options::default() },
)
