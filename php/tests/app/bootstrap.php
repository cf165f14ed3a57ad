<?php

// What the deployed application's own vendor/autoload.php would load.
require_once __DIR__ . '/../bootstrap.php';
