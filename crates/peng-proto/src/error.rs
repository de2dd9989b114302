//! What is wrong with a request, and the status that says so: canonical codes
//! with google.rpc details. This is the one table of the service's errors.

use std::{fmt, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of every [`Reason`] on the wire.
pub const DOMAIN: &str = "peng4nn";

/// Why a call fails, for programs: the `reason` of google.rpc.ErrorInfo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// A field is missing or has a value that it cannot have.
    InvalidField,
    /// The call has no token, or one that is not known, withdrawn or expired.
    Unauthenticated,
    /// The token does not give the right that the call needs.
    PermissionDenied,
    /// There is no resource of that name.
    NotFound,
    /// Another resource has that id.
    IdTaken,
    /// The trial has another value at that epoch.
    EpochTaken,
    /// The trial has ended.
    TrialEnded,
    /// No verdict stopped the trial.
    NoStopVerdict,
    /// The trial has as many observations as a trial may have.
    TooManyObservations,
    /// The lease ran out or belongs to another attempt.
    LeaseLost,
    /// The candidate was settled under another lease or in another way.
    AlreadySettled,
    /// The storage does not answer now; nothing was stored.
    StorageUnavailable,
    /// The storage has no room; nothing was stored.
    StorageFull,
    /// The prediction server does not answer the orchestrator; nothing was changed.
    PredictorUnavailable,
    /// The server is about to leave.
    ShuttingDown,
    /// A watcher reads too slowly; resume from the last token.
    WatcherTooSlow,
    /// A defect of the server.
    Internal,
}

impl Reason {
    /// The canonical code.
    pub const fn code(self) -> Code {
        match self {
            Self::InvalidField => Code::InvalidArgument,
            Self::Unauthenticated => Code::Unauthenticated,
            Self::PermissionDenied => Code::PermissionDenied,
            Self::NotFound => Code::NotFound,
            Self::IdTaken | Self::EpochTaken => Code::AlreadyExists,
            Self::TrialEnded | Self::NoStopVerdict | Self::LeaseLost | Self::AlreadySettled => {
                Code::FailedPrecondition
            }
            Self::TooManyObservations | Self::StorageFull => Code::ResourceExhausted,
            Self::StorageUnavailable | Self::PredictorUnavailable | Self::ShuttingDown => {
                Code::Unavailable
            }
            Self::WatcherTooSlow => Code::Aborted,
            Self::Internal => Code::Internal,
        }
    }

    /// As in `ErrorInfo`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidField => "INVALID_FIELD",
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::NotFound => "NOT_FOUND",
            Self::IdTaken => "ID_TAKEN",
            Self::EpochTaken => "EPOCH_TAKEN",
            Self::TrialEnded => "TRIAL_ENDED",
            Self::NoStopVerdict => "NO_STOP_VERDICT",
            Self::TooManyObservations => "TOO_MANY_OBSERVATIONS",
            Self::LeaseLost => "LEASE_LOST",
            Self::AlreadySettled => "ALREADY_SETTLED",
            Self::StorageUnavailable => "STORAGE_UNAVAILABLE",
            Self::StorageFull => "STORAGE_FULL",
            Self::PredictorUnavailable => "PREDICTOR_UNAVAILABLE",
            Self::ShuttingDown => "SHUTTING_DOWN",
            Self::WatcherTooSlow => "WATCHER_TOO_SLOW",
            Self::Internal => "INTERNAL",
        }
    }

    /// How long to wait before the same call may succeed; `None` where it never will.
    pub const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::StorageUnavailable | Self::PredictorUnavailable | Self::ShuttingDown => {
                Some(Duration::from_secs(1))
            }
            Self::StorageFull => Some(Duration::from_secs(5)),
            Self::WatcherTooSlow => Some(Duration::ZERO),
            _ => None,
        }
    }
}

/// An error on its way to the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// Why, for programs.
    pub reason: Reason,
    /// What is wrong and what would be right, for people.
    pub message: String,
    /// The fields at fault with what is wrong with each; only of
    /// [`Reason::InvalidField`], but for the key field of the other reasons.
    pub fields: Vec<(String, String)>,
}

impl Error {
    /// An error without a field.
    pub fn new(reason: Reason, message: impl fmt::Display) -> Self {
        Self {
            reason,
            message: message.to_string(),
            fields: Vec::new(),
        }
    }

    /// The field `path` is wrong.
    pub fn field(path: impl Into<String>, wrong: impl fmt::Display) -> Self {
        Self::of_field(Reason::InvalidField, path, wrong)
    }

    /// The field `path` names something that `reason` speaks of.
    pub fn of_field(reason: Reason, path: impl Into<String>, wrong: impl fmt::Display) -> Self {
        let (path, wrong) = (path.into(), wrong.to_string());
        Self {
            reason,
            message: format!("{path}: {wrong}"),
            fields: vec![(path, wrong)],
        }
    }

    /// Puts `parent` before every field: `value` becomes `observation.value`.
    #[must_use]
    pub fn within(mut self, parent: &str) -> Self {
        for (path, _) in &mut self.fields {
            *path = format!("{parent}.{path}");
        }
        if let [(path, wrong)] = self.fields.as_slice() {
            self.message = format!("{path}: {wrong}");
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let mut details = ErrorDetails::new();
        let metadata = error
            .fields
            .iter()
            .map(|(path, _)| ("field".to_owned(), path.clone()));
        details.set_error_info(
            error.reason.as_str(),
            DOMAIN,
            metadata.collect::<std::collections::HashMap<_, _>>(),
        );
        if error.reason == Reason::InvalidField {
            for (path, wrong) in &error.fields {
                details.add_bad_request_violation(path, wrong);
            }
        }
        if let Some(delay) = error.reason.retry_after() {
            details.set_retry_info(Some(delay));
        }
        Self::with_error_details(error.reason.code(), error.message, details)
    }
}

impl From<Error> for crate::v1::Fault {
    fn from(error: Error) -> Self {
        Self {
            code: error.reason.code() as i32,
            message: error.message,
            field: error
                .fields
                .into_iter()
                .next()
                .map(|(path, _)| path)
                .unwrap_or_default(),
        }
    }
}

/// The reason in a status that a peng4nn server sent; `None` of any other.
pub fn reason_of(status: &Status) -> Option<String> {
    let info = status.get_details_error_info()?;
    (info.domain == DOMAIN).then_some(info.reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_error_names_the_field_in_bad_request() {
        let status = Status::from(Error::field("value", "is out of range").within("observation"));
        assert_eq!(status.code(), Code::InvalidArgument);
        let violations = status.get_details_bad_request().unwrap().field_violations;
        assert_eq!(violations[0].field, "observation.value");
        assert_eq!(reason_of(&status).unwrap(), "INVALID_FIELD");
        assert_eq!(status.message(), "observation.value: is out of range");
    }

    #[test]
    fn what_may_be_tried_again_says_when() {
        let status = Status::from(Error::new(Reason::StorageUnavailable, "the disk is full"));
        assert!(status.get_details_retry_info().is_some());
        assert_eq!(status.code(), Code::Unavailable);
    }
}
