{
    let (mut module, f) = start();
    let mut b = FunctionBuilder::new(&mut module, f);
    let n = b.declare_var(Type::I64);
    b.use_var(n); // no def_var before it
    b.ret([]);
    b.finish()
}
