<?php
return (static function (): string {
    $arguments = json_decode(<<<'ARGUMENTS'
    {ARGUMENTS}
    ARGUMENTS, true, 512, JSON_THROW_ON_ERROR);
    $entry = [];
    foreach ($arguments['entry'] as $file) {
        $entry[realpath($arguments['root'] . '/' . $file)] = $file;
    }

    $source = static function (mixed $value) use (&$source): string {
        if (is_array($value)) {
            $items = [];
            $next = 0;
            foreach ($value as $key => $item) {
                $items[] = ($key === $next ? '' : var_export($key, true) . ' => ') . $source($item);
                $next = is_int($key) ? $key + 1 : $next;
            }
            return '[' . implode(', ', $items) . ']';
        }
        return match (true) {
            $value === null => 'null',
            $value instanceof UnitEnum => '\\' . $value::class . '::' . $value->name,
            is_object($value) => 'new \\' . $value::class . '(...)',
            default => var_export($value, true),
        };
    };

    $default = static function (ReflectionParameter $param) use ($source): ?string {
        if (!$param->isDefaultValueAvailable()) {
            return null;
        }
        if ($param->isDefaultValueConstant()) {
            $name = $param->getDefaultValueConstantName();
            if (preg_match('/^(self|static|parent)::/i', $name)) {
                return $name;
            }
            // An unqualified name in a namespace may mean the global constant.
            $global = substr(strrchr('\\' . $name, '\\'), 1);
            return '\\' . (defined($name) ? ltrim($name, '\\') : $global);
        }
        return $source($param->getDefaultValue());
    };

    $attributes = static function (Reflector $of) use ($source): array {
        $found = [];
        foreach ($of->getAttributes() as $attribute) {
            $values = [];
            foreach ($attribute->getArguments() as $name => $value) {
                $values[] = [is_string($name) ? $name : null, $source($value)];
            }
            $found[] = ['name' => $attribute->getName(), 'arguments' => $values];
        }
        return $found;
    };

    $describe = static function (ReflectionFunctionAbstract $function, string $name, string $file) use ($default, $attributes): array {
        $params = [];
        foreach ($function->getParameters() as $param) {
            $params[] = [
                'name' => $param->getName(),
                'ty' => $param->hasType() ? (string) $param->getType() : null,
                'optional' => $param->isOptional(),
                'default' => $default($param),
                'by_ref' => $param->isPassedByReference() && !$param->canBePassedByValue(),
                'variadic' => $param->isVariadic(),
            ];
        }
        return [
            'name' => $name,
            'params' => $params,
            'returns' => $function->hasReturnType() ? (string) $function->getReturnType() : null,
            'attributes' => $attributes($function),
            'doc' => $function->getDocComment() ?: null,
            'file' => $file,
            'line' => $function->getStartLine(),
        ];
    };

    $functions = [];
    foreach (get_defined_functions()['user'] as $name) {
        $function = new ReflectionFunction($name);
        $file = $entry[$function->getFileName()] ?? null;
        if ($file !== null) {
            $functions[] = $describe($function, $function->getName(), $file);
        }
    }
    foreach (get_declared_classes() as $name) {
        $class = new ReflectionClass($name);
        $file = $entry[$class->getFileName()] ?? null;
        if ($file === null || $class->isAnonymous()) {
            continue;
        }
        foreach ($class->getMethods(ReflectionMethod::IS_STATIC) as $method) {
            $callable = $method->isPublic() && !$method->isAbstract() && $method->isUserDefined();
            if ($callable && !str_starts_with($method->getName(), '__')) {
                $functions[] = $describe($method, $class->getName() . '::' . $method->getName(), $file);
            }
        }
    }
    return json_encode(['functions' => $functions], JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES);
})();
