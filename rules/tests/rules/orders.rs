//! Orders of lists: total, and kept by cursors.

use crate::script::play;
use crate::world::START;
use dibs_protocol::ids::ConversationId;
use dibs_protocol::terms::{Priority, Sort};
use dibs_rules::Conversation;
use dibs_rules::order::{OrderKey, order_key};
use proptest::prelude::*;
use rstest::rstest;
use uuid::Uuid;

/// (id, waiting for s, opened before s, active before s, priority)
type Row = (u128, Option<i64>, i64, i64, Priority);

fn conversation(row: Row) -> Conversation {
    let mut it = play("customer writes Hello").state().clone();
    it.id = ConversationId(Uuid::from_u128(row.0));
    it.waiting_since = row.1.map(|s| START.plus_ms(-s * 1_000));
    it.opened_at = START.plus_ms(-row.2 * 1_000);
    it.active_at = START.plus_ms(-row.3 * 1_000);
    it.priority = row.4;
    it
}

const ROWS: [Row; 5] = [
    (1, None, 50, 4, Priority::Urgent),
    (2, Some(10), 40, 3, Priority::Low),
    (3, Some(20), 60, 9, Priority::Low),
    (4, None, 60, 4, Priority::Normal),
    (5, Some(10), 20, 2, Priority::Urgent),
];

#[rstest]
#[case(Sort::Waiting, [3, 2, 5, 1, 4])]
#[case(Sort::Newest, [5, 2, 1, 3, 4])]
#[case(Sort::Oldest, [3, 4, 1, 2, 5])]
#[case(Sort::Priority, [5, 1, 4, 3, 2])]
#[case(Sort::LastActivity, [5, 2, 1, 4, 3])]
fn orders(#[case] sort: Sort, #[case] expected: [u128; 5]) {
    let mut keys: Vec<OrderKey> = ROWS
        .iter()
        .map(|row| order_key(sort, &conversation(*row)))
        .collect();
    keys.sort();
    let ids: Vec<u128> = keys.iter().map(|key| key.conversation().0.as_u128()).collect();
    assert_eq!(ids, expected);
}

#[rstest]
#[case("")]
#[case("zz")]
#[case(&"+".repeat(64))]
#[case(&"0".repeat(63))]
#[case(&"0".repeat(65))]
#[case(&"é".repeat(32))]
fn what_is_not_a_cursor_is_not_read(#[case] text: &str) {
    assert_eq!(OrderKey::decode(text), None);
}

fn rows() -> impl Strategy<Value = Row> {
    let priority = prop::sample::select(Priority::ALL);
    (
        1..9u128,
        proptest::option::of(-3..3i64),
        -3..3i64,
        -3..3i64,
        priority,
    )
}

proptest! {
    #[test]
    fn equal_places_are_the_same_conversation(one in rows(), other in rows()) {
        for sort in Sort::ALL {
            let keys = (order_key(*sort, &conversation(one)), order_key(*sort, &conversation(other)));
            prop_assert!(one.0 == other.0 || keys.0 != keys.1);
        }
    }

    #[test]
    fn cursors_keep_the_place(row in rows()) {
        for sort in Sort::ALL {
            let key = order_key(*sort, &conversation(row));
            prop_assert_eq!(OrderKey::decode(&key.encode()), Some(key));
        }
    }
}
