//! Who may call, and what may be called and made.

use e2e::Sidecar;
use std::os::unix::fs::PermissionsExt;

const FUNCTIONS: &str = r#"
    function hello(string $name): string { return "Hello $name"; }
    function takes(mixed $value): string { return get_debug_type($value); }
    class Order { public function __construct(public int $id = 0) {} }
    final class Tools { public static function twice(int $n): int { return 2 * $n; } private static function hidden(): int { return 1; } public function method(): int { return 1; } }
"#;

fn builder() -> e2e::SidecarBuilder {
    Sidecar::builder().file("functions.php", &format!("<?php\n{FUNCTIONS}"))
}

#[test]
fn the_socket_is_for_its_owner_and_group_alone() {
    let sidecar = builder().start();
    let mode = std::fs::metadata(sidecar.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
}

#[test]
fn a_user_who_is_not_on_the_allow_list_is_refused() {
    let me = rustix::process::geteuid().as_raw();
    let sidecar = builder().config(&format!("[allow]\nusers = [{me}]\n")).start();
    assert_eq!(sidecar.php("echo appserver_call('hello', 'Ada');").ok(), "Hello Ada");
    if me != 0 {
        return; // Only root can become somebody else to be refused.
    }
    let out = sidecar.php(
        r#"posix_initgroups("nobody", 65534); posix_setegid(65534); posix_seteuid(65534);
           try { appserver_call('hello', 'Ada'); } catch (AppServer\Exception $e) { echo get_class($e), ': ', $e->getMessage(); }"#,
    );
    // Without the socket's group the kernel itself refuses to connect.
    assert!(out.ok().starts_with("AppServer\\ConnectException: "));
    let open = builder().config("[socket]\nmode = \"0666\"\n[allow]\nusers = [0]\n").start();
    std::fs::set_permissions(open.socket().parent().unwrap(), PermissionsExt::from_mode(0o755))
        .unwrap();
    let out = open.php(
        r#"posix_initgroups("nobody", 65534); posix_setegid(65534); posix_seteuid(65534);
           try { appserver_call('hello', 'Ada'); } catch (AppServer\Exception $e) { echo get_class($e), ': ', $e->getMessage(); }"#,
    );
    let text = out.ok();
    assert!(text.starts_with("AppServer\\RefusedException: ") && text.contains("65534"), "{text}");
}

#[test]
fn a_listed_group_may_be_any_of_the_peer_s() {
    if !rustix::process::geteuid().is_root() {
        return; // Only root can become somebody else.
    }
    let open = builder().config("[socket]\nmode = \"0666\"\n[allow]\ngroups = [4711]\n").start();
    std::fs::set_permissions(open.socket().parent().unwrap(), PermissionsExt::from_mode(0o755))
        .unwrap();
    let call_as = |group: u32| {
        open.php(&format!(
            r#"posix_initgroups("nobody", {group}); posix_setegid(65534); posix_seteuid(65534);
               try {{ echo appserver_call('hello', 'Ada'); }} catch (AppServer\Exception $e) {{ echo get_class($e); }}"#
        ))
    };
    assert_eq!(call_as(4711).ok(), "Hello Ada");
    assert_eq!(call_as(4712).ok(), "AppServer\\RefusedException");
}

#[test]
fn only_exported_functions_can_be_called() {
    let sidecar = builder().start();
    let out = sidecar.php(
        r#"foreach (['system', 'phpinfo', 'AppServer\Client::__construct', 'Tools::hidden', 'Tools::method', 'eval', 'helo'] as $f) {
               try { appserver_call($f, 'true'); echo "$f ran\n"; }
               catch (AppServer\UnknownFunctionException $e) { echo implode(',', $e->getNear()), '.'; }
           }
           echo appserver_call('Tools::twice', 21), appserver_call('\tools::TWICE', 1);"#,
    );
    assert_eq!(out.ok(), "......hello.422");
}

#[test]
fn only_allowed_classes_are_made_on_either_side() {
    let vendor =
        "<?php namespace Vendor; class Gadget { public function __wakeup() { echo 'gadget'; } }";
    let sidecar = builder()
        .file("vendor/gadget.php", vendor)
        .file("entry.php", "<?php require_once __DIR__ . '/vendor/gadget.php'; function gadget(): object { return new Vendor\\Gadget; }")
        .start();
    let out = sidecar.php(
        r#"namespace Vendor { class Gadget {} } namespace {
           class Order { public function __construct(public int $id = 0) {} }
           class Unknown {}
           foreach ([new Order(3), new DateTimeImmutable('2020-01-01'), new Vendor\Gadget, new Unknown] as $value) {
               try { echo appserver_call('takes', $value), "\n"; }
               catch (AppServer\DecodeException $e) { echo 'refused ', $e->getMessage(), "\n"; }
           } }"#,
    );
    let text = out.ok();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..2], ["Order", "DateTimeImmutable"], "{text}");
    assert!(lines[2].starts_with("refused") && lines[2].contains("Gadget"), "{text}");
    assert!(lines[3].starts_with("refused") && lines[3].contains("Unknown"), "{text}");
}

#[test]
fn plain_tcp_beyond_this_host_is_refused_at_start_unless_written_out() {
    let binary = e2e::Artifacts::find().appserver;
    let app = tempfile::tempdir().unwrap();
    std::fs::write(app.path().join("f.php"), "<?php function f() {}").unwrap();
    let output = std::process::Command::new(binary)
        .args(["serve", "--listen", "tcp:0.0.0.0:0", "--app"])
        .arg(app.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&output.stderr).contains("insecure"));
}

#[test]
fn tls_with_a_token_works_and_without_it_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let token = folder.path().join("token");
    std::fs::write(&token, "a-long-enough-secret-for-a-test\n").unwrap();
    let sidecar = builder()
        .config(&format!("[tcp]\ntoken_file = {token:?}\n"))
        .listen("tls:127.0.0.1:0")
        .start();
    let port = sidecar.tls_port();
    let ca = sidecar.certificate();
    let script = |token: &str| {
        format!(
            r#"$client = (new AppServer\Client())->withWorkers('tls:127.0.0.1:{port}')->withCertificate(null, null, {ca:?})->withToken({token});
               try {{ echo $client->call('hello', 'Ada'), strlen($client->call('hello', str_repeat('x', 3000000))); }}
               catch (AppServer\Exception $e) {{ echo get_class($e); }}"#,
            ca = ca.display().to_string()
        )
    };
    assert_eq!(sidecar.php(&script("'a-long-enough-secret-for-a-test'")).ok(), "Hello Ada3000006");
    // The same from where it is kept, so that no dump of the settings shows it.
    let kept = format!("'file:{}'", token.display());
    assert_eq!(sidecar.php(&script(&kept)).ok(), "Hello Ada3000006");
    let missing = "'env:NO_SUCH_VARIABLE'";
    assert_eq!(sidecar.php(&script(missing)).ok(), "AppServer\\ConfigException");
    assert_eq!(sidecar.php(&script("'wrong'")).ok(), "AppServer\\RefusedException");
    assert_eq!(sidecar.php(&script("null")).ok(), "AppServer\\RefusedException");
}
