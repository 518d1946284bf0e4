//! Hash maps and sets whose order is the same in every run of a simulation, and unpredictable in the program: a test
//! build hashes with fixed keys, any other with random ones. Deliberately absent: anything but the two names.

use std::collections::{HashMap, HashSet};

/// How keys are hashed: with random keys, so that nobody can choose ids that collide (hash flooding).
#[cfg(not(test))]
pub(crate) type Hashing = std::hash::RandomState;
/// How keys are hashed: with fixed keys, so that a schedule can be replayed.
#[cfg(test)]
pub(crate) type Hashing = std::hash::BuildHasherDefault<std::hash::DefaultHasher>;

/// A hash map.
pub(crate) type Map<K, V> = HashMap<K, V, Hashing>;
/// A hash set.
pub(crate) type Set<K> = HashSet<K, Hashing>;
