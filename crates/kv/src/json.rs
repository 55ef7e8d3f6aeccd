//! JSON text for what the command prints itself. Only writing; the members of an object are JSON already,
//! so that each is seen where it is printed.

use std::fmt::Write;

/// `text` as a JSON string, with its quotes. What need not be escaped stays readable.
pub fn string(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            // JSON asks this only of those below a blank; a terminal is glad of it for all.
            c if c.is_control() => {
                write!(json, "\\u{:04x}", u32::from(c)).expect("a String takes any text");
            }
            c => json.push(c),
        }
    }
    json.push('"');
    json
}

/// An object with these members, whose values are JSON already.
pub fn object(members: &[(&str, String)]) -> String {
    let members = members.iter().map(|(name, value)| format!("{}:{value}", string(name)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

/// An array of what is JSON already.
pub fn array(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

/// The same as a whole result, an item a line.
pub fn lines(items: impl Iterator<Item = String>) -> String {
    format!("[\n{}\n]\n", items.collect::<Vec<_>>().join(",\n"))
}

/// A number, or what is JSON already, where there may be none.
pub fn or_null(value: Option<impl std::fmt::Display>) -> String {
    value.map_or_else(|| "null".to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::string;

    #[test]
    fn plain_text_only_gains_quotes() {
        assert_eq!(string(""), r#""""#);
        assert_eq!(string("kv put — naïve 键"), r#""kv put — naïve 键""#);
    }

    #[test]
    fn quotes_and_backslashes_are_escaped() {
        assert_eq!(string(r#"a "b" \c"#), r#""a \"b\" \\c""#);
    }

    #[test]
    fn no_control_character_survives() {
        assert_eq!(string("a\nb\tc\rd"), r#""a\nb\tc\rd""#);
        assert_eq!(string("\0\u{1b}[31m\u{7f}\u{9b}"), r#""\u0000\u001b[31m\u007f\u009b""#);
        for c in ('\0'..' ').chain('\u{7f}'..='\u{9f}') {
            assert!(!string(&c.to_string()).contains(c), "{c:?} is written as it is");
        }
    }
}
