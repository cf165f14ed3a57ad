//! Deploys that end before the release has taken over.

use e2e::{Deployer, eventually};
use rustix::process::Signal;

#[test]
fn a_deploy_that_is_ended_while_a_release_starts_leaves_nothing_of_it() {
    for signal in [Signal::INT, Signal::KILL] {
        let deployer = Deployer::with_new_key();
        let worker = deployer.worker();
        let one = "function version(): string { return 'one'; }";
        assert!(deployer.deploy(&[&worker], one, &[]).status.success());
        let flag = worker.socket().with_file_name("flag");
        let starts_late = format!(
            "while (!file_exists('{}')) {{ clearstatcache(); usleep(1000); }}
             function version(): string {{ return 'two'; }}",
            flag.display()
        );
        let mut deploy = deployer.begin_deploy(&[&worker], &starts_late);
        let states = || {
            let releases = deployer.releases(&[&worker])[0]["result"][0]["releases"].clone();
            let states = releases.as_array().expect("a list").iter();
            states.map(|r| r["state"].as_str().expect("a word").to_owned()).collect::<Vec<_>>()
        };
        eventually("it starts", || (states() == ["starting", "current"]).then_some(()));
        e2e::send_signal(deploy.id(), signal);
        let ended = deploy.wait().expect("a child of ours");
        assert_eq!(ended.code(), (signal == Signal::INT).then_some(130));
        std::fs::write(&flag, "").expect("ours");
        eventually("it is gone", || (states() == ["current"]).then_some(()));
        assert_eq!(worker.php("echo appserver_call('version');").ok(), "one");
        let files = worker.socket().with_file_name("run").join("apps/shop/releases/2");
        eventually("its files are gone", || (!files.exists()).then_some(()));
    }
}
