//! Changes of inputs: what a hostile or careless hand would do to a document, a header or a token.
//!
//! Documents are taken apart at their brackets and words, because flipping bits of JSON leads to little but JSON that
//! cannot be parsed. Words come from the corpus itself, and from a list of those that parsers stumble over.
//!
//! Invariant: what is made depends on the corpus and the random numbers only, and has at most [`LONGEST`] bytes.

use std::{collections::BTreeSet, ops::Range};

use rand::{Rng, RngExt as _};

/// The longest input that is made. Beyond that come more of the same; limits of sizes have tests of their own.
const LONGEST: usize = 64 * 1024;

/// How many changes one input has at most.
const MOST_CHANGES: u32 = 6;

/// How many times something is repeated at most.
const MOST_TIMES: usize = 300;

/// What numbers are replaced with.
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-0.0",
    "-1",
    "1",
    "0.05",
    "0.1",
    "1.0",
    "64",
    "255",
    "256",
    "257",
    "65535",
    "65536",
    "100000",
    "100001",
    "2147483648",
    "4294967295",
    "4294967296",
    "9007199254740993",
    "9223372036854775807",
    "-9223372036854775809",
    "18446744073709551616",
    "1e7",
    "10000000.04",
    "-9999999.96",
    "1e-7",
    "1e300",
    "-1e300",
    "1e999",
    "-1e999",
    "1e-999",
    "5e-324",
    "NaN",
    "Infinity",
    "0x10",
    "01",
    "+1",
    "1.",
    ".5",
    "1e",
    "1_0",
    "٣",
    "１",
];

/// What is put in between: values, brackets, escapes, halves of characters, ends of lines.
const PIECES: &[&[u8]] = &[
    b"null",
    b"true",
    b"false",
    b"{}",
    b"[]",
    b"\"\"",
    b"[[[[[[[[",
    b"]]]]]]]]",
    b"{\"a\":",
    b"}",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"\\udc00\\ud800",
    b"\\ud83c\\udf9f",
    b"\\n",
    b",",
    b",,",
    b":",
    b";",
    b"=",
    b"-",
    b"/",
    b"//",
    b"\0",
    b"\r\n",
    b"\t",
    b" ",
    b"\x7f",
    b"\xc2\x85",
    b"\xc2\xa0",
    b"\xe2\x80\xae",
    b"\xe2\x80\xa8",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\xc3",
    b"\xe2\x82",
    b"\xf0\x9f\x8e",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b"\xf4\x90\x80\x80",
    b"\xf0\x9f\x8e\xad",
    b"\xea\xb0\x80",
    b"e\xcc\x81",
    b"#",
    b"__proto__",
];

/// Makes inputs out of a corpus.
pub(crate) struct Mutator {
    corpus: Vec<Vec<u8>>,
    /// What stands between other characters in it.
    words: Vec<Vec<u8>>,
}

impl Mutator {
    /// Of a corpus that is not empty.
    pub(crate) fn new(corpus: Vec<Vec<u8>>) -> Self {
        let parts = corpus.iter().flat_map(|input| input.split(|byte| !is_of_word(*byte)));
        let words: BTreeSet<&[u8]> = parts.filter(|word| (1..=256).contains(&word.len())).collect();
        let words = words.into_iter().map(<[u8]>::to_vec).collect();
        Self { corpus, words }
    }

    /// One of the corpus, changed here and there.
    pub(crate) fn input(&self, random: &mut impl Rng) -> Vec<u8> {
        let mut input = one_of(&self.corpus, random).clone();
        for _ in 0..random.random_range(1..=MOST_CHANGES) {
            self.change(&mut input, random);
            input.truncate(LONGEST);
        }
        input
    }

    fn change(&self, input: &mut Vec<u8>, random: &mut impl Rng) {
        let (place, with) = match random.random_range(0..15) {
            0 => flipped(input, random),
            1 => (span(input, random), vec![random.random()]),
            2 | 3 => (between(input, random), one_of(PIECES, random).to_vec()),
            4 => (word(input, random), one_of(NUMBERS, random).as_bytes().to_vec()),
            5 => (word(input, random), self.word(random).to_vec()),
            6 => (group(input, random), one_of(PIECES, random).to_vec()),
            7 => (group(input, random), Vec::new()),
            8 => {
                let other = one_of(&self.corpus, random);
                (group(input, random), other[group(other, random)].to_vec())
            }
            9 => (group(input, random), input[group(input, random)].to_vec()),
            10 => repeated(input, group(input, random), b",", random),
            11 => repeated(input, span(input, random), b"", random),
            12 => (span(input, random), Vec::new()),
            13 => (between(input, random).start..input.len(), Vec::new()),
            _ => {
                let other = one_of(&self.corpus, random);
                (between(input, random).start..input.len(), other[between(other, random).start..].to_vec())
            }
        };
        input.splice(place, with);
    }

    fn word(&self, random: &mut impl Rng) -> &[u8] {
        if self.words.is_empty() { &[] } else { one_of::<Vec<u8>>(&self.words, random) }
    }
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_-+.".contains(&byte) || byte >= 0x80
}

fn one_of<'a, T>(all: &'a [T], random: &mut impl Rng) -> &'a T {
    &all[random.random_range(0..all.len())]
}

/// A place, and what is to stand there: the same byte but for one bit.
fn flipped(input: &[u8], random: &mut impl Rng) -> (Range<usize>, Vec<u8>) {
    let from = between(input, random).start;
    let changed = input.get(from).map(|byte| byte ^ (1 << random.random_range(0..8)));
    (from..(from + 1).min(input.len()), changed.into_iter().collect())
}

/// Behind a part of the input, the same part again, and again.
fn repeated(
    input: &[u8],
    part: Range<usize>,
    separator: &[u8],
    random: &mut impl Rng,
) -> (Range<usize>, Vec<u8>) {
    let most = (LONGEST / (part.len() + separator.len()).max(1)).min(MOST_TIMES);
    // Few more often than many.
    let most = random.random_range(0..=most);
    let times = random.random_range(0..=most);
    let copy = [separator, &input[part.clone()]].concat();
    (part.end..part.end, copy.repeat(times))
}

/// Between two bytes.
fn between(input: &[u8], random: &mut impl Rng) -> Range<usize> {
    let at = random.random_range(0..=input.len());
    at..at
}

/// Some bytes, seldom many.
fn span(input: &[u8], random: &mut impl Rng) -> Range<usize> {
    let from = random.random_range(0..=input.len());
    let most = (input.len() - from).min(1 << random.random_range(0..12));
    from..from + random.random_range(0..=most)
}

/// A whole word, or what is between two.
fn word(input: &[u8], random: &mut impl Rng) -> Range<usize> {
    let at = random.random_range(0..=input.len());
    let from = input[..at].iter().rposition(|byte| !is_of_word(*byte)).map_or(0, |before| before + 1);
    let to = input[at..].iter().position(|byte| !is_of_word(*byte)).map_or(input.len(), |behind| at + behind);
    from..to
}

/// From a bracket to the one that closes it, or a text from quote to quote; some bytes where there is none.
fn group(input: &[u8], random: &mut impl Rng) -> Range<usize> {
    let at = random.random_range(0..=input.len());
    let Some(from) = input[at..].iter().position(|byte| b"{[\"".contains(byte)).map(|on| at + on) else {
        return span(input, random);
    };
    let (open, close) = match input[from] {
        b'{' => (b'{', b'}'),
        b'[' => (b'[', b']'),
        _ => (0, b'"'),
    };
    let mut depth = 0;
    for (behind, byte) in input[from + 1..].iter().enumerate() {
        if *byte == close && depth == 0 {
            return from..from + behind + 2;
        }
        depth += i32::from(*byte == open) - i32::from(*byte == close);
    }
    from..input.len()
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    const DOCUMENT: &[u8] = br#"{"name": "House", "seats": [{"x": 10}, {"x": 20}], "size": null}"#;

    fn made(seed: u64, count: usize) -> Vec<Vec<u8>> {
        let mut random = StdRng::seed_from_u64(seed);
        let mutator = Mutator::new(vec![DOCUMENT.to_vec(), Vec::new()]);
        (0..count).map(|_| mutator.input(&mut random)).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_inputs() {
        assert_eq!(made(1, 200), made(1, 200));
        assert_ne!(made(1, 200), made(2, 200));
    }

    #[test]
    fn inputs_differ_are_bounded_and_often_keep_their_shape() {
        let made = made(1, 5_000);
        assert!(made.iter().all(|input| input.len() <= LONGEST));
        assert!(made.iter().collect::<BTreeSet<_>>().len() > 3_500, "few are the same");
        let balanced = |input: &&Vec<u8>| {
            let count = |sought: u8| input.split(|byte| *byte == sought).count();
            !input.is_empty() && count(b'{') == count(b'}') && count(b'[') == count(b']')
        };
        assert!(made.iter().filter(balanced).count() > 1_000, "many can still be read");
    }

    #[test]
    fn a_group_is_all_that_a_bracket_holds() {
        let mut random = StdRng::seed_from_u64(3);
        let groups: BTreeSet<&[u8]> = (0..500).map(|_| &DOCUMENT[group(DOCUMENT, &mut random)]).collect();
        for expected in [&br#"[{"x": 10}, {"x": 20}]"#[..], br#"{"x": 20}"#, br#""House""#, DOCUMENT] {
            assert!(groups.contains(expected), "{}", expected.escape_ascii());
        }
    }
}
