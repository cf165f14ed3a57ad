--TEST--
Code that runs while values are encoded or decoded may call, too
--FILE--
<?php
class Node
{
    public mixed $seen = null;
    public array $children = [];

    public function __construct(public string $name)
    {
    }

    public function __serialize(): array
    {
        return ['name' => appserver_call('greet', $this->name), 'seen' => null, 'children' => []];
    }

    public function __unserialize(array $data): void
    {
        $this->name = appserver_call('greet', $data['name']);
    }
}

echo appserver_call('identity', new Node('x'))->name, "\n";
var_dump(appserver_status()['calls_in_flight']);
?>
--EXPECT--
Hello, Hello, x!!
int(0)
