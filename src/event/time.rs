//! Times of events: nanoseconds since the epoch, and how they are written.

use std::fmt;

use jiff::tz::{Offset, TimeZone};

/// Nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub u64);

const SECOND: u64 = 1_000_000_000;

/// A time that is not written as RFC 3339 asks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a time such as 2026-11-01T10:00:00.000000000Z, found `{0}`")]
pub struct TimeError(String);

impl Timestamp {
    /// Reads an RFC 3339 time.
    ///
    /// # Errors
    /// [`TimeError`] if it is not one, or lies before 1970.
    pub fn parse(text: &str) -> Result<Self, TimeError> {
        let refused = || TimeError(text.chars().take(80).collect());
        let time: jiff::Timestamp = text.parse().map_err(|_| refused())?;
        u64::try_from(time.as_nanosecond()).map(Self).map_err(|_| refused())
    }

    /// `2026-11-01T10:00:00.000000000Z`: JSON alerts, recorded events.
    pub fn rfc3339(self) -> String {
        self.written("%Y-%m-%dT%H:%M:%S.%9fZ", 0)
    }

    /// `2026-11-01T10:00:00.000000000+0000`: Falco's ISO 8601 form in texts.
    pub fn iso8601(self) -> String {
        self.written("%Y-%m-%dT%H:%M:%S.%9f+0000", 0)
    }

    /// `10:00:00.000000000`, in a zone that is `offset` seconds east of UTC.
    pub fn clock(self, offset: i32) -> String {
        self.written("%H:%M:%S.%9f", offset)
    }

    /// `2026-11-01 10:00:00.000000000`, in a zone that is `offset` seconds east of UTC.
    pub fn date_and_clock(self, offset: i32) -> String {
        self.written("%Y-%m-%d %H:%M:%S.%9f", offset)
    }

    /// Whole seconds since the epoch.
    pub const fn seconds(self) -> u64 {
        self.0 / SECOND
    }

    /// Nanoseconds past the whole second.
    pub const fn nanoseconds(self) -> u64 {
        self.0 % SECOND
    }

    fn written(self, format: &str, offset: i32) -> String {
        // 2^64 nanoseconds end in the year 2554, and no zone is further than a day from UTC.
        let time = jiff::Timestamp::from_nanosecond(self.0.into()).unwrap_or_default();
        let zone = TimeZone::fixed(Offset::from_seconds(offset).unwrap_or(Offset::UTC));
        time.to_zoned(zone).strftime(format).to_string()
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rfc3339())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_the_apiserver_and_falco_write() {
        let micro = Timestamp::parse("2026-11-01T10:00:00.123456Z").unwrap();
        assert_eq!(micro.rfc3339(), "2026-11-01T10:00:00.123456000Z");
        assert_eq!(micro.clock(3600), "11:00:00.123456000");
        assert_eq!(micro.iso8601(), "2026-11-01T10:00:00.123456000+0000");
        let zoned = Timestamp::parse("2026-03-01T00:30:00+01:00").unwrap();
        assert_eq!(zoned.date_and_clock(0), "2026-02-28 23:30:00.000000000");
        assert_eq!(Timestamp(1_795_470_747_690_544_502).rfc3339(), "2026-11-23T21:52:27.690544502Z");
    }

    #[test]
    fn refuses_other_texts() {
        for text in ["", "yesterday", "2026-13-01T00:00:00Z", "2026-11-01T10:00:00", "2026-11-01T10:00:00é"]
        {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn writing_and_reading_give_the_same_time(ns: u64) {
            prop_assert_eq!(Timestamp::parse(&Timestamp(ns).rfc3339()), Ok(Timestamp(ns)));
        }
    }
}
