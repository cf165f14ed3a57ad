<?php

declare(strict_types=1);

namespace Shop;

/** Thrown when an article is not sold any more. */
final class SoldOut extends \DomainException {}
