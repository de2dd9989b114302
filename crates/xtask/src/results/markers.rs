//! The part of a page that is written by a program.

use anyhow::{Context, Result};

/// The page with `new` between `<!-- results:MARK -->` and the `<!-- results:end -->` after it.
pub(super) fn replace(page: &str, mark: &str, new: &str) -> Result<String> {
    let begin = format!("<!-- results:{mark} -->\n");
    let (before, rest) = page
        .split_once(&begin)
        .with_context(|| format!("no line `{}`", begin.trim_end()))?;
    let end = "<!-- results:end -->";
    let (_, after) = rest
        .split_once(end)
        .with_context(|| format!("no `{end}` after `{}`", begin.trim_end()))?;
    Ok(format!("{before}{begin}\n{}\n\n{end}{after}", new.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "a\n<!-- results:x -->\nold\n<!-- results:end -->\nb\n";

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let new = replace(PAGE, "x", "new\n").unwrap();
        assert_eq!(new, PAGE.replace("old", "\nnew\n"));
        assert_eq!(replace(&new, "x", "new").unwrap(), new);
    }

    #[test]
    fn a_mark_that_is_missing_is_named() {
        let error = replace(PAGE, "y", "new").unwrap_err().to_string();
        assert!(error.contains("results:y"), "{error}");
        assert!(replace("<!-- results:x -->\n", "x", "new").is_err());
    }
}
