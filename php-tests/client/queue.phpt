--TEST--
appserver_queue() checks the name and says that the worker stores no jobs
--FILE--
<?php
foreach (['send_receipt', 'shop:send_receipt', '', 'My App:f'] as $name) {
    try {
        appserver_queue($name, 1, order: 2);
    } catch (AppServer\Exception $error) {
        echo $error::class, ': ', $error->getMessage(), "\n";
    }
}
try {
    (new AppServer\Client())->queue('send_receipt');
} catch (AppServer\NoJobStoreException $error) {
    var_dump($error->getFunction(), $error->getWorker());
}
?>
--EXPECT--
AppServer\NoJobStoreException: send_receipt() cannot be queued: the worker has no job store; use appserver_call() or appserver_async()
AppServer\NoJobStoreException: send_receipt() cannot be queued: the worker has no job store; use appserver_call() or appserver_async()
AppServer\ConfigException: the name of the function to queue is empty
AppServer\ConfigException: "My App" is not an application name: use 1 to 64 of a-z, 0-9, _ and -, beginning with a letter
string(12) "send_receipt"
NULL
