<?php

/*
 * Makes thumbnails of the images of a folder, on the executors of a worker that serves
 * examples/thumbnails, and a page that shows them.
 *
 * php -d extension=…/appserver.so -d appserver.workers=unix:… examples/thumbnails/make.php IMAGES GALLERY
 */

declare(strict_types=1);

namespace Gallery;

use AppServer\{Batch, BatchStatus, TimeoutException};

// For the class Thumbnail: an object of it is queued here, and run there.
require __DIR__ . '/functions.php';

exit(main(array_slice($argv, 1)));

function main(array $arguments): int
{
    [$images, $gallery] = array_map(realpath(...), $arguments + ['', '']);
    $files = $images === false ? [] : (glob("$images/*.{gif,jpg,jpeg,png,webp}", GLOB_BRACE) ?: []);
    if ($files === [] || $gallery === false) {
        fwrite(STDERR, "use: make.php IMAGES GALLERY, two folders: images to read, and where to write\n");
        return 2;
    }
    $batch = queue($files, $gallery);
    // The page is written by what follows the batch, whether this script still runs or not.
    $status = watch($batch);
    printf("\n%d made, %d failed; %s/index.html follows\n", $status->done, $status->failed, $gallery);
    return $status->failed === 0 ? 0 : 1;
}

/** @param list<string> $files */
function queue(array $files, string $gallery): string
{
    $batch = (new Batch('thumbnails'))->allowFailures()->finally('Gallery\write_index', $gallery);
    foreach ($files as $file) {
        $batch->add(new Thumbnail($file, "$gallery/" . basename($file) . '.webp'));
    }
    return $batch->queue();
}

/** Shows how far it is until it is over. */
function watch(string $id): BatchStatus
{
    $status = Batch::find($id);
    while (!$status->isOver()) {
        printf("\r%d of %d", $status->done + $status->failed, $status->total);
        try {
            $status = $status->await(timeout: 0.2);
        } catch (TimeoutException) {
            $status = $status->refresh();
        }
    }
    printf("\r%d of %d", $status->done + $status->failed, $status->total);
    return $status;
}
