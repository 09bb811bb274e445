//! The forms of `-F`: fields, and files with their names and types.

use aioli::http::{Form, Part};
use aioli::prelude::*;

use super::failure::{Code, Failure};
use super::options::BodyOptions;

/// The form that the options describe; `None` when they describe none.
///
/// # Errors
///
/// When a field has no name, or a file cannot be read.
pub(super) async fn form(options: &BodyOptions) -> Result<Option<Form>, Failure> {
    if options.form.is_empty() && options.form_string.is_empty() {
        return Ok(None);
    }
    let mut form = Form::new();
    for text in &options.form {
        let (name, content) = named("-F", text)?;
        form = form.part(name, part(content).await?);
    }
    for text in &options.form_string {
        let (name, value) = named("--form-string", text)?;
        form = form.text(name, value);
    }
    Ok(Some(form))
}

fn named<'a>(option: &str, text: &'a str) -> Result<(&'a str, &'a str), Failure> {
    // Nothing of it is shown: it may be a secret.
    text.split_once('=')
        .ok_or_else(|| Failure::usage(format!("{option}: one is not NAME=CONTENT")))
}

async fn part(content: &str) -> Result<Part, Failure> {
    let read = |error: std::io::Error| Failure::new(Code::ReadError, error);
    let Spec {
        content,
        kind,
        file_name,
    } = Spec::of(content);
    let mut part = if let Some(path) = content.strip_prefix('@') {
        Part::file(path).await.map_err(read)?
    } else if let Some(path) = content.strip_prefix('<') {
        let text = fs::read(path).await;
        Part::new(text.map_err(|error| Failure::read(&error.into()))?)
    } else {
        Part::new(content.to_owned())
    };
    if let Some(kind) = kind {
        part = part.content_type(kind);
    }
    if let Some(name) = file_name {
        part = part.file_name(name);
    }
    Ok(part)
}

/// What stands behind the name of a field.
#[derive(Debug, PartialEq)]
struct Spec<'a> {
    content: &'a str,
    kind: Option<&'a str>,
    file_name: Option<&'a str>,
}

impl Spec<'_> {
    fn of(text: &str) -> Spec<'_> {
        let mut spec = Spec {
            content: text,
            kind: None,
            file_name: None,
        };
        // From the end, so that other semicolons stay a part of the content.
        while let Some((before, last)) = spec.content.rsplit_once(';') {
            if let Some(kind) = last.trim_start().strip_prefix("type=") {
                spec.kind = Some(kind);
            } else if let Some(name) = last.trim_start().strip_prefix("filename=") {
                spec.file_name = Some(name.trim_matches('"'));
            } else {
                break;
            }
            spec.content = before;
        }
        spec
    }
}

#[cfg(test)]
mod tests {
    use super::Spec;

    #[test]
    fn specifications() {
        let spec = |content, kind, file_name| Spec {
            content,
            kind,
            file_name,
        };
        assert_eq!(Spec::of("a;b"), spec("a;b", None, None));
        assert_eq!(Spec::of("@f;type=text/x"), spec("@f", Some("text/x"), None));
        assert_eq!(
            Spec::of("a;b;filename=\"c d\";type=t"),
            spec("a;b", Some("t"), Some("c d"))
        );
    }
}
