//! Where in the series of an event a notice stands.

/// What a notice says about its event, in the order in which they are sent.
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

    /// Whether the series ends with it: of these only one is sent.
    pub fn is_last(self) -> bool {
        self >= Stage::Completed
    }

    /// Whether a notice of this stage answers to one of another, sent at no later time.
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
