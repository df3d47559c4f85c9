//! `http_output`: a POST request an alert, as falcosidekick takes them.

use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::http::{Answer, Client, ClientError};

use super::message::Message;
use super::settings;
use super::sink::{DeliveryError, Retry, Sink};

pub(super) struct HttpSink {
    client: Client,
    url: String,
    compress: bool,
    echo: bool,
    retries: u8,
}

impl HttpSink {
    pub(super) fn new(settings: &settings::Http, json: bool) -> Result<Self, ClientError> {
        let kind = if json { "application/json" } else { "text/plain" };
        let mut headers = vec![("content-type", kind), ("user-agent", settings.user_agent.as_str())];
        if settings.compress_uploads {
            headers.push(("content-encoding", "gzip"));
        }
        let client = Client::new(&settings.url, &settings.tls, settings.timeout, &headers)?;
        Ok(Self {
            client: client.with_tcp_keep_alive(settings.keep_alive),
            url: settings.url.clone(),
            compress: settings.compress_uploads,
            echo: settings.echo,
            retries: settings.max_consecutive_timeouts,
        })
    }

    /// Posts, and after a timeout again, as often as it is configured.
    fn post(&mut self, body: &Bytes) -> Result<Answer, DeliveryError> {
        let mut timeouts = 0;
        loop {
            match self.client.post(body) {
                Ok(answer) => return Ok(answer),
                Err(ClientError::Timeout { .. }) if timeouts < self.retries => timeouts += 1,
                Err(error @ ClientError::Timeout { .. }) => {
                    return Err(DeliveryError::new(error.to_string(), Retry::Never));
                }
                Err(error) => return Err(DeliveryError::new(error.to_string(), Retry::Soon)),
            }
        }
    }
}

impl Sink for HttpSink {
    fn deliver(&mut self, batch: &[Arc<Message>]) -> Result<(), DeliveryError> {
        for (done, message) in batch.iter().enumerate() {
            let body = body(message.line().as_bytes(), self.compress)?;
            let answer = self.post(&body)?;
            if self.echo {
                // The server's words are nothing that an alert depends on.
                let _ = io::stdout().write_all(&answer.body);
            }
            judge(&self.url, &answer)
                .map_err(|error| DeliveryError { lost: Some(batch.len() - done), ..error })?;
        }
        Ok(())
    }
}

/// A request's body, compressed where it is asked for.
pub(super) fn body(bytes: &[u8], compress: bool) -> Result<Bytes, DeliveryError> {
    if !compress {
        return Ok(Bytes::copy_from_slice(bytes));
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let done = encoder.write_all(bytes).and_then(|()| encoder.finish());
    done.map(Bytes::from).map_err(|error| DeliveryError::new(format!("compress: {error}"), Retry::Never))
}

/// What an answer means for the alerts that it answers.
pub(super) fn judge(url: &str, answer: &Answer) -> Result<(), DeliveryError> {
    let said = || String::from_utf8_lossy(&answer.body).chars().take(200).collect::<String>();
    let reason = || format!("{url} answered {}: {}", answer.status, said().trim());
    let retry = match answer.status {
        200..=299 => return Ok(()),
        408 | 429 | 500..=599 => answer.retry_after.map_or(Retry::Soon, Retry::After),
        _ => Retry::Never,
    };
    Err(DeliveryError::new(reason(), retry))
}
