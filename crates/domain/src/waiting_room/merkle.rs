//! The tree over the entries of a lobby, as in RFC 6962: one root stands for all of them, and a short path proves one.
//!
//! Invariant: leaves and inner nodes are hashed with different prefixes, so that neither can be passed for the other.

use sha2::{Digest as _, Sha256};

use super::{Hash, Place, Pseudonym};

/// The hash of one entry.
pub fn leaf(place: Place, buyer: Pseudonym) -> Hash {
    let hash = Sha256::new().chain_update([0]).chain_update(place.0.to_be_bytes()).chain_update(buyer.0);
    Hash(hash.finalize().into())
}

fn node(left: Hash, right: Hash) -> Hash {
    Hash(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// A tree that grows: what is needed to go on and to know the root, some 32 hashes however many leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    len: u32,
    /// The tops of the full subtrees, largest first; one for each 1 in the binary form of `len`.
    tops: Vec<Hash>,
}

impl Frontier {
    /// Adds a leaf; two hashes on average.
    pub fn push(&mut self, leaf: Hash) {
        let mut top = leaf;
        let mut full = self.len;
        while full & 1 == 1 {
            let Some(left) = self.tops.pop() else { break };
            top = node(left, top);
            full >>= 1;
        }
        self.tops.push(top);
        self.len += 1;
    }

    /// The root over all leaves so far.
    pub fn root(&self) -> Hash {
        let mut tops = self.tops.iter().rev().copied();
        let Some(last) = tops.next() else { return Hash(Sha256::digest([]).into()) };
        tops.fold(last, |right, left| node(left, right))
    }
}

impl FromIterator<Hash> for Frontier {
    fn from_iter<I: IntoIterator<Item = Hash>>(leaves: I) -> Self {
        let mut frontier = Self::default();
        leaves.into_iter().for_each(|leaf| frontier.push(leaf));
        frontier
    }
}

/// A whole tree, for giving out paths. It keeps the tops of every [`Tree::BLOCK`] leaves and needs the leaves of one
/// block for a path: 32 KiB for a million entries, not 64 MB.
#[derive(Clone, Debug)]
pub struct Tree {
    len: u32,
    blocks: Vec<Hash>,
}

impl Tree {
    /// How many leaves a block has. A power of two, so blocks are subtrees.
    pub const BLOCK: u32 = 1024;

    /// Builds it from all leaves, in order.
    pub fn new(leaves: impl IntoIterator<Item = Hash>) -> Self {
        let (mut len, mut blocks, mut block) = (0, Vec::new(), Frontier::default());
        for leaf in leaves {
            block.push(leaf);
            len += 1;
            if block.len == Self::BLOCK {
                blocks.push(std::mem::take(&mut block).root());
            }
        }
        if block.len > 0 {
            blocks.push(block.root());
        }
        Self { len, blocks }
    }

    /// How many leaves there are.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The root.
    pub fn root(&self) -> Hash {
        top(&self.blocks)
    }

    /// The places of the block that a path to `place` needs: from, and how many.
    pub fn block_of(&self, place: Place) -> (Place, u32) {
        let from = place.0 / Self::BLOCK * Self::BLOCK;
        (Place(from), Self::BLOCK.min(self.len.saturating_sub(from)))
    }

    /// The inclusion path of a place, from its neighbour upwards. `block` are the leaves of [`Tree::block_of`].
    /// `None`: there is no such place, or these are not its leaves.
    pub fn path(&self, place: Place, block: &[Hash]) -> Option<Vec<Hash>> {
        let (from, count) = self.block_of(place);
        let number = (place.0 / Self::BLOCK) as usize;
        if place.0 >= self.len || block.len() != count as usize || top(block) != self.blocks[number] {
            return None;
        }
        let mut path = Vec::new();
        walk(block, (place.0 - from.0) as usize, &mut path);
        walk(&self.blocks, number, &mut path);
        Some(path)
    }
}

/// The top over some nodes of one level.
fn top(nodes: &[Hash]) -> Hash {
    match nodes {
        [] => Frontier::default().root(),
        [only] => *only,
        _ => {
            let (left, right) = nodes.split_at(split(nodes.len()));
            node(top(left), top(right))
        }
    }
}

fn walk(nodes: &[Hash], at: usize, path: &mut Vec<Hash>) {
    if nodes.len() < 2 {
        return;
    }
    let (left, right) = nodes.split_at(split(nodes.len()));
    if at < left.len() {
        walk(left, at, path);
        path.push(top(right));
    } else {
        walk(right, at - left.len(), path);
        path.push(top(left));
    }
}

/// The largest power of two below `len`.
fn split(len: usize) -> usize {
    1 << (len - 1).ilog2()
}

/// Whether a path leads from a leaf to the root of a tree of `len` leaves (RFC 9162, 2.1.3.2).
pub fn includes(root: Hash, len: u32, place: Place, leaf: Hash, path: &[Hash]) -> bool {
    if place.0 >= len {
        return false;
    }
    let (mut at, mut last, mut top) = (place.0, len - 1, leaf);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            top = node(*sibling, top);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            top = node(top, *sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && top == root
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: u32) -> Vec<Hash> {
        (0..count).map(|i| leaf(Place(i), Pseudonym(u128::from(i).to_be_bytes()))).collect()
    }

    fn path_in(tree: &Tree, leaves: &[Hash], place: Place) -> Vec<Hash> {
        let (from, count) = tree.block_of(place);
        tree.path(place, &leaves[from.0 as usize..(from.0 + count) as usize]).unwrap()
    }

    #[test]
    fn every_path_leads_to_the_root_and_no_other_leaf_does() {
        for count in (1..70).chain([1_023, 1_024, 1_025, 3_000, 5_121]) {
            let leaves = leaves(count);
            let tree = Tree::new(leaves.iter().copied());
            let root = tree.root();
            assert_eq!(root, top(&leaves), "{count}: blocks do not show");
            assert_eq!(
                root,
                leaves.iter().copied().collect::<Frontier>().root(),
                "{count}: growing does not show"
            );
            for place in (0..count).step_by(if count < 70 { 1 } else { 97 }).chain([count - 1]).map(Place) {
                let path = path_in(&tree, &leaves, place);
                let leaf = leaves[place.0 as usize];
                assert!(includes(root, count, place, leaf, &path), "{place:?} of {count}");
                assert!(!includes(root, count, Place(place.0 ^ 1), leaf, &path), "another place");
                assert!(!includes(root, count, place, node(leaf, leaf), &path), "another leaf");
                assert!(!includes(Hash([0; 32]), count, place, leaf, &path), "another root");
                let mut longer = path.clone();
                longer.push(leaf);
                assert!(!includes(root, count, place, leaf, &longer), "a longer path");
                if !path.is_empty() {
                    assert!(!includes(root, count, place, leaf, &path[1..]), "a shorter path");
                }
            }
        }
    }

    #[test]
    fn a_tree_refuses_places_and_leaves_that_are_not_its_own() {
        let leaves = leaves(5);
        let tree = Tree::new(leaves.iter().copied());
        assert!(tree.path(Place(5), &leaves).is_none());
        assert!(tree.path(Place(0), &leaves[..4]).is_none());
        assert!(tree.path(Place(0), &[leaves[1], leaves[0], leaves[2], leaves[3], leaves[4]]).is_none());
    }

    /// The root of no leaves, as RFC 6962 has it.
    #[test]
    fn an_empty_tree_has_the_hash_of_nothing() {
        let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex::encode(Frontier::default().root().0), nothing);
        assert_eq!(Tree::new([]).root(), Frontier::default().root());
    }
}
