//! An error of the world: what the disk, the network or the command line did not allow, and what to do about it.

use std::error::Error as StdError;
use std::fmt;
use std::iter::successors;
use std::process::ExitCode;

/// Errors of the world.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How the program ends; each way has its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Done,
    /// The user's files have faults.
    Faults,
    /// The world or the command line did not allow it.
    Failed,
    /// Not all messages were sent.
    NotAllSent,
    /// A signal asked for the end, and has this code.
    Signal(u8),
}

impl Exit {
    /// The exit code for the shell.
    pub fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Faults => 1,
            Exit::Failed => 2,
            Exit::NotAllSent => 3,
            Exit::Signal(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

/// Why a run ended without doing what it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What failed, in lower case and without a full stop.
    message: String,
    /// Help, one line each.
    help: Option<String>,
    exit: Exit,
    cause: Option<Box<Error>>,
}

impl Error {
    /// An error without a cause or help, which ends the program with [`Exit::Failed`].
    pub fn new(message: impl Into<String>) -> Error {
        Error { message: message.into(), help: None, exit: Exit::Failed, cause: None }
    }

    /// Adds help.
    pub fn help(mut self, help: impl Into<String>) -> Error {
        let help = help.into();
        self.help = Some(match self.help {
            Some(before) => format!("{before}\n{help}"),
            None => help,
        });
        self
    }

    /// Adds help, if there is any.
    pub fn maybe_help(self, help: Option<impl Into<String>>) -> Error {
        match help {
            Some(help) => self.help(help),
            None => self,
        }
    }

    /// The same with another exit.
    pub fn ending_as(mut self, exit: Exit) -> Error {
        self.exit = exit;
        self
    }

    /// The same with a cause. The cause's exit applies, unless another one was set.
    pub fn caused_by(mut self, cause: &(dyn StdError + 'static)) -> Error {
        let cause = Error::from_other(cause);
        if self.exit == Exit::Failed {
            self.exit = cause.exit;
        }
        self.cause = Some(Box::new(cause));
        self
    }

    /// Converts a foreign error with its causes. Errors of our own among them keep their help.
    pub fn from_other(error: &(dyn StdError + 'static)) -> Error {
        if let Some(ours) = error.downcast_ref::<Error>() {
            return ours.clone();
        }
        let own = Error::new(error.to_string());
        match error.source() {
            Some(cause) => own.caused_by(cause),
            None => own,
        }
    }

    /// What failed, without the causes.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The exit it leads to.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    fn chain(&self) -> impl Iterator<Item = &Error> {
        successors(Some(self), |error| error.cause.as_deref())
    }

    /// Message and causes on one line.
    pub fn sentence(&self) -> String {
        self.chain().flat_map(|error| error.message.lines()).collect::<Vec<_>>().join(": ")
    }

    /// The help of the error and of its causes, each on one line.
    pub fn helps(&self) -> impl Iterator<Item = &str> {
        self.chain().flat_map(|error| error.help.iter().flat_map(|help| help.lines()))
    }
}

/// The message alone; with `{:#}` also the causes and, on separate lines, the help.
impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !formatter.alternate() {
            return formatter.write_str(&self.message);
        }
        formatter.write_str(&self.sentence())?;
        self.helps().try_for_each(|help| write!(formatter, "\nhelp: {help}"))
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

impl From<&str> for Error {
    fn from(message: &str) -> Error {
        Error::new(message)
    }
}

impl From<String> for Error {
    fn from(message: String) -> Error {
        Error::new(message)
    }
}

/// Converts a foreign error; `?` does so automatically.
macro_rules! is_an_error {
    ($($foreign:ty),+ $(,)?) => {
        $(impl From<$foreign> for $crate::error::Error {
            fn from(error: $foreign) -> $crate::error::Error {
                $crate::error::Error::from_other(&error)
            }
        })+
    };
}

/// An error with a message and, after `; help:`, the help; both are formatted.
macro_rules! error {
    ($message:literal $(, $argument:expr)* $(,)?) => {
        $crate::error::Error::new(format!($message $(, $argument)*))
    };
    ($message:literal $(, $argument:expr)*; help: $help:literal $(, $of_help:expr)* $(,)?) => {
        $crate::error::Error::new(format!($message $(, $argument)*)).help(format!($help $(, $of_help)*))
    };
}

/// Ends a function with what [`error!`] makes.
macro_rules! bail {
    ($($error:tt)+) => {
        return Err($crate::error::error!($($error)+))
    };
}

pub(crate) use {bail, error, is_an_error};

is_an_error!(std::io::Error, std::num::TryFromIntError, csv::Error, serde_json::Error, tempfile::PersistError);

/// Adds what was being done when something failed.
pub trait Context<T> {
    /// The error becomes the cause of another.
    fn context(self, context: impl Into<Error>) -> Result<T>;

    /// The same, with a message that is built only if it is needed.
    fn with_context<C: Into<Error>>(self, context: impl FnOnce() -> C) -> Result<T>;
}

impl<T, E: StdError + 'static> Context<T> for Result<T, E> {
    fn context(self, context: impl Into<Error>) -> Result<T> {
        self.with_context(|| context)
    }

    fn with_context<C: Into<Error>>(self, context: impl FnOnce() -> C) -> Result<T> {
        self.map_err(|cause| context().into().caused_by(&cause))
    }
}

impl<T> Context<T> for Option<T> {
    fn context(self, context: impl Into<Error>) -> Result<T> {
        self.ok_or_else(|| context.into())
    }

    fn with_context<C: Into<Error>>(self, context: impl FnOnce() -> C) -> Result<T> {
        self.ok_or_else(|| context().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> std::io::Error {
        std::io::Error::from(std::io::ErrorKind::PermissionDenied)
    }

    fn helps(error: &Error) -> Vec<&str> {
        error.helps().collect()
    }

    #[test]
    fn message_and_help_are_formatted_each_by_itself() {
        let (name, number) = ("a", 2);
        let error = error!("there is no {} in {name}", number; help: "`{name}` makes {}, then {}", number, number + 1);
        assert_eq!((error.message(), helps(&error)), ("there is no 2 in a", vec!["`a` makes 2, then 3"]));
        assert_eq!(error!("{name} alone"), Error::new("a alone"));
        let bailed = || -> Result<()> { bail!("no {name}"; help: "{number} of them") };
        assert_eq!(bailed(), Err(Error::new("no a").help("2 of them")));
    }

    #[test]
    fn causes_and_ways_out_come_in_their_order() {
        let inner: Result<()> = Err(refused()).context("cannot open the door");
        let outer = inner.with_context(|| error!("cannot leave"; help: "use the window")).unwrap_err();
        let outer = Error::new("stuck").help("wait").help("call").caused_by(&outer);
        assert_eq!(outer.sentence(), "stuck: cannot leave: cannot open the door: permission denied");
        assert_eq!(helps(&outer), ["wait", "call", "use the window"]);
        assert_eq!(outer.to_string(), "stuck", "what a chain of causes shows of each");
        assert_eq!(
            format!("{outer:#}"),
            "stuck: cannot leave: cannot open the door: permission denied\nhelp: wait\nhelp: call\nhelp: use the window"
        );
        assert_eq!(None::<()>.context("nothing there"), Err(Error::new("nothing there")));
    }

    #[test]
    fn the_way_to_end_outlives_a_context() {
        let check = |exit: Exit, code: u8| {
            let error = Err::<(), _>(Error::new("inner").ending_as(exit)).context("outer").unwrap_err();
            assert_eq!((error.exit(), error.exit().code()), (exit, code));
        };
        check(Exit::Done, 0);
        check(Exit::Faults, 1);
        check(Exit::Failed, 2);
        check(Exit::NotAllSent, 3);
        check(Exit::Signal(143), 143);
        assert_eq!(Err::<(), _>(refused()).context("outer").unwrap_err().exit(), Exit::Failed);
    }
}
