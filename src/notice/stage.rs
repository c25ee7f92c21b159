//! The stage of a notice in the series of an event.

/// What a notice announces about its event, in the order of sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    Scheduled,
    Reminder,
    InProgress,
    Delayed,
    Verifying,
    Completed,
    RolledBack,
    Postponed,
}

impl Stage {
    pub const ALL: [Stage; 8] = [
        Stage::Scheduled,
        Stage::Reminder,
        Stage::InProgress,
        Stage::Delayed,
        Stage::Verifying,
        Stage::Completed,
        Stage::RolledBack,
        Stage::Postponed,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Stage::Scheduled => "scheduled",
            Stage::Reminder => "reminder",
            Stage::InProgress => "in-progress",
            Stage::Delayed => "delayed",
            Stage::Verifying => "verifying",
            Stage::Completed => "completed",
            Stage::RolledBack => "rolled-back",
            Stage::Postponed => "postponed",
        }
    }

    pub fn parse(text: &str) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| stage.name() == text)
    }

    /// Whether the series ends with it: only one such notice is sent.
    pub fn is_last(self) -> bool {
        self >= Stage::Completed
    }

    /// Whether a notice of this stage replies to one of another stage, sent no later.
    pub fn follows(self, other: Stage) -> bool {
        other < self && !other.is_last() || other == self && !self.is_last()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages() {
        for stage in Stage::ALL {
            assert_eq!(Stage::parse(stage.name()), Some(stage));
        }
        assert_eq!(Stage::parse("done"), None);
        assert!(Stage::Reminder.follows(Stage::Scheduled) && Stage::Scheduled.follows(Stage::Scheduled));
        assert!(Stage::RolledBack.follows(Stage::Verifying) && !Stage::RolledBack.follows(Stage::Completed));
        assert!(!Stage::Completed.follows(Stage::Completed) && !Stage::Scheduled.follows(Stage::Reminder));
    }
}
