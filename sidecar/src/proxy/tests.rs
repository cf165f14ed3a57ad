//! Catalogs of text alone, and the code that comes of them.

use super::{Selection, package, single};
use protocol::{AppName, Attribute, Catalog, Class, Constant, Function, Param, Patterns};

fn catalog(functions: Vec<Function>, classes: Vec<Class>) -> Catalog {
    let app = AppName::new("shop").expect("a good name");
    Catalog { app, functions, classes, ..Catalog::default() }
}

fn selected(catalog: &Catalog) -> Selection<'_> {
    Selection::new(catalog, &Patterns::default(), &Patterns::default())
}

fn function(name: &str, params: Vec<Param>, returns: Option<&str>) -> Function {
    Function {
        name: name.to_owned(),
        params,
        returns: returns.map(str::to_owned),
        file: "a.php".to_owned(),
        ..Function::default()
    }
}

fn param(name: &str, ty: &str, default: Option<&str>) -> Param {
    Param {
        name: name.to_owned(),
        ty: Some(ty.to_owned()),
        optional: default.is_some(),
        default: default.map(str::to_owned),
        ..Param::default()
    }
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

/// One function, and what stands behind the header.
fn code(function: Function) -> String {
    let catalog = catalog(vec![function], Vec::new());
    let file = single(&selected(&catalog));
    let (_, code) = file.split_once("declare(strict_types=1);\n").expect("a header");
    code.to_owned()
}

#[test]
fn a_function_keeps_its_head_and_gets_a_body() {
    let variadic = Param { variadic: true, ..param("more", "int", None) };
    let size = param("size", "Shop\\Size|null", Some("\\Shop\\Size::Small"));
    let limit = Param { value: text("12"), ..param("limit", "int", Some("\\Shop\\LIMIT")) };
    let quote = Function {
        doc: text("/**\n * @return list<Price>\n */"),
        attributes: vec![
            Attribute {
                name: "AppServer\\Timeout".to_owned(),
                arguments: vec![(text("seconds"), "2.5".to_owned())],
            },
            // Not of the proxy: deployed elsewhere it would keep results where nobody invalidates them.
            Attribute {
                name: "appserver\\cacheable".to_owned(),
                arguments: vec![(None, "60.0".to_owned())],
            },
        ],
        imports: vec![("Price".to_owned(), "Values\\Money".to_owned())],
        ..function("Shop\\quote", vec![size, limit, variadic], Some("?array"))
    };
    let expected = r"
namespace Shop;

use Values\Money as Price;

/**
 * @return list<Price>
 */
#[\AppServer\Timeout(seconds: 2.5)]
function quote(\Shop\Size|null $size = \Shop\Size::Small, int $limit = 12, int ...$more): ?array
{
    /** @var list<Price> $result */
    $result = \appserver_call('shop:Shop\\quote', ...\func_get_args(), ...\array_filter($more, \is_string(...), \ARRAY_FILTER_USE_KEY));

    return $result;
}
";
    assert_eq!(code(quote), expected);
}

#[test]
fn bodies_give_back_what_the_head_promises() {
    let body = |returns: Option<&str>, doc: Option<&str>| {
        let code = code(Function { doc: doc.map(str::to_owned), ..function("f", vec![], returns) });
        let (_, body) = code.split_once("\n{\n").expect("a body");
        body.trim_end().trim_end_matches("\n}").replace("    ", "")
    };
    let call = "\\appserver_call('shop:f');";
    assert_eq!(body(Some("void"), None), call);
    assert_eq!(body(None, Some("/** @return void */")), call);
    assert_eq!(body(None, None), format!("return {call}"));
    assert_eq!(body(Some("mixed"), None), format!("return {call}"));
    let annotated =
        |ty: &str| format!("/** @var {ty} $result */\n$result = {call}\n\nreturn $result;");
    assert_eq!(body(Some("?A\\B"), None), annotated("?\\A\\B"));
    assert_eq!(body(Some("mixed"), Some("/** @return int */")), annotated("int"));
    let never = body(Some("never"), None);
    assert!(never.starts_with(call) && never.contains("throw new \\LogicException("), "{never}");
}

#[test]
fn namespaces_stand_in_braces_when_there_are_several() {
    let functions = vec![function("a", vec![], None), function("B\\b", vec![], None)];
    let catalog = catalog(functions, Vec::new());
    let file = single(&selected(&catalog));
    let places = ["namespace {\n\nfunction a()", "namespace B {\n\nfunction b()"];
    let places = places.map(|text| file.find(text).unwrap_or_else(|| panic!("{text}: {file}")));
    assert!(places.is_sorted());
}

#[test]
fn long_heads_take_a_line_for_each_parameter() {
    let params = (1..=9).map(|n| param(&format!("parameter_{n}"), "string", Some("''")));
    let mut params: Vec<Param> = params.collect();
    let long = code(function("f", params.clone(), Some("int")));
    assert!(long.contains("function f(\n    string $parameter_1 = '',\n"), "{long}");
    assert!(long.contains("    string $parameter_9 = '',\n): int {\n"), "{long}");
    params.push(Param { variadic: true, ..param("more", "int", None) });
    let long = code(function("f", params, None));
    assert!(long.contains("    int ...$more\n) {\n"), "{long}");
}

fn rates() -> Class {
    let constant = |name: &str, is_final| Constant {
        name: name.to_owned(),
        value: "19".to_owned(),
        is_final,
        doc: (!is_final).then(|| "/** Per cent. */".to_owned()),
    };
    Class {
        name: "Shop\\Rates".to_owned(),
        is_final: true,
        constructor: text("private"),
        constants: vec![constant("VAT", false), constant("OLD", true)],
        doc: text("/** Rates. */"),
        file: "a.php".to_owned(),
        ..Class::default()
    }
}

fn of() -> Function {
    let own = |name: &str, constant: &str| Param {
        value: text("19"),
        ..param(name, "int", Some(constant))
    };
    let params = vec![own("vat", "self::VAT"), own("secret", "self::SECRET")];
    function("Shop\\Rates::of", params, Some("static"))
}

#[test]
fn a_class_keeps_its_constants_and_static_functions() {
    let catalog = catalog(vec![of()], vec![rates()]);
    let file = single(&selected(&catalog));
    let expected = r"
namespace Shop;

/** Rates. */
final class Rates
{
    /** Per cent. */
    public const VAT = 19;
    final public const OLD = 19;

    private function __construct() {}

    public static function of(int $vat = self::VAT, int $secret = 19): static
    {
        /** @var static $result */
        $result = \appserver_call('shop:Shop\\Rates::of', ...\func_get_args());

        return $result;
    }
}
";
    assert!(file.ends_with(expected), "{file}");
}

#[test]
fn a_class_with_instances_is_left_out_and_says_so() {
    let class = Class { instances: text("it is an enum"), ..rates() };
    let catalog = catalog(vec![of()], vec![class]);
    let selection = selected(&catalog);
    assert!(selection.refusals[0].reason.contains("appserver_call('shop:Shop\\Rates::…')"));
    let file = single(&selection);
    assert!(!file.contains("class Rates\n") && file.contains("//   class Shop\\Rates, left out: "));
}

#[test]
fn a_package_has_a_file_for_each_class() {
    let catalog = catalog(vec![function("f", vec![], None), of()], vec![rates()]);
    let package = package(&selected(&catalog));
    let names: Vec<&str> = package.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["classes/Shop/Rates.php", "composer.json", "functions.php"]);
    assert!(package[0].1.contains("final class Rates") && !package[2].1.contains("Rates"));
    let manifest: serde_json::Value = serde_json::from_str(&package[1].1).expect("JSON");
    assert_eq!(manifest["name"], "appserver/shop");
    assert_eq!(manifest["autoload"]["classmap"][0], "classes/");
}

#[test]
fn an_import_that_would_clash_with_a_class_made_here_is_left_out() {
    let import = |alias: &str, class: &str| (alias.to_owned(), class.to_owned());
    let imports = vec![import("Rates", "Other\\Rates"), import("Size", "Other\\Size")];
    let quote =
        Function { imports, file: "b.php".to_owned(), ..function("Shop\\quote", vec![], None) };
    let catalog = catalog(vec![quote, of()], vec![rates()]);
    let file = single(&selected(&catalog));
    assert!(file.contains("use Other\\Size;") && !file.contains("use Other\\Rates;"), "{file}");
}

#[test]
fn patterns_choose() {
    let names = ["a\\one", "a\\two", "b"];
    let catalog = catalog(names.map(|name| function(name, vec![], None)).to_vec(), Vec::new());
    let chosen = |only: &[&str], except: &[&str]| {
        Selection::new(&catalog, &Patterns::new(only), &Patterns::new(except)).functions.len()
    };
    assert_eq!(chosen(&[], &[]), 3);
    assert_eq!(chosen(&["A\\*"], &[]), 2);
    assert_eq!(chosen(&["a\\*"], &["*two"]), 1);
    assert_eq!(chosen(&["c"], &[]), 0);
}

/// Whoever queues an object has its class, and nobody can call it.
#[test]
fn jobs_have_no_proxies() {
    let run = Function { job_class: true, ..function("Shop\\Resize::run", vec![], None) };
    let catalog = catalog(vec![run, function("f", vec![], None)], Vec::new());
    let selection = selected(&catalog);
    assert_eq!((selection.functions.len(), selection.classes.len()), (1, 0));
    assert!(selection.refusals.is_empty());
    assert!(!single(&selection).contains("Resize"));
}

/// Nothing that a hostile worker says becomes more than it may be.
#[test]
fn text_that_is_no_signature_never_becomes_code() {
    let evil = "x() {} system('id'); function y";
    let hostile: Vec<Function> = vec![
        function(evil, vec![], None),
        function(&format!("A::{evil}"), vec![], None),
        function("f1", vec![param(evil, "int", None)], None),
        function("f2", vec![param("a", "int $b) { system('id'); } //", None)], None),
        function("f3", vec![param("a", "int", Some("1) { system('id'); } function g("))], None),
        function("f4", vec![], Some("int { system('id'); }")),
        Function { doc: text("/** */ system('id'); /* */"), ..function("f5", vec![], None) },
        Function {
            attributes: vec![Attribute {
                name: "A".to_owned(),
                arguments: vec![(None, "1)] system('id'); #[B(".to_owned())],
            }],
            ..function("f6", vec![], None)
        },
        Function {
            imports: vec![("A; system('id');".to_owned(), "B".to_owned())],
            classes: vec!["C\n system('id');".to_owned()],
            ..function("f7", vec![], None)
        },
        Function { name: "f8\n system('id');".to_owned(), ..function("", vec![], None) },
    ];
    let class = Class { doc: text("/** */ system('id'); /* */"), ..rates() };
    let method = of();
    let worse = Constant { value: "1; system('id')".to_owned(), ..class.constants[0].clone() };
    let constant = Class { name: "Worse".to_owned(), constants: vec![worse], ..rates() };
    let mut functions = hostile;
    functions.extend([method, function("Worse::m", vec![], None)]);
    let catalog = catalog(functions, vec![class, constant]);
    let selection = selected(&catalog);
    let file = single(&selection);
    let run: Vec<&str> = file
        .lines()
        .filter(|line| line.contains("system") && !line.trim_start().starts_with("//"))
        .collect();
    assert_eq!(run, Vec::<&str>::new(), "{file}");
    for kept in ["function f5()", "function f6()", "function f7()", "final class Rates"] {
        assert!(file.contains(kept), "{kept}: {file}");
    }
    for what in ["f1()", "f2()", "f3()", "f4()", "class Worse"] {
        let refused = selection.refusals.iter().find(|refusal| refusal.what == what);
        assert!(refused.is_some_and(|refusal| !refusal.throws), "{what}");
    }
    assert_eq!(selection.left_out.len(), 3, "{:?}", selection.left_out);
}
