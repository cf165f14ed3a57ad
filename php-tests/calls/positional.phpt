--TEST--
A call returns what the function returns; defaults are filled on the remote side
--FILE--
<?php
var_dump(appserver_call('greet', 'World'));
var_dump(appserver_call('greet', 'World', 'Bye'));
var_dump(appserver_call('greet', greeting: 'Good day', name: 'all'));
var_dump(appserver_call('sum', 1, 2, 3));
var_dump(appserver_call('sum', ...[4, 5]));
?>
--EXPECT--
string(13) "Hello, World!"
string(11) "Bye, World!"
string(14) "Good day, all!"
int(6)
int(9)
