//! Programs with random damage.
//!
//! In: a number and some programs. Out: one of them with a few edits. [`mutate`] makes those of people
//! and editors: parts left out, doubled, exchanged, cut off, words and signs put in anywhere.
//! [`mutate_lines`] makes those that leave a line-oriented text mostly readable: lines left out,
//! doubled, exchanged, numbers changed. The same number gives the same result.

/// Words and signs that are put in.
const PIECES: [&str; 84] = [
    "(", ")", "[", "]", "{", "}", "<", ">", ">>", "<<<", ">>>", "/*", "*/", "//", "#", "#[", "\"",
    "'", "\\", ";", ",", ":", "::", ".", "..", "..=", "?", "??", "|", "||", "&", "&&", "=", "=>",
    "->", "+=", "-", "!", "~", "\n", " ", "\t", "0", "1.5e", "0x", "1_u8", "\"s\"", "'c'", "'a",
    "é", "\u{202e}", "\0", "proc", "async", "await", "spawn", "let", "mut", "set", "give", "if",
    "else", "elif", "match", "pick", "case", "select", "when", "is", "not", "in", "for", "loop",
    "while", "form", "impl", "trait", "use", "const", "with", "as", "defer", "fn", "return",
];

/// A small generator of pseudo-random numbers (xorshift64*).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts a sequence that depends on `seed` alone.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Gives the next number below `limit`; 0 if `limit` is 0.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16;
        if limit == 0 { 0 } else { (number % limit as u64) as usize }
    }
}

/// Makes a damaged program out of one or two of `programs`.
pub fn mutate(seed: u64, programs: &[&str]) -> Vec<u8> {
    let mut random = Random::new(seed);
    let pick = |random: &mut Random| {
        programs.get(random.below(programs.len())).map_or(&[][..], |p| p.as_bytes())
    };
    let mut text = pick(&mut random).to_vec();
    if random.below(8) == 0 {
        let other = pick(&mut random);
        text.truncate(random.below(text.len() + 1));
        text.extend_from_slice(&other[random.below(other.len() + 1)..]);
    }
    for _ in 0..=random.below(6) {
        edit(&mut text, &mut random);
    }
    text
}

/// Makes a damaged program of `programs` out of whole lines and other numbers; now and then with an
/// edit of [`mutate`].
pub fn mutate_lines(seed: u64, programs: &[&str]) -> Vec<u8> {
    let mut random = Random::new(seed);
    let program = programs.get(random.below(programs.len())).copied().unwrap_or_default();
    let mut lines: Vec<String> = program.lines().map(str::to_owned).collect();
    for _ in 0..=random.below(4) {
        edit_lines(&mut lines, &mut random);
    }
    let mut text = lines.join("\n").into_bytes();
    if random.below(6) == 0 {
        edit(&mut text, &mut random);
    }
    text
}

fn edit_lines(lines: &mut Vec<String>, random: &mut Random) {
    if lines.is_empty() {
        return;
    }
    let (at, other) = (random.below(lines.len()), random.below(lines.len()));
    match random.below(6) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(other, lines[at].clone()),
        2 => lines.swap(at, other),
        _ => {
            let starts: Vec<usize> = lines[at]
                .match_indices(|c: char| c.is_ascii_digit())
                .map(|(start, _)| start)
                .collect();
            if let Some(&start) = starts.get(random.below(starts.len())) {
                let digit = char::from(b'0' + random.below(10) as u8);
                lines[at].replace_range(start..=start, &digit.to_string());
            }
        }
    }
}

fn edit(text: &mut Vec<u8>, random: &mut Random) {
    let at = random.below(text.len() + 1);
    let len = 1 + random.below(12).min(random.below(40));
    let end = (at + len).min(text.len());
    match random.below(8) {
        0 => {
            text.drain(at..end);
        }
        1 => {
            let part = text[at..end].to_vec();
            text.splice(at..at, part);
        }
        2 => {
            let part: Vec<u8> = text.drain(at..end).collect();
            let to = random.below(text.len() + 1);
            text.splice(to..to, part);
        }
        3 => text.truncate(at),
        4 => {
            if let Some(byte) = text.get_mut(at) {
                *byte = random.below(256) as u8;
            }
        }
        5 => {
            let piece = PIECES[random.below(PIECES.len())];
            let n_times = 1 + random.below(4) * random.below(40);
            text.splice(at..at, piece.repeat(n_times).into_bytes());
        }
        _ => {
            let piece = PIECES[random.below(PIECES.len())];
            text.splice(at..at, format!(" {piece} ").into_bytes());
        }
    }
}
