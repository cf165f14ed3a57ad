//! What is said of keeping results, what comes of it for a function, and what is refused.

use protocol::{BadOption, CacheOptions, CachePolicy, Function, Param, TagPart};

fn param(ty: &str, name: &str) -> Param {
    let ty = (!ty.is_empty()).then(|| ty.to_owned());
    Param { name: name.to_owned(), ty, ..Param::default() }
}

/// `product(int $id, ?string $currency, float $rate, array $more, $any)`.
fn product() -> Function {
    let params = vec![
        param("int", "id"),
        param("?string", "currency"),
        param("float", "rate"),
        param("array", "more"),
        param("", "any"),
        Param { variadic: true, ..param("int", "rest") },
    ];
    Function { name: "product".to_owned(), params, ..Function::default() }
}

fn texts(texts: &[&str]) -> Option<Vec<String>> {
    Some(texts.iter().map(|text| (*text).to_owned()).collect())
}

fn minute() -> CacheOptions {
    CacheOptions { ttl_ms: Some(60_000), ..CacheOptions::default() }
}

#[track_caller]
fn refused(options: &CacheOptions, expected: (&str, &str)) {
    let BadOption { option, reason } = options.policy(&product()).unwrap_err();
    assert_eq!((option, reason.as_str()), expected);
}

#[test]
fn a_tag_is_texts_and_parameters() {
    use TagPart::{Parameter, Text};
    for (tag, expected) in [
        ("all", &[Text("all")][..]),
        ("product:{id}", &[Text("product:"), Parameter("id")]),
        ("{a}{b}", &[Parameter("a"), Parameter("b")]),
        ("{a}:x:{b}y", &[Parameter("a"), Text(":x:"), Parameter("b"), Text("y")]),
        ("a}b", &[Text("a}b")]),
        ("{}", &[Parameter("")]),
        ("{a{b}", &[Parameter("a{b")]),
        ("a{b", &[Text("a"), Text("{b")]),
        ("", &[]),
    ] {
        assert_eq!(CachePolicy::tag_parts(tag).collect::<Vec<_>>(), expected, "{tag}");
    }
}

#[test]
fn what_nobody_says_has_a_default() {
    let policy = minute().policy(&product()).unwrap();
    let expected = CachePolicy { ttl_ms: 60_000, negative_ms: 60_000, tags: vec![], vary: None };
    assert_eq!(policy, expected);
}

#[test]
fn one_place_goes_before_another_option_by_option() {
    let above = CacheOptions {
        negative_ms: Some(0),
        vary: texts(&["currency", "$id"]),
        ..CacheOptions::default()
    };
    let below = CacheOptions {
        negative_ms: Some(5_000),
        tags: texts(&["product:{id}", "{currency}:{id}"]),
        vary: texts(&["rate"]),
        ..minute()
    };
    let policy = above.or(below).policy(&product()).unwrap();
    let tags = texts(&["product:{id}", "{currency}:{id}"]).unwrap();
    let expected = CachePolicy { ttl_ms: 60_000, negative_ms: 0, tags, vary: Some(vec![0, 1]) };
    assert_eq!(policy, expected);
}

/// Else one result would stand for several tags, and only one of them would invalidate it.
#[test]
fn what_a_tag_is_made_of_tells_results_apart() {
    let tags = texts(&["product:{id}:{currency}"]);
    let options = CacheOptions { tags, vary: texts(&["id"]), ..minute() };
    let BadOption { option, reason } = options.policy(&product()).unwrap_err();
    assert_eq!(option, "vary");
    let expected =
        "must name $currency, too, because the tag \"product:{id}:{currency}\" is made of it";
    assert_eq!(reason, expected);
}

#[test]
fn times_are_seconds_of_at_most_ten_years() {
    let milliseconds = CacheOptions::milliseconds;
    assert_eq!(milliseconds("ttl", 60.0), Ok(60_000));
    assert_eq!(milliseconds("ttl", 0.0001), Ok(1));
    assert_eq!(milliseconds("negative", 0.0), Ok(0));
    assert_eq!(milliseconds("ttl", 315_360_000.0), Ok(CacheOptions::TIME_MS_MAX));
    for wrong in [0.0, -1.0, 315_360_000.5, f64::NAN, f64::INFINITY] {
        let BadOption { option, reason } = milliseconds("ttl", wrong).unwrap_err();
        assert_eq!(option, "ttl");
        let expected = "must be more than 0 and at most 315360000 seconds, which are ten years";
        assert_eq!(reason, expected);
    }
    let negative = milliseconds("negative", -0.5).unwrap_err();
    assert!(negative.reason.starts_with("must be 0 (not kept) or more"), "{negative}");
    // What another process says is checked as well.
    let beyond = Some(CacheOptions::TIME_MS_MAX + 1);
    assert!(CacheOptions { ttl_ms: beyond, ..minute() }.check().is_err());
    assert!(CacheOptions { negative_ms: beyond, ..minute() }.check().is_err());
}

#[test]
fn without_a_time_there_is_nothing_to_keep() {
    let expected = ("ttl", "must be given: the seconds that a result is kept for");
    refused(&CacheOptions { tags: texts(&["a"]), ..CacheOptions::default() }, expected);
}

#[test]
fn tags_that_cannot_be_are_refused() {
    let tagged = |tags: &[&str]| CacheOptions { tags: texts(tags), ..minute() };
    refused(&tagged(&["t"; 9]), ("tags", "must be at most 8"));
    refused(&tagged(&[""]), ("tags", "must be of 1 to 200 bytes each"));
    refused(&tagged(&[&"t".repeat(201)]), ("tags", "must be of 1 to 200 bytes each"));
    assert!(tagged(&["t".repeat(200).as_str(); 8]).policy(&product()).is_ok());
    for (tag, reason) in [
        ("p:{id", "must close every {, as in 'product:{id}'; \"p:{id\" does not"),
        ("p:{idd}", "must name parameters of the function, not {idd}; did you mean \"id\"?"),
        ("p:{$id}", "must name parameters of the function, not {$id}; did you mean \"id\"?"),
        ("p:{}", "must name parameters of the function, not {}"),
        ("{rate}", "must be made of an int, a string or a bool each, and $rate is of type float"),
        ("{more}", "must be made of an int, a string or a bool each, and $more is of type array"),
        (
            "{rest}",
            "must be made of an int, a string or a bool each, and $rest takes any number of arguments",
        ),
    ] {
        refused(&tagged(&[tag]), ("tags", reason));
    }
    let none = Function { name: "now".to_owned(), ..Function::default() };
    let BadOption { reason, .. } = tagged(&["{id}"]).policy(&none).unwrap_err();
    assert_eq!(reason, "must name parameters of the function, not {id}; it has none");
}

#[test]
fn what_tells_results_apart_is_parameters() {
    let varied = |names: &[&str]| CacheOptions { vary: texts(names), ..minute() };
    for (names, reason) in [
        (&[][..], "must name at least one parameter; without it, all of them count"),
        (&["ids"], "must name parameters of the function, not \"ids\"; did you mean \"id\"?"),
        (&["id", "$id"], "must name \"$id\" once"),
    ] {
        refused(&varied(names), ("vary", reason));
    }
    let policy = varied(&["rest", "more"]).policy(&product()).unwrap();
    assert_eq!(policy.vary, Some(vec![3, 5]));
}

#[test]
fn functions_whose_results_nobody_can_keep_are_refused() {
    let returns = |ty: &str| Function { returns: Some(ty.to_owned()), ..product() };
    assert_eq!(CacheOptions::refusal(&returns("?array")), None);
    let by_ref = Param { by_ref: true, ..param("int", "count") };
    for (function, reason) in [
        (returns("void"), "it returns void, which is nothing that could be kept"),
        (returns("never"), "it returns never, which is nothing that could be kept"),
        (
            Function { generator: true, ..product() },
            "it is a generator, whose values cannot be kept",
        ),
        (
            Function { params: vec![by_ref], ..product() },
            "$count is by reference, so it cannot be called",
        ),
        (
            Function { job_class: true, ..product() },
            "only jobs run it, and nobody asks for their result twice",
        ),
    ] {
        assert_eq!(CacheOptions::refusal(&function).as_deref(), Some(reason));
    }
}

#[test]
fn a_policy_is_told_in_words() {
    let params = product().params;
    let policy = CachePolicy {
        ttl_ms: 1500,
        negative_ms: 0,
        tags: texts(&["product:{id}", "all"]).unwrap(),
        vary: Some(vec![0, 1]),
    };
    let words = "for 1.5 s, null not at all, tags \"product:{id}\" \"all\", by $id $currency";
    assert_eq!(policy.describe(&params), words);
    let plain = CachePolicy { negative_ms: 1500, tags: vec![], vary: None, ..policy };
    assert_eq!(plain.describe(&params), "for 1.5 s");
    let short = CachePolicy { negative_ms: 10, ..plain };
    assert_eq!(short.describe(&params), "for 1.5 s, null for 0.01 s");
}
