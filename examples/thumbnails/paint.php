<?php

/*
 * Paints images to try the example with: php examples/thumbnails/paint.php FOLDER [COUNT]
 */

declare(strict_types=1);

namespace Gallery;

const WRITERS = ['jpg' => 'imagejpeg', 'png' => 'imagepng', 'webp' => 'imagewebp', 'gif' => 'imagegif'];

[, $folder, $count] = $argv + [1 => '.', 2 => '12'];
for ($number = 1; $number <= (int) $count; $number++) {
    $type = array_keys(WRITERS)[$number % count(WRITERS)];
    WRITERS[$type](painted($number), sprintf('%s/image-%02d.%s', $folder, $number, $type));
}

/** Rings in a colour of their own: wide, tall, wide, … */
function painted(int $number): \GdImage
{
    [$width, $height] = $number % 2 ? [1200, 900] : [600, 1000];
    $image = imagecreatetruecolor($width, $height);
    for ($ring = 30; $ring > 0; $ring--) {
        $shade = 255 - 8 * $ring;
        $colour = imagecolorallocate($image, ($shade * $number) % 256, $shade, 255 - ($number * 20) % 200);
        imagefilledellipse($image, intdiv($width, 2), intdiv($height, 2), $ring * 40, $ring * 30, $colour);
    }
    return $image;
}
