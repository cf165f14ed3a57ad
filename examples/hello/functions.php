<?php

function hello(string $name, int $times = 1): string
{
    return trim(str_repeat("Hello, $name! ", $times));
}
