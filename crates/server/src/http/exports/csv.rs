//! Comma-separated values as RFC 4180 has them: fields in quotes where they have to be, lines that end with CR LF.
//!
//! Invariant: what somebody outside has written is never a formula to a spreadsheet. Such a text gets an apostrophe in
//! front (owasp.org/www-community/attacks/CSV_Injection); numbers, times and ids are ours and stay as they are.

/// What makes a formula of a text where it comes first, the full-width forms included.
const BEGINS_FORMULA: [char; 11] =
    ['=', '+', '-', '@', '\t', '\r', '\n', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// A field.
pub(super) enum Field<'a> {
    /// What somebody has written.
    Text(&'a str),
    /// What was made here: an id, a time, a name of a state.
    Plain(String),
    /// A number.
    Number(i64),
    /// Nothing.
    Empty,
}

impl<'a> Field<'a> {
    /// What somebody has written, if they have.
    pub(super) fn maybe(text: Option<&'a str>) -> Self {
        text.map_or(Self::Empty, Self::Text)
    }
}

/// Adds a line.
pub(super) fn add_line<'a>(lines: &mut String, fields: impl IntoIterator<Item = Field<'a>>) {
    for (at, field) in fields.into_iter().enumerate() {
        if at > 0 {
            lines.push(',');
        }
        match field {
            Field::Empty => {}
            Field::Number(number) => lines.push_str(&number.to_string()),
            Field::Plain(text) => add_text(lines, &text),
            Field::Text(text) if text.starts_with(BEGINS_FORMULA) => add_text(lines, &format!("'{text}")),
            Field::Text(text) => add_text(lines, text),
        }
    }
    lines.push_str("\r\n");
}

fn add_text(lines: &mut String, text: &str) {
    let is_bare = !text.contains(['"', ',', '\r', '\n']) && text.trim() == text;
    if is_bare {
        lines.push_str(text);
        return;
    }
    lines.push('"');
    lines.push_str(&text.replace('"', "\"\""));
    lines.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(fields: Vec<Field<'_>>) -> String {
        let mut lines = String::new();
        add_line(&mut lines, fields);
        lines
    }

    #[test]
    fn fields_are_in_quotes_where_they_have_to_be() {
        let fields = vec![
            Field::Text("Kim"),
            Field::Text("Kim, Min-ji"),
            Field::Text("\"Min\""),
            Field::Text("a\r\nb"),
            Field::Text(" x"),
            Field::Text("김민지"),
            Field::Empty,
            Field::Number(-7),
            Field::Plain("paid".into()),
        ];
        let expected = "Kim,\"Kim, Min-ji\",\"\"\"Min\"\"\",\"a\r\nb\",\" x\",김민지,,-7,paid\r\n";
        assert_eq!(line(fields), expected);
    }

    #[test]
    fn no_text_is_a_formula() {
        for (text, written) in [
            ("=1+1", "'=1+1"),
            ("+82 10", "'+82 10"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("=HYPERLINK(\"x\",\"y\")", "\"'=HYPERLINK(\"\"x\"\",\"\"y\"\")\""),
            ("\u{ff1d}1", "'\u{ff1d}1"),
            ("\t=1", "'\t=1"),
            ("a=1", "a=1"),
        ] {
            assert_eq!(line(vec![Field::Text(text)]), format!("{written}\r\n"));
        }
    }
}
