<?php

// Prints every function and class of the extension, one line each, sorted: from the loaded extension
// (`php -d extension=appserver.so signatures.php`) or from the stub file, if it is named
// (`php -n signatures.php stubs/appserver.stub.php`). scripts/check-stubs compares the two.

declare(strict_types=1);

exit(main($argv[1] ?? null));

function main(?string $stub): int
{
    $functions = get_defined_functions()[$stub === null ? 'internal' : 'user'];
    $classes = get_declared_classes();
    if ($stub !== null) {
        require $stub;
        $functions = array_diff(get_defined_functions()['user'], $functions);
        $classes = array_diff(get_declared_classes(), $classes);
    }
    $lines = [];
    foreach ($functions as $name) {
        str_starts_with($name, 'appserver') && $lines[] = 'function ' . signature(new ReflectionFunction($name));
    }
    foreach ($classes as $name) {
        str_starts_with($name, 'AppServer\\') && array_push($lines, ...of_class(new ReflectionClass($name)));
    }
    sort($lines);
    echo implode("\n", $lines), "\n";
    return 0;
}

/** @return list<string> */
function of_class(ReflectionClass $class): array
{
    $name = $class->getName();
    $modifiers = implode(' ', Reflection::getModifierNames($class->getModifiers()));
    $parent = $class->getParentClass() ? ' extends ' . $class->getParentClass()->getName() : '';
    $interfaces = $class->getInterfaceNames();
    sort($interfaces);
    $implemented = $interfaces ? ' implements ' . implode(', ', $interfaces) : '';
    $lines = [trim("$modifiers class $name$parent$implemented")];
    foreach ($class->getReflectionConstants() as $constant) {
        $constant->getDeclaringClass()->getName() === $name
            && $lines[] = "const $name::{$constant->getName()} = " . var_export($constant->getValue(), true);
    }
    foreach ($class->getProperties(ReflectionProperty::IS_PUBLIC) as $property) {
        $property->getDeclaringClass()->getName() === $name
            && $lines[] = "property $name " . implode(' ', Reflection::getModifierNames($property->getModifiers()))
                . " {$property->getType()} \${$property->getName()}";
    }
    foreach ($class->getMethods() as $method) {
        $method->getDeclaringClass()->getName() === $name
            && $lines[] = "method $name " . implode(' ', Reflection::getModifierNames($method->getModifiers()))
                . ' ' . signature($method);
    }
    foreach ($class->getAttributes() as $attribute) {
        $lines[] = "attribute $name #[{$attribute->getName()}(" . implode(', ', $attribute->getArguments()) . ')]';
    }
    return $lines;
}

function signature(ReflectionFunctionAbstract $function): string
{
    $parameters = array_map(static fn (ReflectionParameter $parameter): string => trim(
        "{$parameter->getType()} " . ($parameter->isPassedByReference() ? '&' : '')
        . ($parameter->isVariadic() ? '...' : '') . "\${$parameter->getName()}" . default_of($parameter)
    ), $function->getParameters());
    return "{$function->getName()}(" . implode(', ', $parameters) . '): ' . ($function->getReturnType() ?? '-');
}

function default_of(ReflectionParameter $parameter): string
{
    return match (true) {
        !$parameter->isOptional() || $parameter->isVariadic() => '',
        $parameter->isDefaultValueAvailable() => ' = ' . strtolower(var_export($parameter->getDefaultValue(), true)),
        default => ' = ?',
    };
}
