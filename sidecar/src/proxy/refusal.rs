//! What cannot be a proxy, and why.

use super::{comment, expression, function};
use protocol::{Class, Function, Param, PhpType, is_php_name};

/// Something of a catalog that has no working proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// `Shop\quote()`, `Shop\Cart::total()` or `class Shop\Money`.
    pub(crate) what: String,
    pub(crate) reason: String,
    /// Whether there is a proxy all the same, which throws.
    pub(crate) throws: bool,
}

/// Why `function` cannot be called as a local one is. Its proxy throws.
pub(super) fn of_function(function: &Function) -> Option<Refusal> {
    let reason = reason(function)?;
    Some(Refusal { what: format!("{}()", function.name), reason, throws: true })
}

fn reason(function: &Function) -> Option<String> {
    if let Some(param) = function.by_ref_param() {
        return Some(format!(
            "${} is by reference, and what is written to it there would be lost; give it back instead",
            param.name
        ));
    }
    if function.returns_by_ref {
        return Some(
            "it returns by reference, and what callers write there would be lost".to_owned(),
        );
    }
    if function.generator || function.returns.as_deref().is_some_and(|ty| is_only(ty, "Generator"))
    {
        return Some(
            "it is a generator, which runs where it is; return an array instead".to_owned(),
        );
    }
    if function.returns.as_deref().is_some_and(|ty| is_only(ty, "Closure")) {
        return Some("it returns a closure, which cannot be sent".to_owned());
    }
    let closure = function.params.iter().find(|param| {
        !param.optional && param.ty.as_deref().is_some_and(|ty| is_only(ty, "Closure"))
    });
    closure.map(|param| format!("${} is a closure, which cannot be sent", param.name))
}

fn is_only(ty: &str, class: &str) -> bool {
    ty.trim_start_matches(['?', '\\']).eq_ignore_ascii_case(class)
}

/// Why `class` cannot make room for a proxy. It gets none.
pub(super) fn of_class(class: &Class, app: &str) -> Option<Refusal> {
    let why = class.instances.as_ref()?;
    let name = &class.name;
    let reason = format!(
        "{why}, so that it is more than its static functions; keep it in the application, and call \
         those as appserver_call('{app}:{name}::…')"
    );
    Some(Refusal { what: format!("class {name}"), reason, throws: false })
}

/// Why the catalog's text about `function` is not what reflection gives: such text never becomes code.
pub(super) fn of_text(function: &Function) -> Option<Refusal> {
    let class = function.name.split_once("::");
    let named = match class {
        Some((class, method)) => {
            is_php_name(class) && is_php_name(method) && !method.contains('\\')
        }
        None => is_php_name(&function.name),
    };
    let ty = |ty: Option<&str>| ty.is_none_or(|ty| PhpType::parse(ty, None).is_some());
    let reason = if !named {
        "it has a name that PHP would not take".to_owned()
    } else if !ty(function.returns.as_deref()) {
        "its result has a type that is not understood".to_owned()
    } else {
        let fault = |param: &Param| param_fault(param, &ty);
        function.params.iter().find_map(fault)?
    };
    let what = format!("{}()", function.name.escape_debug());
    Some(Refusal { what, reason, throws: false })
}

fn param_fault(param: &Param, ty: &impl Fn(Option<&str>) -> bool) -> Option<String> {
    let name = param.name.escape_debug();
    if !is_php_name(&param.name) || param.name.contains('\\') {
        return Some(format!("${name} is a name that PHP would not take"));
    }
    if !ty(param.ty.as_deref()) {
        return Some(format!("${name} has a type that is not understood"));
    }
    let sources = [param.default.as_deref(), param.value.as_deref()];
    let constant = sources.into_iter().flatten().all(expression::is_constant);
    (!constant).then(|| format!("the default of ${name} is no constant expression"))
}

/// The same of a class.
pub(super) fn of_class_text(class: &Class) -> Option<Refusal> {
    let constant = |c: &protocol::Constant| {
        is_php_name(&c.name) && !c.name.contains('\\') && expression::is_constant(&c.value)
    };
    let sound = is_php_name(&class.name)
        && class.constants.iter().all(constant)
        && matches!(class.constructor.as_deref(), None | Some("private" | "protected"));
    let what = format!("class {}", class.name.escape_debug());
    let reason = "it has a name or a constant that PHP would not take".to_owned();
    (!sound).then_some(Refusal { what, reason, throws: false })
}

/// A doc comment or attribute that is left out, because its text cannot be written as it is.
pub(super) fn left_out(
    what: &str,
    doc: Option<&str>,
    attributes: &[protocol::Attribute],
) -> Vec<String> {
    let doc = doc.filter(|doc| comment::checked(Some(doc)).is_none());
    let doc = doc.map(|_| format!("{what} lacks its doc comment, which PHP would not take"));
    let is_missing = |one: &&protocol::Attribute| !function::is_sound(one) && !function::stays(one);
    let attributes = attributes.iter().filter(is_missing);
    let attributes = attributes.map(|attribute| {
        let name = attribute.name.escape_debug();
        format!("{what} lacks its attribute {name}, whose arguments cannot be written")
    });
    doc.into_iter().chain(attributes).collect()
}
