//! One writer at a time: a Lease of `coordination.k8s.io`.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Api, PostParams};
use kube::{Client, Error};

/// How long a holder that says nothing more keeps it.
const DURATION: Duration = Duration::from_secs(15);

/// Takes or keeps the Lease; `false` where another replica holds it.
///
/// # Errors
/// The apiserver's.
pub(super) async fn hold(
    client: &Client,
    namespace: &str,
    name: &str,
    identity: &str,
) -> Result<bool, Error> {
    let api: Api<Lease> = Api::namespaced(client.clone(), namespace);
    let now = Timestamp::now();
    let Some(mut lease) = api.get_opt(name).await? else {
        let mut lease = Lease::default();
        lease.metadata.name = Some(name.to_owned());
        lease.spec = Some(held(identity, now, now));
        return won(api.create(&PostParams::default(), &lease).await);
    };
    let spec = lease.spec.clone().unwrap_or_default();
    let is_ours = spec.holder_identity.as_deref() == Some(identity);
    let free = spec.renew_time.as_ref().is_none_or(|renewed| {
        let seconds = i64::from(spec.lease_duration_seconds.unwrap_or(0));
        now.duration_since(renewed.0) > SignedDuration::from_secs(seconds)
    });
    if !is_ours && !free {
        return Ok(false);
    }
    let since = spec.acquire_time.filter(|_| is_ours).map_or(now, |time| time.0);
    lease.spec = Some(held(identity, since, now));
    // The resource version makes it one writer: whoever comes second is refused.
    won(api.replace(name, &PostParams::default(), &lease).await)
}

fn held(identity: &str, since: Timestamp, now: Timestamp) -> LeaseSpec {
    LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
        acquire_time: Some(MicroTime(since)),
        renew_time: Some(MicroTime(now)),
        ..LeaseSpec::default()
    }
}

fn won(result: Result<Lease, Error>) -> Result<bool, Error> {
    match result {
        Ok(_) => Ok(true),
        Err(Error::Api(status)) if status.code == 409 => Ok(false),
        Err(error) => Err(error),
    }
}
