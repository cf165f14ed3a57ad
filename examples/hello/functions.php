<?php

function hello(string $name = 'World'): string
{
    return "Hello, $name!";
}
