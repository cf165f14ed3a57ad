--TEST--
What cannot be called, and functions that do not return, are exceptions of their own classes
--FILE--
<?php
foreach ([
    fn () => appserver_call('greeet', 'World'),
    fn () => appserver_call('strlen', 'World'),
    fn () => appserver_call('nowhere:greet', 'World'),
    fn () => appserver_call('by_reference', []),
    fn () => appserver_call('leave', 3),
    fn () => (new AppServer\Client(timeout: 0.1))->call('wait', 20),
    fn () => appserver_call('greet', []),
    fn () => appserver_call('greet', nobody: 1),
] as $wrong) {
    try {
        $wrong();
        echo "returned\n";
    } catch (AppServer\UnknownFunctionException $error) {
        echo $error::class, ': ', $error->getMessage(), ' ', json_encode($error->getNear()), "\n";
    } catch (AppServer\RemoteFatal $error) {
        echo $error::class, ': ', $error->getMessage(), ' ', $error->getKind(), "\n";
    } catch (Throwable $error) {
        echo $error::class, ': ', $error->getMessage(), "\n";
    }
}
echo appserver_call('greet', 'World'), "\n";
?>
--EXPECTF--
AppServer\UnknownFunctionException: application "app" exports no function greeet(); did you mean greet? ["greet"]
AppServer\UnknownFunctionException: application "app" exports no function strlen()%S []
AppServer\UnknownAppException: there is no application "nowhere" on this worker%S
AppServer\NotCallableException: by_reference() cannot be called from another process: it takes $list by reference; return the value instead
AppServer\RemoteFatal: leave() ended the request instead of returning (exit() with status 3)%S exit
AppServer\TimeoutException: wait() took longer than 0.%d s; it was interrupted
TypeError: greet(): Argument #1 ($name) must be of type string, array given
%s: Unknown named parameter $nobody
Hello, World!
