//! Which texts go-yaml takes for a timestamp, wanted only to judge an explicit `!!timestamp`.

/// `Y-M-D`, or with `T`/`t` a time and a zone, or with a blank a time without zone; one or two digits each.
///
/// Source: go-yaml v2 `allowedTimestampFormats`.
pub(super) fn is_timestamp(text: &str) -> bool {
    date_and_time(text).is_some()
}

fn date_and_time(text: &str) -> Option<()> {
    let (year, rest) = text.split_at_checked(4)?;
    let year: u32 = all_digits(year)?.parse().ok()?;
    let (month, rest) = number(rest.strip_prefix('-')?, 1..=12)?;
    let (day, rest) = number(rest.strip_prefix('-')?, 1..=31)?;
    if day > days_in(year, month) {
        return None;
    }
    match rest.chars().next() {
        None => Some(()),
        Some('T' | 't') => zone(time(&rest[1..])?),
        Some(' ') => time(&rest[1..])?.is_empty().then_some(()),
        _ => None,
    }
}

fn time(text: &str) -> Option<&str> {
    let (_, rest) = number(text, 0..=23)?;
    let (_, rest) = number(rest.strip_prefix(':')?, 0..=59)?;
    let (_, rest) = number(rest.strip_prefix(':')?, 0..=59)?;
    let Some(fraction) = rest.strip_prefix(['.', ',']) else { return Some(rest) };
    let after = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    (after.len() < fraction.len()).then_some(after)
}

fn zone(text: &str) -> Option<()> {
    if text == "Z" {
        return Some(());
    }
    let (hours, minutes) = text.strip_prefix(['+', '-'])?.split_once(':')?;
    let in_range = |text: &str, most: u32| {
        text.len() == 2
            && all_digits(text).is_some_and(|digits| digits.parse().is_ok_and(|value: u32| value <= most))
    };
    (in_range(hours, 24) && in_range(minutes, 60)).then_some(())
}

fn number(text: &str, range: std::ops::RangeInclusive<u32>) -> Option<(u32, &str)> {
    let length = text.bytes().take(2).take_while(u8::is_ascii_digit).count();
    let value = text[..length].parse().ok()?;
    range.contains(&value).then(|| (value, &text[length..]))
}

fn all_digits(text: &str) -> Option<&str> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(text)
}

fn days_in(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
