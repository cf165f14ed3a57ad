//! Applications with users of their own, and what they can neither see nor do. Other users' processes
//! need root, and CI is: without it these tests pass unseen. What an ordinary user's worker does is
//! tested as one, also by root.

use e2e::{Artifacts, Deployer, Sidecar, SidecarBuilder};
use std::os::unix::fs::PermissionsExt;

/// Users that no system has, so that nothing belongs to them but what these tests make.
const ALPHA: u32 = 64_101;
const BETA: u32 = 64_102;
const WORKER: u32 = 64_100;

const PROBE: &str = r#"<?php
    function ids(): array { return [posix_getuid(), posix_getgid(), posix_getgroups()]; }
    function capabilities(): string {
        preg_match_all('/^Cap(?:Eff|Prm|Inh|Amb):\s*(\w+)$/m', file_get_contents('/proc/self/status'), $found);
        return implode(',', array_unique($found[1]));
    }
    function privileges(): string {
        preg_match('/^NoNewPrivs:\s*(\d)$/m', file_get_contents('/proc/self/status'), $found);
        return $found[1];
    }
    function places(): array { return [sys_get_temp_dir(), ini_get('session.save_path'), ini_get('upload_tmp_dir'), getenv('TMPDIR')]; }
    function keeps(string $text): string { $file = tempnam(sys_get_temp_dir(), 'kept'); file_put_contents($file, $text); return $file; }
    function reads(string $file): string { $text = @file_get_contents($file); return $text === false ? 'cannot' : $text; }
    function lists(string $folder): string { $all = @scandir($folder); return $all === false ? 'cannot' : implode(',', $all); }
    function writes(string $file): string { return @file_put_contents($file, 'x') === false ? 'cannot' : 'wrote'; }
    function environment(): array { $all = array_keys(getenv()); sort($all); return $all; }
    function variable(string $name): string|false { return getenv($name); }
    function included(): string { return __FILE__; }
    function relay(string $function, mixed ...$arguments): mixed { return appserver_call($function, ...$arguments); }
"#;

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Two applications with users of their own; PHP's own limits are off, so that the kernel's are seen.
fn two(config: &str) -> SidecarBuilder {
    let sections = format!(
        "[apps.alpha]\nfolder = \"apps/alpha\"\nuser = {ALPHA}\ngroup = {ALPHA}\nopen_basedir = false\n\
         [apps.beta]\nfolder = \"apps/beta\"\nuser = {BETA}\ngroup = {BETA}\nopen_basedir = false\n"
    );
    Sidecar::builder()
        .file_of("alpha", "functions.php", PROBE)
        .file_of("beta", "functions.php", PROBE)
        .config(config)
        .config(&sections)
        .folders_in_config()
}

fn json(sidecar: &Sidecar, call: &str) -> serde_json::Value {
    let out = sidecar.php(&format!("echo json_encode(appserver_call({call}));"));
    serde_json::from_str(&out.ok()).expect("JSON")
}

fn text(sidecar: &Sidecar, call: &str) -> String {
    sidecar.php(&format!("echo appserver_call({call});")).ok()
}

#[test]
fn each_application_has_its_own_user_and_no_right_beyond() {
    if !is_root() {
        return;
    }
    let worker = format!("user = {WORKER}\ngroup = {WORKER}\n");
    for config in ["", worker.as_str()] {
        let sidecar = two(config).start();
        for (app, user) in [("alpha", ALPHA), ("beta", BETA)] {
            let ids = json(&sidecar, &format!("'{app}:ids'"));
            assert_eq!(ids, serde_json::json!([user, user, [user]]));
            assert_eq!(text(&sidecar, &format!("'{app}:capabilities'")), "0000000000000000");
            assert_eq!(text(&sidecar, &format!("'{app}:privileges'")), "1");
        }
    }
}

/// Started by somebody who is not root.
fn unprivileged(builder: SidecarBuilder) -> SidecarBuilder {
    if is_root() { builder.started_by(WORKER) } else { builder }
}

#[test]
fn a_worker_without_root_refuses_other_users() {
    let (code, error) = unprivileged(two("")).fails_to_start();
    assert_eq!(code, Some(78), "{error}");
    assert!(error.contains("apps.alpha.user") && error.contains("start it as root"), "{error}");
}

#[test]
fn a_worker_without_root_serves_as_the_user_who_started_it() {
    let sidecar = unprivileged(Sidecar::builder().file("functions.php", PROBE)).start();
    let user = if is_root() { WORKER } else { rustix::process::geteuid().as_raw() };
    assert_eq!(json(&sidecar, "'ids'")[0], user);
    assert_eq!(text(&sidecar, "'capabilities'"), "0000000000000000");
    assert!(text(&sidecar, "'keeps', 'x'").contains("/tmp/app@"));
}

#[test]
fn the_worker_keeps_only_what_starting_other_users_takes() {
    if !is_root() {
        return;
    }
    let worker = format!("user = {WORKER}\ngroup = {WORKER}\n");
    let sidecar = two(&worker).start();
    for thread in std::fs::read_dir(format!("/proc/{}/task", sidecar.pid())).unwrap() {
        // One that has ended meanwhile has no right.
        let Ok(status) = std::fs::read_to_string(thread.unwrap().path().join("status")) else {
            continue;
        };
        let line = |name: &str| {
            let found = status.lines().find(|line| line.starts_with(name)).expect("a line");
            found.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(line("Uid:"), vec![WORKER.to_string(); 4]);
        assert_eq!(line("Gid:"), vec![WORKER.to_string(); 4]);
        let bits = u64::from_str_radix(&line("CapPrm:")[0], 16).unwrap();
        // chown, dac_override, fowner, kill, setgid, setuid; none on threads that need none.
        assert!(bits == 0 || bits == 0b1110_1011, "{bits:b}");
    }
    let plain = Sidecar::builder().file("f.php", PROBE).config(&worker).start();
    let status = std::fs::read_to_string(format!("/proc/{}/status", plain.pid())).unwrap();
    assert!(status.contains("CapPrm:\t0000000000000000"), "{status}");
}

#[test]
fn files_of_one_application_are_closed_to_the_other() {
    if !is_root() {
        return;
    }
    let sidecar = two(&format!("user = {WORKER}\ngroup = {WORKER}\n")).start();
    let file = text(&sidecar, "'alpha:keeps', 'a secret'");
    assert_eq!(text(&sidecar, &format!("'alpha:reads', '{file}'")), "a secret");
    assert_eq!(text(&sidecar, &format!("'beta:reads', '{file}'")), "cannot");
    let places = json(&sidecar, "'alpha:places'");
    for place in places.as_array().unwrap() {
        let place = place.as_str().unwrap();
        assert!(file.starts_with(place.trim_end_matches("/sessions").trim_end_matches("/upload")));
        assert_eq!(text(&sidecar, &format!("'beta:lists', '{place}'")), "cannot");
        assert_eq!(text(&sidecar, &format!("'beta:writes', '{place}/x'")), "cannot");
    }
    let code = sidecar.config_file().with_file_name("apps/alpha");
    assert_eq!(text(&sidecar, &format!("'alpha:writes', '{}/x.php'", code.display())), "cannot");
    let run = sidecar.config_file().with_file_name("run");
    for private in ["settings/alpha", "settings/alpha/1.json"] {
        let private = run.join(private);
        assert_eq!(text(&sidecar, &format!("'beta:reads', '{}'", private.display())), "cannot");
        assert_eq!(text(&sidecar, &format!("'alpha:writes', '{}'", private.display())), "cannot");
    }
    assert_eq!(
        text(&sidecar, &format!("'alpha:lists', '{}'", run.join("tmp").display())),
        "cannot"
    );
}

#[test]
fn functions_of_an_application_with_a_user_call_functions() {
    if !is_root() {
        return;
    }
    // Neither the socket's mode nor the list lets these users in.
    let config = format!(
        "user = {WORKER}\ngroup = {WORKER}\n[socket]\nmode = \"0600\"\n[allow]\nusers = [0]\n"
    );
    let sidecar = two(&config).start();
    let ids = json(&sidecar, "'alpha:relay', 'beta:ids'");
    assert_eq!(ids[0], BETA);
    let inner = sidecar.config_file().with_file_name("run/applications.sock");
    std::fs::set_permissions(inner.parent().unwrap(), PermissionsExt::from_mode(0o755)).unwrap();
    let stranger = sidecar.php(&format!(
        r#"posix_setgid(64103); posix_setuid(64103); ini_set('appserver.workers', 'unix:{}');
           try {{ appserver_call('alpha:ids'); }} catch (AppServer\Exception $e) {{ echo get_class($e); }}"#,
        inner.display()
    ));
    assert_eq!(stranger.ok(), "AppServer\\RefusedException");
}

#[test]
fn an_application_with_a_user_opens_its_own_files_alone() {
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let allowed = folder.path().join("shared.txt");
    std::fs::write(&allowed, "shared").unwrap();
    let config = format!(
        "[apps.alpha]\nfolder = \"apps/alpha\"\nuser = {ALPHA}\ngroup = {ALPHA}\n\
         [apps.beta]\nfolder = \"apps/beta\"\nuser = {BETA}\ngroup = {BETA}\nopen_basedir = [{:?}]\n",
        folder.path().display().to_string()
    );
    let sidecar = Sidecar::builder()
        .file_of("alpha", "functions.php", PROBE)
        .file_of("beta", "functions.php", PROBE)
        .file_of("beta", "note.txt", "note")
        .config(&config)
        .folders_in_config()
        .start();
    assert_eq!(text(&sidecar, "'alpha:reads', '/etc/hostname'"), "cannot");
    assert_eq!(text(&sidecar, &format!("'alpha:reads', '{}'", allowed.display())), "cannot");
    assert_eq!(text(&sidecar, &format!("'beta:reads', '{}'", allowed.display())), "shared");
    assert_eq!(text(&sidecar, "'beta:reads', 'note.txt'"), "note");
    assert!(text(&sidecar, "'alpha:keeps', 'x'").contains("/tmp/alpha@"));
}

#[test]
fn an_application_sees_little_of_the_worker_s_environment() {
    let config = "[apps.app]\nfolder = \"apps/app\"\nenv_pass = [\"SHOWN_*\"]\n[apps.app.env]\nGIVEN = \"by the administrator\"\n";
    let sidecar = Sidecar::builder()
        .file("functions.php", PROBE)
        .file("app.toml", "[env]\nOWN = \"1\"\nGIVEN = \"by itself\"\n")
        .config(config)
        .folders_in_config()
        .env("SHOWN_REGION", "north")
        .env("HIDDEN_SECRET", "hunter2")
        .start();
    let seen = json(&sidecar, "'environment'");
    let seen: Vec<&str> =
        seen.as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
    for name in ["SHOWN_REGION", "PATH", "TMPDIR", "OWN"] {
        assert!(seen.contains(&name), "{name} in {seen:?}");
    }
    assert!(!seen.contains(&"HIDDEN_SECRET"), "{seen:?}");
    assert_eq!(text(&sidecar, "'variable', 'GIVEN'"), "by the administrator");
}

#[test]
fn what_only_the_administrator_can_say_is_refused_in_an_app_toml() {
    for (line, key) in [
        ("user = \"root\"", "user"),
        ("open_basedir = false", "open_basedir"),
        ("[cgroup]\nmemory_bytes_max = 1", "cgroup"),
        ("[datasource.main]\npassword_file = \"/etc/shadow\"", "datasource.main.password_file"),
    ] {
        let (code, error) =
            Sidecar::builder().file("f.php", PROBE).file("app.toml", line).fails_to_start();
        assert_eq!(code, Some(78), "{error}");
        let expected = format!("unknown key \"{key}\"; only the worker's administrator");
        assert!(error.contains(&expected), "{error}");
    }
}

#[test]
fn limits_of_the_kernel_hold_and_cannot_be_raised() {
    let app = |limits: &str| {
        Sidecar::builder()
            .file("f.php", r"<?php
                function limit(): array { $all = posix_getrlimit(); return [$all['soft data'], $all['hard data']]; }
                function eat(): int { ini_set('memory_limit', -1); return strlen(str_repeat('x', 400 << 20)); }")
            .file("app.toml", limits)
            .config("[apps.app]\nfolder = \"apps/app\"\n[apps.app.limits]\ndata_bytes_max = 300000000\n")
            .folders_in_config()
    };
    let sidecar = app("[limits]\ndata_bytes_max = 200000000\n").start();
    assert_eq!(json(&sidecar, "'limit'"), serde_json::json!([200_000_000, 200_000_000]));
    let out = sidecar.php(
        r"try { appserver_call('eat'); } catch (AppServer\ExecutorDied $e) { echo 'died, ', $e->getExitStatus(); }",
    );
    // The engine itself gives up where the kernel refuses it memory.
    assert_eq!(out.ok(), "died, 1");
    let (_, error) = app("[limits]\ndata_bytes_max = 400000000\n").fails_to_start();
    let expected = "app.toml:2: limits.data_bytes_max: 400000000 is more than the 300000000 that the administrator allows";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn an_application_that_eats_its_executors_leaves_the_other_its_own() {
    let hog = "<?php function hang(string $flag): string { touch($flag); while (file_exists($flag)) { usleep(1000); } return 'done'; }";
    let sidecar = Sidecar::builder()
        .file_of("hog", "f.php", hog)
        .file_of("hog", "app.toml", "[executors]\nmin = 1\nmax = 2\n")
        .file_of("quiet", "f.php", "<?php function hello(): string { return 'hello'; }")
        .start();
    let folder = tempfile::tempdir().unwrap();
    let flag = |n: u32| folder.path().join(n.to_string());
    let hang = |n| format!("echo appserver_call('hog:hang', '{}');", flag(n).display());
    let hanging: Vec<_> = (0..2).map(|n| sidecar.spawn_php(&hang(n))).collect();
    e2e::eventually("both executors are busy", || (0..2).all(|n| flag(n).exists()).then_some(()));
    assert_eq!(text(&sidecar, "'quiet:hello'"), "hello");
    let out = sidecar.php_with(
        &["appserver.timeout=0.1"],
        r"try { appserver_call('hog:hang', '/dev/null'); } catch (AppServer\TimeoutException) { echo 'no room'; }",
    );
    assert_eq!(out.ok(), "no room");
    (0..2).for_each(|n| std::fs::remove_file(flag(n)).unwrap());
    for php in hanging {
        assert_eq!(php.finish().ok(), "done");
    }
}

#[test]
fn a_deployed_release_is_open_to_its_own_user_alone() {
    if !is_root() {
        return;
    }
    let deployer = Deployer::with_new_key();
    let config = format!(
        "[apps.shop]\nuser = {ALPHA}\ngroup = {ALPHA}\nopen_basedir = false\n\
         [apps.beta]\nfolder = \"apps/beta\"\nuser = {BETA}\ngroup = {BETA}\nopen_basedir = false\n"
    );
    // Keys of the top stand before the sections of the deployer.
    let top = format!("user = {WORKER}\ngroup = {WORKER}\n");
    let worker = Sidecar::builder().config(&top).config(&deployer.trust()).config(&config);
    let mut worker = worker.file_of("beta", "functions.php", PROBE).folders_in_config().start();
    let functions = PROBE.trim_start_matches("<?php");
    let source =
        format!("{functions} function limit(): mixed {{ return AppServer\\config('limit', 1); }}");
    let deployed = deployer.deploy(&[&worker], &source, &[]);
    assert!(deployed.status.success(), "{}", String::from_utf8_lossy(&deployed.stderr));
    deployer.run(&[&worker], &["config", "set", "shop", "limit=5"]);
    for _ in 0..2 {
        assert_eq!(json(&worker, "'shop:ids'")[0], ALPHA);
        assert_eq!(text(&worker, "'shop:limit'"), "5");
        let file = json(&worker, "'shop:included'");
        let file = file.as_str().unwrap();
        assert_ne!(text(&worker, &format!("'shop:reads', '{file}'")), "cannot");
        assert_eq!(text(&worker, &format!("'shop:writes', '{file}'")), "cannot");
        assert_eq!(text(&worker, &format!("'beta:reads', '{file}'")), "cannot");
        worker.kill();
        worker.restart();
    }
}

#[test]
fn every_value_is_explained_by_who_said_it() {
    let functions = "<?php\n#[AppServer\\Timeout(1.5)]\nfunction quote(): int { return 1; }";
    let sidecar = Sidecar::builder()
        .file("f.php", functions)
        .file("app.toml", "timeout_ms = 9000\n[executors]\nmin = 1\n[datasource.main]\ndsn = \"pgsql:password=hunter2\"\n")
        .config("[apps.app]\nfolder = \"apps/app\"\n[apps.app.executors]\nmax = 3\n")
        .folders_in_config()
        .start();
    let control = format!("unix:{}", sidecar.control().display());
    let explain = |more: &[&str]| {
        let mut command = std::process::Command::new(Artifacts::find().appserver);
        command.args(["config", "explain", "app"]).args(more);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let rows: serde_json::Value =
        serde_json::from_str(&explain(&["quote", "--json", "--workers", &control])).unwrap();
    let row = |key: &str| {
        let row = rows[0]["result"].as_array().unwrap().iter().find(|row| row["key"] == key);
        let row = row.unwrap_or_else(|| panic!("{key} in {rows}"));
        let place = row["place"].as_str().unwrap_or_default().rsplit('/').next().unwrap();
        format!("{} {} {place}", row["value"], row["layer"].as_str().unwrap())
    };
    assert_eq!(row("timeout_ms"), "1500 function #[Timeout] at f.php:3");
    assert_eq!(row("executors.max"), "3 administrator appserver.toml:5");
    assert_eq!(row("executors.min"), "1 application app.toml:3");
    assert_eq!(row("executors.grace_ms"), "500 default ");
    // The same from the files, without asking anybody.
    let config = sidecar.config_file().display().to_string();
    let text = explain(&["--config", &config]);
    assert!(text.contains("9000") && !text.contains("hunter2"), "{text}");
}
