//! What is wrong with a request, and the status that says so: canonical codes
//! with google.rpc details. This is the one table of the service's errors.

use std::{fmt, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// The domain of every [`Reason`] on the wire.
pub const DOMAIN: &str = "peng4nn";

/// The one table: a reason, its text on the wire, its code, and how many seconds later the same
/// call may succeed.
macro_rules! reasons {
    ($($(#[$doc:meta])* $reason:ident $text:literal $code:ident $(again in $seconds:literal)?;)*) => {
        /// Why a call fails, for programs: the `reason` of google.rpc.ErrorInfo.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Reason {
            $($(#[$doc])* $reason,)*
        }

        impl Reason {
            /// Every reason; `docs/errors.md` has a section for each.
            pub const ALL: &[Self] = &[$(Self::$reason),*];

            /// The canonical code.
            pub const fn code(self) -> Code {
                match self {
                    $(Self::$reason => Code::$code,)*
                }
            }

            /// As in `ErrorInfo`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$reason => $text,)*
                }
            }

            /// How long to wait before the same call may succeed; `None` where it never will.
            pub const fn retry_after(self) -> Option<Duration> {
                #[allow(unused_mut, unused_assignments)] // not all of them
                let mut after = None;
                match self {
                    $(Self::$reason => { $(after = Some(Duration::from_secs($seconds));)? })*
                }
                after
            }
        }
    };
}

reasons! {
    /// A field is missing or has a value that it cannot have.
    InvalidField "INVALID_FIELD" InvalidArgument;
    /// The call has no token, or one that is not known, withdrawn or expired.
    Unauthenticated "UNAUTHENTICATED" Unauthenticated;
    /// The token does not give the right that the call needs.
    PermissionDenied "PERMISSION_DENIED" PermissionDenied;
    /// There is no resource of that name.
    NotFound "NOT_FOUND" NotFound;
    /// Another resource has that id.
    IdTaken "ID_TAKEN" AlreadyExists;
    /// The trial has another value at that epoch.
    EpochTaken "EPOCH_TAKEN" AlreadyExists;
    /// The trial has ended.
    TrialEnded "TRIAL_ENDED" FailedPrecondition;
    /// No verdict stopped the trial.
    NoStopVerdict "NO_STOP_VERDICT" FailedPrecondition;
    /// The experiment has trials, and they were not to be deleted.
    HasTrials "HAS_TRIALS" FailedPrecondition;
    /// The trial has as many observations as a trial may have.
    TooManyObservations "TOO_MANY_OBSERVATIONS" ResourceExhausted;
    /// The experiment has as many trials as an experiment may have.
    TooManyTrials "TOO_MANY_TRIALS" ResourceExhausted;
    /// The peer, or all of them, have as many calls under way as there may be.
    TooManyCalls "TOO_MANY_CALLS" ResourceExhausted again in 1;
    /// The peer, or all of them, make the server hold as many bytes as it may.
    TooManyBytes "TOO_MANY_BYTES" ResourceExhausted again in 1;
    /// The peer sends faster than a peer may.
    RateExceeded "RATE_EXCEEDED" ResourceExhausted again in 1;
    /// Too many writes wait for the storage; nothing was stored.
    Overloaded "OVERLOADED" ResourceExhausted again in 1;
    /// The lease ran out or belongs to another attempt.
    LeaseLost "LEASE_LOST" FailedPrecondition;
    /// The candidate was settled under another lease or in another way.
    AlreadySettled "ALREADY_SETTLED" FailedPrecondition;
    /// The storage does not answer now; nothing was acknowledged.
    StorageUnavailable "STORAGE_UNAVAILABLE" Unavailable again in 1;
    /// The storage has no room; nothing was stored.
    StorageFull "STORAGE_FULL" ResourceExhausted again in 5;
    /// The prediction server does not answer the orchestrator; nothing was changed.
    PredictorUnavailable "PREDICTOR_UNAVAILABLE" Unavailable again in 1;
    /// The server is about to leave.
    ShuttingDown "SHUTTING_DOWN" Unavailable again in 1;
    /// A defect of the server.
    Internal "INTERNAL" Internal;
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
    /// When the same call may succeed, if that is known better than by the reason.
    pub after: Option<Duration>,
}

impl Error {
    /// An error without a field.
    pub fn new(reason: Reason, message: impl fmt::Display) -> Self {
        Self {
            reason,
            message: cut(message.to_string()),
            fields: Vec::new(),
            after: None,
        }
    }

    /// The field `path` is wrong.
    pub fn field(path: impl Into<String>, wrong: impl fmt::Display) -> Self {
        Self::of_field(Reason::InvalidField, path, wrong)
    }

    /// The field `path` names something that `reason` speaks of.
    pub fn of_field(reason: Reason, path: impl Into<String>, wrong: impl fmt::Display) -> Self {
        let (path, wrong) = (cut(path.into()), cut(wrong.to_string()));
        Self {
            reason,
            message: format!("{path}: {wrong}"),
            fields: vec![(path, wrong)],
            after: None,
        }
    }

    /// The same call may succeed after `wait`.
    #[must_use]
    pub const fn after(mut self, wait: Duration) -> Self {
        self.after = Some(wait);
        self
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

/// A text that repeats all that a client has sent would not fit into the headers that it takes:
/// 8 KiB by default, of which a byte may need three.
fn cut(mut text: String) -> String {
    const BYTES: usize = 600;
    if text.len() > BYTES {
        text.truncate(text.floor_char_boundary(BYTES));
        text.push_str(" ..");
    }
    text
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
        if let Some(delay) = error.after.or(error.reason.retry_after()) {
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
    use std::collections::BTreeMap;

    use super::*;

    const PAGE: &str = include_str!("../../../docs/errors.md");

    /// The line below each heading of the page.
    fn sections() -> BTreeMap<&'static str, &'static str> {
        let sections = PAGE.split("\n## ").skip(1).map(|section| {
            let mut lines = section.lines();
            (lines.next().unwrap(), lines.next().unwrap())
        });
        sections.collect()
    }

    #[test]
    fn the_page_has_every_reason_with_its_code_and_delay_and_no_other() {
        let expected = Reason::ALL.iter().map(|reason| {
            let code = crate::code_name(reason.code());
            let again = reason
                .retry_after()
                .map(|after| format!(", again after {} s", after.as_secs()));
            (
                reason.as_str(),
                format!("`{code}`{}", again.unwrap_or_default()),
            )
        });
        let expected: BTreeMap<_, _> = expected.collect();
        let sections: BTreeMap<_, _> = sections()
            .into_iter()
            .map(|(reason, line)| (reason, line.to_owned()))
            .collect();
        assert_eq!(sections, expected);
    }

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
    fn what_a_client_has_sent_is_not_repeated_at_any_length() {
        let long = "ä".repeat(1_000_000);
        let error = Error::field(long.clone(), format!("`{long}` is no token")).within("a");
        let status = Status::from(error);
        assert!(status.message().len() < 2_000);
        assert!(status.details().len() < 4_000);
    }

    #[test]
    fn what_may_be_tried_again_says_when() {
        let status = Status::from(Error::new(Reason::StorageUnavailable, "the disk is full"));
        assert!(status.get_details_retry_info().is_some());
        assert_eq!(status.code(), Code::Unavailable);
    }
}
