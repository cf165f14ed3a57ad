--TEST--
PHP's own value classes
--FILE--
<?php
require __DIR__ . '/round_trip.inc';

check('DateTimeImmutable, zone', new DateTimeImmutable('2024-02-29 12:34:56.789012', new DateTimeZone('Europe/Berlin')));
check('DateTimeImmutable, offset', new DateTimeImmutable('2024-02-29T12:00:00+05:30'));
check('DateTime, abbreviation', new DateTime('2024-07-01 12:00:00 EST'));
check('DateTimeZone', new DateTimeZone('Asia/Kolkata'));
check('DateInterval', new DateInterval('P1Y2M3DT4H5M6S'));
check('DatePeriod', new DatePeriod(new DateTimeImmutable('2024-01-01'), new DateInterval('P1D'), 3));
check('ArrayObject', new ArrayObject(['a' => 1, 2], ArrayObject::ARRAY_AS_PROPS));
check('ArrayIterator', new ArrayIterator([3, 1, 2]));

$storage = new SplObjectStorage();
$key = new Point(1, 2);
$storage[$key] = 'data';
$storage[new Point(3, 4)] = [$key];
check('SplObjectStorage', $storage);

$list = new SplDoublyLinkedList();
$list->push('a');
$list->push(['b']);
check('SplDoublyLinkedList', $list);
check('SplFixedArray', SplFixedArray::fromArray([1, null, 'x']));

$back = appserver_call('identity', new LogicException('outer', 7, new RuntimeException('inner')));
echo get_class($back), ' ', $back->getMessage(), ' ', $back->getCode(), ' ', $back->getPrevious()->getMessage(), "\n";
?>
--EXPECT--
DateTimeImmutable, zone: ok
DateTimeImmutable, offset: ok
DateTime, abbreviation: ok
DateTimeZone: ok
DateInterval: ok
DatePeriod: ok
ArrayObject: ok
ArrayIterator: ok
SplObjectStorage: ok
SplDoublyLinkedList: ok
SplFixedArray: ok
LogicException outer 7 inner
