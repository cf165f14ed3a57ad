<?php
// What the files import by `use`, for names in doc comments: they keep their meaning only together.
// Reflection does not tell. Without PHP's tokenizer nothing is known, and nothing goes wrong.
$imported = static function (string $statement): array {
    $prefix = '';
    if (preg_match('/^(.*)\{(.*)\}$/s', $statement, $group)) {
        [, $prefix, $statement] = $group;
    }
    $classes = [];
    foreach (explode(',', $statement) as $item) {
        // Not `function f` nor `const C`: those have a blank where a class has none.
        if (preg_match('/^([\w\\\\\x80-\xff]+)(?:\s+as\s+([\w\x80-\xff]+))?$/i', trim($prefix) . trim($item), $match)) {
            $class = ltrim($match[1], '\\');
            $classes[$match[2] ?? substr(strrchr('\\' . $class, '\\'), 1)] = $class;
        }
    }
    return $classes;
};

// By namespace in lower case, then by alias.
$file_imports = static function (string $path) use ($imported): array {
    $imports = [];
    $namespace = '';
    [$depth, $base] = [0, 0];
    $tokens = class_exists('PhpToken') ? PhpToken::tokenize((string) file_get_contents($path)) : [];
    $tokens = array_values(array_filter($tokens, static fn (PhpToken $token): bool => !$token->is([T_COMMENT, T_DOC_COMMENT])));
    $until = static function (int &$at, string ...$ends) use ($tokens): string {
        $text = '';
        while (isset($tokens[++$at]) && !in_array($tokens[$at]->text, $ends, true)) {
            $text .= $tokens[$at]->text;
        }
        return trim($text);
    };
    for ($at = 0; isset($tokens[$at]); $at++) {
        $token = $tokens[$at];
        if ($token->is(T_NAMESPACE)) {
            $namespace = strtolower($until($at, ';', '{'));
            $base = ($tokens[$at]->text ?? ';') === '{' ? 1 : 0;
            $depth += $base;
        } elseif ($token->is(T_USE) && $depth === $base) {
            $closure = ltrim(($tokens[$at + 1]->text ?? '') . ($tokens[$at + 2]->text ?? ''))[0] === '(';
            $imports[$namespace] = ($closure ? [] : $imported($until($at, ';'))) + ($imports[$namespace] ?? []);
        } elseif ($token->is(['{', T_CURLY_OPEN, T_DOLLAR_OPEN_CURLY_BRACES])) {
            $depth++;
        } elseif ($token->text === '}') {
            $depth--;
            $base = min($base, $depth);
        }
    }
    return $imports;
};
