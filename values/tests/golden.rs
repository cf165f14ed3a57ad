//! Frozen bytes. A change here is a new version of the protocol.

mod php;

use php::{decode, encode, eval, in_request, serialized};

const GOLDEN: [(&str, &str); 24] = [
    ("[null, false, true]", "b3d0d1d2"),
    ("[0, 127, 128, 383, 384]", "b5007fd400d4ffd58001"),
    (
        "[-1, -129, -32769, -2147483649, 65536, 4294967296]",
        "b6d7ffd87fffd9ff7fffffdaffffff7fffffffffd600000100da0000000001000000",
    ),
    ("[1.5, -0.0]", "b2d3000000000000f83fd30000000000000080"),
    ("['', 'a', 'ab', 'abc', 'abc']", "b580816182616283616263c0"),
    (
        "str_repeat('x', 48)",
        "db30787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878",
    ),
    ("range(10, 25)", "e01014000102030405060708090a0b0c0d0e0f"),
    ("range(0, 3000, 300)", "e10b0000002c0158028403b004dc050807340860098c0ab80b"),
    (
        "range(0, 1000000, 100000)",
        "e20b0000000000a0860100400d0300e0930400801a060020a10700c027090060ae0a0000350c00a0bb0d0040420f00",
    ),
    (
        "[PHP_INT_MIN, 0, 0, 0, 0, 0, 0, PHP_INT_MAX]",
        "e3080000000000000080000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000ffffffffffffff7f",
    ),
    ("[0.5, 1.5, 2.5]", "e403000000000000e03f000000000000f83f0000000000000440"),
    ("['id' => 1, 'name' => 'Ada']", "e702826964846e616d650183416461"),
    ("[['id' => 1], ['id' => 2]]", "b2e70182696401e80002"),
    ("[5 => 'a', 'k' => 'b']", "e502058161816b8162"),
    ("$a = [1, 2]; unset($a[1]); return $a;", "e602b101"),
    ("$v = 1; return [&$v, &$v];", "b2ef01f000"),
    ("(object) ['p' => 1]", "e90088737464436c61737301817001"),
    (
        "[new Golden(1), new Golden(2)]",
        "b2e90086476f6c64656e03816184002a00628900476f6c64656e0063010203ea00020203",
    ),
    (
        "$o = new Golden(1); return [$o, $o];",
        "b2e90086476f6c64656e03816184002a00628900476f6c64656e0063010203ee00",
    ),
    ("[Side::Left, Side::Left]", "b2ed008453696465844c656674ee00"),
    ("new Carrier", "eb008743617272696572e701816b01"),
    (
        "new DateTimeZone('UTC')",
        "eb008c4461746554696d655a6f6e65e7028d74696d657a6f6e655f747970658874696d657a6f6e650383555443",
    ),
    ("array_fill(0, 16, null)", "df10d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0d0"),
    ("array_map(fn($n) => \"string $n\", [1, 2, 1])", "b388737472696e67203188737472696e672032c0"),
];

#[test]
fn bytes_are_what_they_always_were() {
    in_request(|request| {
        eval(
            request,
            "eval('class Golden { public $a; protected $b = 2; private $c = 3; function __construct($a) { $this->a = $a; } }
              class Carrier { function __serialize(): array { return [\"k\" => 1]; } function __unserialize(array $s): void {} }
              enum Side { case Left; case Right; }'); return 0;",
        );
        for (code, expected) in GOLDEN {
            let bytes = encode(&eval(request, code)).unwrap();
            assert_eq!(hex(&bytes), expected, "{code}");
            let back = serialized(request, decode(&bytes).unwrap());
            assert_eq!(back, serialized(request, eval(request, code)), "{code}");
        }
    });
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
