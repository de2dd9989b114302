//! Lines that end as on any system, read as lines that end with a line feed.

use std::io::{BufRead, Read, Result};

/// Reads what is in `input` with every end of a line as one line feed, that of the last line
/// included, so that the line feeds before a place tell its line.
pub(crate) struct Lines<R> {
    input: R,
    /// Whether the byte before was a carriage return, whose line feed may follow.
    returned: bool,
    /// Whether the last line has no end yet.
    open: bool,
}

impl<R: BufRead> Lines<R> {
    pub(crate) const fn new(input: R) -> Self {
        Self {
            input,
            returned: false,
            open: false,
        }
    }
}

impl<R: BufRead> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let mut written = 0;
        while written == 0 && !buffer.is_empty() {
            let input = self.input.fill_buf()?;
            if input.is_empty() {
                if self.open {
                    buffer[0] = b'\n';
                    written = 1;
                }
                self.open = false;
                break;
            }
            let taken = input.len().min(buffer.len());
            for &byte in &input[..taken] {
                let ends_before = self.returned && byte == b'\n';
                self.returned = byte == b'\r';
                if !ends_before {
                    buffer[written] = if self.returned { b'\n' } else { byte };
                    self.open = buffer[written] != b'\n';
                    written += 1;
                }
            }
            self.input.consume(taken);
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    #[test]
    fn every_end_of_a_line_is_a_line_feed() {
        for (text, right) in [
            ("", ""),
            ("a", "a\n"),
            ("a\nb\n", "a\nb\n"),
            ("a\r\nb\r\n", "a\nb\n"),
            ("a\rb\r", "a\nb\n"),
            ("a\r\r\n\n\rb", "a\n\n\n\nb\n"),
        ] {
            for size in 1..5 {
                let input = BufReader::with_capacity(size, text.as_bytes());
                let mut read = String::new();
                Lines::new(input).read_to_string(&mut read).unwrap();
                assert_eq!(read, right, "{text:?} by {size}");
            }
        }
    }
}
