//! Applications of many files: one that is made for it, and a package of Debian's.

use e2e::Deployer;
use std::fs;
use std::path::Path;

/// Classes of the application, one a file.
pub(crate) const CLASSES: usize = 2_000;
/// Classes of a namespace.
const OF_NAMESPACE: usize = 50;
/// Where Debian has PHP packages.
pub(crate) const PACKAGES: &str = "/usr/share/php";

/// Loads classes as Composer's PSR-4 does, calls through twenty of them for each question.
pub(crate) const FUNCTIONS: &str = r#"
    spl_autoload_register(static function (string $class): void {
        require __DIR__ . '/src/' . strtr($class, '\\', '/') . '.php';
    });
    function total(int $of): int { return (new N0\C0())->sum($of); }"#;

/// Each class extends one of its namespace, holds one of another, and asks the next for its sum.
pub(crate) fn write_classes(app: &Path) {
    for number in 0..CLASSES {
        let (own, next) = (name(number), name((number + 97) % CLASSES));
        let parent = match number % OF_NAMESPACE {
            0 => String::new(),
            _ => format!(" extends \\{}", name(number - number % OF_NAMESPACE)),
        };
        let (namespace, class) = own.split_once('\\').expect("a namespace");
        let folder = app.join("src").join(namespace);
        fs::create_dir_all(&folder).expect("ours");
        let methods: String = (0..10)
            .map(|n| {
                format!(
                    "    /** Says what this class makes of a number. */\n    \
                     public function step{n}(int $of): int {{ return $of * {n} + {number}; }}\n"
                )
            })
            .collect();
        let source = format!(
            "<?php\n\ndeclare(strict_types=1);\n\nnamespace {namespace};\n\nuse {next} as Next;\n\n\
             class {class}{parent}\n{{\n    private ?Next $next = null;\n\n{methods}\n    \
             public function sum(int $of): int\n    {{\n        $this->next ??= new Next();\n        \
             return $of < 1 ? 0 : $this->step1($of) + $this->next->sum($of - 1);\n    }}\n}}\n"
        );
        fs::write(folder.join(format!("{class}.php")), source).expect("ours");
    }
}

fn name(number: usize) -> String {
    format!("N{}\\C{number}", number / OF_NAMESPACE)
}

/// Makes a table with symfony/console.
pub(crate) const CONSOLE_FUNCTIONS: &str = r#"
    require __DIR__ . '/php/Symfony/Component/Console/autoload.php';
    function table(array $rows): string {
        $output = new Symfony\Component\Console\Output\BufferedOutput();
        (new Symfony\Component\Console\Helper\Table($output))->setRows($rows)->render();
        return $output->fetch();
    }"#;

/// Copies the package and what it needs; how many files that were.
pub(crate) fn copy_console(deployer: &Deployer) -> usize {
    let target = Path::new(&deployer.path("app")).join("php");
    let mut files = 0;
    for part in ["Symfony", "Psr"] {
        files += copy(&Path::new(PACKAGES).join(part), &target.join(part));
    }
    files
}

fn copy(from: &Path, to: &Path) -> usize {
    if !from.is_dir() {
        fs::copy(from, to).expect("a file of a package");
        return 1;
    }
    fs::create_dir_all(to).expect("ours");
    let entries = fs::read_dir(from).expect("`make setup` installs composer, which brings it");
    entries
        .map(|entry| entry.expect("an entry").file_name())
        .fold(0, |files, name| files + copy(&from.join(&name), &to.join(&name)))
}
