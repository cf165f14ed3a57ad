//! Jobs across deploys: where they run, what waits, what is refused, and that no deploy costs an attempt.

use e2e::{Deployer, Sidecar, eventually};
use std::path::PathBuf;

/// A worker of releases that follow one another.
struct Stage {
    deployer: Deployer,
    worker: Sidecar,
}

impl Stage {
    fn new(config: &str) -> Self {
        let deployer = Deployer::with_new_key();
        let worker = deployer.builder().config(config).start();
        Self { deployer, worker }
    }

    /// Deploys functions, beside those that every release has.
    fn deploy(&self, name: &str, more: &str) {
        let functions = format!(
            r#"
            function version(): string {{ return '{name}'; }}
            function waits(string $begun, string $go): string {{
                touch($begun);
                while (!file_exists($go)) {{ usleep(1000); clearstatcache(); }}
                return '{name}';
            }}
            function note(string $file): void {{
                file_put_contents($file, AppServer\Job::current()->attempt . "\n", FILE_APPEND | LOCK_EX);
            }}
            {more}
            "#
        );
        let output = self.deployer.deploy(&[&self.worker], &functions, &["--allow-breaking"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    fn file(&self, name: &str) -> PathBuf {
        PathBuf::from(self.deployer.path(name))
    }

    fn php(&self, script: &str) -> String {
        self.worker.php_with(&["appserver.app=shop"], script).ok()
    }

    fn releases_that_run(&self) -> usize {
        self.worker.status()["apps"].as_array().expect("apps").len()
    }
}

#[test]
fn a_job_that_runs_while_its_release_is_replaced_runs_to_its_end_there() {
    let stage = Stage::new("[releases]\nwarm = 0\ndrain_timeout_ms = 50\ndraining_max = 1\n");
    stage.deploy("one", "");
    let [begun, go] = ["begun", "go"].map(|name| stage.file(name));
    let id = stage.php(&format!("echo appserver_queue('waits', {begun:?}, {go:?});"));
    eventually("it runs", || begun.exists().then_some(()));
    for name in ["two", "three", "four"] {
        stage.deploy(name, "");
        assert_eq!(stage.php("echo appserver_call('version');"), name);
    }
    // Those in between are long gone when only the one of the job and the current one are left.
    eventually("releases without jobs stop", || (stage.releases_that_run() == 2).then_some(()));
    std::fs::write(&go, "").unwrap();
    let told = stage.php(&format!(
        "$job = AppServer\\Job::find('{id}'); echo $job->await(20), count($job->refresh()->attempts);"
    ));
    assert_eq!(told, "one1");
    eventually("its release stops, too", || (stage.releases_that_run() == 1).then_some(()));
    let next = "echo AppServer\\Job::find(appserver_queue('version'))->await(20);";
    assert_eq!(stage.php(next), "four");
}

#[test]
fn what_a_release_does_not_have_is_refused_and_what_was_stored_waits_for_one_that_has() {
    let stage = Stage::new("");
    stage.deploy("one", "function greet(string $name): string { return \"Hello $name\"; }");
    // None of them runs before the last release is there.
    let [begun, go] = ["begun", "go"].map(|name| stage.file(name));
    let limit = "limit: new AppServer\\Limit('one', concurrency: 1)";
    stage.php(&format!("AppServer\\queue('waits', [{begun:?}, {go:?}], {limit});"));
    eventually("it runs", || begun.exists().then_some(()));
    let queue = format!("echo AppServer\\queue('greet', ['Ada'], {limit});");
    let [kept, other] = [stage.php(&queue), stage.php(&queue)];
    stage.deploy("two", "");
    let refused = stage.php(
        "try { appserver_queue('greet', 'Ada'); } catch (AppServer\\UnknownFunctionException $e) { echo 'unknown'; }",
    );
    assert_eq!(refused, "unknown");
    let waits_for = |id: &str| stage.php(&format!("echo AppServer\\Job::find('{id}')->waitsFor;"));
    eventually("it waits for a release", || waits_for(&kept).contains("greet").then_some(()));
    // Its arguments do not fit: one more is required.
    stage.deploy(
        "three",
        "function greet(string $name, string $how): string { return \"$how $name\"; }",
    );
    eventually("it waits for another signature", || waits_for(&kept).contains("how").then_some(()));
    stage.deploy(
        "four",
        "function greet(string $name, string $how = 'Hi'): string { return \"$how $name\"; }",
    );
    std::fs::write(&go, "").unwrap();
    for id in [kept, other] {
        let told = stage.php(&format!("echo AppServer\\Job::find('{id}')->await(20);"));
        assert_eq!(told, "Hi Ada");
    }
}

#[test]
fn an_object_waits_for_a_release_whose_class_can_be_made_of_it() {
    let stage = Stage::new("");
    let class = |properties: &str, use_of_it: &str| {
        format!(
            "final class Resize extends AppServer\\Job {{ {properties}
                 public function run(): string {{ return \"resized {use_of_it}\"; }} }}"
        )
    };
    stage.deploy("one", &class("private string $file;", "$this->file"));
    let [begun, go] = ["begun", "go"].map(|name| stage.file(name));
    let limit = "limit: new AppServer\\Limit('one', concurrency: 1)";
    stage.php(&format!("AppServer\\queue('waits', [{begun:?}, {go:?}], {limit});"));
    eventually("it runs", || begun.exists().then_some(()));
    let id = stage.php(&format!(
        "final class Resize extends AppServer\\Job {{
             public function __construct(private string $file) {{}}
             public function run() {{}} }}
         echo AppServer\\queue(new Resize('a.jpg'), {limit});"
    ));
    // With a default, too: it would run, and resize nothing.
    for properties in ["private string $path;", "private string $path = '';"] {
        stage.deploy("renamed", &class(properties, "$this->path"));
        let why = "it waits for what it was stored as";
        eventually(why, || {
            let said = stage.php(&format!("echo AppServer\\Job::find('{id}')->waitsFor;"));
            said.contains("its property $path is new and $file is gone").then_some(())
        });
    }
    std::fs::write(&go, "").unwrap();
    let properties = "private string $file; private int $width = 200;";
    stage.deploy("three", &class(properties, "$this->file to $this->width"));
    let told = stage.php(&format!("echo AppServer\\Job::find('{id}')->await(20);"));
    assert_eq!(told, "resized a.jpg to 200");
}

#[test]
fn deploys_without_end_cost_no_job_an_attempt() {
    let stage = Stage::new("[releases]\nwarm = 0\ndrain_timeout_ms = 100\n");
    stage.deploy("first", "");
    let notes = stage.file("notes");
    let mut producer = stage.worker.spawn_php_with(
        &["appserver.app=shop"],
        &format!(
            r#"stream_set_blocking(STDIN, false);
               for ($made = 0; fgets(STDIN) === false; $made++) {{
                   $id = appserver_queue('note', {notes:?});
                   usleep(500);
               }}
               AppServer\Job::find($id)->await(20);
               echo $made;"#
        ),
    );
    for n in 0..8 {
        stage.deploy(&format!("release{n}"), "");
    }
    producer.enter();
    let made: usize = producer.finish().ok().parse().unwrap();
    let attempts = eventually("all have run", || {
        let text = std::fs::read_to_string(&notes).unwrap_or_default();
        let attempts: Vec<String> = text.lines().map(str::to_owned).collect();
        (attempts.len() >= made).then_some(attempts)
    });
    assert_eq!(attempts.len(), made, "each runs once");
}

#[test]
fn connections_that_a_deploy_moved_to_another_pool_keep_no_job_from_running() {
    let stage = Stage::new("");
    let in_pool = "#[AppServer\\Pool('reports')] function report(): string { return 'made'; }";
    let settings = stage.file("app").join("app.toml");
    std::fs::write(&settings, "[pools.reports]\nexecutors.min = 1\n").unwrap();
    stage.deploy("one", in_pool);
    let report = "echo AppServer\\Job::find(appserver_queue('report'))->await(20);";
    // Leaves a connection to that pool.
    assert_eq!(stage.php(report), "made");
    std::fs::remove_file(&settings).unwrap();
    stage.deploy("two", "");
    let rollback =
        Deployer::output(&[&stage.worker], &["rollback", "--app", "shop", "--allow-breaking"]);
    assert!(rollback.status.success(), "{}", String::from_utf8_lossy(&rollback.stderr));
    assert_eq!(stage.php(report), "made");
}
