<?php
// Prints all that reflection says of the functions and classes that callers see. Originals and proxies
// print the same.

$attributes = static fn (Reflector $of): array => array_map(
    static fn (ReflectionAttribute $one): array => [$one->getName(), $one->getArguments()],
    $of->getAttributes(),
);
$function = static function (ReflectionFunctionAbstract $function) use ($attributes): array {
    $params = array_map(static fn (ReflectionParameter $param): array => [
        'name' => $param->getName(),
        'type' => (string) $param->getType(),
        'optional' => $param->isOptional(),
        'default' => $param->isDefaultValueAvailable() ? var_export($param->getDefaultValue(), true) : 'none',
        'variadic' => $param->isVariadic(),
        'by reference' => $param->isPassedByReference(),
        'attributes' => $attributes($param),
    ], $function->getParameters());
    return [
        'doc' => $function->getDocComment(),
        'attributes' => $attributes($function),
        'params' => $params,
        'returns' => (string) $function->getReturnType(),
        'returns by reference' => $function->returnsReference(),
        'static' => $function instanceof ReflectionMethod && $function->isStatic(),
    ];
};
$names = array_filter(get_defined_functions()['user'], static fn (string $name): bool => str_starts_with($name, 'shop'));
sort($names);
foreach ($names as $name) {
    $reflection = new ReflectionFunction($name);
    echo $reflection->getName(), ' ', var_export($function($reflection), true), "\n";
}
foreach (['Shop\Rates', 'Plain'] as $name) {
    $class = new ReflectionClass($name);
    $constants = array_filter($class->getReflectionConstants(), static fn ($one) => $one->isPublic());
    $methods = array_filter($class->getMethods(), static fn ($one) => $one->isPublic());
    usort($methods, static fn ($one, $other) => $one->getName() <=> $other->getName());
    $described = [
        'modifiers' => Reflection::getModifierNames($class->getModifiers()),
        'doc' => $class->getDocComment(),
        'attributes' => $attributes($class),
        'instantiable' => $class->isInstantiable(),
        'constants' => array_map(static fn ($one) => [$one->getName(), $one->getValue(), $one->getDocComment(), $one->isFinal()], $constants),
    ];
    echo $class->getName(), ' ', var_export($described, true), "\n";
    foreach ($methods as $method) {
        echo "$name::{$method->getName()} ", var_export($function($method), true), "\n";
    }
}
