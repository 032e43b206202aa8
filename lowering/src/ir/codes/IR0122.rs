{
    let mut module = Module::new("example");
    let mut f = Function::new("f", FuncKind::Sync, Signature::default());
    let entry = f.entry;
    let inst = f.add_inst(entry, InstKind::StackOk, &[Type::Bool], Span::NONE);
    f.set_term(entry, Terminator::Return(vec![]), Span::NONE);
    let value = f.insts[inst].results[0];
    f.values[value].def = ValueDef::Param(entry, 0); // it is the result of `inst`
    module.funcs.push(f);
    verify(&module)
}
