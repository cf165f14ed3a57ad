--TEST--
AppServer\Client: each with…() returns a changed copy; it can be neither cloned, changed nor serialised
--FILE--
<?php
$client = new AppServer\Client(workers: 'unix:/nonexistent/a.sock', timeout: 3);
foreach ([
    fn () => $client->withWorkers('unix:/nonexistent/b.sock'),
    fn () => $client->withApp('shop'),
    fn () => $client->withTimeout(0),
    fn () => $client->withAffinity('key'),
    fn () => $client->withAffinity(null),
    fn () => $client->withPin('off'),
    fn () => $client->withToken('secret'),
    fn () => $client->withCertificate('/c.pem', '/k.pem', ca: '/ca.pem'),
    fn () => $client->withOutput(),
] as $change) {
    $copy = $change();
    var_dump($copy instanceof AppServer\Client && $copy !== $client);
}
foreach ([
    fn () => clone $client,
    fn () => serialize($client),
    fn () => $client->x = 1,
    fn () => $client->withPin('never'),
    fn () => $client->withTimeout(-1),
    fn () => $client->withTimeout(NAN),
    fn () => $client->withApp('Shop!'),
    fn () => $client->withWorkers('here'),
    fn () => new AppServer\Client(pin: "\xff"),
    fn () => new AppServer\Client(timeout: 'soon'),
    fn () => (new ReflectionClass($client))->newInstanceWithoutConstructor()->call('f'),
] as $wrong) {
    try {
        $wrong();
        echo "accepted\n";
    } catch (Throwable $error) {
        echo $error::class, ': ', $error->getMessage(), "\n";
    }
}
try {
    $client->withWorkers('unix:/nonexistent/b.sock')->call('f');
} catch (AppServer\ConnectException $error) {
    echo str_contains($error->getMessage(), 'b.sock') && !str_contains($error->getMessage(), 'a.sock') ? "b\n" : "not b\n";
}
var_dump($client->withToken('secret'));
?>
--EXPECTF--
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
bool(true)
Error: Trying to clone an uncloneable object of class AppServer\Client
Exception: Serialization of 'AppServer\Client' is not allowed
Error: Cannot create dynamic property AppServer\Client::$x
AppServer\ConfigException: pin "never" is refused: expected one of request, call, off, auto
AppServer\ConfigException: timeout "-1" is refused: expected seconds from 0 to 86400
AppServer\ConfigException: timeout "NaN" is refused: expected seconds from 0 to 86400
AppServer\ConfigException: "Shop!" is not an application name: use 1 to 64 of a-z, 0-9, _ and -, beginning with a letter
AppServer\ConfigException: workers "here": "here" is no address; write unix:PATH, tls:HOST:PORT or tcp:HOST:PORT
ValueError: AppServer\Client::__construct(): Argument #5 ($pin) must be valid UTF-8
TypeError: AppServer\Client::__construct(): Argument #3 ($timeout) must be of type ?float, string given
ReflectionException: Class AppServer\Client is an internal class marked as final that cannot be instantiated without invoking its constructor
b
object(AppServer\Client)#%d (0) {
}
