//! What an account refused, as a failure that says what to do.

use crate::catalog::errors;
use crate::cloud::{CloudError, ErrorKind};
use crate::error::Failure;

/// The failure behind a call that failed.
pub fn failure(error: &CloudError) -> Failure {
    let call = error
        .operation
        .split_once(':')
        .map_or(error.operation.as_str(), |(_, call)| call);
    let code = if error.code.is_empty() {
        "failed"
    } else {
        &error.code
    };
    let message = if error.message.is_empty() {
        format!("{} failed with {code}", error.operation)
    } else {
        format!("{code}: {}", error.message)
    };
    let mut failure = Failure::failed(code, message);
    failure.operation = Some(error.operation.clone()).filter(|operation| !operation.is_empty());
    failure.resource.clone_from(&error.resource);
    failure.request_id.clone_from(&error.request_id);
    failure.help = match error.kind {
        ErrorKind::Denied => Some(permission(error)),
        ErrorKind::Throttled => Some("AWS asks for a slower pace: try again in a moment".to_owned()),
        _ => None,
    }
    .or_else(|| {
        errors::hint(call, &error.code, &error.message)
            .map(|hint| format!("{} {}", hint.meaning, hint.advice))
    })
    .or_else(|| match error.kind {
        ErrorKind::Credentials => Some(
            "no usable credentials: set AWS_PROFILE or -p, sign in again (`aws sso login`), or work without AWS: --sandbox"
                .to_owned(),
        ),
        ErrorKind::Transient => Some(
            "the service or the network had a fault: run the same command again, it goes on from here"
                .to_owned(),
        ),
        _ => None,
    });
    failure
}

/// Which permission is missing: from AWS's sentence, else from the call.
fn permission(error: &CloudError) -> String {
    let after = |mark: &str| {
        error.message.split_once(mark).and_then(|(_, rest)| {
            let word: String = rest
                .trim_start()
                .chars()
                .take_while(|c| !c.is_whitespace())
                .collect();
            let word = word.trim_end_matches(['.', ',', ';']).to_owned();
            (!word.is_empty()).then_some(word)
        })
    };
    let action = after("not authorized to perform:").unwrap_or_else(|| {
        error.operation.split_once(':').map_or_else(
            || error.operation.clone(),
            |(service, call)| format!("{}:{call}", service.to_ascii_lowercase()),
        )
    });
    let resource = after("on resource:").or_else(|| error.resource.clone());
    let mut text = match resource {
        Some(resource) => format!("whoever runs this needs {action} on {resource}"),
        None => format!("whoever runs this needs {action}"),
    };
    if error.message.contains("explicit deny") {
        text.push_str("; a policy denies it explicitly, which no further permission undoes");
    } else if error.message.contains("permissions boundary") {
        text.push_str("; the permissions boundary must allow it too");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: ErrorKind, code: &str, message: &str) -> CloudError {
        CloudError {
            kind,
            operation: "CodePipeline:UpdatePipeline".into(),
            code: code.into(),
            message: message.into(),
            request_id: Some("r-1".into()),
            resource: Some("pipeline hw".into()),
        }
    }

    #[test]
    fn a_denial_names_the_permission() {
        let denied = error(
            ErrorKind::Denied,
            "AccessDeniedException",
            "User: arn:aws:iam::1:user/u is not authorized to perform: iam:PassRole on resource: arn:aws:iam::1:role/r because no policy allows it",
        );
        let help = failure(&denied).help.expect("help");
        assert!(
            help.contains("iam:PassRole on arn:aws:iam::1:role/r"),
            "{help}"
        );
        let silent = error(ErrorKind::Denied, "AccessDenied", "Access Denied");
        let help = failure(&silent).help.expect("help");
        assert!(help.contains("codepipeline:UpdatePipeline on pipeline hw"), "{help}");
    }

    #[test]
    fn everything_of_the_answer_is_kept() {
        let failure = failure(&error(ErrorKind::Other, "OddException", "odd"));
        assert_eq!(failure.message, "OddException: odd");
        assert_eq!(failure.request_id.as_deref(), Some("r-1"));
        assert_eq!(failure.operation.as_deref(), Some("CodePipeline:UpdatePipeline"));
        assert_eq!(failure.exit, crate::error::Exit::Failed);
    }
}
