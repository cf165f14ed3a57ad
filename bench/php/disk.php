<?php

declare(strict_types=1);

/** The least that a job on disk costs: one block, written over and over. */
final class Disk
{
    private const BLOCK_BYTES = 4096;

    /** @var resource */
    private $file;
    private string $block;

    public function __construct(string $folder)
    {
        $this->file = fopen("$folder/block", 'w+');
        $this->block = random_bytes(self::BLOCK_BYTES);
        $this->write();
    }

    /** Nanoseconds of one write and its `fdatasync`. */
    public function write(): int
    {
        $before = hrtime(true);
        fseek($this->file, 0);
        if (fwrite($this->file, $this->block) !== self::BLOCK_BYTES || !fdatasync($this->file)) {
            throw new RuntimeException('the disk does not take a block');
        }
        return hrtime(true) - $before;
    }
}
