vitte_macros::include_vitte!("jobs.vit", crate = 3);

fn main() {}
