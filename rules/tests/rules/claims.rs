//! Claims: one holder, growing tokens, and who may take over.

use crate::script::{play, resume};
use crate::world::World;
use dibs_rules::Answer;
use rstest::rstest;

#[rstest]
#[case::a_free_one_is_granted("priya claim | claim_granted:claim")]
#[case::what_one_holds_stays("priya claim\n priya claim | nothing")]
#[case::another_ones_is_named("priya claim\n ben claim | already_claimed:priya")]
#[case::supervisors_claim_like_others("priya claim\n zoe claim | already_claimed:priya")]
#[case::bots_hold_too("robo claim | claim_granted:claim\n priya claim | already_claimed:robo")]
#[case::a_closed_one_is_not("zoe update status=closed\n priya claim | conflict")]
#[case::a_resolved_one_is("zoe update status=resolved\n priya claim | claim_granted:claim")]
#[case::channels_do_not_claim("adapter claim | forbidden")]
#[case::release("priya claim\n priya release | claim_released:release\n ben claim | claim_granted:claim")]
#[case::release_of_nothing("priya release | not_claimed")]
#[case::release_of_another_ones("priya claim\n ben release | claim_lost:priya")]
#[case::release_with_an_old_token("priya claim\n priya release token=1 | claim_lost:priya")]
#[case::release_what_one_holds("priya claim\n priya release_held | claim_released:release")]
#[case::release_held_of_another("priya claim\n ben release_held | claim_lost:priya")]
#[case::release_held_of_nothing("ben release_held | not_claimed")]
#[case::release_ends_the_offer(
    "priya claim\n priya transfer to=ben\n priya release | transfer_declined:superseded claim_released:release"
)]
#[case::take_over_by_a_supervisor(
    "priya claim\n zoe take_over mine | claim_released:take_over claim_granted:take_over"
)]
#[case::take_over_of_a_free_one("zoe take_over mine | claim_granted:take_over")]
#[case::take_over_of_ones_own("zoe claim\n zoe take_over mine | nothing")]
#[case::take_over_of_a_closed_one("zoe update status=closed\n zoe take_over mine | conflict")]
#[case::agents_may_not_take_over("priya claim\n ben take_over mine | forbidden")]
#[case::not_even_a_free_one("ben take_over mine | forbidden")]
#[case::take_over_supersedes_an_offer(
    "priya claim\n priya transfer to=ben
     zoe take_over mine | transfer_declined:superseded claim_released:take_over claim_granted:take_over"
)]
#[case::open_grants(
    "priya open Hello | conversation_opened claim_granted:claim\n ben claim | already_claimed:priya"
)]
#[case::channels_do_not_open("adapter open Hello | forbidden")]
fn claims(#[case] table: &str) {
    let mut world = play("customer writes Hello");
    resume(&mut world, table);
}

#[test]
fn agents_take_over_where_the_settings_allow_it() {
    let mut world = World::new();
    world.settings.agents_take_over = true;
    resume(
        &mut world,
        "customer writes Hello\n priya claim
         ben take_over mine | claim_released:take_over claim_granted:take_over
         priya reply Hi | claim_lost:ben",
    );
}

#[test]
fn a_grant_is_its_own_token_and_makes_responsible() {
    let mut world = play("customer writes Hello\n customer writes again");
    let done = world.act(&crate::world::sender("priya"), &claim(&world)).unwrap();
    assert_eq!(done.decision.answer, Answer::Claimed);
    let state = world.state();
    assert_eq!(state.claim.as_ref().map(|it| it.token), done.seq);
    assert_eq!(state.assignee.as_ref(), state.holder());
    resume(&mut world, "priya release");
    assert!(world.state().holder().is_none());
    assert_eq!(
        world.state().assignee,
        Some(crate::world::agent_id("priya")),
        "being responsible outlives the claim"
    );
}

#[test]
fn a_missing_conversation_is_not_found() {
    let mut world = World::new();
    resume(
        &mut world,
        "priya claim | not_found\n priya reply Hi | not_found\n priya note Hi | not_found\n time deadline | not_found
         adapter claim | forbidden",
    );
}

fn claim(world: &World) -> dibs_rules::Action {
    let conversation = world.state().id;
    dibs_rules::Action::Claim(dibs_protocol::command::Claim {
        conversation,
        key: None,
    })
}
