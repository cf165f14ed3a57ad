--TEST--
The same function with the same arguments: called, called beside other work, queued
--FILE--
<?php
use AppServer\{Client, Job};

var_dump(appserver_call('add', 2, b: 3));
var_dump(appserver_async('add', 2, b: 3)->await());
var_dump(Job::find(appserver_queue('add', 2, b: 3))->await());

$client = new Client();
var_dump($client->call('add', ...[4, 5]));
var_dump($client->async('add', ...[4, 5])->await());
var_dump(Job::find($client->queue('add', ...[4, 5]))->await());

var_dump(Job::find(AppServer\queue('add', [6, 'b' => 7]))->await());
?>
--EXPECT--
int(5)
int(5)
int(5)
int(9)
int(9)
int(9)
int(13)
