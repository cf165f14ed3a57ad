//! Size and speed of the codec against igbinary, msgpack and PHP's own serialize(), in one process.
//!
//! `cargo run --release -p appserver-values --example codec_compare [-- [--json] [SHAPE]]`, where
//! SHAPE is a part of a shape's name; `--count` runs ours alone, 1000 times each way without a clock,
//! for counting instructions. The rivals' C functions are called as PHP would call them, `iterations` times from a loop in PHP whose own cost
//! is measured and taken off; ours in a loop in Rust. Times include freeing what was made. Each is
//! the best of several rounds.
#![allow(clippy::print_stdout, reason = "the table is the result")]

use embed::{Outcome, Php, Request, StartOptions};
use ext_php_rs::types::Zval;
use std::hint::black_box;
use std::time::{Duration, Instant};
use values::{AllowedClasses, Limits, decode_value, encode_value};

/// Rounds shorter than a time slice, and many: on a busy machine some pass undisturbed.
const ROUNDS: usize = 80;
const ROUND_TIME: Duration = Duration::from_millis(2);
/// Times of `--count`.
const COUNTED: u32 = 1000;

/// Only for `--count`: the loop's own cost, which is taken off a rival's time, is more than what is
/// left.
const SHORT: [(&str, &str); 1] = [("short string", "'hello, world'")];
const SHAPES: [(&str, &str); 6] = [
    ("small array", "['id' => 7, 'name' => 'Ada', 'tags' => ['a', 'b'], 'ok' => true, 'x' => 1.5]"),
    (
        "1,000 rows x 8",
        "array_map(fn($n) => ['id' => $n, 'name' => \"Customer $n\", 'email' => \"c$n@example.org\",
            'city' => ['Vienna', 'Berlin', 'Paris'][$n % 3], 'balance' => $n * 1.25,
            'active' => $n % 2 === 0, 'created' => '2024-01-' . str_pad((string) ($n % 28 + 1), 2, '0', STR_PAD_LEFT),
            'note' => null], range(1, 1000))",
    ),
    ("10,000 ints", "range(1, 10000)"),
    ("10,000 floats", "array_map(fn($n) => $n / 7.0, range(1, 10000))"),
    (
        "1,000 objects",
        "array_map(fn($n) => new BenchPoint($n, \"point $n\", $n / 3), range(1, 1000))",
    ),
    ("1 MB string", "str_repeat('0123456789abcdef', 65536)"),
];

const SETUP: &str = "
    final class BenchPoint { public function __construct(public int $id, protected string $label,
        private float $x, public ?array $tags = null, public bool $ok = true) {} }
    function bench_encode($f, $value, $times) {
        $start = hrtime(true); for ($i = 0; $i < $times; $i++) { $r = $f($value); } return hrtime(true) - $start;
    }
    function bench_nothing($value) { return null; }
    return 0;";

/// One codec on one shape; times in nanoseconds.
struct Figure {
    codec: &'static str,
    bytes: usize,
    encode: f64,
    decode: f64,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let (json, count) = (has("--json"), has("--count"));
    let wanted = arguments.iter().find(|argument| !argument.starts_with("--"));
    let ini = ["memory_limit", "1G", "opcache.enable", "0"].map(str::to_owned);
    let ini = ini.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
    let mut php = Php::start(&StartOptions { ini, extension: None }).expect("PHP starts");
    let request = php.request().expect("a request opens");
    eval(&request, SETUP);
    let wanted = SHORT[..usize::from(count)]
        .iter()
        .chain(&SHAPES)
        .filter(|(name, _)| wanted.is_none_or(|wanted| name.contains(wanted.as_str())));
    if count {
        wanted.for_each(|(_, code)| run_counted(&Ours::new(&request, code)));
        return;
    }
    let shapes: Vec<(&str, Vec<Figure>)> =
        wanted.map(|(name, code)| (*name, measure(&request, code))).collect();
    if json { print_json(&shapes) } else { print_table(&shapes) }
}

fn measure(request: &Request<'_>, code: &str) -> Vec<Figure> {
    let mut figures = vec![Ours::new(request, code).figure()];
    for (codec, encode, decode) in [
        ("igbinary", "igbinary_serialize", "igbinary_unserialize"),
        ("msgpack", "msgpack_pack", "msgpack_unpack"),
        ("serialize", "serialize", "unserialize"),
    ] {
        let there = eval(request, &format!("return function_exists('{encode}');"));
        if there.bool() == Some(true) {
            figures.push(rival(request, codec, encode, decode, code));
        }
    }
    figures
}

/// Our codec on one shape.
struct Ours {
    value: Zval,
    bytes: Vec<u8>,
    policy: AllowedClasses,
    limits: Limits,
}

impl Ours {
    fn new(request: &Request<'_>, code: &str) -> Self {
        let value = eval(request, &format!("return {code};"));
        let (mut bytes, limits) = (Vec::new(), Limits::default());
        encode_value(&value, &mut bytes, limits).expect("the value can be sent");
        Self { value, bytes, policy: AllowedClasses::new(["BenchPoint"]), limits }
    }

    fn figure(&self) -> Figure {
        let timed = |run: &dyn Fn(u32)| {
            best(|times| {
                let start = Instant::now();
                run(times);
                start.elapsed()
            })
        };
        let encode = timed(&|times| self.encode(times));
        let decode = timed(&|times| self.decode(times));
        Figure { codec: "appserver", bytes: self.bytes.len(), encode, decode }
    }

    #[inline(never)]
    fn encode(&self, times: u32) {
        let mut out = Vec::with_capacity(self.bytes.len());
        for _ in 0..times {
            out.clear();
            encode_value(black_box(&self.value), &mut out, self.limits).expect("as before");
        }
    }

    #[inline(never)]
    fn decode(&self, times: u32) {
        for _ in 0..times {
            let value = decode_value(black_box(&self.bytes), self.limits, &self.policy);
            black_box(value.expect("our own bytes"));
        }
    }
}

fn run_counted(ours: &Ours) {
    ours.encode(COUNTED);
    ours.decode(COUNTED);
}

fn rival(
    request: &Request<'_>,
    codec: &'static str,
    encode: &str,
    decode: &str,
    code: &str,
) -> Figure {
    let bytes = eval(request, &format!("return strlen({encode}({code}));")).long().unwrap_or(0);
    let time = |function: &str, value: &str| {
        let one = |function: &str| {
            let setup =
                format!("$value = {value}; return bench_encode('{function}', $value, {{N}});");
            best(|times| {
                let code = setup.replace("{N}", &times.to_string());
                let code = format!("return (function () {{ {code} }})();");
                Duration::from_nanos(eval(request, &code).long().unwrap_or(0).unsigned_abs())
            })
        };
        (one(function) - one("bench_nothing")).max(0.0)
    };
    Figure {
        codec,
        bytes: usize::try_from(bytes).unwrap_or(0),
        encode: time(encode, code),
        decode: time(decode, &format!("{encode}({code})")),
    }
}

/// Nanoseconds each, of the fastest of several rounds.
fn best(mut round: impl FnMut(u32) -> Duration) -> f64 {
    let mut times = 1;
    while round(times) < ROUND_TIME && times < 1 << 24 {
        times *= 2;
    }
    (0..ROUNDS).map(|_| round(times).as_nanos() as f64 / f64::from(times)).fold(f64::MAX, f64::min)
}

fn eval(request: &Request<'_>, code: &str) -> Zval {
    match request.eval(code) {
        Outcome::Returned(value) => value,
        other => panic!("{code}\n{other:?}"),
    }
}

fn print_table(shapes: &[(&str, Vec<Figure>)]) {
    println!(
        "{:<16} {:<10} {:>9} {:>12} {:>12} {:>7} {:>7} {:>7}",
        "shape", "codec", "bytes", "encode us", "decode us", "size", "enc x", "dec x"
    );
    for (shape, figures) in shapes {
        let ours = &figures[0];
        for figure in figures {
            println!(
                "{:<16} {:<10} {:>9} {:>12.3} {:>12.3} {:>7.2} {:>7.2} {:>7.2}",
                shape,
                figure.codec,
                figure.bytes,
                figure.encode / 1e3,
                figure.decode / 1e3,
                ours.bytes as f64 / figure.bytes as f64,
                figure.encode / ours.encode,
                figure.decode / ours.decode,
            );
        }
    }
}

fn print_json(shapes: &[(&str, Vec<Figure>)]) {
    let lines: Vec<String> = shapes
        .iter()
        .flat_map(|(shape, figures)| figures.iter().map(move |figure| (shape, figure)))
        .map(|(shape, figure)| {
            format!(
                r#"  {{"shape": "{shape}", "codec": "{}", "bytes": {}, "encode_ns": {:.1}, "decode_ns": {:.1}}}"#,
                figure.codec, figure.bytes, figure.encode, figure.decode
            )
        })
        .collect();
    println!("[\n{}\n]", lines.join(",\n"));
}
