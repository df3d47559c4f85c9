//! The endpoints.
//!
//! `POST /validate` and `/mutate`; `GET /healthz`, `/readyz`, `/metrics`. The apiserver appends `?timeout=…`, so that only paths
//! count.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use warp::http::StatusCode;
use warp::http::header::CONTENT_TYPE;
use warp::reply::Response;
use warp::{Buf, Filter, Reply as _, Stream};

use super::app::App;
use super::body::{self, BodyError};
use super::connections::Connection;
use crate::review::{Decision, Malformed, Question, Review, Surroundings, Verdict};

/// The whole service. `connection` is told when a request is being answered; tests have none.
pub fn router(
    app: &Arc<App>,
    connection: Option<Arc<Connection>>,
) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone + use<> {
    let own = {
        let app = app.clone();
        warp::any().map(move || app.clone())
    };
    let question = warp::path!("validate")
        .map(|| Question::Validate)
        .or(warp::path!("mutate").map(|| Question::Mutate))
        .unify();
    let review = question
        .and(warp::post())
        .and(own.clone())
        .and(warp::any().map(move || connection.clone()))
        .and(warp::header::optional::<usize>("content-length"))
        .and(warp::body::stream())
        .then(answer);
    let healthz = warp::path!("healthz").and(warp::get()).map(|| "ok\n".into_response());
    let readyz = warp::path!("readyz").and(warp::get()).and(own.clone()).map(|app: Arc<App>| readyz(&app));
    let metrics = warp::path!("metrics").and(warp::get()).and(own).map(|app: Arc<App>| metrics(&app));
    review.or(healthz).unify().or(readyz).unify().or(metrics).unify().recover(refuse).unify()
}

async fn answer<B: Buf>(
    question: Question,
    app: Arc<App>,
    connection: Option<Arc<Connection>>,
    announced: Option<usize>,
    stream: impl Stream<Item = Result<B, warp::Error>>,
) -> Response {
    let start = Instant::now();
    let _in_flight = InFlight::new(&app);
    if connection.as_ref().is_some_and(|connection| !connection.is_known()) {
        app.metrics.malformed();
        return text(StatusCode::FORBIDDEN, "reviews need a client certificate of --client-ca");
    }
    let limits = &app.limits;
    let announced = announced.unwrap_or(0);
    let body = body::read(stream, announced, limits.max_body, limits.body_timeout, &app.room).await;
    let response = match body {
        Ok(body) => {
            let _busy = Connection::busy(connection.as_ref());
            judge(&app, question, &body.bytes).await
        }
        Err(error) => unread(&app, question, &error),
    };
    app.metrics.took(question.name(), start.elapsed());
    response
}

async fn judge(app: &App, question: Question, body: &[u8]) -> Response {
    let mut turn = app.judging.acquire().await;
    let (verdict, is_place) = match Review::decode(body) {
        Ok(review) => {
            let policy = app.policy();
            let mut labels = app.namespaces.known(&review.namespace);
            if labels.is_none() {
                // The apiserver takes its time, in which others are judged.
                drop(turn);
                labels = app.namespaces.ask(&review.namespace).await;
                turn = app.judging.acquire().await;
            }
            let surroundings = Surroundings { labels: labels.as_deref(), today: App::today() };
            (question.answer(&review, &policy, surroundings), labels.is_some())
        }
        Err(malformed) => match malformed.verdict() {
            Some(denial) => (denial, false),
            None => return unaddressed(app, &malformed),
        },
    };
    drop(turn);
    answered(app, question, &verdict, is_place)
}

/// Tells what was decided. `is_place`: its namespace and kind are the cluster's, and no invention.
fn answered(app: &App, question: Question, verdict: &Verdict, is_place: bool) -> Response {
    app.metrics.decided(question.name(), &verdict.record, is_place);
    tell(app, question.name(), verdict);
    if let Some(events) = app.events.get() {
        events.note(verdict, app);
    }
    let mut response = Response::new(verdict.to_text().into());
    response.headers_mut().insert(CONTENT_TYPE, warp::http::HeaderValue::from_static("application/json"));
    response
}

/// A body that was not read. Where it is only too large, what is asked can be refused in the apiserver's own terms:
/// by a status it would let the object pass where `failurePolicy` is `Ignore`.
fn unread(app: &App, question: Question, error: &BodyError) -> Response {
    if let BodyError::TooLarge { beginning, .. } = error
        && let Some(denial) = Malformed::beginning(error.to_string(), beginning).verdict()
    {
        return answered(app, question, &denial, false);
    }
    app.metrics.malformed();
    app.log.warn("no review could be read", json!({"reason": error.to_string()}));
    let status = match error {
        BodyError::Late(_) => StatusCode::REQUEST_TIMEOUT,
        BodyError::Crowded => StatusCode::SERVICE_UNAVAILABLE,
        BodyError::TooLarge { .. } | BodyError::Broken(_) => StatusCode::BAD_REQUEST,
    };
    text(status, &error.to_string())
}

fn unaddressed(app: &App, malformed: &Malformed) -> Response {
    app.metrics.malformed();
    app.log.warn("no review could be read", json!({"reason": malformed.reason}));
    text(StatusCode::BAD_REQUEST, &malformed.reason)
}

/// One line a decision; what was allowed without a word only when asked for.
fn tell(app: &App, endpoint: &str, verdict: &Verdict) {
    let record = &verdict.record;
    if record.decision == Decision::Allowed && !app.log.is_verbose() {
        return;
    }
    let mut fields = json!({"uid": verdict.uid, "endpoint": endpoint, "decision": record.decision.name(),
        "kind": record.kind, "namespace": record.namespace, "name": record.name, "user": record.user,
        "dryRun": record.dry_run});
    if !record.violations.is_empty() {
        let checks: BTreeSet<&str> = record.violations.iter().map(|(check, _)| *check).collect();
        fields["checks"] = json!(checks);
    }
    if let Some(refusal) = &verdict.refusal {
        fields["reason"] = json!(refusal.message);
    }
    app.log.info("review", fields);
}

fn readyz(app: &App) -> Response {
    let status = if app.conditions.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = Response::new(format!("{:#}\n", app.conditions.to_json()).into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, warp::http::HeaderValue::from_static("application/json"));
    response
}

fn metrics(app: &App) -> Response {
    let mut response = Response::new(app.metrics.to_text().into());
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    response.headers_mut().insert(CONTENT_TYPE, warp::http::HeaderValue::from_static(kind));
    response
}

async fn refuse(rejection: warp::Rejection) -> Result<Response, Infallible> {
    let (status, message) = if rejection.find::<warp::reject::MethodNotAllowed>().is_some() {
        (StatusCode::METHOD_NOT_ALLOWED, "reviews are posted, everything else is got")
    } else {
        (StatusCode::NOT_FOUND, "expected /validate, /mutate, /healthz, /readyz or /metrics")
    };
    Ok(text(status, message))
}

fn text(status: StatusCode, message: &str) -> Response {
    let mut response = Response::new(format!("{message}\n").into());
    *response.status_mut() = status;
    response
}

/// Counts a request while it is answered, however that ends.
struct InFlight<'a>(&'a App);

impl<'a> InFlight<'a> {
    fn new(app: &'a App) -> Self {
        app.metrics.in_flight.inc();
        Self(app)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.metrics.in_flight.dec();
    }
}
