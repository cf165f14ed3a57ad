<?php
// What attributes say of a function as a job, and the classes that are jobs. Part of reflect.php.

$milliseconds = static fn (?float $seconds): ?int => $seconds === null ? null : (int) ceil($seconds * 1000);

$backoff = static fn (mixed $backoff): ?array => match (true) {
    $backoff === null => null,
    is_array($backoff) => ['List' => array_map($milliseconds, array_values($backoff))],
    $backoff instanceof AppServer\Backoff => ['Exponential' => [
        'base_ms' => $milliseconds($backoff->base),
        'max_ms' => $milliseconds($backoff->max),
        'jitter_percent' => (int) round($backoff->jitter * 100),
    ]],
    default => ['Fixed' => $milliseconds($backoff)],
};

$queued = static fn (AppServer\Queued $queued): array => [
    'queue' => $queued->queue,
    'priority' => $queued->priority,
    'attempts' => $queued->attempts,
    'crash_attempts' => $queued->crashAttempts,
    'backoff' => $backoff($queued->backoff),
    'timeout_ms' => $milliseconds($queued->timeout),
    'expires_ms' => $milliseconds($queued->expires),
    'keep_ms' => $milliseconds($queued->keep),
    'concurrency' => $queued->concurrency,
    'tags' => [],
];

$schedule = static function (AppServer\Schedule $schedule): array {
    $field = '[\d*][\w*,\/?#-]*|[A-Za-z][\w,\/-]*';
    if (!preg_match("/^(?:@(?:yearly|annually|monthly|weekly|daily|midnight|hourly)|(?:$field)(?: +(?:$field)){4,5})$/D", $schedule->cron)) {
        throw new ValueError("\"$schedule->cron\" is no schedule: it has five fields (minute, hour, day, month, weekday), or six with seconds before them, or is @hourly and the like");
    }
    if ($schedule->timezone !== null && !in_array($schedule->timezone, timezone_identifiers_list(DateTimeZone::ALL_WITH_BC), true)) {
        throw new ValueError("\"$schedule->timezone\" is no time zone; they look like Europe/Berlin");
    }
    return ['cron' => $schedule->cron, 'timezone' => $schedule->timezone, 'missed' => $schedule->missed];
};

/** Every instance of the attribute on any of $of. @return list<object> */
$instances_of = static function (string $attribute, ?Reflector ...$of): array {
    $found = [];
    foreach (class_exists($attribute, false) ? array_filter($of) : [] as $one) {
        foreach ($one->getAttributes($attribute) as $declared) {
            $found[] = $declared->newInstance();
        }
    }
    return $found;
};

/** What objects of a job class are stored as; nothing where the class has methods for that. @return list<array> */
$properties = static function (ReflectionClass $class): array {
    foreach (['__serialize', '__unserialize', '__sleep', '__wakeup'] as $method) {
        if ($class->hasMethod($method)) {
            return [];
        }
    }
    $found = [];
    for ($of = $class; $of && !$of->isInternal(); $of = $of->getParentClass()) {
        foreach ($of->getProperties() as $property) {
            $is_own = $property->getDeclaringClass()->getName() === $of->getName();
            $is_stored = !$property->isStatic() && !(method_exists($property, 'isVirtual') && $property->isVirtual());
            if (!$is_stored || !$is_own) {
                continue;
            }
            $name = $property->getName();
            // Others of its name are one and the same, declared anew.
            $name = $property->isPrivate() && $of->getName() !== $class->getName() ? $of->getName() . '::' . $name : $name;
            $found[$name] ??= [
                'name' => $name,
                'ty' => $property->hasType() ? (string) $property->getType() : null,
                'optional' => $property->hasDefaultValue(),
            ];
        }
    }
    ksort($found);
    return array_values($found);
};

/** @return array{job: ?array, rate: ?string, schedules: list<array>, job_class: bool, properties: list<array>, wrong: ?string} */
$job = static function (ReflectionFunctionAbstract $function, ?ReflectionClass $class) use ($queued, $schedule, $properties, $instances_of): array {
    $said = ['job' => null, 'rate' => null, 'schedules' => [], 'job_class' => $class !== null, 'wrong' => null];
    $said['properties'] = $class === null ? [] : $properties($class);
    try {
        $all = $instances_of('AppServer\Queued', $class, $function);
        if (count($all) > 1) {
            throw new ValueError('#[AppServer\Queued] stands on the class and on run(): one is enough');
        }
        foreach ($all as $one) {
            $said['job'] = $queued($one);
            $said['rate'] = $one->rate;
        }
        $said['schedules'] = array_map($schedule, $instances_of('AppServer\Schedule', $function));
        $required = $function->getNumberOfRequiredParameters() > 0;
        if ($class !== null && $required) {
            throw new ValueError('run() of a job takes no parameter that is required: what it needs is in the object');
        }
        if ($class !== null && ($said['schedules'] || $class->getAttributes('AppServer\Schedule'))) {
            throw new ValueError('a job class has no schedule, for nobody makes its object: schedule a function that queues one');
        }
        if ($said['schedules'] && $required) {
            throw new ValueError('a function with a schedule is called without arguments, and this one has a required parameter');
        }
    } catch (Error $error) {
        $said['wrong'] = $error->getMessage();
    }
    return $said;
};

/** Classes below $root that extend AppServer\Job, as far as they are loaded. @return iterable<array{ReflectionClass, string}> */
$job_classes = static function (string $root): iterable {
    $root = realpath($root) . '/';
    foreach (class_exists('AppServer\Job', false) ? get_declared_classes() : [] as $name) {
        if (is_subclass_of($name, 'AppServer\Job')) {
            $class = new ReflectionClass($name);
            $file = (string) $class->getFileName();
            if (!$class->isAbstract() && !$class->isAnonymous() && str_starts_with($file, $root)) {
                yield [$class, substr($file, strlen($root))];
            }
        }
    }
};
