//! Objects: identity, properties, magic methods, PHP's own classes.

mod php;

use php::{assert_checked, assert_same, eval, in_request};

const CLASSES: &str = r#"
    class Point { public $x = 1; protected $y = [2]; private $z = 'three'; public ?Point $next = null; }
    class Base { private $secret = 'base'; private int $n = 1; function base() { return $this->secret; } }
    class Child extends Base { private $secret = 'child'; function child() { return $this->secret; } }
    class Typed { public int $a; public readonly string $b; public ?float $c = null; public self|array|null $d = null;
        function __construct(?string $b = null) { if ($b !== null) $this->b = $b; } }
    class State { private $data; function __construct($d) { $this->data = $d; }
        function __serialize(): array { return ['d' => $this->data]; }
        function __unserialize(array $s): void { $this->data = $s['d']; } }
    class Sleeper { public $kept = 1; protected $prot = 2; private $priv = 3; public $dropped = 4; public $woken = false;
        function __sleep() { return ['kept', 'prot', 'priv']; } function __wakeup() { $this->woken = true; } }
    class Old implements Serializable { public $v = 5; function serialize() { return "v={$this->v}"; }
        function unserialize($s) { $this->v = (int) substr($s, 2); } }
    enum Suit: string { case Hearts = 'h'; case Spades = 's'; const Wild = self::Spades; }
    enum Unit { case One; case Two; }
    class Boom extends RuntimeException { public $extra = 'more'; }
    return 0;"#;

fn in_app(body: impl FnOnce(&embed::Request<'_>)) {
    in_request(|request| {
        let _ = request.eval(&format!("set_error_handler(fn() => true); {CLASSES}"));
        body(request);
    });
}

#[test]
fn properties_of_every_visibility() {
    in_app(|request| {
        assert_same(request, "new Point");
        assert_same(request, "new Child");
        assert_checked(
            request,
            "new Child",
            "return $out->base() === 'base' && $out->child() === 'child';",
        );
        assert_same(request, "$p = new Point; $p->dynamic = 1; $p->more = new Point; return $p;");
        assert_same(request, "(object) ['a' => 1, 'b' => (object) []]");
        assert_same(request, "(object) ['5' => 'numeric', '' => 'empty']");
        // An unset property has its default again, as after PHP's own unserialize().
        assert_checked(
            request,
            "$p = new Point; unset($p->x); return $p;",
            "return $out == unserialize(serialize($in));",
        );
        assert_same(
            request,
            "array_map(function ($n) { $p = new Point; $p->x = $n; return $p; }, range(1, 50))",
        );
    });
}

#[test]
fn typed_and_readonly_properties() {
    in_app(|request| {
        assert_same(request, "new Typed");
        assert_same(request, "$t = new Typed('b'); $t->a = 5; $t->d = $t; return $t;");
        assert_checked(
            request,
            "new Typed('b')",
            "try { $out->b = 'c'; return false; } catch (Error $e) { return $out->b === 'b'; }",
        );
        assert_checked(
            request,
            "$t = new Typed('b'); $t->a = 1; $a = [$t]; $a[1] = &$t->a; return $a;",
            "try { $out[1] = 'text'; return false; } catch (TypeError $e) { $out[1] = 9; return $out[0]->a === 9; }",
        );
    });
}

#[test]
fn shared_objects_and_cycles() {
    in_app(|request| {
        assert_same(request, "$p = new Point; return [$p, $p, ['k' => $p]];");
        assert_same(request, "$p = new Point; $p->next = $p; return $p;");
        assert_same(request, "$a = [new Point]; return [$a, $a];");
        assert_checked(
            request,
            "$a = [new Point]; return [$a, $a];",
            "return $out[0][0] === $out[1][0];",
        );
        assert_checked(request, "[new Point, new Point]", "return $out[0] !== $out[1];");
        assert_checked(
            request,
            "$p = new Point; $q = new Point; $p->next = $q; $q->next = $p; return [$p, $q];",
            "return $out[0]->next === $out[1] && $out[1]->next === $out[0];",
        );
    });
}

#[test]
fn an_object_and_the_array_cast_from_it_share_what_is_inside() {
    in_app(|request| {
        let make = "$o = (object) ['c' => new ArrayObject([1])]; $a = (array) $o;";
        let same = "return $out['o']->c === $out['a']['c'];";
        assert_checked(request, &format!("{make} return ['o' => $o, 'a' => $a];"), same);
        assert_checked(request, &format!("{make} return ['a' => $a, 'o' => $o];"), same);
    });
}

#[test]
fn magic_methods() {
    in_app(|request| {
        assert_same(request, "new State([1, new State('inner')])");
        assert_same(request, "$s = new State(1); return [$s, $s];");
        assert_checked(
            request,
            "new Sleeper",
            "return $out->woken && $out->kept === 1 && $out == (function () { $s = new Sleeper; $s->woken = true; return $s; })();",
        );
        assert_checked(
            request,
            "$o = new Old; $o->v = 77; return [$o, $o];",
            "return $out[0]->v === 77 && $out[0] === $out[1];",
        );
    });
}

#[test]
fn wakeup_runs_when_the_graph_is_complete() {
    in_app(|request| {
        eval(
            request,
            "class Node { public $kids = []; public ?Node $parent = null; public $seen;
            function __wakeup() { $this->seen = count($this->kids); } }
            return 0;",
        );
        assert_checked(
            request,
            "$root = new Node; $kid = new Node; $kid->parent = $root; $root->kids = [$kid, $kid]; return $root;",
            "return $out->seen === 2 && $out->kids[0]->parent === $out && $out->kids[0]->seen === 0;",
        );
    });
}

#[test]
fn enums_are_their_cases() {
    in_app(|request| {
        assert_checked(
            request,
            "[Suit::Hearts, Suit::Wild, Suit::Hearts]",
            "return $out === [Suit::Hearts, Suit::Spades, Suit::Hearts];",
        );
        assert_checked(request, "['u' => Unit::Two]", "return $out['u'] === Unit::Two;");
    });
}

#[test]
fn values_of_php_itself() {
    in_app(|request| {
        for code in [
            "new DateTime('2024-02-29 12:34:56.789', new DateTimeZone('Europe/Berlin'))",
            "new DateTimeImmutable('2024-02-29 12:34:56 +05:30')",
            "new DateTimeImmutable('2024-02-29 12:34:56 EST')",
            "new DateTimeZone('Asia/Tokyo')",
            "new DateInterval('P1Y2M3DT4H5M6S')",
            "(new DateTime('2020-01-01'))->diff(new DateTime('2021-03-04'))",
            "new DatePeriod(new DateTimeImmutable('2020-01-01'), new DateInterval('P1D'), 3)",
            "$s = new SplObjectStorage; $s[new Point] = 'data'; $s[new Point] = [1]; return $s;",
            "new ArrayObject(['a' => 1, 2], ArrayObject::ARRAY_AS_PROPS, RecursiveArrayIterator::class)",
            "new ArrayObject(new Point)",
            "new ArrayIterator([1, 2, 3])",
            "SplFixedArray::fromArray([1, 'two', null])",
            "$l = new SplDoublyLinkedList; $l->push(1); $l->push('b'); return $l;",
            "$q = new SplQueue; $q[] = 1; $q[] = [2]; return $q;",
            "$s = new SplStack; $s[] = 1; return $s;",
            "[new ArrayObject([new Point])]",
        ] {
            assert_same(request, code);
        }
    });
}

#[test]
fn exceptions_without_the_arguments_of_their_trace() {
    in_app(|request| {
        assert_checked(
            request,
            "function thrower($closure) { return new Boom('outer', 3, new LogicException('inner')); }
             return thrower(function () {});",
            "return $out instanceof Boom && $out->getMessage() === 'outer' && $out->getCode() === 3
                && $out->extra === 'more' && $out->getPrevious()->getMessage() === 'inner'
                && $out->getLine() === $in->getLine() && $out->getFile() === $in->getFile()
                && count($out->getTrace()) === count($in->getTrace())
                && $out->getTrace()[0]['function'] === 'thrower' && !isset($out->getTrace()[0]['args'])
                && $out->getTraceAsString() !== '';",
        );
        assert_checked(
            request,
            "new TypeError('t')",
            "return get_class($out) === 'TypeError' && $out->getMessage() === 't';",
        );
    });
}
