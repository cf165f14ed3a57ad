<?php

/*
 * What the worker runs: a thumbnail is a job, and the page that shows them is what follows their batch.
 */

declare(strict_types=1);

namespace Gallery;

use AppServer\{Batch, Job, Queued};
use function AppServer\progress;

/** GD holds every pixel in memory, in four bytes: a small file can be a large image. */
const PIXELS_MAX = 25_000_000;

final class UnreadableImage extends \RuntimeException {}

/** An image made small. Making it twice does no harm: each time the whole file takes the place of the last one. */
#[Queued(queue: 'images', attempts: 2, backoff: 1, timeout: 60)]
final class Thumbnail extends Job
{
    public function __construct(
        private readonly string $image,
        private readonly string $thumbnail,
        private readonly int $side = 160,
    ) {
    }

    /** @return array{int, int} Width and height of the thumbnail. */
    public function run(): array
    {
        progress(0, 3, 'reading');
        $large = read_image($this->image);
        progress(1, 3, 'scaling');
        $small = scaled($large, $this->side);
        progress(2, 3, 'writing');
        write_whole($this->thumbnail, static fn (string $file): bool => imagewebp($small, $file));
        progress(3, 3);
        return [imagesx($small), imagesy($small)];
    }
}

/** Queued when every thumbnail of a batch is made, or given up. */
#[Queued(queue: 'pages')]
function write_index(string $batch, string $gallery): string
{
    $thumbnails = glob("$gallery/*.webp") ?: [];
    $status = Batch::find($batch);
    $title = "$status->done of $status->total images";
    write_whole("$gallery/index.html", static fn (string $file): bool => file_put_contents($file, page($title, $thumbnails)) > 0);
    return $title;
}

function read_image(string $file): \GdImage
{
    [$width, $height] = @getimagesize($file) ?: throw new UnreadableImage("$file is no image that GD can read");
    if ($width * $height > PIXELS_MAX) {
        throw new UnreadableImage("$file has $width x $height pixels: more than " . PIXELS_MAX);
    }
    return @imagecreatefromstring(file_get_contents($file)) ?: throw new UnreadableImage("$file is damaged");
}

/** Fitted into a square; never enlarged. */
function scaled(\GdImage $image, int $side): \GdImage
{
    [$width, $height] = [imagesx($image), imagesy($image)];
    $scale = min(1.0, $side / max($width, $height));
    $size = [max(1, (int) round($width * $scale)), max(1, (int) round($height * $scale))];
    $small = imagecreatetruecolor(...$size);
    imagealphablending($small, false);
    imagesavealpha($small, true);
    imagecopyresampled($small, $image, 0, 0, 0, 0, ...$size, src_width: $width, src_height: $height);
    return $small;
}

/** Nobody ever sees half of a file, whenever the process dies. */
function write_whole(string $path, callable $write): void
{
    $temporary = $path . '.' . getmypid() . '.tmp';
    if (!$write($temporary) || !rename($temporary, $path)) {
        throw new \RuntimeException("$path cannot be written");
    }
}

/** @param list<string> $thumbnails */
function page(string $title, array $thumbnails): string
{
    $figures = array_map(static function (string $path): string {
        $source = htmlspecialchars(rawurlencode(basename($path)));
        $caption = htmlspecialchars(basename($path, '.webp'));
        return "<figure><img src=\"$source\" alt=\"\"><figcaption>$caption</figcaption></figure>\n";
    }, $thumbnails);
    return "<!doctype html>\n<meta charset=\"utf-8\">\n<title>$title</title>\n<h1>$title</h1>\n" . implode('', $figures);
}
