//! Files that are followed while they change: a certificate and its key.
//!
//! A mounted Secret or ConfigMap changes by a link that is exchanged; comparing what the files hold works for
//! that and for any editor. They are small.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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
    /// Serves a new certificate; a broken one keeps the old, and says so in log, metrics and conditions.
    pub fn reload_certificate(&self, certificates: &Arc<Certificates>, pair: Result<Certificate, String>) {
        let state = match pair {
            Ok(certificate) => {
                #[expect(clippy::cast_precision_loss, reason = "seconds are exact for 285 million years")]
                self.metrics.certificate_expiry.set(certificate.expiry as f64);
                let fields = json!({"notAfter": certificate.expiry});
                certificates.set(certificate);
                self.log.info("certificate loaded", fields);
                self.conditions.set(Condition::CertificateServed, Ok(()));
                Ok(())
            }
            Err(reason) => {
                let fields = json!({"reason": reason});
                self.log.warn("the certificate cannot be loaded; the old one stays in use", fields);
                Err(reason)
            }
        };
        self.metrics.reloaded("certificate", state.is_ok());
        self.conditions.set(Condition::CertificateCurrent, state);
    }
}
