use super::*;

fn check(text: &str, expected: &[(Kind, &str)]) {
    let found: Vec<(Kind, &str)> = significant(text).map(|token| (token.kind, token.text)).collect();
    assert_eq!(found, expected, "{text}");
    assert_eq!(tokens(text).map(|token| token.text).collect::<String>(), text);
}

use Kind::{Number, Operator, Other, Parameter, QuotedName, String as Text, Word};

#[test]
fn strings_have_many_forms() {
    check("'it''s'", &[(Text, "'it''s'")]);
    check(r"E'a\'b' x", &[(Text, r"E'a\'b'"), (Word, "x")]);
    check(r"'a\' b", &[(Text, r"'a\'"), (Word, "b")]);
    check(
        "B'01' X'ff' n'x' U&'d\\0061t'",
        &[(Text, "B'01'"), (Text, "X'ff'"), (Text, "n'x'"), (Text, "U&'d\\0061t'")],
    );
    check("$$a 'b' $x$ $$ c", &[(Text, "$$a 'b' $x$ $$"), (Word, "c")]);
    check("$q$ $$ $q$", &[(Text, "$q$ $$ $q$")]);
}

#[test]
fn names_hold_anything_and_are_no_strings() {
    check("\"a'b\" U&\"x\" tab1$x", &[(QuotedName, "\"a'b\""), (QuotedName, "U&\"x\""), (Word, "tab1$x")]);
    check("größe = $1", &[(Word, "größe"), (Operator, "="), (Parameter, "$1")]);
    check("e.x", &[(Word, "e"), (Other, "."), (Word, "x")]);
}

#[test]
fn numbers_have_many_forms() {
    for number in ["1", "1.5", ".5", "1e10", "1.5E-3", "0xFF", "1_000", "1."] {
        check(number, &[(Number, number)]);
    }
    check("a1 -2", &[(Word, "a1"), (Operator, "-"), (Number, "2")]);
    check("1..2", &[(Number, "1"), (Other, "."), (Number, ".2")]);
    check("1+2", &[(Number, "1"), (Operator, "+"), (Number, "2")]);
}

#[test]
fn comments_nest_and_end_operators() {
    check("1 /* a /* 'b' */ c */ 2", &[(Number, "1"), (Number, "2")]);
    check("a +-- x 'y'\n b", &[(Word, "a"), (Operator, "+"), (Word, "b")]);
    check("a */* x */ b", &[(Word, "a"), (Operator, "*"), (Word, "b")]);
}

#[test]
fn what_does_not_end_ends_with_the_text() {
    for text in
        ["'abc", "E'abc\\", "\"abc", "/* abc", "$x$ abc", "$", "$x", "--", "U&'", "\0", "1e", "é'", "E'\\é"]
    {
        assert_eq!(tokens(text).map(|token| token.text).collect::<String>(), text);
    }
}

#[test]
fn any_text_is_its_tokens() {
    // Every short text over the characters that matter.
    let characters = ['\'', '"', '$', '\\', '/', '*', '-', 'E', '1', '.', 'é', '\n', '\0'];
    let mut texts = vec![String::new()];
    for _ in 0..4 {
        texts = texts.iter().flat_map(|text| characters.iter().map(move |c| format!("{text}{c}"))).collect();
        for text in &texts {
            assert_eq!(&tokens(text).map(|token| token.text).collect::<String>(), text);
        }
    }
}
