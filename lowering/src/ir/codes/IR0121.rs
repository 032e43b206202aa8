{
    let mut module = Module::new("example");
    let mut f = Function::new("f", FuncKind::Sync, Signature::default());
    let entry = f.entry;
    let budget = f.add_inst(entry, InstKind::Budget, &[], Span::NONE);
    f.blocks[entry].insts.push(budget); // a second time
    f.set_term(entry, Terminator::Return(vec![]), Span::NONE);
    module.funcs.push(f);
    verify(&module)
}
