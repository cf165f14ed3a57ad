<?php

declare(strict_types=1);

// As Composer would load the package.
spl_autoload_register(static function (string $class): void {
    $folders = ['AppServer\\Tests\\' => __DIR__, 'AppServer\\' => dirname(__DIR__) . '/src'];
    foreach ($folders as $prefix => $folder) {
        if (str_starts_with($class, $prefix)) {
            $file = $folder . '/' . strtr(substr($class, strlen($prefix)), '\\', '/') . '.php';
            if (is_file($file)) {
                require $file;
                return;
            }
        }
    }
});
require_once dirname(__DIR__) . '/src/functions.php';
