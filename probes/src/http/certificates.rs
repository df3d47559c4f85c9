//! A server's certificate, read anew when its files change.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio_rustls::TlsAcceptor;

use super::tls::{ServerTls, TlsError};
use crate::log::Log;

/// How often the files are looked at, at most.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A server's certificate and key as they stand in their files.
pub(super) struct Certificates {
    files: ServerTls,
    log: Log,
    acceptor: TlsAcceptor,
    seen: Vec<Option<SystemTime>>,
    looked: Instant,
}

impl Certificates {
    pub(super) fn load(files: ServerTls, log: Log) -> Result<Self, TlsError> {
        let seen = times(&files);
        let acceptor = TlsAcceptor::from(Arc::new(files.config()?));
        Ok(Self { files, log, acceptor, seen, looked: Instant::now() })
    }

    /// For the next connection.
    pub(super) fn acceptor(&mut self) -> TlsAcceptor {
        if self.looked.elapsed() >= LOOK_EVERY {
            self.looked = Instant::now();
            self.look();
        }
        self.acceptor.clone()
    }

    fn look(&mut self) {
        let now = times(&self.files);
        if now == self.seen {
            return;
        }
        // Key and certificate may be written one after the other: half of a pair is refused, and read again
        // when the other half has come.
        self.seen = now;
        match self.files.config() {
            Ok(config) => {
                self.acceptor = TlsAcceptor::from(Arc::new(config));
                self.log.info(&format!("{}: certificate read anew", self.files.certificate.display()));
            }
            Err(error) => self.log.error(&format!("keep the certificate that was read before: {error}")),
        }
    }
}

fn times(files: &ServerTls) -> Vec<Option<SystemTime>> {
    let time = |file: &Path| fs::metadata(file).and_then(|metadata| metadata.modified()).ok();
    let all = [Some(&files.certificate), Some(&files.key), files.client_ca.as_ref()];
    all.into_iter().flatten().map(|file| time(file)).collect()
}
