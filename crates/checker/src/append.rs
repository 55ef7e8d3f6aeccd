//! Texts that grow, as a register: every read of a text names all appends that made it, in order.
//!
//! If each text that was seen can be taken apart into a first value and appended pieces in one way
//! only, then an append that was seen is a cas from the text before it to the text behind it. One that
//! was not seen, with all that follows it up to the next put, is a write of a value that nobody read.
//! Where a text can be taken apart in two ways there is no such register. Where a piece was appended
//! several times it is a guess which of these a text shows: such a register can prove ok, never bad.

use crate::hash::FastMap;
use crate::history::{Call, Operation, Position};
use crate::register::{Kind, Register, Touch};
use crate::value::{Value, ValueId, Values};

/// The register behind operations on one key that holds text.
pub(crate) fn register_of(
    operations: &[Operation],
    values: &Values,
    initial: &Value,
) -> Option<Register> {
    let mut texts = Texts::of(operations, values, initial)?;
    // All texts that were seen come first, by return: they say what each append did, and by when.
    let mut seen: Vec<(Position, ValueId)> = Vec::new();
    for operation in operations {
        seen.extend(seen_by(operation).map(|seen| (operation.returned, seen)));
    }
    seen.sort_unstable();
    for (by, seen) in seen {
        texts.seen_by = by;
        texts.number_of_seen(text_of(values.get(seen))?)?;
    }
    texts.assign(operations);
    let mut touches = Vec::with_capacity(operations.len());
    for (source, operation) in (0..).zip(operations) {
        let Some(kind) = texts.kind_of(source, operation, values)? else { continue };
        let (invoked, returned) = (operation.invoked.0, operation.returned.0);
        touches.push(Touch { invoked, returned, kind, source });
    }
    Some(Register {
        initial: texts.initial,
        values: texts.count,
        touches,
        is_inferred: true,
        is_guess: texts.is_guess,
    })
}

/// The values that an operation found there, or found not to be there.
fn seen_by(operation: &Operation) -> impl Iterator<Item = ValueId> {
    let is_known = operation.returned != Position::NEVER;
    let seen = match operation.call {
        Call::Read(seen) if is_known => seen,
        Call::Delete { removed } if is_known => removed,
        Call::Cas { from, .. } => Some(from),
        _ => None,
    };
    seen.into_iter()
}

/// A value as text; absent as `None`.
fn text_of(value: &Value) -> Option<Option<&str>> {
    match value {
        Value::Absent => Some(None),
        Value::Text(text) => Some(Some(text)),
        Value::Int(_) | Value::List(_) => None,
    }
}

struct Texts<'a> {
    /// Pieces, each with the places of its appends.
    pieces: FastMap<&'a str, Vec<u32>>,
    /// What appends did: from a text, by a piece, to another.
    edges: FastMap<(u32, &'a str), Edge>,
    /// What each append did, by place, if it was seen.
    done: FastMap<u32, (u32, u32)>,
    is_guess: bool,
    /// Whether the last text could be made in one way only.
    is_certain: bool,
    seen_by: Position,
    piece_lengths: Vec<usize>,
    /// First values by text; absent is the empty text here, and stands for itself in `absent`.
    bases: FastMap<&'a str, Base>,
    absent: Option<u32>,
    /// Texts seen so far.
    numbers: FastMap<&'a str, u32>,
    initial: u32,
    count: u32,
}

/// A first value, and the first invoke that could have stored it.
#[derive(Clone, Copy)]
struct Base {
    number: u32,
    invoked: Position,
}

/// The text that an append made, and the return by which it was seen.
#[derive(Clone, Copy)]
struct Edge {
    to: u32,
    seen_by: Position,
}

impl<'a> Texts<'a> {
    fn of(operations: &[Operation], values: &'a Values, initial: &'a Value) -> Option<Self> {
        let mut texts = Self {
            pieces: FastMap::default(),
            edges: FastMap::default(),
            done: FastMap::default(),
            is_guess: false,
            is_certain: true,
            seen_by: Position::NEVER,
            piece_lengths: Vec::new(),
            bases: FastMap::default(),
            absent: None,
            numbers: FastMap::default(),
            initial: 0,
            count: 0,
        };
        texts.initial = texts.base(text_of(initial)?, Position(0))?;
        for (place, operation) in (0..).zip(operations) {
            match operation.call {
                Call::Write(value) | Call::Cas { to: value, .. } => {
                    texts.base(text_of(values.get(value))?, operation.invoked)?;
                }
                Call::Delete { .. } => {
                    texts.base(None, operation.invoked)?;
                }
                Call::Append(piece) => texts.piece(text_of(values.get(piece))??, place)?,
                Call::Read(_) => {}
                Call::Add { .. } | Call::Transaction { .. } | Call::Acquire | Call::Release => {
                    return None;
                }
            }
        }
        Some(texts)
    }

    fn fresh(&mut self) -> u32 {
        self.count += 1;
        self.count - 1
    }

    fn base(&mut self, text: Option<&'a str>, invoked: Position) -> Option<u32> {
        let Some(text) = text else {
            // Appends to the empty text and to none at all give the same.
            if self.bases.contains_key("") {
                return None;
            }
            let next = self.count;
            let number = *self.absent.get_or_insert(next);
            self.count = self.count.max(number + 1);
            return Some(number);
        };
        if text.is_empty() && self.absent.is_some() {
            return None;
        }
        if let Some(base) = self.bases.get_mut(text) {
            base.invoked = base.invoked.min(invoked);
            return Some(base.number);
        }
        let number = self.fresh();
        self.bases.insert(text, Base { number, invoked });
        Some(number)
    }

    fn piece(&mut self, piece: &'a str, place: u32) -> Option<()> {
        if piece.is_empty() {
            return None;
        }
        let places = self.pieces.entry(piece).or_default();
        places.push(place);
        self.is_guess |= places.len() > 1;
        if let Err(at) = self.piece_lengths.binary_search(&piece.len()) {
            self.piece_lengths.insert(at, piece.len());
        }
        Some(())
    }

    /// The number of a text that was seen; `None` if it can be taken apart in two ways.
    fn number_of_seen(&mut self, text: Option<&'a str>) -> Option<u32> {
        let Some(text) = text else {
            return match self.absent {
                Some(number) => Some(number),
                None => Some(self.number_of_impossible("")),
            };
        };
        if let Some(&number) = self.numbers.get(text) {
            return Some(number);
        }
        self.is_certain = true;
        match self.take_apart(text)? {
            None => Some(self.number_of_impossible(text)),
            Some((base, pieces)) => {
                let number = self.follow(base, &pieces);
                if self.is_certain {
                    self.numbers.insert(text, number);
                }
                Some(number)
            }
        }
    }

    /// A value that no order of the operations makes: no write has its number.
    fn number_of_impossible(&mut self, text: &'a str) -> u32 {
        let number = self.fresh();
        self.numbers.insert(text, number);
        number
    }

    /// The first value and the pieces of a text; the inner `None` if there is no way to make it.
    fn take_apart(&mut self, text: &'a str) -> Option<Option<(u32, Vec<&'a str>)>> {
        let seen_by = self.seen_by;
        let bases = self.bases.iter().filter(|(base, _)| text.starts_with(**base));
        // A value put only later is the last guess.
        let mut bases: Vec<(bool, usize, u32)> =
            bases.map(|(base, of)| (of.invoked < seen_by, base.len(), of.number)).collect();
        bases.extend(self.absent.filter(|_| !text.is_empty()).map(|number| (true, 0, number)));
        bases.sort_unstable();
        let mut found = None;
        for (_, start, number) in bases.into_iter().rev() {
            let Some(pieces) = self.pieces_behind(text, start)? else { continue };
            // Put as a whole or appended to another: the longest first value is the likeliest. The text
            // may come about either way at another time, so its number is not kept.
            self.is_guess |= found.is_some();
            self.is_certain &= found.is_none();
            found = found.or(Some((number, pieces)));
        }
        let Some((base, pieces)) = found else { return Some(None) };
        let mut sorted = pieces.clone();
        sorted.sort_unstable();
        // A text that has a piece more often than it was appended was never there.
        let is_possible = sorted
            .chunk_by(|one, other| one == other)
            .all(|same| self.pieces.get(same[0]).is_some_and(|places| places.len() >= same.len()));
        Some(is_possible.then_some((base, pieces)))
    }

    /// The pieces of a text from a place on; `None` if there are several ways to cut it, the inner
    /// `None` if there is none.
    fn pieces_behind(&self, text: &'a str, start: usize) -> Option<Option<Vec<&'a str>>> {
        // Per place in the text: in how many ways it is reached, and the length of the last piece.
        let mut ways = vec![(0u32, 0usize); text.len() + 1];
        ways[start].0 = 1;
        for at in start..text.len() {
            let count = ways[at].0;
            if count == 0 {
                continue;
            }
            for length in &self.piece_lengths {
                let piece = text.get(at..at + length);
                if piece.is_some_and(|piece| self.pieces.contains_key(piece)) {
                    let reached = &mut ways[at + length];
                    *reached = (reached.0.saturating_add(count), *length);
                }
            }
        }
        match ways[text.len()].0 {
            0 => return Some(None),
            1 => {}
            _ => return None,
        }
        let mut pieces = Vec::new();
        let mut end = text.len();
        while end > start {
            let from = end - ways[end].1;
            pieces.push(&text[from..end]);
            end = from;
        }
        pieces.reverse();
        Some(Some(pieces))
    }

    /// Walks the pieces from a first value, and learns what each append did.
    fn follow(&mut self, base: u32, pieces: &[&'a str]) -> u32 {
        let mut number = base;
        for piece in pieces {
            let next = self.count;
            let edge = Edge { to: next, seen_by: self.seen_by };
            number = self.edges.entry((number, piece)).or_insert(edge).to;
            self.count = self.count.max(number + 1);
        }
        number
    }

    /// Gives each text that was made the append that made it, the latest text first: of those asked for
    /// before it was seen, the known one that returned last, so that the earlier texts get those that
    /// had to come earlier. A text left over was made by none, and then nothing explains it.
    fn assign(&mut self, operations: &[Operation]) {
        let mut edges: Vec<(Position, u32, u32, &'a str)> = Vec::with_capacity(self.edges.len());
        for ((from, piece), edge) in &self.edges {
            edges.push((edge.seen_by, *from, edge.to, piece));
        }
        edges.sort_unstable();
        for (seen_by, from, to, piece) in edges.into_iter().rev() {
            let Some(places) = self.pieces.get(piece) else { continue };
            let is_free = |place: &&u32| {
                operations[**place as usize].invoked < seen_by && !self.done.contains_key(place)
            };
            let ended = |place: &&u32| {
                let returned = operations[**place as usize].returned;
                (returned != Position::NEVER, returned)
            };
            let last = places.iter().filter(is_free).max_by_key(ended).copied();
            if let Some(place) = last {
                self.done.insert(place, (from, to));
            }
        }
    }

    fn kind_of(
        &mut self,
        place: u32,
        operation: &Operation,
        values: &'a Values,
    ) -> Option<Option<Kind>> {
        let is_known = operation.returned != Position::NEVER;
        self.seen_by = operation.returned;
        let text = |id: ValueId| text_of(values.get(id));
        Some(Some(match operation.call {
            Call::Read(None) => return Some(None),
            Call::Read(_) if !is_known => return Some(None),
            Call::Read(Some(value)) => Kind::Read(self.number_of_seen(text(value)?)?),
            Call::Write(value) => Kind::Write(self.base(text(value)?, operation.invoked)?),
            Call::Append(_) => match self.done.get(&place).copied() {
                Some((from, to)) => Kind::Cas(from, to),
                None => Kind::Write(self.fresh()),
            },
            Call::Cas { stored: None, .. } if is_known => return None,
            Call::Cas { from, stored: Some(false), .. } if is_known => {
                Kind::Miss(self.number_of_seen(text(from)?)?)
            }
            Call::Cas { from, to, .. } => Kind::Cas(
                self.number_of_seen(text(from)?)?,
                self.base(text(to)?, operation.invoked)?,
            ),
            Call::Delete { removed: Some(value) } if is_known => {
                let seen = self.number_of_seen(text(value)?)?;
                let absent = self.base(None, operation.invoked)?;
                if seen == absent { Kind::Read(seen) } else { Kind::Cas(seen, absent) }
            }
            Call::Delete { .. } => Kind::Write(self.base(None, operation.invoked)?),
            Call::Add { .. } | Call::Transaction { .. } | Call::Acquire | Call::Release => {
                return None;
            }
        }))
    }
}
