//! `appserver cache`: what callers keep of results.

use super::Stop;
use super::control::{ControlArgs, print, unless_unknown_to_all};
use crate::admin::{Code, Invalidate};
use protocol::AppName;
use serde_json::{Value, json};

const INVALIDATE_EXAMPLES: &str = "\
Examples:
  appserver cache invalidate --app shop --tag product:17 --tag product:18
  appserver cache invalidate --app shop --function quote
  appserver cache invalidate --app shop --workers https://w1.example,https://w2.example

Each worker tells the callers of its own host, so name all of them. Calls that run meanwhile are not kept.";

#[derive(Debug, clap::Subcommand)]
pub(crate) enum CacheCommand {
    /// Have callers use results no more that they keep.
    Invalidate(InvalidateArgs),
}

#[derive(Debug, clap::Args)]
#[command(after_help = INVALIDATE_EXAMPLES)]
pub(crate) struct InvalidateArgs {
    /// Application; all of its results, if nothing else is named.
    #[arg(long, value_name = "APP", value_parser = AppName::new)]
    app: AppName,
    /// Results of this function; of a method, Class::method.
    #[arg(long, value_name = "FUNCTION")]
    function: Option<String>,
    /// Results with this tag, beside those of the function; may be given several times.
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Print a JSON array: each worker's answer.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    control: ControlArgs,
}

pub(crate) fn run(command: CacheCommand) -> Result<(), Stop> {
    match command {
        CacheCommand::Invalidate(args) => invalidate(args),
    }
}

fn invalidate(args: InvalidateArgs) -> Result<(), Stop> {
    let app = args.app;
    let function = args.function.map(|name| name.trim_start_matches('\\').to_owned());
    let body = Invalidate { function, tags: args.tags };
    let outcomes = args.control.open()?.ask(|client| {
        let path = format!("/v1/apps/{app}/cache/invalidate");
        let body = json!(body);
        async move { client.post::<Value>(path, body).await }
    });
    // A worker without the application or the function has told its callers all the same.
    let is_unknown = |code| matches!(code, Code::UnknownApp | Code::UnknownFunction);
    let outcomes = unless_unknown_to_all(outcomes, is_unknown);
    print(&outcomes, args.json, |_| format!("{}\n", described(&app, &body)))
}

fn described(app: &AppName, body: &Invalidate) -> String {
    let function = body.function.as_ref().map(|name| format!("of {name}()"));
    let tags = body.tags.join(", ");
    let tags = (!tags.is_empty()).then(|| format!("tagged {tags}"));
    let parts: Vec<String> = function.into_iter().chain(tags).collect();
    let which = if parts.is_empty() { String::new() } else { format!(" {}", parts.join(" or ")) };
    format!("results{which} that callers keep of {app} are used no more")
}
