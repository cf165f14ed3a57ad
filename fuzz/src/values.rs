//! The value codec: bytes of a stranger become PHP values in a real engine.

use crate::php;
use crate::target::Verdict;
use ::values::{
    AllowedClasses, DecodeError, Limits, decode_arguments, decode_value, encode_arguments,
    encode_value,
};

/// Small enough that a decoder which ignores one of them is noticed.
const LIMITS: Limits =
    Limits { bytes_max: 1 << 20, depth_max: 64, elements_max: 100_000, memory_max: 8 << 20 };
/// What PHP may hold at most while it decodes one input: what the limit says, and room for what the
/// engine rounds up to and for PHP code that runs (`__unserialize`).
const PEAK_BYTES_MAX: i64 = 3 * (8 << 20);

/// Values to start from, each as PHP source.
const VALUES: [&str; 17] = [
    "[['p' => new Pair(1, 2)], ['p' => new Pair(3, 4)]]",
    "[null, true, false, 0, -1, 300, PHP_INT_MIN, 1.5, -0.0, NAN, '', 'text', \"\\xff\\0\"]",
    "['a' => 1, 'b' => ['c' => [1, 2, 3]], 5 => 'five', -5 => 'minus']",
    "range(0, 300)",
    "[1.5, 2.5, 3.5, 4.5]",
    "array_map(fn ($i) => ['id' => $i, 'name' => \"row $i\", 'price' => $i / 7], range(1, 5))",
    "(function () { $x = 1; return [&$x, &$x, 'text', 'text']; })()",
    "(function () { global $a; $a = [1]; $a['self'] = &$a; return [&$a]; })()",
    "new Pair('left', ['right'])",
    "(function () { $p = new Pair(1, 2); $p->left = $p; return [$p, $p]; })()",
    "array_map(fn ($i) => new Pair($i, \"x$i\"), range(1, 4))",
    "[Suit::Hearts, Suit::Spades, Suit::Hearts]",
    "new Child('own', 'inherited')",
    "new Stateful(['a', 'b'])",
    "[new DateTimeImmutable('2024-01-02 03:04:05.678', new DateTimeZone('Europe/Berlin'))]",
    "new ArrayObject(['a' => 1, 'b' => new stdClass])",
    "(function () { $s = new SplObjectStorage; $s[new Pair(1, 2)] = 'data'; return $s; })()",
];

/// Classes that inputs may name.
const CLASSES: &str = r#"
    class Pair { public function __construct(public mixed $left, public mixed $right) {} }
    enum Suit: string { case Hearts = 'H'; case Spades = 'S'; }
    class Base { private $same; function __construct($value) { $this->same = $value; } }
    class Child extends Base {
        private string $same; public ?int $never; protected readonly int $once;
        function __construct($own, $inherited) { parent::__construct($inherited); $this->same = $own; }
    }
    class Stateful {
        function __construct(private array $state) {}
        function __serialize(): array { return $this->state; }
        function __unserialize(array $state): void { $this->state = $state; }
    }
"#;

pub(crate) fn value_seeds() -> Vec<Vec<u8>> {
    php::with(CLASSES, |engine| {
        let encode = |source: &&str| {
            let value = engine.value(source);
            let mut bytes = Vec::new();
            encode_value(&value, &mut bytes, LIMITS).expect("seeds can be sent");
            bytes
        };
        VALUES.iter().map(encode).collect()
    })
}

pub(crate) fn argument_seeds() -> Vec<Vec<u8>> {
    php::with(CLASSES, |engine| {
        let encode = |sources: &[&str]| {
            let values: Vec<_> = sources.iter().map(|source| engine.value(source)).collect();
            let named = engine.value("['sku' => 'A-1', 'count' => 3]");
            let mut bytes = Vec::new();
            encode_arguments(&values, named.array(), &mut bytes, LIMITS).expect("can be sent");
            bytes
        };
        VALUES.chunks(4).map(encode).collect()
    })
}

/// A value that is taken can be sent again, and what is sent is taken.
pub(crate) fn run_value(input: &[u8]) -> Verdict {
    php::with(CLASSES, |engine| {
        engine.bounded(PEAK_BYTES_MAX, || {
            let policy = AllowedClasses::default();
            let decoded = decode_value(input, LIMITS, &policy);
            let verdict = Verdict::of(&decoded);
            let Ok(value) = decoded else { return verdict };
            let mut again = Vec::new();
            if encode_value(&value, &mut again, LIMITS).is_ok() {
                let taken = decode_value(&again, LIMITS, &policy);
                // A class may refuse what its own __serialize() gave: DateTimeImmutable does, for
                // some times that it accepts. The bytes are good then.
                let is_good = matches!(taken, Ok(_) | Err(DecodeError::Thrown));
                assert!(is_good, "what was encoded is not decoded: {:?}", taken.err());
            }
            verdict
        })
    })
}

pub(crate) fn run_arguments(input: &[u8]) -> Verdict {
    php::with(CLASSES, |engine| {
        engine.bounded(PEAK_BYTES_MAX, || {
            Verdict::of(&decode_arguments(input, LIMITS, &AllowedClasses::default()))
        })
    })
}
