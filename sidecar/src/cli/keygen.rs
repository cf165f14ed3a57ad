//! `appserver keygen`: the key that signs releases.

use super::{Exit, Stop};
use archive::DeployKey;
use serde_json::json;
use std::io::{self, Write};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  appserver keygen --out /root/deploy.key
  appserver keygen --out deploy.key --comment ci@example >> /etc/appserver/deployers

The public line goes to stdout. Workers that have it in deploy.trusted_keys accept what the key signs.";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct KeygenArgs {
    /// File for the private key, which only its owner can read; it is never overwritten.
    #[arg(long, value_name = "FILE", default_value = "deploy.key")]
    out: PathBuf,
    /// Whose key it is; by default user@host.
    #[arg(long, value_name = "TEXT")]
    comment: Option<String>,
    /// Print a JSON object: the public line, its id, and the file.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: KeygenArgs) -> Result<(), Stop> {
    let key =
        DeployKey::generate().map_err(|error| Stop::new(Exit::Internal, error.to_string()))?;
    key.save(&args.out).map_err(|error| Stop::new(Exit::Config, error.to_string()))?;
    let public = key.public(&args.comment.unwrap_or_else(super::deploy::deployer));
    let (id, file) = (public.id().to_string(), args.out.display());
    if args.json {
        let told = json!({"public": public.to_string(), "id": id, "file": file.to_string()});
        writeln!(io::stdout(), "{told}")?;
        return Ok(());
    }
    writeln!(io::stdout(), "{public}")?;
    eprintln!(
        "The private key {id} is in {file}: keep it where deploys are made, and nowhere else.\n\
         Give the line above to each worker, in its appserver.toml:\n\n\
         [deploy]\n\
         trusted_keys = [\"{public}\"]\n\n\
         or in a file that trusted_keys names, one key a line."
    );
    Ok(())
}
