<?php

function hello(string $name): string
{
    return "Hello $name";
}

echo hello(file_get_contents('php://input'));
