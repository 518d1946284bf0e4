//! What URLs mean, and that none of their secrets is shown.

use super::*;
use rstest::rstest;

fn seeds(options: &Options) -> String {
    let seeds: Vec<_> = options.seeds.iter().map(Node::to_string).collect();
    seeds.join(" ")
}

#[rstest]
#[case(&["redis://localhost"], Kind::Single, "localhost:6379")]
#[case(&["rediss://u:p@10.0.0.7:7000/2"], Kind::Single, "10.0.0.7:7000")]
#[case(&["redis://[::1]:7000"], Kind::Single, "::1:7000")]
#[case(&["redis://a:1", "redis://b:2"], Kind::Cluster, "a:1 b:2")]
#[case(&["redis://u:p@a:1,b:2, c"], Kind::Cluster, "a:1 b:2 c:6379")]
#[case(&["redis+cluster://a"], Kind::Cluster, "a:6379")]
#[case(&["redis+sentinel://a,b:1/main"], Kind::Sentinel("main".to_owned()), "a:26379 b:1")]
#[case(&["rediss+sentinel://a/main", "b/main\n"], Kind::Sentinel("main".to_owned()), "a:26379 b:26379")]
fn urls_say_where_redis_is(#[case] urls: &[&str], #[case] kind: Kind, #[case] at: &str) {
    let options = Options::parse(urls).unwrap();
    assert_eq!((options.kind.clone(), seeds(&options)), (kind, at.to_owned()));
    assert_eq!(options.tls, urls[0].starts_with("rediss"));
}

#[rstest]
#[case(&[])]
#[case(&[""])]
#[case(&["localhost:6379"])]
#[case(&["http://localhost"])]
#[case(&["redis://"])]
#[case(&["redis://a:70000"])]
#[case(&["redis://a/x"])]
#[case(&["redis://a", "rediss://b"])]
#[case(&["redis+sentinel://a"])]
#[case(&["redis+sentinel://a/one,b/two"])]
#[case(&["redis://a?pasword=hunter2"])]
#[case(&["redis://u:hunter2@a:x"])]
fn what_cannot_work_is_refused_without_repeating_it(#[case] urls: &[&str]) {
    let message = Options::parse(urls).unwrap_err().to_string();
    assert!(!message.contains("hunter2"), "{message}");
}

#[test]
fn users_and_passwords_are_taken_over_and_never_shown() {
    let url = "redis+sentinel://dibs:hunt%2Cer2@a,b/main?sentinel_user=watch&sentinel_password=hunter3";
    let options = Options::parse(&[url]).unwrap();
    assert_eq!(options.login.user.as_deref(), Some("dibs"));
    assert_eq!(options.login.password.as_deref(), Some("hunt,er2"));
    assert_eq!(options.sentinel_login.password.as_deref(), Some("hunter3"));
    let shown = format!("{options:?}");
    assert!(!shown.contains("hunt") && shown.contains("main"), "{shown}");
}

#[test]
fn a_prefix_cannot_hold_braces_or_patterns() {
    let options = || Options::parse(&["redis://a"]).unwrap();
    assert_eq!(options().with_prefix("eu-1:dibs:").unwrap().prefix, "eu-1:dibs:");
    for prefix in ["{x}", "a*", "a b", &"x".repeat(65)] {
        assert!(options().with_prefix(prefix).is_err(), "{prefix}");
    }
}
