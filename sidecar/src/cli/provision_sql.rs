//! `appserver provision-sql`: an SQL file into an SQLite database, all or nothing. The worker starts it
//! as the application's user, who must own what it makes; by itself it would have too many rights.

use super::{Exit, Stop};
use rusqlite::Connection;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub(crate) struct ProvisionSqlArgs {
    /// File of SQL statements.
    sql: PathBuf,
    /// The database; it is made if need be.
    database: PathBuf,
}

pub(crate) fn run(args: &ProvisionSqlArgs) -> Result<(), Stop> {
    let text = std::fs::read_to_string(&args.sql)
        .map_err(|error| Stop::new(Exit::NotFound, format!("{}: {error}", args.sql.display())))?;
    execute(args, &text).map_err(|error| {
        let message = format!("{} into {}: {error}", args.sql.display(), args.database.display());
        Stop::new(Exit::Data, message)
    })
}

fn execute(args: &ProvisionSqlArgs, text: &str) -> rusqlite::Result<()> {
    let mut database = Connection::open(&args.database)?;
    let transaction = database.transaction()?;
    transaction.execute_batch(text)?;
    transaction.commit()
}
