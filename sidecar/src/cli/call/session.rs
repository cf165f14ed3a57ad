//! Calls of one function, wherever it runs: finds its pool, and follows it when a deploy moves it.

use super::interrupt::InFlight;
use crate::cli::client::{Answer, CallRequest, ClientError, Connection, Workers};
use net::Address;
use protocol::{AppName, Failure, Purpose, ReleaseId};

/// How often a call may be told that its function has moved; nothing ran each time.
const MOVES_MAX: usize = 3;

/// What is called, where, and the connection of the last call.
#[derive(Debug)]
pub(super) struct Session<'a> {
    workers: &'a Workers,
    app: AppName,
    request: CallRequest<'a>,
    in_flight: InFlight,
    connection: Option<Connection>,
    /// What the worker wants to be known to whoever misses a function.
    notice: String,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        workers: &'a Workers,
        app: AppName,
        request: CallRequest<'a>,
        in_flight: InFlight,
    ) -> Self {
        Self { workers, app, request, in_flight, connection: None, notice: String::new() }
    }

    /// The worker of the last call.
    pub(super) fn worker(&self) -> Option<&Address> {
        self.connection.as_ref().map(Connection::worker)
    }

    /// Under which its log has that call.
    pub(super) fn request_id(&self) -> Option<u64> {
        self.connection.as_ref().map(Connection::last_request_id)
    }

    /// What else is to be said to whoever missed the function.
    pub(super) fn notice(&self) -> &str {
        &self.notice
    }

    pub(super) fn call(&mut self) -> Result<Answer, ClientError> {
        let mut moves = 0;
        loop {
            let mut connection = match self.connection.take() {
                Some(connection) => connection,
                None => match self.connect()? {
                    Ok(connection) => connection,
                    Err(unknown) => return Ok(Answer::failed(unknown)),
                },
            };
            self.in_flight.set(Some(connection.next_call()));
            let answer = connection.call(&self.request);
            self.in_flight.set(None);
            let answer = answer?;
            let moved = matches!(
                answer.outcome,
                Err(Failure::WrongPool { .. } | Failure::WrongRelease { .. } | Failure::Moved)
            );
            if !moved || moves == MOVES_MAX {
                self.connection = Some(connection);
                return Ok(answer);
            }
            moves += 1;
        }
    }

    /// A connection to the function's pool, or the failure of a function that is in no pool.
    fn connect(&mut self) -> Result<Result<Connection, Failure>, ClientError> {
        let mut control = self.workers.control()?;
        let catalog = control.catalog(self.app.clone())?;
        let Some((_, function)) = catalog.find(self.request.function) else {
            self.notice = control.routing(self.app.clone())?.notice;
            let near = catalog.near(self.request.function);
            let function = self.request.function.to_owned();
            return Ok(Err(Failure::UnknownFunction { function, near }));
        };
        let pool = function.pool.clone();
        let purpose = Purpose::Calls { app: self.app.clone(), pool, release: ReleaseId::ANY };
        self.workers.connect(&purpose).map(|(connection, _)| Ok(connection))
    }
}
