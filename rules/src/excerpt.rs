//! Excerpts: the beginning of a text on one short line.

use dibs_protocol::limits::EXCERPT_CHARS;

/// The beginning of `text`: at most 140 characters, white space and control characters collapsed to one space, an
/// ellipsis at the end (counted within the 140) when something was cut.
#[must_use]
pub fn excerpt(text: &str) -> String {
    let words = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty());
    let mut line = String::new();
    let mut chars = 0;
    for word in words {
        let space = usize::from(chars > 0).min(1);
        for c in std::iter::repeat_n(' ', space).chain(word.chars()) {
            if chars == EXCERPT_CHARS {
                line.pop();
                line.truncate(line.trim_end().len());
                line.push('…');
                return line;
            }
            line.push(c);
            chars += 1;
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_is_collapsed_and_a_short_text_stays_whole() {
        assert_eq!(excerpt("  Hello,\n\tworld \u{7} !  "), "Hello, world !");
        assert_eq!(excerpt(""), "");
        assert_eq!(excerpt(" \n"), "");
        assert_eq!(excerpt(&"ü".repeat(140)), "ü".repeat(140));
    }

    #[test]
    fn a_long_text_is_cut_with_an_ellipsis_that_counts() {
        assert_eq!(excerpt(&"ü".repeat(141)), format!("{}…", "ü".repeat(139)));
        let spaced = format!("{} b", "a".repeat(138));
        assert_eq!(excerpt(&spaced), spaced);
        assert_eq!(
            excerpt(&format!("{} bc", "a".repeat(138))),
            format!("{}…", "a".repeat(138))
        );
    }
}
