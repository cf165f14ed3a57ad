<?php

declare(strict_types=1);

/** As little FastCGI as a client needs, and no slower than PHP allows: one write, mostly one read. */
final class FastCgiConnection
{
    private const BEGIN_REQUEST = 1;
    private const END_REQUEST = 3;
    private const PARAMS = 4;
    private const STDIN = 5;
    private const STDOUT = 6;
    private const HEADER_BYTES = 8;

    private Socket $socket;
    /** Everything of a request that comes before its body; without the body's length. */
    private string $begin;
    private string $params;

    public function __construct(string $path, string $script)
    {
        $this->socket = socket_create(AF_UNIX, SOCK_STREAM, 0);
        if (!socket_connect($this->socket, $path)) {
            throw new RuntimeException("cannot connect to $path");
        }
        // Role 1 is "responder", flag 1 keeps the connection.
        $this->begin = self::record(self::BEGIN_REQUEST, pack('nCx5', 1, 1));
        $this->params = self::pairs([
            'GATEWAY_INTERFACE' => 'CGI/1.1',
            'REQUEST_METHOD' => 'POST',
            'SCRIPT_FILENAME' => $script,
            'CONTENT_TYPE' => 'application/octet-stream',
        ]);
    }

    /** Sends $body and returns the body of the answer. */
    public function post(string $body): string
    {
        $params = $this->params . self::pairs(['CONTENT_LENGTH' => (string) strlen($body)]);
        $request = $this->begin
            . self::record(self::PARAMS, $params) . self::record(self::PARAMS, '')
            . self::record(self::STDIN, $body) . self::record(self::STDIN, '');
        if (socket_write($this->socket, $request) !== strlen($request)) {
            throw new RuntimeException('PHP-FPM did not take the request');
        }
        $output = $this->read_output();
        return substr($output, strpos($output, "\r\n\r\n") + 4);
    }

    private function read_output(): string
    {
        $output = '';
        $buffer = '';
        while (true) {
            while (strlen($buffer) < self::HEADER_BYTES) {
                $buffer .= $this->read();
            }
            ['type' => $type, 'length' => $length, 'padding' => $padding]
                = unpack('Cversion/Ctype/nid/nlength/Cpadding', $buffer);
            $record_bytes = self::HEADER_BYTES + $length + $padding;
            while (strlen($buffer) < $record_bytes) {
                $buffer .= $this->read();
            }
            if ($type === self::STDOUT) {
                $output .= substr($buffer, self::HEADER_BYTES, $length);
            } elseif ($type === self::END_REQUEST) {
                return $output;
            }
            $buffer = substr($buffer, $record_bytes);
        }
    }

    private function read(): string
    {
        $bytes = socket_read($this->socket, 65536);
        if ($bytes === false || $bytes === '') {
            throw new RuntimeException('PHP-FPM closed the connection');
        }
        return $bytes;
    }

    private static function record(int $type, string $content): string
    {
        return pack('CCnnCx', 1, $type, 1, strlen($content), 0) . $content;
    }

    /** @param array<string, string> $params each shorter than 128 bytes, or with a four-byte length */
    private static function pairs(array $params): string
    {
        $bytes = '';
        foreach ($params as $name => $value) {
            $bytes .= self::length($name) . self::length($value) . $name . $value;
        }
        return $bytes;
    }

    private static function length(string $text): string
    {
        $length = strlen($text);
        return $length < 128 ? chr($length) : pack('N', $length | 0x80000000);
    }
}
