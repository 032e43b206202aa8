{
    let (mut module, f) = start();
    let mut b = FunctionBuilder::new(&mut module, f);
    let (n, flag) = (b.iconst(Type::I64, 1), b.declare_var(Type::Bool));
    b.def_var(flag, n); // an i64
    b.ret([]);
    b.finish()
}
