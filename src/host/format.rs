//! Scalars as text: what `x as string` and the print family show.
//!
//! Floats are the shortest text that reads back as the same number, always with a fraction or an
//! exponent, so that they read as floats. Characters that are none show as U+FFFD.

/// Text of an `f64`.
pub fn f64(x: f64) -> String {
    if x.is_nan() {
        return "nan".into();
    }
    format!("{x:?}")
}

/// Text of an `f32`.
pub fn f32(x: f32) -> String {
    if x.is_nan() {
        return "nan".into();
    }
    format!("{x:?}")
}

/// Text of a character.
pub fn char(code: u32) -> char {
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Reads a decimal integer with an optional sign.
pub fn parse_int(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Reads a float.
pub fn parse_float(text: &str) -> Option<f64> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    #[test]
    fn floats_read_as_floats() {
        assert_eq!(super::f64(1.0), "1.0");
        assert_eq!(super::f64(-0.1), "-0.1");
        assert_eq!(super::f64(f64::INFINITY), "inf");
        assert_eq!(super::f64(f64::NAN), "nan");
        assert_eq!(super::f32(0.1), "0.1");
        assert_eq!(super::f64(1e300), "1e300");
    }

    #[test]
    fn numbers_are_parsed_whole() {
        assert_eq!(super::parse_int("-12"), Some(-12));
        assert_eq!(super::parse_int("+7"), Some(7));
        assert_eq!(super::parse_int("12x"), None);
        assert_eq!(super::parse_int(" 1"), None);
        assert_eq!(super::parse_int("9223372036854775808"), None);
        assert_eq!(super::parse_float("1e3"), Some(1000.0));
        assert_eq!(super::parse_float(""), None);
    }
}
