--TEST--
Without a worker, a call says whom it tried, what to do, and that nothing ran
--FILE--
<?php
$client = new AppServer\Client(workers: 'unix:/nonexistent/a.sock,tcp:127.0.0.1:1');
foreach (['call', 'async'] as $method) {
    try {
        $client->$method('shop:quote', 1);
    } catch (AppServer\ConnectException $error) {
        echo $error->getMessage(), "\n";
        var_dump($error->getFunction(), $error instanceof AppServer\Exception, $error instanceof RuntimeException);
    }
}
try {
    (new AppServer\Client(workers: ''))->call('quote');
} catch (AppServer\ConnectException $error) {
    echo $error->getMessage(), "\n";
}
foreach (['', 'a b:f', ':f', "f\0"] as $name) {
    try {
        appserver_call($name);
    } catch (AppServer\ConfigException $error) {
        echo $error->getMessage(), "\n";
    }
}
$cluster = appserver_status()['clusters'][0];
var_dump($cluster['workers_setting'], array_column($cluster['workers'], 'failures', 'address'));
?>
--EXPECTF--
no worker can be reached (appserver.workers = "unix:/nonexistent/a.sock,tcp:127.0.0.1:1"): unix:/nonexistent/a.sock: No such file or directory; tcp:127.0.0.1:1: Connection refused; is `appserver serve` running? Nothing was run
string(5) "quote"
bool(true)
bool(true)
no worker can be reached (appserver.workers = "unix:/nonexistent/a.sock,tcp:127.0.0.1:1"): unix:/nonexistent/a.sock: No such file or directory; tcp:127.0.0.1:1: Connection refused; is `appserver serve` running? Nothing was run
string(5) "quote"
bool(true)
bool(true)
no worker is configured: set appserver.workers, e.g. to unix:/run/appserver/appserver.sock
"" is no function name; write "function", "Class::method" or "app:function"
"a b" is not an application name: use 1 to 64 of a-z, 0-9, _ and -, beginning with a letter
%s
"f\0" is no function name; write "function", "Class::method" or "app:function"
string(40) "unix:/nonexistent/a.sock,tcp:127.0.0.1:1"
array(2) {
  ["unix:/nonexistent/a.sock"]=>
  int(2)
  ["tcp:127.0.0.1:1"]=>
  int(2)
}
