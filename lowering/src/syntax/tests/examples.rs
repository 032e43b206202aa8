//! The examples of the repository parse. Their head comments say what they print, in the lines
//! behind `// Prints:`, each after `//` and three blanks.

#[test]
fn examples_parse() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut n_files = 0;
    for entry in std::fs::read_dir(folder).expect("the repository has examples") {
        let path = entry.expect("examples can be listed").path();
        if path.extension().is_some_and(|ext| ext == "vit") {
            let text = std::fs::read_to_string(&path).expect("examples can be read");
            let (dump, errors) = super::parse(&text);
            assert_eq!(errors, "", "{}", path.display());
            assert!(dump.contains("(proc async main"), "{}", path.display());
            assert!(text.contains("\n// Prints:\n//   "), "{}", path.display());
            n_files += 1;
        }
    }
    assert!(n_files >= 6, "only {n_files} examples");
}
