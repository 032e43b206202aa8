{
    let (module, _) = start(); // declares `f`, which gets no body
    module.finish()
}
