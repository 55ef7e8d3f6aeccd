//! Quantities on the command line: durations, ranges, sizes, addresses. Each parser takes one word
//! and answers with a typed value or with a sentence that shows how to write it.
//!
//! Plain bounded numbers have no parser here, clap's own `range` checks those.

use std::ops::Range;
use std::str::FromStr;
use std::time::Duration;

/// The largest value the service stores, in bytes: 1.5 MiB.
pub const VALUE_BYTES_MAX: u64 = 1_572_864;

/// The longest duration that any command takes: one year. Deadlines are sums of durations, and
/// none of those sums may overflow.
pub const DURATION_MAX: Duration = Duration::from_hours(365 * 24);

/// A duration such as `30s`, `500ms`, `2m` or `1h`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (digits, unit) = split_unit(text);
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "" => return Err("a duration has a unit, as in 30s, 500ms, 2m or 1h".to_owned()),
        _ => return Err("a duration is a whole number and ms, s, m or h, as in 30s".to_owned()),
    };
    let count: u64 = digits
        .parse()
        .map_err(|_| "a duration is a whole number and its unit, as in 30s or 500ms".to_owned())?;
    let duration = count.checked_mul(unit_ms).map(Duration::from_millis);
    match duration {
        Some(Duration::ZERO) => Err("a duration is longer than nothing".to_owned()),
        Some(duration) if duration <= DURATION_MAX => Ok(duration),
        _ => Err("a duration is at most 8760h, one year".to_owned()),
    }
}

/// A range `A..B` of whole numbers, with `A` in it and `B` the first one after it.
pub fn half_open(text: &str) -> Result<Range<u64>, String> {
    let (first, end) =
        text.split_once("..").ok_or("a range is written A..B, as in 0..1000".to_owned())?;
    let first = whole_number(first)?;
    let end = whole_number(end)?;
    if first >= end {
        return Err(format!("the range is empty: B is not in it, so {end} must be above {first}"));
    }
    Ok(first..end)
}

/// A value's size in bytes, `256`, `64KiB` or `1MiB`, within what the service stores.
pub fn value_size(text: &str) -> Result<u64, String> {
    let (digits, unit) = split_unit(text);
    let unit_bytes: u64 = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        _ => return Err("a size is a whole number of bytes, KiB or MiB, as in 64KiB".to_owned()),
    };
    let count: u64 =
        digits.parse().map_err(|_| "a size is a whole number, as in 256 or 64KiB".to_owned())?;
    match count.checked_mul(unit_bytes) {
        Some(bytes) if bytes <= VALUE_BYTES_MAX => Ok(bytes),
        _ => Err(format!("a value has at most {VALUE_BYTES_MAX} bytes (1.5 MiB)")),
    }
}

/// Where a node listens: a name or an IP address, and a UDP port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A DNS name or an IP address, an IPv6 address without its brackets.
    pub host: String,
    /// Never 0.
    pub port: u16,
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = "an address is HOST:PORT, as in 10.0.0.4:7401 or [::1]:7401";
        let (host, port) = text.rsplit_once(':').ok_or(form)?;
        let host = match host.strip_prefix('[') {
            Some(bracketed) => bracketed.strip_suffix(']').ok_or(form)?,
            // Without brackets nobody could tell where an IPv6 address ends and the port begins.
            None if host.contains(':') => return Err(form.to_owned()),
            None => host,
        };
        match port.parse() {
            Ok(port) if port > 0 && !host.is_empty() => Ok(Self { host: host.to_owned(), port }),
            _ => Err(form.to_owned()),
        }
    }
}

fn split_unit(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len()))
}

fn whole_number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is not a whole number; a range is written A..B"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_numbers_with_a_unit() {
        let good =
            [("500ms", 500), ("30s", 30_000), ("2m", 120_000), ("1h", 3_600_000), ("1ms", 1)];
        for (text, ms) in good {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        assert_eq!(duration("8760h"), Ok(DURATION_MAX));
    }

    #[test]
    fn a_bad_duration_is_told_how_to_be_good() {
        for text in ["", "30", "s", "1.5s", "-1s", "30 s", "30sec", "1h30m", "0s", "8761h"] {
            let reason = duration(text).expect_err(text);
            assert!(reason.starts_with("a duration "), "{text}: {reason}");
        }
        assert!(duration("18446744073709551615h").is_err(), "milliseconds would overflow");
        assert!(duration("18446744073709551616ms").is_err(), "the count itself would overflow");
        assert!(duration("30").expect_err("no unit").contains("has a unit"));
    }

    #[test]
    fn a_range_holds_its_first_number_and_not_its_end() {
        assert_eq!(half_open("0..1"), Ok(0..1));
        assert_eq!(half_open("7..1000"), Ok(7..1000));
        assert_eq!(half_open("0..18446744073709551615"), Ok(0..u64::MAX));
    }

    #[test]
    fn an_empty_backward_or_broken_range_is_refused() {
        for text in ["", "7", "7..", "..7", "7..7", "8..7", "a..b", "1...3", "1..=3", "-1..3"] {
            assert!(half_open(text).is_err(), "{text}");
        }
        assert!(half_open("8..7").expect_err("backward").contains("7 must be above 8"));
    }

    #[test]
    fn sizes_are_bytes_up_to_one_and_a_half_mebibytes() {
        for (text, bytes) in [("0", 0), ("256", 256), ("256B", 256), ("64KiB", 65_536)] {
            assert_eq!(value_size(text), Ok(bytes), "{text}");
        }
        assert_eq!(value_size("1572864"), Ok(VALUE_BYTES_MAX));
        assert_eq!(value_size("1536KiB"), Ok(VALUE_BYTES_MAX));
        for text in ["", "KiB", "1572865", "2MiB", "1kb", "1.5MiB", "-1", "18446744073709551615MiB"]
        {
            assert!(value_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_have_a_host_and_a_port() {
        let address = |host: &str, port| Ok(Address { host: host.to_owned(), port });
        assert_eq!("10.0.0.4:7401".parse(), address("10.0.0.4", 7401));
        assert_eq!("node-4.example:1".parse(), address("node-4.example", 1));
        assert_eq!("[::1]:7401".parse(), address("::1", 7401));
        for text in ["", "host", ":7401", "host:", "host:0", "host:65536", "::1:7401", "[::1:7401"]
        {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
