//! Asking the apiserver whether it is ready, and for a request that leaves an audit event.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rustls::ClientConfig;

use super::http::{Get, GetError, Response, connect};
use super::target::Target;
use super::tls;

/// How the apiserver does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// It says it is ready; how that was asked.
    Ready(String),
    /// It is not, or does not answer: what it says.
    NotReady(String),
}

/// Asks one apiserver, in the way that has worked before.
pub(super) struct Asker<'t> {
    target: &'t Target,
    /// The client of each identity, none first.
    clients: Vec<(Option<&'t str>, Arc<ClientConfig>)>,
    /// Which of them was answered last.
    answered: usize,
}

impl<'t> Asker<'t> {
    pub(super) fn new(target: &'t Target) -> Self {
        let anonymous = tls::client(&target.trust, None).map(|client| (None, client));
        let known = target.identities.iter().map(|identity| {
            tls::client(&target.trust, Some(identity)).map(|client| (Some(identity.name.as_str()), client))
        });
        let usable = std::iter::once(anonymous).chain(known).filter_map(Result::ok);
        let clients = usable.map(|(name, client)| (name, Arc::new(client))).collect();
        // Where strangers are not let in, nobody need ask as one.
        let answered = usize::from(target.serving.anonymous == Some(false) && !target.identities.is_empty());
        Self { target, clients, answered }
    }

    /// Asks `/readyz`: as nobody, then with each certificate of this node; where none is let in, carries out the
    /// container's own readiness probe, as the kubelet does.
    pub(super) fn ask(&mut self) -> Readiness {
        let mut refused = None;
        for index in self.order() {
            match self.get(index, "/readyz") {
                Ok(Response { status: 200, .. }) => {
                    self.answered = index;
                    return Readiness::Ready(format!("/readyz is ok{}", self.asked_as(index)));
                }
                Ok(Response { status: status @ (401 | 403), .. }) => refused = Some(status),
                Ok(response) => return Readiness::NotReady(explained(&response)),
                Err(error) => return Readiness::NotReady(error.to_string()),
            }
        }
        match refused {
            Some(status) => self.own_probe(status),
            None => Readiness::NotReady("no TLS client could be made".to_owned()),
        }
    }

    fn order(&self) -> Vec<usize> {
        let others = (0..self.clients.len()).filter(|index| *index != self.answered);
        (self.answered < self.clients.len()).then_some(self.answered).into_iter().chain(others).collect()
    }

    fn asked_as(&self, index: usize) -> String {
        self.clients[index]
            .0
            .map(|name| format!(" (asked with the certificate of {name})"))
            .unwrap_or_default()
    }

    /// Asks at the addresses where it should listen, the first that something answers at.
    fn get(&self, index: usize, path: &str) -> Result<Response, GetError> {
        let serving = &self.target.serving;
        let probed = serving.readiness.as_ref().and_then(|probe| probe.host.as_deref());
        let hosts = [Some(serving.host.as_str()), probed, serving.advertised.as_deref()];
        let mut first = None;
        for host in hosts.into_iter().flatten() {
            let tls = Some(Arc::clone(&self.clients[index].1));
            match (Get { host, port: serving.port, path, headers: &[], tls }).send() {
                Err(error) if first.is_none() => first = Some(error),
                Err(_) => {}
                Ok(response) => return Ok(response),
            }
        }
        Err(first.expect("there is at least the address it binds"))
    }

    /// The container's readiness by its own probe. One that runs a command, or none, cannot be asked from outside:
    /// then an apiserver that refuses strangers is one that serves.
    fn own_probe(&self, status: u16) -> Readiness {
        let probe = &self.target.readiness_probe;
        let refused = format!("/readyz answers {status} to every certificate of this node");
        if let Some(http) = &self.target.serving.readiness {
            let headers = probe["httpGet"]["httpHeaders"].as_array().into_iter().flatten();
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let headers: Vec<_> =
                headers.map(|header| (text(&header["name"]), text(&header["value"]))).collect();
            let host = http.host.as_deref().or(self.target.serving.advertised.as_deref());
            let host = host.unwrap_or(&self.target.serving.host);
            let tls = http.is_https.then(tls::unverified_client).and_then(Result::ok).map(Arc::new);
            let get = Get { host, port: http.port, path: &http.path, headers: &headers, tls };
            return match get.send() {
                Ok(Response { status: 200..=399, .. }) => {
                    Readiness::Ready(format!("the container's readiness probe succeeds ({refused})"))
                }
                Ok(response) => Readiness::NotReady(format!("{refused}; {}", explained(&response))),
                Err(error) => Readiness::NotReady(format!("{refused}; {error}")),
            };
        }
        let port = probe["tcpSocket"]["port"].as_u64().and_then(|port| u16::try_from(port).ok());
        let port = port.unwrap_or(self.target.serving.port);
        match connect(&self.target.serving.host, port) {
            Ok(_) => Readiness::Ready(format!("it listens on port {port} ({refused})")),
            Err(error) => Readiness::NotReady(format!("{refused}; port {port}: {error}")),
        }
    }

    /// When the process that answers started, by its own metrics; `None` where it does not tell us.
    pub(super) fn started(&self) -> Option<SystemTime> {
        let response = self.get(self.answered, "/metrics").ok().filter(|response| response.status == 200)?;
        start_in(&response.body)
    }

    /// Sends a request whose only purpose is the audit event that it leaves.
    pub(super) fn leave_trace(&self, path: &str) {
        // What it answers does not matter: refusals are logged as well.
        let _ = self.get(self.answered, path);
    }

    /// Whether the apiserver is asked with a certificate.
    pub(super) fn is_known(&self) -> bool {
        self.clients.get(self.answered).is_some_and(|(name, _)| name.is_some())
    }
}

/// What an apiserver that is not ready says: the checks that fail.
fn explained(response: &Response) -> String {
    let text = String::from_utf8_lossy(&response.body);
    let failing: Vec<&str> = text.lines().filter(|line| line.starts_with("[-]")).take(3).collect();
    let first = text.lines().next().unwrap_or_default();
    let said = if failing.is_empty() { first.to_owned() } else { failing.join(", ") };
    format!("/readyz answers {} {}", response.status, said.chars().take(200).collect::<String>())
}

/// The process collector's metric, in seconds since the epoch.
fn start_in(metrics: &[u8]) -> Option<SystemTime> {
    let text = String::from_utf8_lossy(metrics);
    let value = text.lines().find_map(|line| line.strip_prefix("process_start_time_seconds "))?;
    let seconds = Duration::try_from_secs_f64(value.trim().parse().ok()?).ok()?;
    Some(SystemTime::UNIX_EPOCH + seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_start_from_metrics() {
        let metrics = b"# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds 1.76397e+09\n";
        assert_eq!(start_in(metrics), Some(SystemTime::UNIX_EPOCH + Duration::from_mins(29_399_500)));
        assert_eq!(start_in(b"x 1\n"), None);
    }

    #[test]
    fn names_the_checks_that_fail() {
        let body =
            b"[+]ping ok\n[-]etcd failed: reason withheld\n[-]shutdown failed: x\nreadyz check failed\n";
        let text = explained(&Response { status: 500, body: body.to_vec() });
        assert_eq!(text, "/readyz answers 500 [-]etcd failed: reason withheld, [-]shutdown failed: x");
    }
}
