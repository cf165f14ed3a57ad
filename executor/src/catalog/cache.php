<?php
// What #[Cacheable] says of a function. Part of reflect.php.

/** @return array{cacheable: ?array, not_cacheable: ?string} */
$cacheable = static function (ReflectionFunctionAbstract $function) use ($instances_of): array {
    try {
        [$one] = $instances_of('AppServer\Cacheable', $function) + [null];
        $said = $one === null ? null : [
            'ttl' => $one->ttl,
            'negative' => $one->negative,
            'tags' => array_values($one->tags),
            'vary' => $one->vary === null ? null : array_values($one->vary),
        ];
        return ['cacheable' => $said, 'not_cacheable' => null];
    } catch (Error $error) {
        return ['cacheable' => null, 'not_cacheable' => $error->getMessage()];
    }
};
