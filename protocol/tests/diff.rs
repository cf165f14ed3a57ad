//! What callers must know of a new release, and what they need not.

use proptest::prelude::*;
use protocol::{
    CachePolicy, Catalog, Change, ChangeKind, Function, Isolation, Param, Property, diff,
};

fn catalog(functions: Vec<Function>) -> Catalog {
    Catalog { functions, ..Catalog::default() }
}

/// `quote` with the parameters written as `type name` or `type name = default`.
fn quote(params: &[&str], returns: &str) -> Catalog {
    catalog(vec![function("quote", params, returns)])
}

fn function(name: &str, params: &[&str], returns: &str) -> Function {
    Function {
        name: name.to_owned(),
        pool: "default".to_owned(),
        params: params.iter().map(|text| param(text)).collect(),
        returns: (!returns.is_empty()).then(|| returns.to_owned()),
        ..Function::default()
    }
}

fn param(text: &str) -> Param {
    let (declared, default) = match text.split_once(" = ") {
        Some((declared, default)) => (declared, Some(default.to_owned())),
        None => (text, None),
    };
    let (ty, name) = declared.rsplit_once(' ').unwrap_or(("", declared));
    let variadic = name.starts_with("...");
    Param {
        name: name.trim_start_matches(['.', '&']).to_owned(),
        ty: (!ty.is_empty()).then(|| ty.to_owned()),
        optional: default.is_some() || variadic,
        default,
        by_ref: name.starts_with('&'),
        variadic,
        ..Param::default()
    }
}

#[track_caller]
fn the_only(old: &Catalog, new: &Catalog) -> Change {
    let mut changes = diff(old, new);
    assert_eq!(changes.len(), 1, "{changes:#?}");
    changes.remove(0)
}

#[track_caller]
fn compatible(old: (&[&str], &str), new: (&[&str], &str), text: &str) {
    let change = the_only(&quote(old.0, old.1), &quote(new.0, new.1));
    assert_eq!((change.kind, change.text.as_str()), (ChangeKind::Compatible, text));
    assert!(!change.breaks_callers());
}

#[track_caller]
fn incompatible(old: (&[&str], &str), new: (&[&str], &str), text: &str) {
    let change = the_only(&quote(old.0, old.1), &quote(new.0, new.1));
    assert_eq!((change.kind, change.text.as_str()), (ChangeKind::Incompatible, text));
    assert!(change.breaks_callers());
}

#[test]
fn functions_come_and_go() {
    let none = catalog(Vec::new());
    let one = quote(&["string sku"], "?int");
    let change = the_only(&none, &one);
    assert_eq!(change.kind, ChangeKind::Added);
    assert_eq!(change.text, "quote(string $sku): ?int is new");
    assert!(!change.breaks_callers());
    let change = the_only(&one, &none);
    assert_eq!((change.kind, change.text.as_str()), (ChangeKind::Removed, "quote() is gone"));
    assert!(change.breaks_callers());
}

#[test]
fn the_case_of_a_functions_name_does_not_count() {
    let shouted = catalog(vec![function("QUOTE", &["string sku"], "")]);
    assert_eq!(diff(&quote(&["string sku"], ""), &shouted), Vec::new());
}

#[test]
fn parameters_are_promised_by_name_and_by_place() {
    let before: (&[&str], &str) = (&["int a", "int b = 1"], "");
    for (after, text) in [
        (&["int a"][..], "quote(): $b is gone"),
        (&["int a", "int c = 1"], "quote(): $b is called $c now, which named arguments see"),
        (&["int a", "int b"], "quote(): $b is required now"),
        (&["int a", "int b = 1", "int c"], "quote(): $c is new and required"),
        (&["int &a", "int b = 1"], "quote(): $a is by reference now: it cannot be called"),
        (&["int a", "int ...b"], "quote(): $b takes any number now, and cannot be named"),
    ] {
        incompatible(before, (after, ""), text);
    }
    let moved = diff(&quote(before.0, ""), &quote(&["int b = 1", "int a"], ""));
    let moved: Vec<_> = moved.iter().map(|change| change.text.as_str()).collect();
    assert_eq!(
        moved,
        ["quote(): $a moved from place 1 to 2", "quote(): $b moved from place 2 to 1"]
    );
}

#[test]
fn an_optional_parameter_before_the_others_moves_them() {
    let changes = diff(&quote(&["int ...more"], ""), &quote(&["int a = 1", "int ...more"], ""));
    let changes: Vec<_> = changes.iter().map(|c| (c.kind, c.text.as_str())).collect();
    assert_eq!(
        changes,
        [
            (ChangeKind::Incompatible, "quote(): $more moved from place 1 to 2"),
            (ChangeKind::Compatible, "quote(): $a is new and may be left out"),
        ]
    );
}

#[test]
fn what_may_be_left_out_or_is_taken_besides_breaks_nobody() {
    let before: (&[&str], &str) = (&["int a", "int b = 1"], "");
    for (after, text) in [
        (&["int a = 0", "int b = 1"][..], "quote(): $a may be left out now"),
        (&["int a", "int b = 2"], "quote(): the default of $b is 2 instead of 1"),
        (&["int a", "int b = 1", "int c = 3"], "quote(): $c is new and may be left out"),
        (&["int a", "int b = 1", "int ...c"], "quote(): $c is new and may be left out"),
        (&["?int a", "int b = 1"], "quote(): $a takes ?int instead of int"),
        (&["float a", "int b = 1"], "quote(): $a takes float instead of int"),
        (&["a", "int b = 1"], "quote(): $a takes anything instead of int"),
    ] {
        compatible(before, (after, ""), text);
    }
    compatible((&["int ...all"], ""), (&["int ...more"], ""), "quote(): $all is called $more now");
    compatible((&["&x"], ""), (&["x"], ""), "quote(): $x is by value now: it can be called");
}

#[test]
fn a_parameter_that_takes_less_is_refused() {
    for (old, new) in [
        ("?int", "int"),
        ("int|string", "int"),
        ("float", "int"),
        ("mixed", "int"),
        ("Shop\\Size", "Shop\\Colour"),
        ("iterable", "array"),
        ("A", "A&B"),
    ] {
        let (old, new) = (format!("{old} x"), format!("{new} x"));
        let changes = diff(&quote(&[old.trim()], ""), &quote(&[new.trim()], ""));
        assert!(changes.len() == 1 && changes[0].breaks_callers(), "{old} → {new}: {changes:?}");
        assert!(changes[0].text.ends_with(", which is less"), "{}", changes[0].text);
    }
}

#[test]
fn results_may_become_narrower_and_not_wider() {
    let text = |old, new| format!("quote(): it returns {new} instead of {old}");
    for (old, new) in [("?int", "int"), ("mixed", "string"), ("void", "int"), ("iterable", "array")]
    {
        compatible((&[], old), (&[], new), &text(old, new));
    }
    for (old, new) in [("int", "?int"), ("int", "float"), ("float", "int"), ("int", "void")] {
        incompatible((&[], old), (&[], new), &text(old, new));
    }
    incompatible((&[], "int"), (&[], ""), &text("int", "anything"));
}

#[test]
fn self_is_the_class_of_the_method() {
    let method = |ty: &str| catalog(vec![function("Shop\\Cart::of", &[], ty)]);
    assert_eq!(diff(&method("self"), &method("Shop\\Cart")), Vec::new());
    assert!(!the_only(&method("self"), &method("static")).breaks_callers());
    assert!(the_only(&method("static"), &method("self")).breaks_callers());
}

#[test]
fn how_a_function_is_called_is_told_and_breaks_nobody() {
    let old = quote(&["int a"], "");
    let mut new = old.clone();
    new.functions[0] = Function {
        idempotent: true,
        timeout_ms: Some(1500),
        affinity: Some("a".to_owned()),
        isolation: Isolation::Resident,
        pool: "resident".to_owned(),
        ..new.functions[0].clone()
    };
    let changes = diff(&old, &new);
    assert!(changes.iter().all(|change| change.kind == ChangeKind::Compatible));
    let texts: Vec<_> = changes.iter().map(|change| change.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "quote(): idempotent now: lost calls are sent again",
            "quote(): its time limit is 1500 ms instead of none",
            "quote(): $a chooses the worker now",
            "quote(): its state lives on between calls now",
            "quote(): it runs in pool resident instead of default",
        ]
    );
    assert_eq!(
        diff(&new, &old)[0].text,
        "quote(): no longer idempotent: lost calls are not sent again"
    );
}

#[test]
fn what_callers_keep_is_told_by_the_names_of_parameters_and_breaks_nobody() {
    let kept = |params: &[&str], vary: Option<Vec<u16>>, ttl_ms| {
        let mut catalog = quote(params, "");
        let tags = vec!["quote:{a}".to_owned()];
        let policy = CachePolicy { ttl_ms, negative_ms: 5_000, tags, vary };
        catalog.functions[0].cache = Some(policy);
        catalog
    };
    let minute = kept(&["int a", "int b"], Some(vec![0]), 60_000);
    let words = "for 60 s, null for 5 s, tags \"quote:{a}\", by $a";
    let never = quote(&["int a", "int b"], "");
    for (old, new, text) in [
        (&never, &minute, format!("quote(): callers keep its results now: {words}")),
        (&minute, &never, "quote(): its results are no longer kept by callers".to_owned()),
        (
            &minute,
            &kept(&["int a", "int b"], None, 500),
            format!(
                "quote(): callers keep its results for 0.5 s, null for 5 s, tags \"quote:{{a}}\" \
                 instead of {words}"
            ),
        ),
    ] {
        let change = the_only(old, new);
        assert_eq!((change.kind, change.text), (ChangeKind::Compatible, text));
    }
    let moved = kept(&["int b", "int a"], Some(vec![1]), 60_000);
    assert!(diff(&minute, &moved).iter().all(|change| change.text.contains("moved")));
}

// --- for all ---

fn a_type() -> impl Strategy<Value = String> {
    let atom = prop::sample::select(vec![
        "int", "float", "string", "array", "null", "bool", "callable", "iterable", "object", "A",
        "B\\C", "A&B", "Closure",
    ]);
    prop::collection::vec(atom, 1..4).prop_map(|mut atoms| {
        atoms.sort_unstable();
        atoms.dedup();
        let atom = |atom: &&str| match (atoms.len(), atom.contains('&')) {
            (1, _) | (_, false) => (*atom).to_owned(),
            _ => format!("({atom})"),
        };
        atoms.iter().map(atom).collect::<Vec<_>>().join("|")
    })
}

fn a_function() -> impl Strategy<Value = Function> {
    let param = ("[a-d]", prop::option::of(a_type()), any::<[bool; 3]>());
    let params = prop::collection::vec(param, 0..4);
    ("[a-c]{1,2}", params, prop::option::of(a_type()), any::<bool>()).prop_map(
        |(name, params, returns, idempotent)| Function {
            name,
            params: params
                .into_iter()
                .map(|(name, ty, [optional, by_ref, variadic])| Param {
                    name,
                    ty,
                    optional,
                    by_ref,
                    variadic,
                    ..Param::default()
                })
                .collect(),
            returns,
            idempotent,
            ..Function::default()
        },
    )
}

proptest! {
    #[test]
    fn nothing_differs_from_itself(functions in prop::collection::vec(a_function(), 0..4)) {
        let mut functions = functions;
        functions.sort_by(|a, b| a.name.cmp(&b.name));
        functions.dedup_by(|a, b| a.name == b.name);
        for function in &mut functions {
            let mut seen = std::collections::BTreeSet::new();
            function.params.retain(|param| seen.insert(param.name.clone()));
        }
        let catalog = catalog(functions);
        prop_assert_eq!(diff(&catalog, &catalog), Vec::new());
    }

    #[test]
    fn a_parameter_may_take_more(ty in a_type(), more in a_type()) {
        let wide = format!("{ty}|{more} x");
        let changes = diff(&quote(&[&format!("{ty} x")], ""), &quote(&[&wide], ""));
        prop_assert!(changes.iter().all(|change| !change.breaks_callers()), "{:?}", changes);
    }

    #[test]
    fn a_parameter_that_takes_less_breaks_callers(ty in a_type()) {
        let old = quote(&[&format!("{ty}|Elsewhere x")], "");
        let changes = diff(&old, &quote(&[&format!("{ty} x")], ""));
        // An object type goes on taking what the class was.
        let object = ty.split('|').any(|part| part == "object");
        prop_assert_eq!(changes.iter().any(Change::breaks_callers), !object, "{:?}", changes);
    }

    #[test]
    fn a_result_is_the_other_way_round(ty in a_type()) {
        let wide = format!("{ty}|Elsewhere");
        let object = ty.split('|').any(|part| part == "object");
        let widened = diff(&quote(&[], &ty), &quote(&[], &wide));
        prop_assert_eq!(widened.iter().any(Change::breaks_callers), !object, "{:?}", widened);
        let narrowed = diff(&quote(&[], &wide), &quote(&[], &ty));
        prop_assert!(narrowed.iter().all(|change| !change.breaks_callers()), "{:?}", narrowed);
    }
}

/// A property: its name, its type, and whether it has a default.
type Declared = (&'static str, &'static str, bool);

#[test]
fn objects_of_job_classes_are_compared_by_their_properties() {
    let class = |properties: &[Declared]| {
        let property = |(name, ty, optional): &Declared| Property {
            name: (*name).to_owned(),
            ty: (!ty.is_empty()).then(|| (*ty).to_owned()),
            optional: *optional,
        };
        let properties = properties.iter().map(property).collect();
        let run = function("Resize::run", &[], "string");
        catalog(vec![Function { job_class: true, properties, ..run }])
    };
    let old = [("file", "string", false), ("width", "int", true)];
    let cases: [(&[Declared], bool, &str); 6] = [
        (&[("file", "string", false)], false, "its property $width is gone"),
        (
            &[old[0], old[1], ("format", "string", true)],
            false,
            "its property $format is new and has a default",
        ),
        (
            &[old[0], old[1], ("format", "string", false)],
            true,
            "its property $format is new and has no default: objects that are stored have none",
        ),
        (
            &[("file", "string", false), ("columns", "int", true)],
            true,
            "its property $columns is new and $width is gone: objects that are stored have no $columns",
        ),
        (
            &[("file", "", false), ("width", "int", true)],
            false,
            "its property $file takes anything instead of string",
        ),
        (
            &[("file", "int", false), ("width", "int", true)],
            true,
            "its property $file takes int instead of string, which is less",
        ),
    ];
    for (new, breaks, text) in cases {
        let changes = diff(&class(&old), &class(new));
        let found = changes.iter().find(|change| change.text == format!("Resize::run(): {text}"));
        assert_eq!(found.map(Change::breaks_callers), Some(breaks), "{text}: {changes:?}");
    }
    assert!(diff(&class(&old), &class(&[old[1], old[0]])).is_empty(), "their order is no matter");
}
