//! Where the webhook is, as several commands ask.

use clap::Args;

use crate::registration::{Endpoint, NAME};

/// The webhook's place.
#[derive(Args, Clone)]
pub(super) struct EndpointArgs {
    /// The webhook's Service
    #[arg(long, value_name = "NAME", default_value = NAME)]
    service: String,

    /// The webhook's own namespace
    #[arg(long, value_name = "NAMESPACE", default_value = "lithify-system")]
    pub(super) namespace: String,

    /// Where the apiserver reaches it outside of the cluster: https://host:port, instead of a Service
    #[arg(long, value_name = "URL", value_parser = url)]
    url: Option<String>,
}

fn url(text: &str) -> Result<String, String> {
    let rest = text.strip_prefix("https://").ok_or("expected https://host:port")?;
    // The apiserver refuses queries, and paths are ours.
    if rest.is_empty() || rest.contains(['/', '?', '#', '@']) {
        return Err("expected https://host:port, without a path".to_owned());
    }
    Ok(text.to_owned())
}

impl EndpointArgs {
    pub(super) fn endpoint(&self) -> Endpoint {
        match &self.url {
            Some(url) => Endpoint::Url(url.clone()),
            None => Endpoint::Service { name: self.service.clone(), namespace: self.namespace.clone() },
        }
    }
}
