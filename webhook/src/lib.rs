//! The admission webhook of Lithify: judges and hardens what reaches the Kubernetes API.
//!
//! Two parts. [`review`] is the verdict on one AdmissionReview, pure: bytes, policy, labels and a date in, a
//! verdict out; fuzzing and `lithify-webhook review` use it alone. Around it, behind the feature `serve`, is
//! what a cluster needs: [`serve`], the HTTPS server; [`source`], where its policy comes from; [`registration`],
//! what the apiserver is told of it; [`certificates`] of our own; and [`command`], the command line.

mod json;

pub mod review;

#[cfg(feature = "serve")]
pub mod registration;

#[cfg(feature = "serve")]
pub mod certificates;

#[cfg(feature = "serve")]
pub mod serve;

#[cfg(feature = "serve")]
pub mod source;

#[cfg(feature = "serve")]
pub mod command;
