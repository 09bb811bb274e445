//! Several errors in one: what a task group ends with when its children fail.

use std::error::Error;
use std::fmt;

/// An error of any type, as a group holds it.
pub type BoxError = Box<dyn Error + Send + Sync + 'static>;

/// The errors of a task group's children, and of its body.
///
/// Errors are in the order in which they happened, the body's last. A group that fails inside
/// another group is one of that group's errors, so groups form a tree.
///
/// # Examples
///
/// ```
/// use aioli_flow::TaskGroup;
///
/// aioli_task::run(async {
///     let failed = TaskGroup::scope(async |tg| {
///         tg.spawn(async { "12x".parse::<u32>() });
///         Ok(())
///     });
///     let group = failed.await.expect_err("the child fails");
///     assert_eq!(group.to_string(), "1 error in a task group\n└─ invalid digit found in string");
///     let (numbers, rest) = group.split::<std::num::ParseIntError>();
///     assert_eq!(numbers.map(|group| group.errors().len()), Some(1));
///     assert!(rest.is_none());
/// });
/// ```
#[doc(alias = "ExceptionGroup")]
#[doc(alias = "BaseExceptionGroup")]
#[derive(Debug)]
pub struct Group {
    errors: Vec<BoxError>,
}

impl Group {
    /// A group of these errors; `None` if there are none.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_flow::Group;
    ///
    /// assert!(Group::new([]).is_none());
    /// let group = Group::new(["disk full".into(), "timed out".into()]).expect("two errors");
    /// assert_eq!(group.errors().len(), 2);
    /// ```
    #[must_use]
    pub fn new(errors: impl IntoIterator<Item = BoxError>) -> Option<Group> {
        let errors: Vec<BoxError> = errors.into_iter().collect();
        (!errors.is_empty()).then_some(Group { errors })
    }

    /// The errors, groups among them; never none.
    #[doc(alias = "ExceptionGroup.exceptions")]
    #[must_use]
    pub fn errors(&self) -> &[BoxError] {
        &self.errors
    }

    /// The errors, groups among them; never none.
    #[must_use]
    pub fn into_errors(self) -> Vec<BoxError> {
        self.errors
    }

    /// Whether an error of type `E` is in the group or in a group inside it.
    #[must_use]
    pub fn contains<E: Error + 'static>(&self) -> bool {
        self.errors.iter().any(|error| {
            let nested = error.downcast_ref::<Group>();
            error.is::<E>() || nested.is_some_and(Group::contains::<E>)
        })
    }

    /// Splits into the errors of type `E` and the others, as `except*` does; each part keeps the
    /// shape of the tree, without what became empty.
    #[doc(alias = "except*")]
    #[doc(alias = "ExceptionGroup.split")]
    #[must_use]
    pub fn split<E: Error + 'static>(self) -> (Option<Group>, Option<Group>) {
        let (mut matching, mut rest) = (Vec::new(), Vec::new());
        for error in self.errors {
            if error.is::<E>() {
                matching.push(error);
                continue;
            }
            match error.downcast::<Group>() {
                Err(other) => rest.push(other),
                Ok(group) => {
                    let (inside, outside) = group.split::<E>();
                    matching.extend(inside.map(BoxError::from));
                    rest.extend(outside.map(BoxError::from));
                }
            }
        }
        (Group::new(matching), Group::new(rest))
    }

    /// All errors of the tree in one list, without the groups between.
    ///
    /// # Examples
    ///
    /// ```
    /// use aioli_flow::Group;
    ///
    /// let inner = Group::new(["a".into(), "b".into()]).expect("two errors");
    /// let outer = Group::new([inner.into(), "c".into()]).expect("a group and an error");
    /// let all: Vec<_> = outer.flatten().iter().map(ToString::to_string).collect();
    /// assert_eq!(all, ["a", "b", "c"]);
    /// ```
    #[must_use]
    pub fn flatten(self) -> Vec<BoxError> {
        let mut flat = Vec::new();
        for error in self.errors {
            match error.downcast::<Group>() {
                Err(other) => flat.push(other),
                Ok(group) => flat.extend(group.flatten()),
            }
        }
        flat
    }

    fn fmt_tree(&self, f: &mut fmt::Formatter<'_>, indent: &str) -> fmt::Result {
        let n = self.errors.len();
        write!(
            f,
            "{n} error{} in a task group",
            if n == 1 { "" } else { "s" }
        )?;
        for (index, error) in self.errors.iter().enumerate() {
            let is_last = index + 1 == n;
            write!(f, "\n{indent}{}", if is_last { "└─ " } else { "├─ " })?;
            let inner = format!("{indent}{}", if is_last { "   " } else { "│  " });
            match error.downcast_ref::<Group>() {
                Some(group) => group.fmt_tree(f, &inner)?,
                None => {
                    let text = error.to_string();
                    for (line_index, line) in text.lines().enumerate() {
                        if line_index > 0 {
                            write!(f, "\n{inner}")?;
                        }
                        f.write_str(line)?;
                    }
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Group {
    /// The errors as a tree, one a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fmt_tree(f, "")
    }
}

impl Error for Group {
    /// The first of the errors.
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.errors
            .first()
            .map(|error| &**error as &(dyn Error + 'static))
    }
}
