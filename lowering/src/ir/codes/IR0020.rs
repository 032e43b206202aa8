{
    let (mut module, f) = start();
    let mut b = FunctionBuilder::new(&mut module, f);
    b.ret([]);
    b.budget(); // the block has its terminator, and no other was switched to
    b.finish()
}
