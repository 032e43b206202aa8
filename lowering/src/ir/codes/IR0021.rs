{
    let (mut module, f) = start();
    let mut b = FunctionBuilder::new(&mut module, f);
    let entry = b.current_block().unwrap();
    b.ret([]);
    b.switch_to_block(entry); // it has its terminator already
    b.finish()
}
