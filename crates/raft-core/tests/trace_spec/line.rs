//! A transition as its line of JSON says it: read back from the text, so that what is held against the
//! specification is what a reader of a trace file would have.

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) action: String,
    pub(crate) node: u64,
    pub(crate) peer: Option<u64>,
    pub(crate) term: u64,
    pub(crate) role: String,
    pub(crate) vote: Option<u64>,
    /// Term and index: the order in which logs are compared.
    pub(crate) last: (u64, u64),
    pub(crate) commit: u64,
}

const NAMES: [&str; 9] =
    ["action", "node", "peer", "term", "role", "vote", "last_index", "last_term", "commit"];

impl Line {
    /// Reads a line: an object of these fields in this order, and nothing else.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        values(text)
            .and_then(|values| Self::of(&values))
            .ok_or_else(|| format!("not a line of a trace: {text}"))
    }

    fn of(values: &[&str]) -> Option<Self> {
        let [action, node, peer, term, role, vote, index, last_term, commit] = *values else {
            return None;
        };
        Some(Self {
            action: word(action)?,
            node: number(node)?,
            peer: id(peer)?,
            term: number(term)?,
            role: word(role)?,
            vote: id(vote)?,
            last: (number(last_term)?, number(index)?),
            commit: number(commit)?,
        })
    }
}

/// No value holds a comma, so this is all of JSON that is needed.
fn values(text: &str) -> Option<Vec<&str>> {
    let fields = text.strip_prefix('{')?.strip_suffix('}')?.split(',');
    let named = fields.zip(NAMES.into_iter().map(Some).chain(std::iter::repeat(None)));
    named
        .map(|(field, name)| field.strip_prefix('"')?.strip_prefix(name?)?.strip_prefix("\":"))
        .collect()
}

fn word(value: &str) -> Option<String> {
    Some(value.strip_prefix('"')?.strip_suffix('"')?.to_owned())
}

fn number(value: &str) -> Option<u64> {
    value.parse().ok()
}

fn id(value: &str) -> Option<Option<u64>> {
    if value == "null" { Some(None) } else { number(value).map(Some) }
}
