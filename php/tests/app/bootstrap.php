<?php

// What the deployed application's own vendor/autoload.php would load: the library, and the frameworks as Debian
// packages them.
require_once __DIR__ . '/../bootstrap.php';
require_once 'Symfony/Component/EventDispatcher/autoload.php';
require_once 'Symfony/Component/Messenger/autoload.php';
require_once 'Illuminate/Bus/autoload.php';
require_once 'Illuminate/Config/autoload.php';
require_once 'Illuminate/Events/autoload.php';
require_once 'Illuminate/Queue/autoload.php';
