//! Generated values: what comes back is what went in, by PHP's serialize(), which tells of
//! references and shared objects too.

mod php;

use embed::Request;
use php::{eval, in_request, round_trip, serialized};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::cell::RefCell;

/// A PHP expression; `$s[0]`..`$s[3]` are objects, `$r[0]`..`$r[3]` variables, each used in several
/// places at once.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        any::<i64>().prop_map(|value| format!("(int) '{value}'")),
        (-400_i64..400).prop_map(|value| value.to_string()),
        any::<f64>().prop_filter("has a literal", |value| value.is_finite()).prop_map(float),
        prop::collection::vec(any::<u8>(), 0..60).prop_map(|bytes| text(&bytes)),
        prop::sample::select(vec!["alpha", "beta", "gamma"]).prop_map(|name| format!("'{name}'")),
        (0..4_usize).prop_map(|index| format!("$s[{index}]")),
        Just("Side::Left".to_owned()),
    ];
    leaf.prop_recursive(5, 120, 8, |inner| {
        prop_oneof![
            prop::collection::vec(element(inner.clone()), 0..8).prop_map(|items| list(&items)),
            prop::collection::vec((key(), element(inner.clone())), 0..8)
                .prop_map(|items| map(&items)),
            (prop::collection::vec(inner.clone(), 3), 1..5_usize).prop_map(|(row, rows)| {
                let row =
                    format!("['id' => {}, 'name' => {}, 'more' => {}]", row[0], row[1], row[2]);
                list(&vec![row; rows])
            }),
            prop::collection::vec(-70_000_i64..70_000, 0..40)
                .prop_map(|values| format!("{values:?}")),
            prop::collection::vec(any::<f32>().prop_filter("finite", |f| f.is_finite()), 0..12)
                .prop_map(|values| list(
                    &values.iter().map(|v| float(f64::from(*v))).collect::<Vec<_>>()
                )),
            inner.clone().prop_map(|value| format!("new Box({value})")),
            inner.clone().prop_map(|value| format!("new Carrier({value})")),
            prop::collection::vec((name(), inner), 0..5)
                .prop_map(|items| format!("(object) {}", map(&items))),
        ]
    })
}

fn element(inner: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop_oneof![9 => inner, 1 => (0..4_usize).prop_map(|index| format!("&$r[{index}]"))]
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<i64>().prop_map(|value| format!("(int) '{value}'")),
        (-5_i64..20).prop_map(|value| value.to_string()),
        prop::collection::vec(any::<u8>(), 0..12).prop_map(|bytes| text(&bytes)),
        name(),
    ]
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["'id'", "'name'", "'x'", "'5'", "'-7'", "'05'"])
        .prop_map(str::to_owned)
}

fn float(value: f64) -> String {
    format!("unpack('E', hex2bin('{:016x}'))[1]", value.to_bits())
}

fn text(bytes: &[u8]) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("hex2bin('{hex}')")
}

fn list(items: &[String]) -> String {
    format!("[{}]", items.join(", "))
}

fn map(items: &[(String, String)]) -> String {
    let items: Vec<String> = items.iter().map(|(key, value)| format!("{key} => {value}")).collect();
    format!("[{}]", items.join(", "))
}

const CLASSES: &str = "eval('
    class Box { public $value; protected $list = [1]; private $own = \"own\"; public ?Box $next = null;
        function __construct($value) { $this->value = $value; } }
    class Carrier { private $d; function __construct($d) { $this->d = $d; }
        function __serialize(): array { return [\"d\" => $this->d]; }
        function __unserialize(array $s): void { $this->d = $s[\"d\"]; } }
    enum Side { case Left; }'); return 0;";

#[test]
fn generated_values_come_back() {
    in_request(|request| {
        eval(request, CLASSES);
        // The runner takes closures that may be called again after a panic.
        let request = RefCell::new(request);
        let mut runner = TestRunner::new(ProptestConfig {
            cases: 1500,
            failure_persistence: None,
            ..ProptestConfig::default()
        });
        runner.run(&expression(), |code| check(*request.borrow(), &code)).unwrap();
    });
}

fn check(request: &Request<'_>, code: &str) -> Result<(), TestCaseError> {
    let code = format!(
        "$s = [new Box(1), new Carrier(2), (object) ['x' => 1], new Box('cycle')];
         $s[3]->next = $s[3]; $r = [1, 'two', [3], $s[0]]; return {code};"
    );
    let before = eval(request, &code);
    let after = round_trip(&before);
    prop_assert_eq!(serialized(request, before), serialized(request, after));
    Ok(())
}
