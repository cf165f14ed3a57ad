//! Several workers: dead, frozen, and chosen by affinity.

use e2e::Sidecar;
use rustix::process::Signal;

const FUNCTIONS: &str = r#"
    function who(): string { return dirname(__DIR__, 2); }
    #[AppServer\Idempotent]
    function who_again(): string { return dirname(__DIR__, 2); }
    #[AppServer\Affinity('sku')]
    function who_for(string $sku): string { return dirname(__DIR__, 2); }
"#;

fn workers(sidecars: &[&Sidecar]) -> String {
    let addresses: Vec<String> = sidecars.iter().map(|sidecar| sidecar.address()).collect();
    format!("appserver.workers={}", addresses.join(","))
}

fn folder(sidecar: &Sidecar) -> String {
    sidecar.config_file().parent().unwrap().display().to_string()
}

#[test]
fn a_dead_worker_is_skipped_in_hash_order() {
    let mut first = Sidecar::with_functions(FUNCTIONS);
    let second = Sidecar::with_functions(FUNCTIONS);
    let setting = workers(&[&first, &second]);
    first.kill();
    let out = second.php_with(
        &[&setting],
        "for ($i = 0; $i < 20; $i++) { $seen[appserver_call('who_for', \"sku$i\")] = 1; } echo implode(',', array_keys($seen));",
    );
    assert_eq!(out.ok(), folder(&second));
}

#[test]
fn the_same_key_goes_to_the_same_worker_and_the_keys_are_spread() {
    let first = Sidecar::with_functions(FUNCTIONS);
    let second = Sidecar::with_functions(FUNCTIONS);
    let script =
        "for ($i = 0; $i < 40; $i++) { echo appserver_call('who_for', \"sku$i\"), \"\\n\"; }";
    let one = first.php_with(&[&workers(&[&first, &second])], script).ok();
    let other = first.php_with(&[&workers(&[&second, &first])], script).ok();
    assert_eq!(one, other, "the order of the list does not matter");
    assert!(one.contains(&folder(&first)) && one.contains(&folder(&second)));
}

#[test]
fn an_idempotent_call_to_a_frozen_worker_is_made_elsewhere() {
    let frozen = Sidecar::with_functions(FUNCTIONS);
    let alive = Sidecar::with_functions(FUNCTIONS);
    let setting = workers(&[&frozen, &alive]);
    let mut client = frozen.spawn_php_with(
        &[&setting],
        r#"// Connected to both before one freezes.
           do { $seen[appserver_call('who')] = 1; } while (count($seen) < 1);
           for ($i = 0; $i < 20; $i++) { appserver_call('who_for', "sku$i"); }
           echo "ready\n"; fgets(STDIN);
           ini_set('appserver.connect_timeout', '0.5');
           // Half of the limit goes to the frozen one, the other half is enough for the other.
           $impatient = new AppServer\Client(timeout: 4);
           for ($i = 0; $i < 6; $i++) { $again[$impatient->call('who_again')] = 1; }
           echo implode(',', array_keys($again)), "\n";"#,
    );
    assert_eq!(client.line(), "ready");
    frozen.freeze();
    client.enter();
    let out = client.finish();
    frozen.thaw();
    assert_eq!(out.ok().trim(), folder(&alive));
}

#[test]
fn another_call_to_a_frozen_worker_times_out_and_is_not_made_again() {
    let frozen = Sidecar::with_functions(FUNCTIONS);
    let alive = Sidecar::with_functions(FUNCTIONS);
    let home = folder(&frozen);
    let mut client = frozen.spawn_php_with(
        &[&workers(&[&frozen, &alive])],
        &format!(
            r#"for ($i = 0; appserver_call('who_for', "sku$i") !== {home:?}; $i++);
               echo "ready\n"; fgets(STDIN);
               try {{ echo (new AppServer\Client(timeout: 1))->call('who_for', "sku$i"), "\n"; }}
               catch (AppServer\TimeoutException $e) {{ echo "timed out\n"; }}"#
        ),
    );
    assert_eq!(client.line(), "ready");
    frozen.freeze();
    client.enter();
    let out = client.finish();
    frozen.thaw();
    assert_eq!(out.ok(), "timed out\n");
}

#[test]
fn a_new_client_passes_a_frozen_worker_by() {
    let frozen = Sidecar::with_functions(FUNCTIONS);
    let alive = Sidecar::with_functions(FUNCTIONS);
    frozen.freeze();
    let out = alive.php_with(
        &[&workers(&[&frozen, &alive]), "appserver.connect_timeout=2"],
        "for ($i = 0; $i < 10; $i++) { $seen[appserver_call('who_for', \"sku$i\")] = 1; } echo implode(',', array_keys($seen));",
    );
    frozen.thaw();
    assert_eq!(out.ok(), folder(&alive));
}

#[test]
fn a_worker_that_joins_is_taken_into_use_without_a_restart() {
    let (first, second) = (Sidecar::with_functions(FUNCTIONS), Sidecar::with_functions(FUNCTIONS));
    let joined = folder(&second);
    let mut client = first.spawn_php(&format!(
        r#"echo appserver_call('who'), "\n";
           for ($i = 0; appserver_call('who_for', "sku$i") !== {joined:?}; $i++);
           echo "joined\n";"#
    ));
    assert_eq!(client.line(), folder(&first));
    let mut config = std::fs::read_to_string(first.config_file()).unwrap();
    config += "[membership]\nepoch = 2\n";
    for address in [first.address(), second.address()] {
        config += &format!("[[membership.workers]]\naddress = {address:?}\n");
    }
    std::fs::write(first.config_file(), config).unwrap();
    first.signal(Signal::HUP);
    assert_eq!(client.line(), "joined");
    client.finish().ok();
}

#[test]
fn a_slow_idempotent_call_of_a_healthy_worker_is_made_once() {
    let functions = r#"
        #[AppServer\Idempotent]
        function slow(string $ran): string {
            file_put_contents($ran, 'x', FILE_APPEND);
            for ($until = hrtime(true) + 5.5e9; hrtime(true) < $until; ) { usleep(10_000); }
            return 'done';
        }"#;
    let workers = [Sidecar::with_functions(functions), Sidecar::with_functions(functions)];
    let folder = tempfile::tempdir().unwrap();
    let ran = folder.path().join("ran");
    let setting = format!("appserver.workers={},{}", workers[0].address(), workers[1].address());
    // More than half of its time limit, and far from the whole.
    let script = format!("echo (new AppServer\\Client(timeout: 10))->call('slow', {ran:?});");
    assert_eq!(workers[0].php_with(&[&setting], &script).ok(), "done");
    assert_eq!(std::fs::read_to_string(&ran).unwrap(), "x");
}
