{
    let (mut module, f) = start();
    let mut b = FunctionBuilder::new(&mut module, f);
    b.param_value(9); // `f` has no parameters
    b.ret([]);
    b.finish()
}
