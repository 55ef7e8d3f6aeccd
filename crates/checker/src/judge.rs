//! One object through the tiers: who decides, and on what proof.

use std::fmt;

use crate::frontier;
use crate::history::Hint;
use crate::limits::{Budget, Hard};
use crate::misses;
use crate::model::{Model, Timed};
use crate::register::Register;
use crate::search::{self, Found, Stuck};
use crate::trusted;
use crate::zones::{self, Clash, Zones};

/// The four ways to a verdict, from the fastest to the most general.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// The server's own order, tried as a guess. Says ok or nothing.
    Hint,
    /// Unique values, by zones.
    Zones,
    /// A register with any values, by its frontier.
    Frontier,
    /// Any model.
    Any,
}

impl Tier {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hint, Self::Zones, Self::Frontier, Self::Any];

    /// Its number: `--tier N`.
    pub fn number(self) -> u8 {
        match self {
            Self::Hint => 0,
            Self::Zones => 1,
            Self::Frontier => 2,
            Self::Any => 3,
        }
    }

    /// The tier of a number.
    pub fn of_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.number() == number)
    }
}

/// Which tiers may speak.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tiers {
    /// All, each after the faster ones.
    #[default]
    All,
    /// All that look at nothing but what clients saw.
    BlackBox,
    /// One alone.
    Only(Tier),
}

impl Tiers {
    fn has(self, tier: Tier) -> bool {
        match self {
            Self::All => true,
            Self::BlackBox => tier != Tier::Hint,
            Self::Only(only) => only == tier,
        }
    }
}

/// What was found out about one object. Numbers are places among its operations.
#[derive(Clone, Debug)]
pub(crate) enum Judged {
    /// In this order, which was replayed.
    Ok { order: Vec<u32> },
    /// In no order; zones name who clashes.
    Clash(Clash),
    /// In no order; it cannot go on behind the return of this one.
    DeadEnd { at: u32 },
    /// Nobody knows.
    Unknown(Reason),
}

/// Why there is no verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A limit was reached first.
    Hard {
        /// Which.
        limit: Hard,
        /// How many returns the search had passed.
        passed: usize,
        /// In how many ways all up to there could have happened.
        width: usize,
    },
    /// The only tier allowed does not apply.
    NotApplicable(Tier),
    /// A tier gave an order that is none: the checker is at fault, and says so.
    Fault(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hard { limit, passed, width } => write!(
                f,
                "{limit}, behind {passed} returns, with {width} ways in which they may have happened"
            ),
            Self::NotApplicable(tier) => {
                write!(f, "tier {} alone cannot decide this history", tier.number())
            }
            Self::Fault(text) => write!(f, "the checker is at fault: {text}"),
        }
    }
}

/// An object in the forms that the tiers take.
pub(crate) struct Case<M: Model> {
    pub(crate) model: M,
    pub(crate) calls: Vec<Timed<M::Call>>,
    pub(crate) hints: Vec<Hint>,
    pub(crate) register: Option<Register>,
}

impl<M: Model> Case<M> {
    /// The verdict, and the tier that gave it.
    pub(crate) fn judge(&self, tiers: Tiers, budget: &Budget) -> (Judged, Tier) {
        if tiers.has(Tier::Hint)
            && let Some(order) = self.hinted_order()
            && trusted::replay(&self.model, &self.calls, &order).is_ok()
        {
            return (Judged::Ok { order }, Tier::Hint);
        }
        if let Some(register) = &self.register
            && let Some(judged) = self.judge_register(register, tiers, budget)
        {
            return judged;
        }
        if !tiers.has(Tier::Any) {
            let tier = if let Tiers::Only(tier) = tiers { tier } else { Tier::Any };
            return (Judged::Unknown(Reason::NotApplicable(tier)), tier);
        }
        let found = search::search(&self.model, &self.calls, &mut budget.gauge());
        (self.accept(found), Tier::Any)
    }

    fn judge_register(
        &self,
        register: &Register,
        tiers: Tiers,
        budget: &Budget,
    ) -> Option<(Judged, Tier)> {
        if tiers.has(Tier::Zones) {
            match zones::judge(register) {
                Zones::Ok(order) => {
                    let order = misses::fit(register, order.touches, &mut budget.gauge());
                    if let Some(order) = order {
                        let order = sources(register, &order);
                        return Some((self.accept(Found::Ok(order)), Tier::Zones));
                    }
                }
                Zones::Bad(_) if register.is_guess => return None,
                Zones::Bad(clash) => {
                    let clash = Clash {
                        guilty: sources(register, &clash.guilty),
                        ties: sources(register, &clash.ties),
                        kind: clash.kind,
                    };
                    return Some((Judged::Clash(clash), Tier::Zones));
                }
                Zones::Repeated => {}
            }
        }
        if !tiers.has(Tier::Frontier) {
            return None;
        }
        match frontier::search(register, &[register.initial], &mut budget.gauge()) {
            // A search for any model has no more room; it only says so more slowly.
            Found::Ok(order) => {
                let order = Found::Ok(sources(register, &order));
                Some((self.accept(order), Tier::Frontier))
            }
            Found::Bad { .. } | Found::Stuck(_) if register.is_guess => None,
            Found::Bad { at } => {
                let at = register.touches[at as usize].source;
                Some((Judged::DeadEnd { at }, Tier::Frontier))
            }
            stuck @ Found::Stuck(_) => Some((self.accept(stuck), Tier::Frontier)),
        }
    }

    /// The order that the server's log would have: a read comes behind the write it read at.
    fn hinted_order(&self) -> Option<Vec<u32>> {
        let mut hinted = Vec::with_capacity(self.calls.len());
        for (at, (call, hint)) in (0..).zip(self.calls.iter().zip(&self.hints)) {
            match hint.index {
                Some(index) => {
                    let is_read = self.model.is_read_only(&call.call);
                    hinted.push((index, is_read, call.invoked, at));
                }
                None if call.is_known() => return None,
                None => {}
            }
        }
        hinted.sort_unstable();
        Some(hinted.into_iter().map(|(_, _, _, at)| at).collect())
    }

    /// No tier is believed: an order counts once it was replayed.
    fn accept(&self, found: Found) -> Judged {
        match found {
            Found::Ok(order) => match trusted::replay(&self.model, &self.calls, &order) {
                Ok(_) => Judged::Ok { order },
                Err(flaw) => Judged::Unknown(Reason::Fault(flaw.to_string())),
            },
            Found::Bad { at } => Judged::DeadEnd { at },
            Found::Stuck(Stuck { why, passed, width, .. }) => {
                Judged::Unknown(Reason::Hard { limit: why, passed, width })
            }
        }
    }
}

/// Touches of a register as the operations they came from.
fn sources(register: &Register, places: &[u32]) -> Vec<u32> {
    places.iter().map(|at| register.touches[*at as usize].source).collect()
}
