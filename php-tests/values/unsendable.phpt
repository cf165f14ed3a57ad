--TEST--
What cannot be sent is an exception that names the place
--FILE--
<?php
require __DIR__ . '/round_trip.inc';

function attempt(mixed ...$values): void
{
    try {
        appserver_call('identity', ...$values);
        echo "sent\n";
    } catch (AppServer\EncodeException $error) {
        echo $error->getMessage(), "\n", $error->getPath(), "\n";
    }
}

attempt(fn () => 1);
attempt(['rows' => [['cb' => strlen(...)]]]);
attempt(fopen('php://memory', 'r'));
attempt((function () { yield 1; })());
attempt(new class {});
$holder = new Node('holder');
$holder->children = ['x' => fopen('php://memory', 'r')];
attempt($holder);

// The connection is as good as before.
check('afterwards', 'ok');
?>
--EXPECTF--
%sClosure%s
argument 1 ($value)
%sClosure%s
argument 1 ($value)["rows"][0]["cb"]
%sresource%s
argument 1 ($value)
%sGenerator%s
argument 1 ($value)
%sanonymous class%s
argument 1 ($value)
%sresource%s
argument 1 ($value)->children["x"]
afterwards: ok
