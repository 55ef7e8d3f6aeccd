//! Nodes as a user names them: `3`, `n3` as `kv status` prints it, or whoever leads just now.
//! Whether such a node exists is for the cluster to say.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;

/// One node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeSelector {
    /// The node with this id.
    Id(NonZeroU64),
    /// The node that leads when the command runs.
    Leader,
}

impl FromStr for NodeSelector {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "leader" => Ok(Self::Leader),
            _ => node_id(text)
                .map(Self::Id)
                .map_err(|_| "a node is its number from 1 up, as in 2, or `leader`".to_owned()),
        }
    }
}

impl fmt::Display for NodeSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "node {id}"),
            Self::Leader => f.write_str("the leader"),
        }
    }
}

/// One side of a partition: nodes with commas between them, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side(Vec<NodeSelector>);

impl Side {
    /// The nodes, in the order they were named.
    pub fn nodes(&self) -> &[NodeSelector] {
        &self.0
    }

    /// A node that is on both sides, if there is one. `leader` may turn out to be such a node too,
    /// which only the cluster can tell.
    pub fn common(&self, other: &Self) -> Option<NodeSelector> {
        self.0.iter().copied().find(|node| other.0.contains(node))
    }
}

impl FromStr for Side {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut nodes = Vec::new();
        for word in text.split(',') {
            let node = word.parse()?;
            if nodes.contains(&node) {
                return Err(format!("{node} is named twice"));
            }
            nodes.push(node);
        }
        Ok(Self(nodes))
    }
}

/// A node's id: a number from 1 up, with or without the `n` that is printed before it.
pub fn node_id(text: &str) -> Result<NonZeroU64, String> {
    let digits = text.strip_prefix('n').unwrap_or(text);
    digits.parse().map_err(|_| "a node is its number from 1 up, as in 2".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: u64) -> NodeSelector {
        NodeSelector::Id(NonZeroU64::new(id).expect("tests name nodes from 1 up"))
    }

    #[test]
    fn a_node_is_a_number_or_the_leader() {
        assert_eq!("3".parse(), Ok(id(3)));
        assert_eq!("n3".parse(), Ok(id(3)));
        assert_eq!("leader".parse(), Ok(NodeSelector::Leader));
        for text in ["", "0", "-1", "n", "nn1", "Leader", "1.5", "18446744073709551616"] {
            assert!(text.parse::<NodeSelector>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_command_for_one_known_node_does_not_take_the_leader() {
        assert!(node_id("leader").is_err());
        assert_eq!(node_id("n7").map(NonZeroU64::get), Ok(7));
    }

    #[test]
    fn a_side_names_each_node_once() {
        assert_eq!("1,n2,leader".parse(), Ok(Side(vec![id(1), id(2), NodeSelector::Leader])));
        assert_eq!("2,n2".parse::<Side>(), Err("node 2 is named twice".to_owned()));
        for text in ["", ",", "1,", "1,,2", "1 2"] {
            assert!(text.parse::<Side>().is_err(), "{text}");
        }
    }

    #[test]
    fn two_sides_know_what_they_share() {
        let side = |text: &str| text.parse::<Side>().expect("a good side");
        assert_eq!(side("1,2").common(&side("3,2")), Some(id(2)));
        assert_eq!(side("1,2").common(&side("3,leader")), None);
    }
}
