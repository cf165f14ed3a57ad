//! Damaged and invented bytes: refused or decoded, never a crash, never much memory.

mod php;

use php::{decode, encode, eval, in_request, policy};
use values::{Limits, decode_value};

const SAMPLES: [&str; 12] = [
    "[1, 'text', 2.5, null, true, [1, 2, [3]], str_repeat('long', 40)]",
    "['id' => 7, 'name' => 'Ada', 'tags' => ['a', 'b'], 'ok' => true, 'x' => 1.5]",
    "[['a' => 1, 'b' => 'one'], ['a' => 2, 'b' => 'two'], ['a' => 3, 'b' => 'one']]",
    "range(1, 40)",
    "range(0.5, 9.5)",
    "[5 => 'five', 'k' => [-3 => 1, 2 => 2], 1000 => range(1, 300)]",
    "$v = [1]; $v['r'] = &$v; return [&$v, 2];",
    "[new Sample, new Sample, (object) ['p' => 1], Side::Left, Side::Left]",
    "$s = new Sample; $s->next = $s; return [$s, $s];",
    "new SplObjectStorage",
    "[new DateTimeImmutable('2024-01-01 UTC'), new ArrayObject(['k' => [1, 2]])]",
    "[new Carrier, new LogicException('message', 3, new Error('inner'))]",
];

const CLASSES: &str = "eval('
    class Sample { public $a = 1; protected ?Sample $n = null; private array $list = [1, 2]; public readonly int $r; public $next = null; }
    class Carrier { private $d = [1, 2, 3]; function __serialize(): array { return [\"d\" => $this->d]; }
        function __unserialize(array $s): void { $this->d = $s[\"d\"]; } function __destruct() { $this->d = null; } }
    enum Side { case Left; case Right; }'); return 0;";

/// Small enough that what decoding may take is seen at once.
const LIMITS: Limits =
    Limits { bytes_max: 1 << 20, depth_max: 64, elements_max: 10_000, memory_max: 1 << 20 };

/// Decodes and drops whatever came out; a pending exception is dropped too.
fn try_decode(bytes: &[u8]) {
    let _ = decode_value(bytes, LIMITS, &policy());
    drop(ext_php_rs::zend::ExecutorGlobals::take_exception());
}

fn samples(request: &embed::Request<'_>) -> Vec<Vec<u8>> {
    eval(request, CLASSES);
    SAMPLES.iter().map(|code| encode(&eval(request, code)).unwrap()).collect()
}

#[test]
fn every_truncation_is_refused() {
    in_request(|request| {
        for (sample, code) in samples(request).iter().zip(SAMPLES) {
            assert!(decode(sample).is_ok(), "{code}");
            for end in 0..sample.len() {
                let cut = decode_value(&sample[..end], LIMITS, &policy());
                drop(ext_php_rs::zend::ExecutorGlobals::take_exception());
                assert!(cut.is_err(), "{code} cut at {end}");
            }
        }
    });
}

#[test]
fn every_flipped_bit_is_refused_or_decoded() {
    in_request(|request| {
        for sample in samples(request) {
            for bit in 0..sample.len() * 8 {
                let mut damaged = sample.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                try_decode(&damaged);
            }
        }
    });
}

#[test]
fn random_damage_is_refused_or_decoded() {
    in_request(|request| {
        let samples = samples(request);
        let mut random = Random(0x5eed);
        for _ in 0..rounds() {
            let mut damaged = samples[random.below(samples.len())].clone();
            for _ in 0..1 + random.below(4) {
                random.damage(&mut damaged, &samples);
            }
            try_decode(&damaged);
        }
    });
}

#[test]
fn invented_bytes_are_refused_or_decoded() {
    in_request(|request| {
        eval(request, CLASSES);
        let mut random = Random(0xbad);
        for _ in 0..rounds() {
            let length = random.below(48);
            // Mostly tags: plain bytes would nearly always be small integers.
            let bytes: Vec<u8> = (0..length)
                .map(|_| match random.below(3) {
                    0 => random.below(16) as u8,
                    1 => 0x80 + random.below(0x80) as u8,
                    _ => 0xd0 + random.below(0x21) as u8,
                })
                .collect();
            try_decode(&bytes);
        }
    });
}

/// How often to try; fewer, for a slow checker of memory, if HOSTILE_ROUNDS says so.
fn rounds() -> u32 {
    std::env::var("HOSTILE_ROUNDS").map_or(60_000, |rounds| rounds.parse().unwrap())
}

/// SplitMix64: the same damage in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) >> 33) as usize % limit
    }

    fn damage(&mut self, bytes: &mut Vec<u8>, samples: &[Vec<u8>]) {
        if bytes.is_empty() {
            return;
        }
        let at = self.below(bytes.len());
        match self.below(5) {
            0 => bytes[at] = self.below(256) as u8,
            1 => bytes[at] = 0xd0 + self.below(0x21) as u8,
            2 => drop(bytes.remove(at)),
            3 => bytes.insert(at, self.below(256) as u8),
            _ => {
                let other = &samples[self.below(samples.len())];
                let from = self.below(other.len());
                let part = other[from..].iter().take(12).copied().collect::<Vec<u8>>();
                bytes.splice(at..at, part);
            }
        }
    }
}
