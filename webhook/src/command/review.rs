//! `lithify-webhook review`: one AdmissionReview on standard input, the answer on standard output.

use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use clap::Args;

use super::{Outcome, files};
use crate::review::{Labels, Question, Surroundings, review};

/// Answer one AdmissionReview from standard input, without a server
#[derive(Args)]
#[command(after_help = "Example:\n  \
    lithify-webhook review --config lithify.yaml --labels lithify.dev/enforce=immutable < review.json")]
pub(super) struct ReviewArgs {
    /// Tell whether the object may pass, which is also the default
    #[arg(long, conflicts_with = "mutate")]
    validate: bool,

    /// Tell how the object is to be changed
    #[arg(long)]
    mutate: bool,

    /// A directory of write-path profiles [default: none]
    #[arg(long, value_name = "DIR")]
    profiles: Option<PathBuf>,

    /// The configuration file [default: none, which says nothing]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The labels of the review's namespace
    #[arg(long, value_name = "KEY=VALUE", value_delimiter = ',', value_parser = label)]
    labels: Vec<(String, String)>,
}

fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected KEY=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}

pub(super) fn run(args: &ReviewArgs) -> anyhow::Result<Outcome> {
    let policy = files::policy(args.config.as_deref(), args.profiles.as_deref())?;
    let labels: Labels = args.labels.iter().cloned().collect();
    let mut body = Vec::new();
    io::stdin().lock().read_to_end(&mut body).context("read standard input")?;
    let question = if args.mutate { Question::Mutate } else { Question::Validate };
    let surroundings = Surroundings { labels: Some(&labels), today: jiff::Zoned::now().date() };
    let verdict = review(&body, question, &policy, surroundings).map_err(|malformed| anyhow!(malformed))?;
    let answer = serde_json::to_string_pretty(&verdict.to_json())?;
    writeln!(io::stdout().lock(), "{answer}").context("write the answer")?;
    Ok(if verdict.is_allowed() { Outcome::Clean } else { Outcome::Denied })
}
