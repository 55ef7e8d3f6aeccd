//! A strict reader of the JSON that the command prints itself, so that the tests do not judge the writer by
//! its own rules.

/// A JSON value, as far as the command writes any.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    /// As it is written.
    Number(String),
    Text(String),
    Array(Vec<Self>),
    Object(Vec<(String, Self)>),
}

impl Json {
    /// Reads one line with one value, its newline included.
    pub(crate) fn line(text: &str) -> Self {
        assert_eq!(text.lines().count(), 1, "one line: {text}");
        Self::lines(text)
    }

    /// Reads one value that may take several lines, its last newline included.
    pub(crate) fn lines(text: &str) -> Self {
        let body = text.strip_suffix('\n').unwrap_or_else(|| panic!("no newline: {text:?}"));
        let mut rest = body;
        let value = value(&mut rest).unwrap_or_else(|| panic!("bad JSON before {rest:?}: {body}"));
        assert_eq!(rest, "", "something follows the value: {body}");
        value
    }

    /// The value under a key that must be there.
    pub(crate) fn at(&self, key: &str) -> &Self {
        let Self::Object(fields) = self else { panic!("no object: {self:?}") };
        let field = fields.iter().find(|(name, _)| name == key);
        &field.unwrap_or_else(|| panic!("no {key:?} in {self:?}")).1
    }

    /// The items of the array that this must be.
    pub(crate) fn items(&self) -> &[Self] {
        let Self::Array(items) = self else { panic!("no array: {self:?}") };
        items
    }

    /// The number that this must be.
    pub(crate) fn number(&self) -> f64 {
        let Self::Number(digits) = self else { panic!("no number: {self:?}") };
        digits.parse().unwrap_or_else(|_| panic!("no number: {digits}"))
    }

    /// The text that this must be.
    pub(crate) fn text(&self) -> &str {
        let Self::Text(text) = self else { panic!("no text: {self:?}") };
        text
    }
}

fn value(rest: &mut &str) -> Option<Json> {
    match rest.chars().next()? {
        'n' => take(rest, "null").map(|()| Json::Null),
        't' => take(rest, "true").map(|()| Json::Bool(true)),
        'f' => take(rest, "false").map(|()| Json::Bool(false)),
        '[' => array(rest).map(Json::Array),
        '-' | '0'..='9' => Some(Json::Number(digits(rest))),
        '"' => text(rest).map(Json::Text),
        '{' => object(rest).map(Json::Object),
        _ => None,
    }
}

fn digits(rest: &mut &str) -> String {
    let end = rest.find(|c: char| !"+-.eE0123456789".contains(c)).unwrap_or(rest.len());
    let (digits, behind) = rest.split_at(end);
    *rest = behind;
    digits.to_owned()
}

/// Its items may stand on lines of their own.
fn array(rest: &mut &str) -> Option<Vec<Json>> {
    take(rest, "[")?;
    *rest = rest.trim_start();
    let mut items = Vec::new();
    if take(rest, "]").is_some() {
        return Some(items);
    }
    loop {
        items.push(value(rest)?);
        *rest = rest.trim_start();
        if take(rest, ",").is_none() {
            return take(rest, "]").map(|()| items);
        }
        *rest = rest.trim_start();
    }
}

fn object(rest: &mut &str) -> Option<Vec<(String, Json)>> {
    take(rest, "{")?;
    let mut fields = Vec::new();
    loop {
        let name = text(rest)?;
        take(rest, ":")?;
        fields.push((name, value(rest)?));
        match take(rest, ",") {
            Some(()) => {}
            None => return take(rest, "}").map(|()| fields),
        }
    }
}

fn text(rest: &mut &str) -> Option<String> {
    take(rest, "\"")?;
    let mut text = String::new();
    loop {
        let c = next(rest)?;
        match c {
            '"' => return Some(text),
            '\\' => text.push(escaped(rest)?),
            c if c < ' ' => return None,
            c => text.push(c),
        }
    }
}

fn escaped(rest: &mut &str) -> Option<char> {
    match next(rest)? {
        c @ ('"' | '\\' | '/') => Some(c),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'u' => {
            let digits = rest.get(..4)?;
            *rest = rest.get(4..)?;
            char::from_u32(u32::from_str_radix(digits, 16).ok()?)
        }
        _ => None,
    }
}

fn next(rest: &mut &str) -> Option<char> {
    let c = rest.chars().next()?;
    *rest = rest.get(c.len_utf8()..)?;
    Some(c)
}

fn take(rest: &mut &str, token: &str) -> Option<()> {
    *rest = rest.strip_prefix(token)?;
    Some(())
}

#[test]
fn what_the_command_writes_reads_back_as_it_was() {
    for text in ["", "plain", "\"quoted\"", "back\\slash", "\n\r\t\0\u{1b}\u{7f}", "ключ — 键 🗝"]
    {
        assert_eq!(Json::line(&format!("{}\n", kv_cli::json::string(text))).text(), text);
    }
}
