//! A sorted set that can be read from any rank: chunks of sorted keys. No meaning of the keys here.
//!
//! A B-tree of the standard library finds a key in logarithmic time but a rank only by counting; here a rank costs one
//! step per chunk, some 400 at 100,000 keys, and an insertion moves at most one chunk.

use dibs_rules::order::OrderKey;

/// A chunk splits when it grows beyond this many keys.
const CHUNK: usize = 512;

/// Sorted keys, each once.
#[derive(Debug, Default, Clone)]
pub(crate) struct Ranked {
    chunks: Vec<Vec<OrderKey>>,
    len: usize,
}

impl Ranked {
    /// Sorts `keys` into a set.
    pub(crate) fn from_keys(mut keys: Vec<OrderKey>) -> Self {
        keys.sort_unstable();
        keys.dedup();
        let len = keys.len();
        let chunks = keys.chunks(CHUNK / 2).map(<[OrderKey]>::to_vec).collect();
        Self { chunks, len }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The chunk in which `key` is or belongs.
    fn chunk_of(&self, key: &OrderKey) -> usize {
        let after = self
            .chunks
            .partition_point(|chunk| chunk.last().is_some_and(|last| last < key));
        after.min(self.chunks.len().saturating_sub(1))
    }

    /// Adds a key. Whether it was new.
    pub(crate) fn insert(&mut self, key: OrderKey) -> bool {
        if self.chunks.is_empty() {
            self.chunks.push(Vec::new());
        }
        let at = self.chunk_of(&key);
        let chunk = &mut self.chunks[at];
        let Err(place) = chunk.binary_search(&key) else {
            return false;
        };
        chunk.insert(place, key);
        self.len += 1;
        if chunk.len() > CHUNK {
            let tail = chunk.split_off(CHUNK / 2);
            self.chunks.insert(at + 1, tail);
        }
        true
    }

    /// Removes a key. Whether it was there.
    pub(crate) fn remove(&mut self, key: &OrderKey) -> bool {
        if self.chunks.is_empty() {
            return false;
        }
        let at = self.chunk_of(key);
        let Ok(place) = self.chunks[at].binary_search(key) else {
            return false;
        };
        self.chunks[at].remove(place);
        self.len -= 1;
        if self.chunks[at].is_empty() {
            self.chunks.remove(at);
        }
        true
    }

    /// The keys from rank `offset` on.
    pub(crate) fn from_rank(&self, offset: usize) -> impl Iterator<Item = &OrderKey> {
        let mut skip = offset;
        let mut first = self.chunks.len();
        for (i, chunk) in self.chunks.iter().enumerate() {
            if skip < chunk.len() {
                first = i;
                break;
            }
            skip -= chunk.len();
        }
        self.chunks[first..].iter().flatten().skip(skip)
    }

    /// The keys above `key`.
    pub(crate) fn above(&self, key: &OrderKey) -> impl Iterator<Item = &OrderKey> {
        let first = if self.chunks.is_empty() {
            0
        } else {
            self.chunk_of(key)
        };
        let key = *key;
        self.chunks[first..]
            .iter()
            .flatten()
            .skip_while(move |it| **it <= key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn key(n: u32) -> OrderKey {
        OrderKey::decode(&format!("{n:016x}{:016x}{:032x}", 0, u128::from(n))).unwrap()
    }

    proptest! {
        #[test]
        fn a_ranked_set_is_a_sorted_set_that_knows_ranks(
            start in prop::collection::vec(0u32..3_000, 0..2_000),
            steps in prop::collection::vec((any::<bool>(), 0u32..3_000), 0..600),
            offset in 0usize..2_500,
        ) {
            let mut set: BTreeSet<OrderKey> = start.iter().map(|n| key(*n)).collect();
            let mut ranked = Ranked::from_keys(start.iter().map(|n| key(*n)).collect());
            for (insert, n) in steps {
                if insert {
                    prop_assert_eq!(ranked.insert(key(n)), set.insert(key(n)));
                } else {
                    prop_assert_eq!(ranked.remove(&key(n)), set.remove(&key(n)));
                }
            }
            prop_assert_eq!(ranked.len(), set.len());
            let from: Vec<_> = ranked.from_rank(offset).take(50).copied().collect();
            let expected: Vec<_> = set.iter().skip(offset).take(50).copied().collect();
            prop_assert_eq!(from, expected);
            let pivot = key(1_500);
            let above: Vec<_> = ranked.above(&pivot).copied().collect();
            let expected: Vec<_> = set.iter().filter(|it| **it > pivot).copied().collect();
            prop_assert_eq!(above, expected);
        }
    }
}
