//! PHP started once, used in several requests. One process, one engine: one test.
use embed::{Outcome, Php, StartOptions};

#[test]
fn code_runs_in_request_contexts_that_forget_each_other() {
    let ini = vec![("memory_limit".to_owned(), "32M".to_owned())];
    let mut php = Php::start(&StartOptions { ini, extension: None }).unwrap();
    {
        let request = php.request().unwrap();
        let Outcome::Returned(value) = request.eval("$GLOBALS['a'] = 1; return PHP_SAPI;") else {
            panic!("eval did not return")
        };
        assert_eq!(value.str(), Some("appserver"));
    }
    {
        let request = php.request().unwrap();
        let Outcome::Returned(value) = request.eval("return isset($GLOBALS['a']);") else {
            panic!("eval did not return")
        };
        assert_eq!(value.bool(), Some(false));
        assert!(matches!(request.eval("throw new LogicException('x');"), Outcome::Threw(_)));
        assert!(matches!(request.eval("exit(3);"), Outcome::Exited(3)));
    }
    {
        let request = php.request().unwrap();
        let Outcome::BailedOut(bailout) = request.eval("return str_repeat('x', 64 << 20);") else {
            panic!("the limit did not hold")
        };
        assert!(bailout.to_string().contains("Allowed memory size"), "{bailout}");
    }
    {
        let request = php.request().unwrap();
        let code = "$x = 'global'; return $GLOBALS['x'];";
        let Outcome::Returned(value) = request.eval(code) else { panic!("eval did not return") };
        assert_eq!(value.str(), Some("global"));
    }
    let request = php.request().unwrap();
    assert!(matches!(request.eval("echo 'hello';"), Outcome::Returned(_)));
    drop(request);
    assert_eq!(embed::take_output().0, b"hello");
    php.stop();
}
