//! A Rust file split into its code and its comments, line by line.
//!
//! Not a parser: it knows just enough of Rust's tokens to tell where a comment or a string begins and
//! ends, so that a rule about a word is not broken by writing about that word. Line numbers and columns
//! stay as they were; what belongs elsewhere is blank, and the inside of a literal is `FILLER`.

/// The two halves of a Rust file.
pub(crate) struct Source {
    code: String,
    comments: String,
}

/// One attribute, `#[…]` or `#![…]`, without any white space.
pub(crate) struct Attribute {
    pub(crate) line: usize,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn of(text: &str) -> Self {
        let mut source = Self { code: String::new(), comments: String::new() };
        let mut rest = text;
        while !rest.is_empty() {
            let (kind, length) = token(rest);
            let (token, after) = rest.split_at(length);
            source.push(kind, token);
            rest = after;
        }
        source
    }

    /// Lines of code, counted from 1.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code.lines().enumerate().map(|(at, line)| (at + 1, line))
    }

    /// Lines of comments, counted from 1.
    pub(crate) fn comments(&self) -> impl Iterator<Item = (usize, &str)> {
        self.comments.lines().enumerate().map(|(at, line)| (at + 1, line))
    }

    pub(crate) fn attributes(&self) -> Vec<Attribute> {
        let starts = self.code.match_indices('#').filter_map(|(at, _)| {
            let rest = &self.code[at..];
            (rest.starts_with("#[") || rest.starts_with("#![")).then_some(at)
        });
        starts
            .map(|at| Attribute {
                line: self.code[..at].matches('\n').count() + 1,
                text: bracketed(&self.code[at..]).split_whitespace().collect(),
            })
            .collect()
    }

    fn push(&mut self, kind: Kind, token: &str) {
        let blank = |filler| token.chars().map(move |c| if c == '\n' { c } else { filler });
        match kind {
            Kind::Code => {
                self.code.push_str(token);
                self.comments.extend(blank(' '));
            }
            Kind::Comment => {
                self.code.extend(blank(' '));
                self.comments.push_str(token);
            }
            Kind::Literal => {
                let inside = |c| if matches!(c, '\n' | '"') { c } else { FILLER };
                self.code.extend(token.chars().map(inside));
                self.comments.extend(blank(' '));
            }
        }
    }
}

/// The words of a line, each with what follows it.
pub(crate) fn words(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = line;
    std::iter::from_fn(move || {
        let start = rest.find(is_word)?;
        let length = rest[start..].find(|c| !is_word(c)).unwrap_or(rest.len() - start);
        let (word, after) = rest[start..].split_at(length);
        rest = after;
        Some((word, after))
    })
}

/// Stands in code for each character inside a literal; no Rust token contains it.
const FILLER: char = '~';

enum Kind {
    Code,
    Comment,
    Literal,
}

/// The first token of `rest`, which is not empty, and its length in bytes.
fn token(rest: &str) -> (Kind, usize) {
    if rest.starts_with("//") {
        (Kind::Comment, rest.find('\n').unwrap_or(rest.len()))
    } else if rest.starts_with("/*") {
        (Kind::Comment, block_comment(rest))
    } else if let Some(length) = raw_string(rest).or_else(|| quoted(rest)) {
        (Kind::Literal, length)
    } else {
        (Kind::Code, word_or_character(rest))
    }
}

/// Block comments nest.
fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(found) = rest[at..].find(['/', '*']) {
        at += found;
        let step = if rest[at..].starts_with("/*") {
            depth += 1;
            2
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            2
        } else {
            1
        };
        at += step;
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

/// `r"…"`, `r#"…"#` and their byte and C forms; a raw identifier is none of them.
fn raw_string(rest: &str) -> Option<usize> {
    let prefix = ["br", "cr", "r"].into_iter().find(|prefix| rest.starts_with(prefix))?;
    let after = &rest[prefix.len()..];
    let hashes = after.len() - after.trim_start_matches('#').len();
    let inside = after[hashes..].strip_prefix('"')?;
    let closing = format!("\"{}", "#".repeat(hashes));
    let opening = prefix.len() + hashes + 1;
    Some(inside.find(&closing).map_or(rest.len(), |end| opening + end + closing.len()))
}

/// A string or a character with escapes, with or without a prefix; a lifetime is neither.
fn quoted(rest: &str) -> Option<usize> {
    let prefix = usize::from(rest.starts_with(['b', 'c']));
    let after = &rest[prefix..];
    if let Some(inside) = after.strip_prefix('"') {
        return Some(prefix + 1 + closing('"', inside));
    }
    let inside = after.strip_prefix('\'')?;
    let mut characters = inside.chars();
    let is_escape = characters.next()? == '\\';
    let is_character = is_escape || characters.next() == Some('\'');
    is_character.then(|| prefix + 1 + closing('\'', inside))
}

/// How long the inside of a literal is, its closing quote included.
fn closing(quote: char, inside: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in inside.char_indices() {
        if !is_escaped && c == quote {
            return at + 1;
        }
        is_escaped = !is_escaped && c == '\\';
    }
    inside.len()
}

/// A whole word at once, so that the `r` at its end does not look like the start of a raw string.
fn word_or_character(rest: &str) -> usize {
    match rest.find(|c| !is_word(c)) {
        Some(0) => rest.chars().next().map_or(0, char::len_utf8),
        Some(length) => length,
        None => rest.len(),
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// From the start to the bracket that closes the first one.
fn bracketed(code: &str) -> &str {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            '[' => depth += 1,
            ']' if depth <= 1 => return &code[..=at],
            ']' => depth -= 1,
            _ => {}
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        Source::of(text).code
    }

    #[test]
    fn comments_leave_the_code() {
        assert_eq!(code("a // b\nc"), "a     \nc");
        assert_eq!(code("a /* b /* c */ d */ e"), "a                   e");
        assert_eq!(code("a /* never closed"), "a                ");
    }

    #[test]
    fn strings_keep_their_quotes_only() {
        assert_eq!(code(r#"f("a // b", c)"#), r#"f("~~~~~~", c)"#);
        assert_eq!(code(r#""a\"b" c"#), r#""~~"~" c"#);
        assert_eq!(code("\"a\nb\" c"), "\"~\n~\" c");
        assert_eq!(code("br#\"a\"b\"# c"), "~~~\"~\"~\"~ c");
        assert_eq!(code("b\"a\" c"), "~\"~\" c");
        assert_eq!(code("\"\u{fc}\" c"), "\"~\" c");
    }

    #[test]
    fn characters_are_literals_and_lifetimes_are_code() {
        assert_eq!(code(r"'a' b"), "~~~ b");
        assert_eq!(code(r"'\'' b"), "~~~~ b");
        assert_eq!(code(r"'\u{41}' b"), "~~~~~~~~ b");
        assert_eq!(code(r#"b'"' c"#), "~~\"~ c");
        assert_eq!(code("&'a str, &'b str"), "&'a str, &'b str");
    }

    #[test]
    fn raw_identifiers_and_words_that_end_in_r_are_code() {
        assert_eq!(code("r#type"), "r#type");
        assert_eq!(code("for\"a\""), "for\"~\"");
    }

    #[test]
    fn comments_are_kept_in_their_lines() {
        let source = Source::of("a\nb // c\n/* d\ne */ f");
        let comments: Vec<_> = source.comments().collect();
        assert_eq!(comments, [(1, " "), (2, "  // c"), (3, "/* d"), (4, "e */  ")]);
    }

    #[test]
    fn attributes_lose_their_white_space() {
        let source = Source::of("#![a]\n#[b(\n    c = \"[\",\n    d[1],\n)]\nfn e() {}");
        let attributes: Vec<_> =
            source.attributes().into_iter().map(|a| (a.line, a.text)).collect();
        assert_eq!(attributes, [(1, "#![a]".into()), (2, "#[b(c=\"~\",d[1],)]".into())]);
    }

    #[test]
    fn words_come_with_what_follows() {
        let found: Vec<_> = words("a_b! c").collect();
        assert_eq!(found, [("a_b", "! c"), ("c", "")]);
    }
}
