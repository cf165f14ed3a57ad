<?php
return (static function (): string {
    $arguments = json_decode(<<<'ARGUMENTS'
    {ARGUMENTS}
    ARGUMENTS, true, 512, JSON_THROW_ON_ERROR);
    $entry = [];
    foreach ($arguments['entry'] as $file) {
        $entry[realpath($arguments['root'] . '/' . $file)] = $file;
    }

    // {IMPORTS}

    $text = static fn (string $value): string => preg_match('//u', $value)
        ? var_export($value, true)
        // JSON has no place for other bytes.
        : '"' . preg_replace_callback('/[^ !#%-[\]-~]/', static fn (array $byte): string => sprintf('\\x%02x', ord($byte[0])), $value) . '"';

    $source = static function (mixed $value) use (&$source, $text): string {
        if (is_array($value)) {
            $items = [];
            $next = 0;
            foreach ($value as $key => $item) {
                $items[] = ($key === $next ? '' : $source($key) . ' => ') . $source($item);
                $next = is_int($key) ? $key + 1 : $next;
            }
            return '[' . implode(', ', $items) . ']';
        }
        return match (true) {
            $value === null => 'null',
            is_string($value) => $text($value),
            $value instanceof UnitEnum => '\\' . $value::class . '::' . $value->name,
            is_object($value) => 'new \\' . $value::class . '(...)',
            default => var_export($value, true),
        };
    };

    // Whether callers can name the constant: PHP's own, and cases of enums, which they need anyway.
    $own = [];
    foreach (get_defined_constants(true) as $extension => $constants) {
        $own += $extension === 'user' ? [] : $constants;
    }
    $is_known_elsewhere = static function (string $constant) use ($own): bool {
        [$class, $name] = explode('::', $constant, 2) + [1 => null];
        return $name === null
            ? array_key_exists($constant, $own)
            : (new ReflectionClass($class))->isInternal() || constant($constant) instanceof UnitEnum;
    };

    $has_object = static function (mixed $value) use (&$has_object): bool {
        return is_array($value)
            ? array_filter($value, $has_object) !== []
            : is_object($value) && !$value instanceof UnitEnum;
    };

    // PHP source of the default, and of its value where that source names a constant of the application.
    $default = static function (ReflectionParameter $param) use ($source, $is_known_elsewhere, $has_object): array {
        if (!$param->isDefaultValueAvailable()) {
            return [null, null];
        }
        if ($param->isDefaultValueConstant()) {
            $name = $param->getDefaultValueConstantName();
            if (preg_match('/^(self|static|parent)::/i', $name)) {
                return [$name, $source($param->getDefaultValue())];
            }
            // An unqualified name in a namespace may mean the global constant.
            $name = defined($name) ? ltrim($name, '\\') : substr(strrchr('\\' . $name, '\\'), 1);
            return ['\\' . $name, $is_known_elsewhere($name) ? null : $source($param->getDefaultValue())];
        }
        if (!$has_object($value = $param->getDefaultValue())) {
            return [$source($value), null];
        }
        // How the object is made only the engine's own printer tells.
        return [preg_match('/ = (.*) \]$/s', (string) $param, $match) ? $match[1] : $source($value), null];
    };

    $attributes = static function (Reflector $of) use ($source): array {
        $found = [];
        foreach ($of->getAttributes() as $attribute) {
            $values = [];
            try {
                foreach ($attribute->getArguments() as $name => $value) {
                    $values[] = [is_string($name) ? $name : null, $source($value)];
                }
            } catch (Error) {
                // It names what is not there, which harms nobody who does not ask for it.
                $values = [[null, '...']];
            }
            $found[] = ['name' => $attribute->getName(), 'arguments' => $values];
        }
        return $found;
    };

    // The classes in types and defaults that are not PHP's own.
    $classes = static function (array $types, array $defaults): array {
        $names = preg_split('/[?|&()]+/', implode('|', $types), -1, PREG_SPLIT_NO_EMPTY);
        $code = preg_replace('/\'(?:[^\'\\\\]|\\\\.)*\'|"(?:[^"\\\\]|\\\\.)*"/s', '', implode(',', $defaults));
        preg_match_all('/(?<=new \\\\)[\w\\\\\x80-\xff]+|(?<=\\\\)[\w\\\\\x80-\xff]+(?=::)/', $code, $found);
        $words = ['array', 'bool', 'callable', 'false', 'float', 'int', 'iterable', 'mixed', 'never', 'null', 'object', 'parent', 'self', 'static', 'string', 'true', 'void'];
        $ours = static fn (string $name): bool => !in_array(strtolower($name), $words, true)
            && !((class_exists($name, false) || interface_exists($name, false)) && (new ReflectionClass($name))->isInternal());
        return array_values(array_unique(array_filter([...$names, ...$found[0]], $ours)));
    };

    $imports_of = static function (string $path, string $namespace, string ...$docs) use ($file_imports): array {
        static $known = [];
        $known[$path] ??= $file_imports($path);
        $imports = [];
        foreach ($known[$path][strtolower($namespace)] ?? [] as $alias => $class) {
            if (preg_match('/(?<![\w\\\\])' . preg_quote($alias, '/') . '(?!\w)/', implode("\n", $docs))) {
                $imports[] = [$alias, $class];
            }
        }
        sort($imports);
        return $imports;
    };

    // {JOBS}

    // {CACHE}

    $describe = static function (ReflectionFunctionAbstract $function, string $name, string $file, ?ReflectionClass $job_class = null) use ($default, $attributes, $classes, $imports_of, $job, $cacheable): array {
        $params = [];
        $types = [(string) $function->getReturnType()];
        $defaults = [];
        foreach ($function->getParameters() as $param) {
            [$source, $value] = $default($param);
            $types[] = (string) $param->getType();
            $defaults[] = $value ?? $source ?? '';
            $params[] = [
                'name' => $param->getName(),
                'ty' => $param->hasType() ? (string) $param->getType() : null,
                'optional' => $param->isOptional(),
                'default' => $source,
                'value' => $value,
                'by_ref' => $param->isPassedByReference() && !$param->canBePassedByValue(),
                'variadic' => $param->isVariadic(),
                'attributes' => $attributes($param),
            ];
        }
        $doc = $function->getDocComment() ?: null;
        $scope = $function instanceof ReflectionMethod ? $function->getDeclaringClass() : $function;
        return [
            'name' => $name,
            'is_utf8' => preg_match('//u', $name) === 1,
            'params' => $params,
            'returns' => $function->hasReturnType() ? (string) $function->getReturnType() : null,
            'attributes' => $attributes($function),
            'doc' => $doc,
            'file' => $file,
            'line' => $function->getStartLine(),
            'returns_by_ref' => $function->returnsReference(),
            'generator' => $function->isGenerator(),
            'classes' => $classes($types, $defaults),
            'imports' => $imports_of($function->getFileName(), $scope->getNamespaceName(), (string) $doc),
            ...$job($function, $job_class),
            ...$cacheable($function),
        ];
    };

    // Why there is more to a class than functions that need no object.
    $instances = static function (ReflectionClass $class): ?string {
        if ($class->isEnum()) {
            return 'it is an enum';
        }
        foreach ($class->getInterfaceNames() as $interface) {
            return "it implements $interface";
        }
        foreach ($class->getProperties() as $property) {
            if (!$property->isStatic()) {
                return "its objects have a property \${$property->getName()}";
            }
            if ($property->isPublic()) {
                return "its property \${$property->getName()} is public";
            }
        }
        foreach ($class->getMethods() as $method) {
            $hidden = $method->isConstructor() && !$method->isPublic() && $method->getNumberOfParameters() === 0;
            if (!$method->isStatic() && !$hidden || $method->getName() === '__callStatic') {
                return "it has a method {$method->getName()}()";
            }
        }
        return null;
    };

    $describe_class = static function (ReflectionClass $class, string $file) use ($attributes, $instances, $source, $imports_of): array {
        $constants = [];
        $why = $instances($class);
        foreach ($why === null ? $class->getReflectionConstants(ReflectionClassConstant::IS_PUBLIC) : [] as $constant) {
            $constants[] = [
                'name' => $constant->getName(),
                'value' => $source($constant->getValue()),
                'is_final' => $constant->isFinal(),
                'doc' => $constant->getDocComment() ?: null,
            ];
        }
        $constructor = $class->getConstructor();
        $doc = $class->getDocComment() ?: null;
        return [
            'name' => $class->getName(),
            'is_final' => $class->isFinal(),
            'is_abstract' => $class->isAbstract(),
            'instances' => $why,
            'constructor' => match (true) {
                $constructor?->isPrivate() => 'private',
                $constructor?->isProtected() => 'protected',
                default => null,
            },
            'constants' => $constants,
            'attributes' => $attributes($class),
            'doc' => $doc,
            'imports' => $imports_of($class->getFileName(), $class->getNamespaceName(), (string) $doc, implode("\n", array_column($constants, 'doc'))),
            'file' => $file,
            'line' => $class->getStartLine(),
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
    $described = [];
    foreach (get_declared_classes() as $name) {
        $class = new ReflectionClass($name);
        $file = $entry[$class->getFileName()] ?? null;
        if ($file === null || $class->isAnonymous()) {
            continue;
        }
        $methods = count($functions);
        foreach ($class->getMethods(ReflectionMethod::IS_STATIC) as $method) {
            $callable = $method->isPublic() && !$method->isAbstract() && $method->isUserDefined();
            if ($callable && !str_starts_with($method->getName(), '__')) {
                $functions[] = $describe($method, $class->getName() . '::' . $method->getName(), $file);
            }
        }
        if (count($functions) > $methods) {
            $described[] = $describe_class($class, $file);
        }
    }
    foreach ($job_classes($arguments['root']) as [$class, $file]) {
        $functions[] = $describe($class->getMethod('run'), $class->getName() . '::run', $entry[$class->getFileName()] ?? $file, $class);
    }
    $all = ['functions' => $functions, 'classes' => $described];
    return json_encode($all, JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES);
})();
