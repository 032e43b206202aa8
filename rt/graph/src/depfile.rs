//! Dependency files: the rules that compilers write for make (`cc -MMD`).

use std::path::PathBuf;

/// What stands behind the colons: `target: a.c include/a\ b.h \` and so on. Of phony rules without
/// prerequisites (`cc -MP`) nothing remains.
pub(crate) fn prerequisites(text: &str) -> Vec<PathBuf> {
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    let mut paths: Vec<PathBuf> = Vec::new();
    for rule in joined.lines() {
        let Some((_, list)) = split_rule(rule) else { continue };
        for word in words(list) {
            let path = PathBuf::from(word);
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
    }
    paths
}

/// Parts at the first colon that a space or the end follows (`C:\` has none).
fn split_rule(rule: &str) -> Option<(&str, &str)> {
    let at = rule.match_indices(':').map(|(i, _)| i).find(|&i| {
        let next = rule[i + 1..].chars().next();
        next.is_none_or(char::is_whitespace)
    })?;
    Some((&rule[..at], &rule[at + 1..]))
}

/// Words apart by spaces; `\ ` is a space in a word, `$$` a dollar, `\#` a hash.
fn words(list: &str) -> Vec<String> {
    let (mut words, mut word) = (Vec::new(), String::new());
    let mut chars = list.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(' ' | '#')) | ('$', Some('$')) => word.extend(chars.next()),
            (c, _) if c.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            (c, _) => word.push(c),
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_as_compilers_write_them_are_read() {
        let text =
            "out/main.o: main.c /usr/include/a\\ b.h \\\n  x$$y.h \\\r\n  c\\#d.h\n\nx$$y.h:\n";
        let paths = prerequisites(text);
        let wanted = ["main.c", "/usr/include/a b.h", "x$y.h", "c#d.h"].map(PathBuf::from);
        assert_eq!(paths, wanted);
        assert_eq!(prerequisites(""), [] as [PathBuf; 0]);
        assert_eq!(prerequisites("no rule at all"), [] as [PathBuf; 0]);
    }
}
