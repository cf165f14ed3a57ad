--TEST--
Objects keep their class and their properties: private, readonly, uninitialised, inherited
--FILE--
<?php
require __DIR__ . '/round_trip.inc';

check('stdClass', (object) ['a' => 1, '0' => 'zero', 'with space' => [1]]);
check('readonly', new Point(3, -4));
check('enums', [Suit::Hearts, Direction::Up, Suit::Spades, Suit::Hearts]);
var_dump(appserver_call('identity', Suit::Spades) === Suit::Spades);

$secret = (new Secret())->fill('mine', 'hers');
check('same-named private properties', $secret);
$back = appserver_call('identity', $secret);
var_dump($back->ofChild(), $back->ofBase(), (new ReflectionProperty($back, 'never'))->isInitialized($back));

try {
    $back = appserver_call('identity', new Point(1, 2));
    $back->x = 5;
} catch (Error $error) {
    echo $error->getMessage(), "\n";
}

$dynamic = new Node('dynamic');
@$dynamic->extra = 'added';
check('dynamic property', $dynamic);
check('many of one class', array_map(fn ($i) => new Point($i, -$i), range(1, 200)));
?>
--EXPECT--
stdClass: ok
readonly: ok
enums: ok
bool(true)
same-named private properties: ok
string(4) "mine"
string(4) "hers"
bool(false)
Cannot modify readonly property Point::$x
dynamic property: ok
many of one class: ok
