//! The text of one function or method.

use super::{comment, expression, quoted, refusal, split};
use protocol::{
    AppName, Attribute, Class, Function, Param, is_builtin_type, is_php_name, split_target,
};

/// Longest head of a function that stays on one line, in characters.
const LINE_CHARS_MAX: usize = 120;
/// How deep the methods of a class are indented.
pub(super) const METHOD: &str = "    ";

/// Where a function stands.
pub(super) struct Place<'a> {
    pub(super) app: &'a AppName,
    /// The class around it.
    pub(super) class: Option<&'a Class>,
}

impl Place<'_> {
    fn indent(&self) -> &'static str {
        if self.class.is_some() { METHOD } else { "" }
    }
}

/// Doc comment, attributes, head and body.
pub(super) fn text(function: &Function, place: &Place<'_>) -> String {
    let indent = place.indent();
    let mut lines = annotations(function.doc.as_deref(), &function.attributes, indent);
    lines.push_str(&head(function, place));
    for line in body(function, place).lines() {
        let line = if line.is_empty() { "\n".to_owned() } else { format!("{indent}    {line}\n") };
        lines.push_str(&line);
    }
    lines.push_str(&format!("{indent}}}\n"));
    lines
}

/// Doc comment, whose further lines are indented as they were, and attributes.
pub(super) fn annotations(doc: Option<&str>, attributes: &[Attribute], indent: &str) -> String {
    let doc = comment::checked(doc).map(|doc| format!("{indent}{doc}\n"));
    let attributes = attributes.iter().filter(|one| is_sound(one) && !stays(one));
    let attributes = attributes.map(|one| format!("{indent}#[{}]\n", attribute(one)));
    doc.into_iter().chain(attributes).collect()
}

/// Whether an attribute is the deployed function's alone. The call that a proxy makes keeps results by
/// itself; were the proxy deployed with the attribute, they would be kept once more, where nobody can
/// invalidate them.
pub(super) fn stays(attribute: &Attribute) -> bool {
    attribute.name.eq_ignore_ascii_case("AppServer\\Cacheable")
}

/// Whether an attribute can be written as code.
pub(super) fn is_sound(attribute: &Attribute) -> bool {
    is_php_name(&attribute.name)
        && attribute.arguments.iter().all(|(name, source)| {
            name.as_deref().is_none_or(is_php_name) && expression::is_constant(source)
        })
}

fn attribute(attribute: &Attribute) -> String {
    let arguments = attribute.arguments.iter().map(|(name, source)| match name {
        Some(name) => format!("{name}: {source}"),
        None => source.clone(),
    });
    let arguments: Vec<String> = arguments.collect();
    let brackets =
        if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
    format!("\\{}{brackets}", attribute.name)
}

// --- head ---

fn head(function: &Function, place: &Place<'_>) -> String {
    let indent = place.indent();
    let (modifiers, name) = match function.name.split_once("::") {
        Some((_, method)) => ("public static ", method),
        None => ("", split(&function.name).1),
    };
    let by_ref = if function.returns_by_ref { "&" } else { "" };
    let start = format!("{indent}{modifiers}function {by_ref}{name}(");
    let returns = function.returns.as_deref().map(|ty| format!(": {}", qualified(ty)));
    let returns = returns.unwrap_or_default();
    let params: Vec<String> = function.params.iter().map(|one| param(one, place)).collect();
    let line = format!("{start}{}){returns}", params.join(", "));
    if line.chars().count() <= LINE_CHARS_MAX {
        return format!("{line}\n{indent}{{\n");
    }
    let params = params.iter().map(|param| format!("{indent}    {param},\n")).collect::<String>();
    // After a variadic parameter PHP takes no comma.
    let params = match function.params.last() {
        Some(last) if last.variadic => params.trim_end_matches(",\n").to_owned() + "\n",
        _ => params,
    };
    format!("{start}\n{params}{indent}){returns} {{\n")
}

fn param(param: &Param, place: &Place<'_>) -> String {
    let attributes = param.attributes.iter().filter(|attribute| is_sound(attribute));
    let attributes = attributes.map(|one| format!("#[{}] ", attribute(one))).collect::<String>();
    let ty = param.ty.as_deref().map(|ty| qualified(ty) + " ").unwrap_or_default();
    let by_ref = if param.by_ref { "&" } else { "" };
    let variadic = if param.variadic { "..." } else { "" };
    let default = default(param, place).map(|source| format!(" = {source}")).unwrap_or_default();
    format!("{attributes}{ty}{by_ref}{variadic}${}{default}", param.name)
}

/// The default by its name where callers have that name too, else its value.
fn default<'a>(param: &'a Param, place: &Place<'_>) -> Option<&'a str> {
    let named = param.default.as_deref()?;
    let own = named.strip_prefix("self::").is_some_and(|name| {
        place.class.is_some_and(|class| class.constants.iter().any(|one| one.name == name))
    });
    Some(if own { named } else { param.value.as_deref().unwrap_or(named) })
}

/// A type whose classes are named from the root, whatever namespace it is written in.
pub(super) fn qualified(ty: &str) -> String {
    let mut text = String::with_capacity(ty.len() + 8);
    let mut rest = ty;
    while !rest.is_empty() {
        let end = rest.find(['?', '|', '&', '(', ')', ' ']).unwrap_or(rest.len());
        let name = &rest[..end];
        if !name.is_empty() && !is_builtin_type(name) && !name.starts_with('\\') {
            text.push('\\');
        }
        text.push_str(name);
        let mark = rest[end..].chars().next().map_or(0, char::len_utf8);
        text.push_str(&rest[end..end + mark]);
        rest = &rest[end + mark..];
    }
    text
}

// --- body ---

fn body(function: &Function, place: &Place<'_>) -> String {
    if let Some(refusal) = refusal::of_function(function) {
        let message = format!("{} cannot be called remotely: {}", refusal.what, refusal.reason);
        return format!("throw new \\AppServer\\NotCallableException({});", quoted(&message));
    }
    let target = format!("{}:{}", place.app, function.name);
    debug_assert!(split_target(&target).is_ok_and(|(app, _)| app.is_some()));
    let call = format!("\\appserver_call({}{})", quoted(&target), arguments(function));
    let documented = comment::result_type(function);
    match (function.returns.as_deref(), documented) {
        (Some("void"), _) | (None, Some("void")) => format!("{call};"),
        (Some("never"), _) => {
            let message = format!("{}() returned, although it never does", function.name);
            format!("{call};\nthrow new \\LogicException({});", quoted(&message))
        }
        (None | Some("mixed"), None | Some("mixed")) => format!("return {call};"),
        // The comment is for static analysers, to whom the call is mixed.
        (native, documented) => {
            let ty = documented.map(str::to_owned).or(native.map(qualified)).unwrap_or_default();
            format!("/** @var {ty} $result */\n$result = {call};\n\nreturn $result;")
        }
    }
}

/// What the caller gave, and no more: what was left out is filled in by the function itself, with the
/// defaults of the release that runs it. Named arguments beyond the parameters are in the variadic one.
fn arguments(function: &Function) -> String {
    if function.params.is_empty() {
        return String::new();
    }
    let named = function.params.last().filter(|param| param.variadic).map(|param| {
        format!(", ...\\array_filter(${}, \\is_string(...), \\ARRAY_FILTER_USE_KEY)", param.name)
    });
    format!(", ...\\func_get_args(){}", named.unwrap_or_default())
}
