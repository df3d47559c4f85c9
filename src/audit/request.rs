//! What the apiserver knows of a request when it asks the policy.

use std::borrow::Cow;

use super::event::Text;

/// A request, as the policy sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request<'a> {
    /// Who asks, before any impersonation; `None` where authentication failed.
    pub user: Option<User<'a>>,
    /// `get`, `list`, `deletecollection` …; the lower-case HTTP method of a non-resource request.
    pub verb: &'a str,
    /// What is asked for.
    pub target: Target<'a>,
}

/// An authenticated user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User<'a> {
    /// The name.
    pub name: &'a str,
    /// The groups.
    pub groups: &'a [Text<'a>],
}

/// What a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target<'a> {
    /// An object or a collection of the API.
    Resource(Resource<'a>),
    /// Any other path of the server, such as `/healthz`.
    Path(Cow<'a, str>),
}

/// The object or collection that a request is about; an absent part is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource<'a> {
    /// The API group; empty for the core group.
    pub group: Cow<'a, str>,
    /// The plural name: `pods`.
    pub resource: Cow<'a, str>,
    /// `log` of `pods/log`.
    pub subresource: Cow<'a, str>,
    /// The namespace in the path; empty for cluster-scoped resources and for all namespaces.
    pub namespace: Cow<'a, str>,
    /// The object's name in the path; empty for collections, and for `create` (the name is in the body).
    pub name: Cow<'a, str>,
}

/// The groups that authentication gives every user of this name; those of an ordinary one without a name.
pub fn implied_groups(user: Option<&str>) -> Vec<String> {
    let user = user.unwrap_or_default();
    if user == "system:anonymous" {
        return vec!["system:unauthenticated".to_owned()];
    }
    let mut groups = Vec::new();
    if let Some((namespace, _)) =
        user.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'))
    {
        groups.push("system:serviceaccounts".to_owned());
        groups.push(format!("system:serviceaccounts:{namespace}"));
    }
    if user.starts_with("system:node:") {
        groups.push("system:nodes".to_owned());
    }
    groups.push("system:authenticated".to_owned());
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn authentication_gives_groups() {
        assert_eq!(implied_groups(Some("system:anonymous")), ["system:unauthenticated"]);
        assert_eq!(
            implied_groups(Some("system:serviceaccount:a:b")),
            ["system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"]
        );
        assert_eq!(implied_groups(None), ["system:authenticated"]);
    }
}
