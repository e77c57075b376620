//! PostgreSQL's lexical structure: enough of it to tell literals, names, comments and parameters apart.
//!
//! Reads any bytes that are UTF-8 text, whole or cut short, and never fails: what does not end, ends with the
//! text. `standard_conforming_strings` is taken to be on, as it is in every session of the agent.

#[cfg(test)]
mod tests;

/// What a stretch of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Blanks and line ends.
    Space,
    /// A comment of either form.
    Comment,
    /// A name or keyword without quotes.
    Word,
    /// A name in double quotes, with or without `U&`.
    QuotedName,
    /// A string in any of its forms: `'…'`, `E'…'`, `B'…'`, `X'…'`, `N'…'`, `U&'…'`, `$tag$…$tag$`.
    String,
    /// A number.
    Number,
    /// A parameter, `$1`.
    Parameter,
    /// One or more operator characters.
    Operator,
    /// Any other single character: a parenthesis, a comma, a semicolon …
    Other,
}

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    /// What it is.
    pub(crate) kind: Kind,
    /// The text of it.
    pub(crate) text: &'a str,
}

impl Token<'_> {
    /// Whether this is the word `word`, which is given in lower case.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether this is exactly the character or operator `text`.
    pub(crate) fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Other | Kind::Operator) && self.text == text
    }

    /// Whether this is neither blank nor comment.
    pub(crate) fn is_significant(&self) -> bool {
        !matches!(self.kind, Kind::Space | Kind::Comment)
    }
}

/// The tokens of a text; together they are the whole text.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = Token<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (kind, length) = first(rest);
        // Cutting inside a character is impossible for the rules below; were one wrong, the rest is one token.
        let length = if rest.is_char_boundary(length) { length } else { rest.len() };
        let (token, tail) = rest.split_at(length);
        rest = tail;
        Some(Token { kind, text: token })
    })
}

/// The significant tokens of a text.
pub(crate) fn significant(text: &str) -> impl Iterator<Item = Token<'_>> {
    tokens(text).filter(Token::is_significant)
}

/// Kind and length of the first token.
fn first(text: &str) -> (Kind, usize) {
    let bytes = text.as_bytes();
    let next = bytes.get(1).copied().unwrap_or(0);
    let after = bytes.get(2).copied().unwrap_or(0);
    match bytes[0] {
        b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c => {
            (Kind::Space, run(bytes, |byte| byte.is_ascii_whitespace() || byte == 0x0b))
        }
        b'-' if next == b'-' => (Kind::Comment, run(bytes, |byte| byte != b'\n' && byte != b'\r')),
        b'/' if next == b'*' => (Kind::Comment, block_comment(bytes)),
        b'\'' => (Kind::String, quoted(bytes, 1, b'\'', false)),
        b'"' => (Kind::QuotedName, quoted(bytes, 1, b'"', false)),
        b'e' | b'E' if next == b'\'' => (Kind::String, quoted(bytes, 2, b'\'', true)),
        b'b' | b'B' | b'x' | b'X' | b'n' | b'N' if next == b'\'' => {
            (Kind::String, quoted(bytes, 2, b'\'', false))
        }
        b'u' | b'U' if next == b'&' && after == b'\'' => (Kind::String, quoted(bytes, 3, b'\'', false)),
        b'u' | b'U' if next == b'&' && after == b'"' => (Kind::QuotedName, quoted(bytes, 3, b'"', false)),
        b'$' => dollar(bytes),
        b'0'..=b'9' => (Kind::Number, number(bytes)),
        b'.' if next.is_ascii_digit() => (Kind::Number, number(bytes)),
        byte if is_word_start(byte) => (Kind::Word, run(bytes, is_word_part)),
        byte if is_operator(byte) => (Kind::Operator, operator(bytes)),
        // Every other ASCII character stands alone, NUL included; others were taken for words.
        _ => (Kind::Other, 1),
    }
}

fn run(bytes: &[u8], part: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !part(*byte)).unwrap_or(bytes.len())
}

fn is_word_start(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80
}

fn is_word_part(byte: u8) -> bool {
    is_word_start(byte) || byte.is_ascii_digit() || byte == b'$'
}

fn is_operator(byte: u8) -> bool {
    b"+-*/<>=~!@#%^&|`?".contains(&byte)
}

/// Operators end where a comment begins.
fn operator(bytes: &[u8]) -> usize {
    let longest = run(bytes, is_operator);
    let comment = bytes[..longest].windows(2).position(|pair| pair == b"--" || pair == b"/*");
    comment.unwrap_or(longest).max(1)
}

/// Comments nest.
fn block_comment(bytes: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => {
                depth += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

/// A quoted text whose content begins at `at`; a doubled quote is one character of it.
fn quoted(bytes: &[u8], mut at: usize, quote: u8, escapes: bool) -> usize {
    while at < bytes.len() {
        if escapes && bytes[at] == b'\\' {
            at += 2;
        } else if bytes[at] == quote {
            if bytes.get(at + 1) != Some(&quote) {
                return at + 1;
            }
            at += 2;
        } else {
            at += 1;
        }
    }
    bytes.len()
}

/// A parameter, or a dollar-quoted string, or a lone dollar sign.
fn dollar(bytes: &[u8]) -> (Kind, usize) {
    let digits = run(&bytes[1..], |byte| byte.is_ascii_digit());
    if digits > 0 {
        return (Kind::Parameter, 1 + digits);
    }
    let tag = run(&bytes[1..], |byte| is_word_part(byte) && byte != b'$');
    if bytes.get(1 + tag) != Some(&b'$') {
        return (Kind::Other, 1);
    }
    let delimiter = &bytes[..tag + 2];
    let content = &bytes[delimiter.len()..];
    let end = content.windows(delimiter.len()).position(|window| window == delimiter);
    (Kind::String, end.map_or(bytes.len(), |end| delimiter.len() + end + delimiter.len()))
}

/// Decimal, `0x`, `0o`, `0b`, with underscores, fraction and exponent; trailing letters are taken along, as the
/// server refuses them anyway.
fn number(bytes: &[u8]) -> usize {
    let mut at = 0;
    while at < bytes.len() {
        let sign_of_exponent = matches!(bytes[at], b'+' | b'-')
            && matches!(bytes[at - 1], b'e' | b'E')
            && !matches!(bytes.get(1), Some(b'x' | b'X'))
            && bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        // Two dots are PL/pgSQL's range, not a fraction.
        let fraction = bytes[at] == b'.' && bytes.get(at + 1) != Some(&b'.');
        if !(bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_' || fraction || sign_of_exponent) {
            break;
        }
        at += 1;
    }
    at.max(1)
}
