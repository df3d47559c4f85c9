//! Files that are followed while they change: a certificate and its key.
//!
//! A mounted Secret or ConfigMap changes by a link that is exchanged; comparing what the files hold works for
//! that and for any editor. They are small.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::app::App;
use super::conditions::Condition;
use super::tls::{Certificate, Certificates};

/// Files that are read together.
#[derive(Clone, Debug)]
pub struct Files(pub Vec<PathBuf>);

impl Files {
    /// What they hold, in order.
    ///
    /// # Errors
    /// Which of them cannot be read, and why.
    pub async fn read(&self) -> Result<Vec<Vec<u8>>, String> {
        let mut contents = Vec::with_capacity(self.0.len());
        for path in &self.0 {
            let read = tokio::fs::read(path).await;
            contents.push(read.map_err(|error| format!("{}: {error}", path.display()))?);
        }
        Ok(contents)
    }
}

/// Calls `changed` with what the files hold (or why they cannot be read) whenever that is not what it was. Never
/// ends.
pub async fn follow<F: Future<Output = ()>>(
    files: Files,
    mut known: Result<Vec<Vec<u8>>, String>,
    every: Duration,
    mut changed: impl FnMut(Result<Vec<Vec<u8>>, String>) -> F,
) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let now = files.read().await;
        if now != known {
            known = now.clone();
            changed(now).await;
        }
    }
}

impl App {
    /// Serves a new certificate, and tells whether. A broken one, and one that has ended while the old one has not,
    /// keeps the old, and says so in log, metrics and conditions.
    pub fn reload_certificate(
        &self,
        certificates: &Arc<Certificates>,
        pair: Result<Certificate, String>,
    ) -> bool {
        let now = Timestamp::now().as_second();
        let is_good = |old: &Certificate| old.expiry > now;
        let state = pair.and_then(|certificate| {
            if !is_good(&certificate) && certificates.current().is_some_and(|old| is_good(&old)) {
                return Err(ended(certificate.expiry));
            }
            #[expect(clippy::cast_precision_loss, reason = "seconds are exact for 285 million years")]
            self.metrics.certificate_expiry.set(certificate.expiry as f64);
            let fields = json!({"notAfter": certificate.expiry});
            certificates.set(certificate);
            self.log.info("certificate loaded", fields);
            Ok(())
        });
        if let Err(reason) = &state {
            let fields = json!({"reason": reason});
            self.log.warn("the certificate cannot be loaded; the old one stays in use", fields);
        }
        let is_ok = state.is_ok();
        self.metrics.reloaded("certificate", is_ok);
        self.conditions.set(Condition::CertificateCurrent, state);
        self.note_expiry(certificates, now);
        is_ok
    }

    /// Notes whether what is served has ended: no apiserver would trust it. `now`: seconds since 1970.
    pub fn note_expiry(&self, certificates: &Certificates, now: i64) {
        let Some(served) = certificates.current() else { return };
        let state = if served.expiry > now { Ok(()) } else { Err(ended(served.expiry)) };
        if self.conditions.set(Condition::CertificateServed, state.clone())
            && let Err(reason) = state
        {
            self.log.warn("not ready: the served certificate has ended", json!({"reason": reason}));
        }
    }

    /// Notes whether certificates are kept in order; the same trouble counts once.
    pub fn note_certificate(&self, state: Result<(), String>) {
        let is_news = self.conditions.set(Condition::CertificateCurrent, state.clone());
        match state {
            Ok(()) => self.metrics.reloaded("certificate", true),
            Err(reason) if is_news => {
                self.metrics.reloaded("certificate", false);
                self.log.warn("certificates cannot be kept in order", json!({"reason": reason}));
            }
            Err(_) => {}
        }
    }
}

fn ended(expiry: i64) -> String {
    let time = Timestamp::from_second(expiry).map(|time| time.to_string()).unwrap_or_default();
    format!("the certificate has ended at {time}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use lithify::profile::Profiles;

    use super::*;
    use crate::review::Policy;
    use crate::serve::{Limits, Log, Namespaces};

    fn app() -> Arc<App> {
        let policy = Policy::new(lithify::config::Config::default(), Profiles::default()).unwrap();
        let log = Log::new(std::io::sink(), false);
        App::new(policy, Namespaces::Fixed(BTreeMap::new()), log, Limits::default())
    }

    fn until(year: i32) -> Certificate {
        let mut parameters = rcgen::CertificateParams::new(vec!["a".to_owned()]).unwrap();
        parameters.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let made = parameters.self_signed(&key).unwrap();
        Certificate::from_pem(made.pem().as_bytes(), key.serialize_pem().as_bytes()).unwrap()
    }

    #[test]
    fn one_that_has_ended_replaces_none_that_is_good() {
        let (app, certificates) = (app(), Arc::new(Certificates::default()));
        assert!(app.reload_certificate(&certificates, Ok(until(2999))));
        let good = certificates.current().unwrap().expiry;
        assert!(!app.reload_certificate(&certificates, Ok(until(2001))));
        assert_eq!(certificates.current().unwrap().expiry, good);
        let shown = app.conditions.to_json().to_string();
        assert!(shown.contains("the certificate has ended at 2001-01-01T00:00:00Z"), "{shown}");
        assert!(app.conditions.is_ready(), "the good one serves");
        assert!(app.reload_certificate(&certificates, Ok(until(2998))));
        assert!(!app.conditions.to_json().to_string().contains("ended"));
    }

    #[test]
    fn one_that_ends_while_it_is_served_is_a_reason_to_leave() {
        let (app, certificates) = (app(), Arc::new(Certificates::default()));
        app.reload_certificate(&certificates, Ok(until(2999)));
        let end = certificates.current().unwrap().expiry;
        app.note_expiry(&certificates, end - 1);
        assert!(app.conditions.is_ready());
        app.note_expiry(&certificates, end);
        assert!(!app.conditions.is_ready());
    }

    #[test]
    fn one_that_has_ended_makes_nobody_ready() {
        let (app, certificates) = (app(), Arc::new(Certificates::default()));
        assert!(app.reload_certificate(&certificates, Ok(until(2001))), "there is no better one");
        assert!(!app.conditions.is_ready());
        assert!(app.metrics.to_text().contains(r#"condition{condition="CertificateServed"} 0"#));
    }

    #[test]
    fn the_same_trouble_counts_once_and_ends() {
        let app = app();
        let trouble = || Err("hold the Lease: connection refused".to_owned());
        app.note_certificate(trouble());
        app.note_certificate(trouble());
        let metrics = app.metrics.to_text();
        assert!(metrics.contains(r#"reload_failures_total{source="certificate"} 1"#), "{metrics}");
        app.note_certificate(Ok(()));
        let metrics = app.metrics.to_text();
        assert!(metrics.contains(r#"reload_ok{source="certificate"} 1"#), "{metrics}");
        assert!(metrics.contains(r#"condition{condition="CertificateCurrent"} 1"#), "{metrics}");
    }
}
