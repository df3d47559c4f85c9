//! Addresses of the domain names that rules compare with, asked for on a thread of its own.
//!
//! In: the names, once. Out: for each address the names that have it, whenever that has changed. A name that cannot be
//! resolved keeps the addresses that it had. An event never waits for an answer.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

/// How often names are resolved again.
const REFRESH: Duration = Duration::from_mins(1);
/// The same while some cannot be.
const RETRY: Duration = Duration::from_secs(5);
/// How long the start waits for the first answers.
const PATIENCE: Duration = Duration::from_secs(1);

/// Names by address.
type Names = HashMap<IpAddr, Vec<Box<str>>>;

/// What is known of addresses.
#[derive(Default)]
pub(crate) struct Domains {
    names: Names,
    /// What is told, and what ends the thread when it is dropped.
    answers: Option<(Receiver<Names>, Sender<()>)>,
}

impl Domains {
    /// Resolves names from now on; waits a moment for the first answers.
    ///
    /// # Errors
    /// There can be no thread.
    pub(crate) fn resolve(names: Vec<String>) -> io::Result<Self> {
        Self::resolve_by(names, |name| {
            // Any port: an address is asked for.
            (name, 0)
                .to_socket_addrs()
                .map(|found| found.map(|address| address.ip().to_canonical()).collect())
        })
    }

    /// The same, by whoever knows.
    fn resolve_by(
        names: Vec<String>,
        ask: impl Fn(&str) -> io::Result<BTreeSet<IpAddr>> + Send + 'static,
    ) -> io::Result<Self> {
        if names.is_empty() {
            return Ok(Self::default());
        }
        let (tell, answers) = mpsc::channel();
        let (end, ended) = mpsc::channel();
        let work = move || work(&names, &ask, &tell, &ended);
        std::thread::Builder::new().name("domains".to_owned()).spawn(work)?;
        let names = answers.recv_timeout(PATIENCE).unwrap_or_default();
        Ok(Self { names, answers: Some((answers, end)) })
    }

    /// Takes in the answers that have come.
    pub(crate) fn take_answers(&mut self) {
        if let Some((answers, _)) = &self.answers
            && let Some(latest) = answers.try_iter().last()
        {
            self.names = latest;
        }
    }

    /// The names of an address, of those that rules compare with.
    pub(crate) fn of(&self, address: IpAddr) -> &[Box<str>] {
        self.names.get(&address).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Resolves and tells until nobody listens.
fn work(
    names: &[String],
    ask: &dyn Fn(&str) -> io::Result<BTreeSet<IpAddr>>,
    tell: &Sender<Names>,
    ended: &Receiver<()>,
) {
    let mut known: HashMap<&str, BTreeSet<IpAddr>> = HashMap::new();
    let mut told = None;
    loop {
        let mut pause = REFRESH;
        for name in names {
            match ask(name) {
                Ok(addresses) => {
                    known.insert(name, addresses);
                }
                Err(_) => pause = RETRY,
            }
        }
        if told.as_ref() != Some(&known) {
            if tell.send(by_address(&known)).is_err() {
                return;
            }
            told = Some(known.clone());
        }
        if ended.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
            return;
        }
    }
}

fn by_address(known: &HashMap<&str, BTreeSet<IpAddr>>) -> Names {
    let mut names = Names::new();
    for (name, addresses) in known {
        for address in addresses {
            names.entry(*address).or_default().push((*name).into());
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_all_the_names_that_resolve_to_it() {
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let other: IpAddr = "192.0.2.2".parse().unwrap();
        let ask = move |name: &str| match name {
            "a.test" => Ok(BTreeSet::from([one, other])),
            "b.test" => Ok(BTreeSet::from([one])),
            _ => Err(io::Error::other("no such name")),
        };
        let names = ["a.test", "b.test", "c.test"].map(str::to_owned).to_vec();
        let domains = Domains::resolve_by(names, ask).unwrap();
        let mut both: Vec<_> = domains.of(one).iter().map(|name| &**name).collect();
        both.sort_unstable();
        assert_eq!(both, ["a.test", "b.test"]);
        assert_eq!(domains.of(other).len(), 1);
        assert!(domains.of("192.0.2.3".parse().unwrap()).is_empty());
    }

    #[test]
    fn nobody_is_asked_where_rules_name_nothing() {
        let domains = Domains::resolve_by(Vec::new(), |_| panic!("asked")).unwrap();
        assert!(domains.answers.is_none());
    }
}
