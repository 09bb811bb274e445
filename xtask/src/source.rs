//! Rust source as three views of equal length: the text, its code, its comments.
//!
//! A full parser would know more than the checks ask. What they do need is never to take a
//! brace in a string, or a word in a comment, for code; so the scanner blanks those out with
//! spaces, byte for byte, and offsets and lines mean the same in all three views.

use std::ops::Range;

/// A Rust source file.
#[derive(Debug)]
pub(crate) struct Source {
    /// As written.
    pub(crate) text: String,
    /// Without comments and without what is inside string and character literals.
    pub(crate) code: String,
    /// The comments alone.
    pub(crate) comments: String,
    /// Offset of each line's first byte.
    starts: Vec<usize>,
}

/// A function with a name: a closure or a function pointer's type is none.
#[derive(Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Line of `fn`, counted from 0.
    pub(crate) line: usize,
    /// What stands before `fn`: visibility, `async`, `unsafe` and so on.
    pub(crate) prefix: String,
    /// From `fn` to the body, or to the semicolon.
    pub(crate) signature: Range<usize>,
    /// With its braces.
    pub(crate) body: Option<Range<usize>>,
}

impl Source {
    /// Scans `text`.
    pub(crate) fn new(text: &str) -> Source {
        let mut scanner = Scanner {
            bytes: text.as_bytes(),
            code: text.as_bytes().to_vec(),
            comments: blank(text.as_bytes()),
        };
        scanner.scan();
        let line_ends = text.bytes().enumerate().filter(|(_, b)| *b == b'\n');
        Source {
            text: text.to_owned(),
            code: String::from_utf8_lossy(&scanner.code).into_owned(),
            comments: String::from_utf8_lossy(&scanner.comments).into_owned(),
            starts: std::iter::once(0)
                .chain(line_ends.map(|(i, _)| i + 1))
                .collect(),
        }
    }

    /// Returns the line that holds the byte at `offset`, counted from 0.
    pub(crate) fn line_at(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset) - 1
    }

    /// Returns line `line` of one of the three views, trimmed.
    fn line_of<'a>(&self, view: &'a str, line: usize) -> &'a str {
        let start = self.starts[line];
        let end = self
            .starts
            .get(line + 1)
            .map_or(view.len(), |next| next - 1);
        view[start..end].trim()
    }

    /// Returns the code of line `line`, trimmed.
    pub(crate) fn code_line(&self, line: usize) -> &str {
        self.line_of(&self.code, line)
    }

    /// Returns the comment of line `line`, trimmed.
    pub(crate) fn comment_line(&self, line: usize) -> &str {
        self.line_of(&self.comments, line)
    }

    /// Returns line `line` as written, trimmed.
    pub(crate) fn text_line(&self, line: usize) -> &str {
        self.line_of(&self.text, line)
    }

    /// Returns the lines of comments and attributes directly above `line`, the nearest first.
    pub(crate) fn lead(&self, line: usize) -> Vec<usize> {
        let mut lead = Vec::new();
        let mut in_attribute = false;
        for above in (0..line).rev() {
            let code = self.code_line(above);
            if code.is_empty() {
                if self.comment_line(above).is_empty() {
                    break;
                }
            } else if code.starts_with("#[") {
                in_attribute = false;
            } else if code.ends_with(")]") {
                in_attribute = true;
            } else if !in_attribute {
                break;
            }
            lead.push(above);
        }
        lead
    }

    /// Returns the offsets at which `word` stands in the code as a word of its own.
    pub(crate) fn words<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        words(&self.code, word)
    }

    /// Returns the offset of the brace that closes the one at `open`.
    pub(crate) fn closing(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        for (i, byte) in self.code.bytes().enumerate().skip(open) {
            match byte {
                b'{' => depth += 1,
                b'}' => {
                    depth = depth.checked_sub(1)?;
                    if depth == 0 {
                        return Some(i);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// Returns the byte ranges of items that exist under test only.
    pub(crate) fn test_ranges(&self) -> Vec<Range<usize>> {
        let gates = ["#[cfg(test)]", "#[cfg(all(test"];
        let starts = gates.iter().flat_map(|gate| self.code.match_indices(gate));
        let mut ranges = Vec::new();
        for (start, _) in starts {
            let rest = &self.code[start..];
            let Some(open) = rest.find(['{', ';']) else {
                continue;
            };
            let end = match rest.as_bytes()[open] {
                b'{' => self.closing(start + open),
                _ => Some(start + open),
            };
            ranges.push(start..end.unwrap_or(self.code.len()));
        }
        ranges
    }

    /// Returns every named function, in order.
    pub(crate) fn functions(&self) -> Vec<Function> {
        self.words("fn")
            .filter_map(|at| self.function(at))
            .collect()
    }

    fn function(&self, at: usize) -> Option<Function> {
        let after = &self.code[at + 2..];
        let name: String = after
            .trim_start()
            .chars()
            .take_while(|c| is_word(*c))
            .collect();
        if name.is_empty() {
            return None;
        }
        let before = &self.code[..at];
        let prefix = before.rfind([';', '{', '}', ']', ',']).map_or(0, |i| i + 1);
        let end = self.signature_end(at)?;
        let body = match self.code.as_bytes()[end] {
            b'{' => Some(end..self.closing(end)? + 1),
            _ => None,
        };
        Some(Function {
            name,
            line: self.line_at(at),
            prefix: before[prefix..]
                .split_whitespace()
                .collect::<Vec<_>>()
                .join(" "),
            signature: at..end,
            body,
        })
    }

    fn signature_end(&self, at: usize) -> Option<usize> {
        let mut depth = 0_i32;
        for (i, byte) in self.code.bytes().enumerate().skip(at) {
            match byte {
                b'(' | b'[' => depth += 1,
                b')' | b']' => depth -= 1,
                b'{' | b';' if depth == 0 => return Some(i),
                _ => {}
            }
        }
        None
    }
}

/// Returns whether `c` may be part of an identifier.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Returns the offsets at which `word` stands in `text` as a word of its own.
pub(crate) fn words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    text.match_indices(word).map(|(i, _)| i).filter(move |i| {
        let before = text[..*i].chars().next_back();
        let after = text[i + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

fn blank(bytes: &[u8]) -> Vec<u8> {
    bytes
        .iter()
        .map(|b| if *b == b'\n' { b'\n' } else { b' ' })
        .collect()
}

struct Scanner<'a> {
    bytes: &'a [u8],
    code: Vec<u8>,
    comments: Vec<u8>,
}

impl Scanner<'_> {
    fn scan(&mut self) {
        let mut i = 0;
        while i < self.bytes.len() {
            i = match self.bytes[i] {
                b'/' if self.at(i + 1) == b'/' => self.line_comment(i),
                b'/' if self.at(i + 1) == b'*' => self.block_comment(i),
                b'"' => self.string(i),
                b'\'' => self.quote(i),
                b'r' if !self.in_word(i) => self.raw_string(i, i + 1),
                b'b' | b'c' if !self.in_word(i) && self.at(i + 1) == b'r' => {
                    self.raw_string(i, i + 2)
                }
                _ => i + 1,
            };
        }
    }

    /// Returns the byte at `i`, and 0 past the end.
    fn at(&self, i: usize) -> u8 {
        self.bytes.get(i).copied().unwrap_or(0)
    }

    /// Returns whether what begins at `i` continues a word.
    fn in_word(&self, i: usize) -> bool {
        i > 0 && (self.at(i - 1).is_ascii_alphanumeric() || self.at(i - 1) == b'_')
    }

    fn erase(&mut self, range: Range<usize>) {
        for byte in &mut self.code[range] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
    }

    fn comment(&mut self, range: Range<usize>) -> usize {
        self.comments[range.clone()].copy_from_slice(&self.bytes[range.clone()]);
        self.erase(range.clone());
        range.end
    }

    fn line_comment(&mut self, start: usize) -> usize {
        let end = self.bytes[start..].iter().position(|b| *b == b'\n');
        self.comment(start..end.map_or(self.bytes.len(), |n| start + n))
    }

    fn block_comment(&mut self, start: usize) -> usize {
        let mut depth = 0_usize;
        let mut i = start;
        while i < self.bytes.len() {
            match (self.at(i), self.at(i + 1)) {
                (b'/', b'*') => depth += 1,
                (b'*', b'/') => depth -= 1,
                _ => {
                    i += 1;
                    continue;
                }
            }
            i += 2;
            if depth == 0 {
                break;
            }
        }
        self.comment(start..i.min(self.bytes.len()))
    }

    fn string(&mut self, start: usize) -> usize {
        let mut i = start + 1;
        while i < self.bytes.len() && self.bytes[i] != b'"' {
            i += if self.bytes[i] == b'\\' { 2 } else { 1 };
        }
        let end = i.min(self.bytes.len());
        self.erase(start + 1..end);
        end + 1
    }

    /// A character literal, or the tick of a lifetime.
    fn quote(&mut self, start: usize) -> usize {
        let first = self.at(start + 1);
        let width = match first {
            0xF0.. => 4,
            0xE0.. => 3,
            0xC0.. => 2,
            _ => 1,
        };
        if first != b'\\' && self.at(start + 1 + width) != b'\'' {
            return start + 1;
        }
        let mut i = start + 1;
        while i < self.bytes.len() && self.bytes[i] != b'\'' {
            i += if self.bytes[i] == b'\\' { 2 } else { 1 };
        }
        let end = i.min(self.bytes.len());
        self.erase(start + 1..end);
        end + 1
    }

    /// A raw string that begins at `start`, with its hashes from `i` on; or just a word.
    fn raw_string(&mut self, start: usize, i: usize) -> usize {
        let hashes = self.bytes[i.min(self.bytes.len())..]
            .iter()
            .take_while(|b| **b == b'#')
            .count();
        let open = i + hashes;
        if self.at(open) != b'"' {
            return start + 1;
        }
        let tail: Vec<u8> = std::iter::once(b'"')
            .chain(std::iter::repeat_n(b'#', hashes))
            .collect();
        let inside = &self.bytes[open + 1..];
        let length = inside.windows(tail.len()).position(|w| w == tail);
        let end = open + 1 + length.unwrap_or(inside.len());
        self.erase(open + 1..end);
        (end + tail.len()).min(self.bytes.len())
    }
}

#[cfg(test)]
mod tests;
