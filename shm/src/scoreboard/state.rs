//! Where an executor stands.

/// What an executor is doing. After `Replying` began, half an answer may be out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum State {
    Empty = 0,
    Starting = 1,
    Idle = 2,
    Reading = 3,
    Running = 4,
    Replying = 5,
    /// The whole answer is out; the PHP request is still being closed.
    Answered = 6,
    /// Between two calls: the files that each request requires are run.
    Preparing = 7,
}

impl State {
    pub(super) fn from_u32(value: u32) -> Self {
        match value {
            1 => Self::Starting,
            2 => Self::Idle,
            3 => Self::Reading,
            4 => Self::Running,
            5 => Self::Replying,
            6 => Self::Answered,
            7 => Self::Preparing,
            _ => Self::Empty,
        }
    }
}
