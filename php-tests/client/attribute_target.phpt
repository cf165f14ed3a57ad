--TEST--
The attributes are for functions and methods only: PHP's compiler says so
--FILE--
<?php
#[AppServer\Remote] class NotHere {}
?>
--EXPECTF--
Fatal error: Attribute "AppServer\Remote" cannot target class (allowed targets: function, method) in %s on line %d
