//! Transfers: the maker keeps the claim until somebody accepts.

use crate::script::{play, resume};
use rstest::rstest;

#[rstest]
#[case::to_an_agent("priya transfer to=ben | transfer_offered")]
#[case::to_a_team("priya transfer to=team:billing | transfer_offered")]
#[case::to_oneself("priya transfer to=priya | invalid:to")]
#[case::the_token_comes_first("priya transfer to=priya token=1 | claim_lost:priya")]
#[case::by_somebody_else("ben transfer to=sam | claim_lost:priya")]
#[case::of_a_free_one("priya release\n priya transfer to=ben | not_claimed")]
#[case::to_nobody("priya transfer to=nobody | not_found")]
#[case::to_no_team("priya transfer to=team:nobody | not_found")]
#[case::a_second_offer_replaces_the_first(
    "priya transfer to=ben\n priya transfer to=sam | transfer_declined:superseded transfer_offered
     ben accept | forbidden\n sam accept | claim_released:transfer claim_granted:transfer"
)]
#[case::accepted(
    "priya transfer to=ben\n ben accept | claim_released:transfer claim_granted:transfer
     priya reply Hi | claim_lost:ben\n ben accept | conflict"
)]
#[case::the_maker_replies_until_then(
    "priya transfer to=ben\n priya reply Hi | message_sent status_changed:open"
)]
#[case::declined(
    "priya transfer to=ben\n ben decline busy | transfer_declined:declined\n ben accept | conflict"
)]
#[case::not_offered_to_me("priya transfer to=ben\n sam accept | forbidden\n zoe accept | forbidden")]
#[case::nothing_offered("ben accept | conflict\n ben decline | conflict")]
#[case::the_first_of_a_team_wins(
    "priya transfer to=team:billing\n ben accept | claim_released:transfer claim_granted:transfer\n ben accept | conflict"
)]
#[case::the_maker_is_not_asked("priya transfer to=team:billing\n priya accept | forbidden")]
#[case::the_last_member_declines_for_the_team(
    "priya transfer to=team:billing\n ben decline | transfer_declined:declined"
)]
#[case::withdrawn(
    "priya transfer to=ben\n priya cancel_transfer | transfer_declined:withdrawn\n ben accept | conflict"
)]
#[case::nothing_to_withdraw("priya cancel_transfer | nothing")]
#[case::withdrawn_by_another("priya transfer to=ben\n ben cancel_transfer | claim_lost:priya")]
#[case::withdrawn_without_a_holder("priya release\n priya cancel_transfer | not_claimed")]
#[case::too_late("priya transfer to=ben\n ben accept after=60 | conflict")]
#[case::just_in_time(
    "priya transfer to=ben\n ben accept after=59 | claim_released:transfer claim_granted:transfer"
)]
fn transfers(#[case] table: &str) {
    let mut world = play("customer writes Hello\n priya claim");
    resume(&mut world, table);
}

#[test]
fn one_members_no_is_not_the_teams() {
    let mut world = play("customer writes Hello\n zoe claim\n zoe transfer to=team:billing");
    resume(
        &mut world,
        "priya decline | nothing\n ben accept | claim_released:transfer claim_granted:transfer",
    );
}
