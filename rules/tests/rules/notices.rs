//! Notices: whom a commit concerns in person.

use crate::script::{play, resume};
use crate::world::Stored;
use dibs_rules::notices::{Audience, Push, notices};
use rstest::rstest;

fn shown((audience, push): &(Audience, Push)) -> String {
    let to = match audience {
        Audience::Agent(agent) => agent.to_string(),
        Audience::Team(team) => format!("team:{team}"),
    };
    let what = match push {
        Push::ClaimLost { token, by, reason } => {
            let by = by.as_ref().map_or("time", |it| it.as_str());
            format!("lost({token},{by},{reason})")
        }
        Push::ClaimGained { token, via, from } => {
            format!(
                "gained({token},{via},{})",
                from.as_ref().map_or("-", |it| it.as_str())
            )
        }
        Push::Offer(offer) => format!("offer({})", offer.from),
        Push::OfferGone { reason } => format!("gone({reason})"),
    };
    format!("{to}<{what}")
}

/// The notices of the last line, after the lines before it; `priya` holds with token 3.
#[rstest]
#[case::a_claim("priya release", "ben claim", "ben<gained(5,claim,-)")]
#[case::ones_own_release("", "priya release", "")]
#[case::taken_over(
    "",
    "zoe take_over go home",
    "priya<lost(3,zoe,go home) zoe<gained(5,take_over,priya)"
)]
#[case::taken_over_without_a_word(
    "",
    "zoe take_over",
    "priya<lost(3,zoe,take_over) zoe<gained(5,take_over,priya)"
)]
#[case::idle("", "time deadline after=600", "priya<lost(3,time,idle)")]
#[case::gone("", "time gone priya", "priya<lost(3,time,holder_gone)")]
#[case::resolved_by_oneself("", "priya reply then=resolved Bye", "")]
#[case::resolved_by_another("", "zoe update status=resolved", "priya<lost(3,zoe,resolved)")]
#[case::closed_by_another("", "zoe update status=closed", "priya<lost(3,zoe,resolved)")]
#[case::snoozed_by_another("", "zoe update status=pending snooze=9", "priya<lost(3,zoe,snoozed)")]
#[case::snoozed_by_oneself("", "priya update status=pending snooze=9", "")]
#[case::offered("", "priya transfer to=ben", "ben<offer(priya)")]
#[case::offered_to_a_team("", "priya transfer to=team:billing", "team:billing<offer(priya)")]
#[case::offered_again(
    "priya transfer to=ben",
    "priya transfer to=sam",
    "ben<gone(superseded) sam<offer(priya)"
)]
#[case::withdrawn("priya transfer to=ben", "priya cancel_transfer", "ben<gone(withdrawn)")]
#[case::declined(
    "priya transfer to=ben",
    "ben decline",
    "ben<gone(declined) priya<gone(declined)"
)]
#[case::expired(
    "priya transfer to=ben",
    "time deadline after=60",
    "ben<gone(expired) priya<gone(expired)"
)]
#[case::accepted(
    "priya transfer to=team:billing",
    "ben accept",
    "priya<lost(3,ben,transfer) team:billing<gone(accepted) priya<gone(accepted) ben<gained(6,transfer,priya)"
)]
#[case::released_with_an_offer("priya transfer to=ben", "priya release", "ben<gone(superseded)")]
#[case::taken_over_with_an_offer(
    "priya transfer to=ben",
    "zoe take_over x",
    "ben<gone(superseded) priya<lost(3,zoe,x) zoe<gained(7,take_over,priya)"
)]
#[case::a_message("", "customer writes more", "")]
#[case::a_note("", "ben note @priya", "")]
fn pushes(#[case] before: &str, #[case] command: &str, #[case] expected: &str) {
    let mut world = play("customer writes Hello\n priya claim");
    resume(&mut world, before);
    let (state, from) = (world.state.clone(), world.feed.len());
    resume(&mut world, command);
    let facts: Vec<_> = world.feed[from..].iter().map(Stored::fact).collect();
    let pushes: Vec<String> = notices(state.as_ref(), &facts).iter().map(shown).collect();
    assert_eq!(pushes.join(" "), expected);
}

#[test]
fn opening_is_gaining() {
    let world = play("priya open Hello");
    let facts: Vec<_> = world.feed.iter().map(Stored::fact).collect();
    let pushes: Vec<String> = notices(None, &facts).iter().map(shown).collect();
    assert_eq!(pushes, ["priya<gained(2,claim,-)"]);
}
