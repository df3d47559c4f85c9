//! `lithify.yaml` in a ConfigMap of the webhook's own namespace, watched.

use std::sync::Arc;

use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::watcher::Event;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Client};
use lithify::config;

use super::{Change, Inputs};
use crate::serve::{Heard, SILENCE, heard};

/// The key of the ConfigMap's data.
const KEY: &str = "lithify.yaml";

/// A ConfigMap that holds the configuration.
#[derive(Clone)]
pub struct ConfigMapSource {
    /// The cluster.
    pub client: Client,
    /// The webhook's own namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl ConfigMapSource {
    fn api(&self) -> Api<ConfigMap> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// What it holds now, as text and as configuration.
    ///
    /// # Errors
    /// Why there is none, or what is wrong with it, with line and column.
    pub async fn read(&self) -> Result<(String, Change), String> {
        let found =
            self.api().get_opt(&self.name).await.map_err(|error| format!("{}: {error}", self.place()))?;
        let text = self.text(found)?;
        let change = self.parse(&text)?;
        Ok((text, change))
    }

    /// Takes whatever it becomes, `known` being what is in use. Never ends.
    pub async fn follow(self, inputs: Arc<Inputs>, known: String) {
        let mut known = Ok(known);
        let configuration = watcher::Config::default().fields(&format!("metadata.name={}", self.name));
        let events = heard(watcher(self.api(), configuration).default_backoff(), SILENCE);
        let mut events = std::pin::pin!(events);
        let mut is_there = false;
        while let Some(said) = events.next().await {
            let now = match said {
                Heard::Event(Event::Init) => {
                    is_there = false;
                    continue;
                }
                Heard::Event(Event::Apply(found) | Event::InitApply(found)) => {
                    is_there = true;
                    self.text(Some(found))
                }
                Heard::Event(Event::InitDone) if is_there => continue,
                Heard::Event(Event::Delete(_) | Event::InitDone) => self.text(None),
                Heard::Again => {
                    inputs.take(self.change(&known));
                    continue;
                }
                Heard::Deaf(error) => {
                    inputs.note_configuration(Err(format!("{}: {error}", self.place())));
                    continue;
                }
            };
            if now != known {
                inputs.take(self.change(&now));
                known = now;
            }
        }
    }

    fn text(&self, found: Option<ConfigMap>) -> Result<String, String> {
        let found = found.ok_or_else(|| format!("{}: there is none", self.place()))?;
        let text = found.data.and_then(|mut data| data.remove(KEY));
        text.ok_or_else(|| format!("{}: it has no key {KEY}", self.place()))
    }

    fn change(&self, text: &Result<String, String>) -> Result<Change, String> {
        text.as_deref().map_err(Clone::clone).and_then(|text| self.parse(text))
    }

    fn parse(&self, text: &str) -> Result<Change, String> {
        let config = config::read(text.as_bytes()).map_err(|error| {
            let (line, column) = (error.position.line, error.position.column);
            format!("{}: {KEY}:{line}:{column}: {}", self.place(), error.message)
        })?;
        Ok(Change { config: Some(config), profiles: None })
    }

    fn place(&self) -> String {
        format!("ConfigMap {}/{}", self.namespace, self.name)
    }
}
