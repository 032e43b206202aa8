{
    let (mut module, f) = start();
    let mut b = FunctionBuilder::new(&mut module, f);
    let end = b.create_block();
    b.jump(end, &[]); // leads to a block that gets no terminator
    b.finish()
}
