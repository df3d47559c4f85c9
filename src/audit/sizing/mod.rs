//! How large a log a policy would make, judged by a log that exists.
//!
//! Data in: a policy, and the lines of an audit log, one event each, in any order. Data out: events and bytes
//! a rule. The memory does not grow with the log. A log cannot tell of requests that its own policy did not
//! record, nor of bodies: a size that lacks some is a lower bound, and says of how many events.

mod logged;

use super::policy::{Policy, Stage};
use logged::Logged;

/// Counts of the events that one rule decides about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Events of the log that the rule decides about.
    pub events: u64,
    /// Their bytes in the log.
    pub log_bytes: u64,
    /// Events that the rule would make of them.
    pub kept: u64,
    /// The bytes of these; a lower bound where `lacking` is not 0.
    pub bytes: u64,
    /// Events dropped because their stage is omitted.
    pub omitted: u64,
    /// Kept events whose bodies the log does not have.
    pub lacking: u64,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.events += other.events;
        self.log_bytes += other.log_bytes;
        self.kept += other.kept;
        self.bytes += other.bytes;
        self.omitted += other.omitted;
        self.lacking += other.lacking;
    }

    /// The share of kept events whose size is a lower bound, from 0 to 1.
    #[allow(clippy::cast_precision_loss)]
    pub fn lacking_share(&self) -> f64 {
        if self.kept == 0 { 0.0 } else { self.lacking as f64 / self.kept as f64 }
    }
}

/// A line that is no event.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Bytes that are no UTF-8.
    #[error("no audit event: {0}")]
    NotText(#[source] std::str::Utf8Error),
    /// No JSON, or no audit event.
    #[error("no audit event: {}", without_line(.0))]
    NotAnEvent(#[source] serde_json::Error),
    /// A line of `--audit-log-format=legacy`.
    #[error("an event in the legacy format: only --audit-log-format=json tells enough")]
    Legacy,
}

/// The parser counts lines too, and sees one only.
fn without_line(error: &serde_json::Error) -> String {
    error.to_string().replace(" at line 1 column ", " at column ")
}

/// What is counted while the lines of a log pass by.
#[derive(Debug)]
pub struct Sizing<'p> {
    policy: &'p Policy,
    rules: Vec<Tally>,
    unmatched: Tally,
    received: u64,
    bodies: u64,
    managed: u64,
    /// The earliest and the latest time of an event, as written; they compare as text.
    span: Option<(String, String)>,
}

impl<'p> Sizing<'p> {
    /// Begins with nothing counted.
    pub fn new(policy: &'p Policy) -> Self {
        Self {
            policy,
            rules: vec![Tally::default(); policy.rules.len()],
            unmatched: Tally::default(),
            received: 0,
            bodies: 0,
            managed: 0,
            span: None,
        }
    }

    /// Adds what another part of the same log has been counted to, under the same policy.
    pub fn merge(&mut self, other: &Self) {
        for (own, other) in self.rules.iter_mut().zip(&other.rules) {
            own.add(*other);
        }
        self.unmatched.add(other.unmatched);
        self.received += other.received;
        self.bodies += other.bodies;
        self.managed += other.managed;
        if let Some((first, last)) = &other.span {
            self.extend_span(first);
            self.extend_span(last);
        }
    }

    fn extend_span(&mut self, time: &str) {
        match &mut self.span {
            None if time.is_empty() => {}
            None => self.span = Some((time.to_owned(), time.to_owned())),
            Some((first, _)) if !time.is_empty() && time < first.as_str() => time.clone_into(first),
            Some((_, last)) if time > last.as_str() => time.clone_into(last),
            Some(_) => {}
        }
    }

    /// Counts one line, given without its newline. A blank line is nothing.
    ///
    /// # Errors
    /// [`LineError`] where the line is no event; it is not counted.
    pub fn add(&mut self, line: &[u8]) -> Result<(), LineError> {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(());
        }
        // Checked once for the whole line, which is cheaper than once a string.
        let line = std::str::from_utf8(line).map_err(LineError::NotText)?;
        let event: Logged<'_> = serde_json::from_str(line).map_err(|error| {
            if line.contains(" AUDIT: id=") { LineError::Legacy } else { LineError::NotAnEvent(error) }
        })?;
        self.extend_span(&event.stage_timestamp);
        let verdict = self.policy.evaluate(&event.request());
        let line_bytes = line.len() + 1;
        let tally = match verdict.rule {
            Some(rule) => &mut self.rules[rule],
            None => &mut self.unmatched,
        };
        tally.events += 1;
        tally.log_bytes += line_bytes as u64;
        self.received += u64::from(event.stage == Stage::RequestReceived);
        if verdict.level == super::Level::None {
            return Ok(());
        }
        if verdict.omit_stages.contains(event.stage) {
            tally.omitted += 1;
            return Ok(());
        }
        let size = event.size(line_bytes, &verdict);
        tally.kept += 1;
        tally.bytes += size.bytes;
        tally.lacking += u64::from(size.is_lower_bound);
        self.bodies += u64::from(size.has_body);
        self.managed += u64::from(size.has_managed_fields);
        Ok(())
    }

    /// One tally a rule, in the policy's order.
    pub fn rules(&self) -> &[Tally] {
        &self.rules
    }

    /// The events that no rule matches.
    pub fn unmatched(&self) -> &Tally {
        &self.unmatched
    }

    /// The times of the earliest and the latest event, RFC 3339 in UTC as the apiserver writes them; `None`
    /// while no event has one.
    pub fn span(&self) -> Option<(&str, &str)> {
        self.span.as_ref().map(|(first, last)| (first.as_str(), last.as_str()))
    }

    /// All events together.
    pub fn total(&self) -> Tally {
        let mut total = self.unmatched;
        self.rules.iter().for_each(|tally| total.add(*tally));
        total
    }

    /// Whether the policy records requests as they arrive and the log has no such event: the real size is
    /// about twice as large.
    pub fn lacks_received_events(&self) -> bool {
        let keeps = |rule: &super::PolicyRule| {
            let omitted = self.policy.omit_stages.union(rule.omit_stages);
            rule.level > super::Level::None && !omitted.contains(Stage::RequestReceived)
        };
        let kept =
            self.policy.rules.iter().zip(&self.rules).any(|(rule, tally)| keeps(rule) && tally.kept > 0);
        kept && self.received == 0
    }

    /// Whether the policy keeps managed fields and the log has bodies, none with them: its policy seems to
    /// have omitted them, and the real size is larger.
    pub fn lacks_managed_fields(&self) -> bool {
        self.bodies > 0 && self.managed == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Level, PolicyRule};

    fn policy(level: Level, omit_managed_fields: bool) -> Policy {
        let rules = vec![PolicyRule { level, ..PolicyRule::default() }];
        let omit_stages = [Stage::RequestReceived].into_iter().collect();
        Policy { rules, omit_stages, omit_managed_fields }
    }

    const OBJECT: &str = r#"{"metadata":{"name":"web","uid":"1","managedFields":[{"manager":"kubectl"}]}}"#;
    const STRIPPED: &str = r#"{"metadata":{"name":"web","uid":"1"}}"#;

    /// An event as the apiserver writes it: bodies only from the levels that have them.
    fn line(level: Level, verb: &str, stage: &str, object: &str) -> String {
        let request =
            if level >= Level::Request { format!(r#","requestObject":{object}"#) } else { String::new() };
        let response = if level >= Level::RequestResponse {
            format!(r#","responseObject":{object}"#)
        } else {
            String::new()
        };
        format!(
            r#"{{"kind":"Event","level":"{level}","stage":"{stage}","requestURI":"/api/v1/namespaces/a/pods","verb":"{verb}","user":{{"username":"u"}},"objectRef":{{"resource":"pods","namespace":"a"}}{request}{response},"stageTimestamp":"2025-11-24T07:00:00.000000Z"}}"#
        )
    }

    fn size(policy: &Policy, line: &str) -> Tally {
        let mut sizing = Sizing::new(policy);
        sizing.add(line.as_bytes()).unwrap();
        sizing.total()
    }

    #[test]
    fn tells_the_exact_size_of_every_lower_level() {
        for logged in Level::ALL {
            for wanted in Level::ALL.into_iter().filter(|wanted| *wanted <= logged && *wanted > Level::None) {
                let tally = size(&policy(wanted, false), &line(logged, "update", "ResponseComplete", OBJECT));
                let expected = line(wanted, "update", "ResponseComplete", OBJECT).len() as u64 + 1;
                assert_eq!((tally.bytes, tally.lacking), (expected, 0), "{logged} as {wanted}");
            }
        }
    }

    #[test]
    fn strips_managed_fields_of_objects_lists_and_tables() {
        let logged = |object: &str| line(Level::RequestResponse, "update", "ResponseComplete", object);
        for wrap in [r"@", r#"{"items":[@,@]}"#, r#"{"rows":[{"cells":[],"object":@}]}"#] {
            let tally = size(&policy(Level::RequestResponse, true), &logged(&wrap.replace('@', OBJECT)));
            assert_eq!(tally.bytes, logged(&wrap.replace('@', STRIPPED)).len() as u64 + 1, "{wrap}");
        }
    }

    #[test]
    fn keeps_a_patch_as_it_came() {
        let logged = line(Level::Request, "patch", "ResponseComplete", OBJECT);
        assert_eq!(size(&policy(Level::Request, true), &logged).bytes, logged.len() as u64 + 1);
    }

    #[test]
    fn says_where_bodies_are_missing() {
        let metadata = line(Level::Metadata, "update", "ResponseComplete", OBJECT);
        let tally = size(&policy(Level::Request, false), &metadata);
        assert_eq!((tally.lacking, tally.lacking_share()), (1, 1.0));
        let read = line(Level::Metadata, "list", "ResponseComplete", OBJECT);
        assert_eq!(size(&policy(Level::Request, false), &read).lacking, 0);
        assert_eq!(size(&policy(Level::RequestResponse, false), &read).lacking, 1);
        let discovery =
            r#"{"level":"Metadata","stage":"ResponseComplete","verb":"get","requestURI":"/apis"}"#;
        assert_eq!(size(&policy(Level::Request, false), discovery).lacking, 0);
        assert_eq!(size(&policy(Level::RequestResponse, false), discovery).lacking, 1);
        let truncated = line(Level::Request, "update", "ResponseComplete", OBJECT).replace(
            r#","stageTimestamp""#,
            r#","annotations":{"audit.k8s.io/truncated":"true"},"stageTimestamp""#,
        );
        assert_eq!(size(&policy(Level::Request, false), &truncated).lacking, 1);
        assert_eq!(size(&policy(Level::Metadata, false), &truncated).lacking, 0);
    }

    #[test]
    fn parts_of_a_log_add_up() {
        let policy = policy(Level::Metadata, false);
        let early = line(Level::Request, "get", "ResponseComplete", OBJECT);
        let late = early.replace("07:00:00", "08:00:00");
        let count = |lines: &[&str]| {
            let mut sizing = Sizing::new(&policy);
            for line in lines {
                sizing.add(line.as_bytes()).unwrap();
            }
            sizing
        };
        let mut merged = count(&[&late]);
        merged.merge(&count(&[&early, &late]));
        assert_eq!(merged.total(), count(&[&early, &late, &late]).total());
        assert_eq!(merged.span(), Some(("2025-11-24T07:00:00.000000Z", "2025-11-24T08:00:00.000000Z")));
    }

    #[test]
    fn drops_omitted_stages_and_level_none() {
        let received = line(Level::Metadata, "get", "RequestReceived", OBJECT);
        let tally = size(&policy(Level::Metadata, false), &received);
        assert_eq!((tally.events, tally.kept, tally.omitted, tally.bytes), (1, 0, 1, 0));
        let tally = size(&policy(Level::None, false), &received);
        assert_eq!((tally.events, tally.kept, tally.omitted), (1, 0, 0));
    }

    #[test]
    fn counts_what_no_rule_matches_apart() {
        let rules = vec![PolicyRule { users: vec!["other".to_owned()], ..PolicyRule::default() }];
        let policy = Policy { rules, ..Policy::default() };
        let mut sizing = Sizing::new(&policy);
        sizing.add(line(Level::Metadata, "get", "ResponseComplete", OBJECT).as_bytes()).unwrap();
        assert_eq!((sizing.unmatched().events, sizing.rules()[0].events), (1, 0));
    }

    #[test]
    fn notices_what_the_log_cannot_tell() {
        let mut keeps = policy(Level::RequestResponse, false);
        keeps.omit_stages = crate::audit::StageSet::default();
        let mut sizing = Sizing::new(&keeps);
        sizing.add(line(Level::RequestResponse, "get", "ResponseComplete", STRIPPED).as_bytes()).unwrap();
        assert!(sizing.lacks_received_events() && sizing.lacks_managed_fields());
        sizing.add(line(Level::RequestResponse, "get", "RequestReceived", OBJECT).as_bytes()).unwrap();
        assert!(!sizing.lacks_received_events());
        sizing.add(line(Level::RequestResponse, "get", "ResponseComplete", OBJECT).as_bytes()).unwrap();
        assert!(!sizing.lacks_managed_fields());
    }

    #[test]
    fn refuses_lines_that_are_no_events() {
        let policy = policy(Level::Metadata, false);
        let mut sizing = Sizing::new(&policy);
        let legacy = br#"2025-11-24T07:00:00.0Z AUDIT: id="a" stage="ResponseComplete" method="get""#;
        assert!(matches!(sizing.add(legacy), Err(LineError::Legacy)));
        assert!(matches!(sizing.add(b"{\"level\":\"Metadata\""), Err(LineError::NotAnEvent(_))));
        assert!(matches!(sizing.add(b"\xff"), Err(LineError::NotText(_))));
        assert!(sizing.add(b"  \r").is_ok());
        assert_eq!(sizing.total().events, 0);
    }
}
