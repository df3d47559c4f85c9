//! Where an apiserver answers, for those who ask whether it is healthy.

// From `core`, which has addresses and no sockets.
use core::net::IpAddr;

use serde_json::Value;

use super::audit_flags::boolean;
use super::locate::Apiserver;

/// What the flags and the readiness probe say about reaching the apiserver on its own node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serving {
    /// The address to dial: the one it binds, or loopback where it binds all.
    pub host: String,
    /// `--secure-port`.
    pub port: u16,
    /// The address that it tells others, which its certificate names; kubeadm sets it.
    pub advertised: Option<String>,
    /// Whether requests without credentials are let in; `None` where an authentication configuration decides.
    pub anonymous: Option<bool>,
    /// The container's readiness probe, where it asks by HTTP.
    pub readiness: Option<Probe>,
}

/// An HTTP probe, as the kubelet makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// `httpGet.host`; `None` is the pod's own address.
    pub host: Option<String>,
    /// The port, a named one resolved.
    pub port: u16,
    /// The path, such as `/readyz`.
    pub path: String,
    /// Whether over TLS.
    pub is_https: bool,
}

/// `--secure-port` if it is not given (k8s.io/kubernetes, `NewSecureServingOptions`).
const DEFAULT_PORT: u16 = 6443;

impl Serving {
    /// Reads the flags in force; what they do not tell has the apiserver's defaults.
    pub fn of(apiserver: &Apiserver<'_>) -> Self {
        let flags = apiserver.flags();
        let bound = flags.value("bind-address").and_then(|address| address.parse::<IpAddr>().ok());
        // Go binds `::` for both families, so that the IPv4 loopback always answers.
        let bound = bound.filter(|address| !address.is_unspecified());
        let host = bound.map_or_else(|| "127.0.0.1".to_owned(), |address| address.to_string());
        let anonymous = match flags.value("authentication-config") {
            Some(_) => None,
            None => Some(flags.value("anonymous-auth").and_then(boolean).unwrap_or(true)),
        };
        Self {
            host,
            port: flags.value("secure-port").and_then(|port| port.parse().ok()).unwrap_or(DEFAULT_PORT),
            advertised: flags.value("advertise-address").map(str::to_owned),
            anonymous,
            readiness: Probe::of(apiserver.container()),
        }
    }
}

impl Probe {
    fn of(container: &Value) -> Option<Self> {
        let get = container["readinessProbe"]["httpGet"].as_object()?;
        let port = match get.get("port")? {
            Value::Number(port) => port.as_u64(),
            Value::String(name) => port_named(container, name),
            _ => None,
        };
        Some(Self {
            host: get.get("host").and_then(Value::as_str).filter(|host| !host.is_empty()).map(str::to_owned),
            port: u16::try_from(port?).ok()?,
            path: get.get("path").and_then(Value::as_str).unwrap_or("/").to_owned(),
            is_https: get.get("scheme").and_then(Value::as_str) == Some("HTTPS"),
        })
    }
}

fn port_named(container: &Value, name: &str) -> Option<u64> {
    let ports = container["ports"].as_array()?;
    ports.iter().find(|port| port["name"] == name)?["containerPort"].as_u64()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn serving(container: &Value) -> Serving {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [container]}});
        Serving::of(&Apiserver::locate(&pod).unwrap())
    }

    #[test]
    fn defaults_are_the_apiservers() {
        let found = serving(&json!({"command": ["kube-apiserver"]}));
        assert_eq!((found.host.as_str(), found.port, found.anonymous), ("127.0.0.1", 6443, Some(true)));
        assert_eq!(found.readiness, None);
    }

    #[test]
    fn reads_kubeadms_flags_and_probe() {
        let get = json!({"host": "192.0.2.10", "path": "/readyz", "port": "probe-port", "scheme": "HTTPS"});
        let found = serving(&json!({
            "command": ["kube-apiserver", "--secure-port=8443", "--bind-address=::", "--anonymous-auth=false", "--advertise-address=192.0.2.10"],
            "ports": [{"name": "probe-port", "containerPort": 8443}],
            "readinessProbe": {"httpGet": get},
        }));
        assert_eq!((found.host.as_str(), found.port, found.anonymous), ("127.0.0.1", 8443, Some(false)));
        let probe = Probe {
            host: Some("192.0.2.10".to_owned()),
            port: 8443,
            path: "/readyz".to_owned(),
            is_https: true,
        };
        assert_eq!((found.advertised.as_deref(), found.readiness), (Some("192.0.2.10"), Some(probe)));
    }

    #[test]
    fn does_not_know_whom_an_authentication_configuration_lets_in() {
        let found = serving(&json!({"command": ["kube-apiserver", "--authentication-config=/etc/k/a.yaml"]}));
        assert_eq!(found.anonymous, None);
    }
}
