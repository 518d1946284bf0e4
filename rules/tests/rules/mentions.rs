//! Mentions: the grammar, who wins, and who is notified.

use crate::world::{People, agent_id};
use dibs_protocol::refusal::Code;
use dibs_rules::mention::read;
use rstest::rstest;

/// Expected: agents, teams, unknown names, and who is notified of a note by `ben`, each as words.
#[rstest]
#[case::at_the_start("@priya look", "priya", "", "", "priya")]
#[case::after_punctuation("(@priya,@sam)", "priya sam", "", "", "priya sam")]
#[case::upper_case("@PRIYA", "priya", "", "", "priya")]
#[case::a_full_stop("ask @priya.", "priya", "", "", "priya")]
#[case::much_punctuation("ask @priya.-_", "priya", "", "", "priya")]
#[case::a_name_that_ends_with_one("ask @nora.", "nora.", "", "", "nora.")]
#[case::and_another_one("ask @nora..", "nora.", "", "", "nora.")]
#[case::not_less_than_the_name("ask @nora", "", "", "nora", "")]
#[case::mail_addresses_are_not("write to x@priya or 1@sam or .@sam or é@sam", "", "", "", "")]
#[case::doubled("@@priya", "priya", "", "", "priya")]
#[case::runs_end_at_other_letters("@priyaé", "priya", "", "", "priya")]
#[case::inside_a_run("@priya@sam", "priya", "", "", "priya")]
#[case::nobody("@nobody. and @nobody and @else", "", "", "nobody else", "")]
#[case::nothing("@ and @. and @... and @-", "", "", "", "")]
#[case::a_team("@billing", "", "billing", "", "priya")]
#[case::agents_win("@sam", "sam", "", "", "sam")]
#[case::each_once("@priya @billing @priya @night", "priya", "billing night", "", "priya")]
#[case::authors_are_not_notified("@ben @night", "ben", "night", "", "")]
#[case::too_long_for_an_id(&format!("@{}", "a".repeat(65)), "", "", &"a".repeat(65), "")]
fn mentions(
    #[case] text: &str,
    #[case] agents: &str,
    #[case] teams: &str,
    #[case] unknown: &str,
    #[case] notified: &str,
) {
    let found = read(text, &agent_id("ben"), &People).unwrap();
    assert_eq!(words(&found.mentions.agents), agents);
    assert_eq!(words(&found.mentions.teams), teams);
    assert_eq!(words(&found.unknown), unknown);
    assert_eq!(words(&found.notified), notified);
}

fn words<T: ToString>(list: &[T]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[test]
fn twenty_names_are_enough() {
    struct Everybody;
    impl dibs_rules::Directory for Everybody {
        fn knows_agent(&self, _: &dibs_protocol::ids::AgentId) -> bool {
            true
        }
        fn knows_team(&self, _: &dibs_protocol::ids::TeamId) -> bool {
            false
        }
        fn members(&self, _: &dibs_protocol::ids::TeamId) -> Vec<dibs_protocol::ids::AgentId> {
            Vec::new()
        }
    }
    let note = |count: usize| (0..count).map(|i| format!("@a{i} @a0 ")).collect::<String>();
    assert_eq!(
        read(&note(20), &agent_id("ben"), &Everybody)
            .unwrap()
            .notified
            .len(),
        20
    );
    let refusal = read(&note(21), &agent_id("ben"), &Everybody).unwrap_err();
    assert_eq!(
        (refusal.code, refusal.details.field.as_deref()),
        (Code::Invalid, Some("text"))
    );
}
