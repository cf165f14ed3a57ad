//! What an attribute or an `app.toml` says of keeping results, and what comes of it for a function.

use super::{CachePolicy, TagPart};
use crate::php_type::PhpType;
use crate::{BadOption, Function, Param, nearest};
use serde::{Deserialize, Serialize};

/// What one place says. What it leaves out, another may say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheOptions {
    pub ttl_ms: Option<u64>,
    /// As long as others, where nobody says.
    pub negative_ms: Option<u64>,
    pub tags: Option<Vec<String>>,
    /// Names of parameters; all of them, where nobody says.
    pub vary: Option<Vec<String>>,
}

impl CacheOptions {
    /// Ten years: what is asked for beyond is a mistake in units.
    pub const TIME_MS_MAX: u64 = 10 * 365 * 24 * 3600 * 1000;
    /// Most tags of a function, and longest one in bytes, as declared.
    pub const TAGS_MAX: usize = 8;
    pub const TAG_BYTES_MAX: usize = 200;

    /// The time that `option` ("ttl" or "negative") is given in seconds, rounded up.
    pub fn milliseconds(option: &'static str, seconds: f64) -> Result<u64, BadOption> {
        let milliseconds = (seconds * 1000.0).ceil();
        // Ten years of milliseconds are exact in a float.
        let fits = (0.0..=Self::TIME_MS_MAX as f64).contains(&milliseconds);
        // In range by the check; a float has no checked conversion.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let milliseconds = if fits { Ok(milliseconds as u64) } else { Err(bad_time(option)) };
        milliseconds.and_then(|time| check_time(option, Some(time)).map(|()| time))
    }

    /// What `self` says, and where it says nothing, what `other` does.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self {
            ttl_ms: self.ttl_ms.or(other.ttl_ms),
            negative_ms: self.negative_ms.or(other.negative_ms),
            tags: self.tags.or(other.tags),
            vary: self.vary.or(other.vary),
        }
    }

    /// The first option that cannot be, whatever the function is.
    pub fn check(&self) -> Result<(), BadOption> {
        check_time("ttl", self.ttl_ms)?;
        check_time("negative", self.negative_ms)?;
        let tags = self.tags.as_deref().unwrap_or_default();
        if tags.len() > Self::TAGS_MAX {
            return Err(bad("tags", format!("must be at most {}", Self::TAGS_MAX)));
        }
        tags.iter().try_for_each(|tag| check_tag(tag))?;
        if self.vary.as_ref().is_some_and(Vec::is_empty) {
            let reason = "must name at least one parameter; without it, all of them count";
            return Err(bad("vary", reason));
        }
        Ok(())
    }

    /// What holds for `function`, or the first option that makes no sense of it.
    pub fn policy(&self, function: &Function) -> Result<CachePolicy, BadOption> {
        self.check()?;
        let Some(ttl_ms) = self.ttl_ms else {
            return Err(bad("ttl", "must be given: the seconds that a result is kept for"));
        };
        let tags = self.tags.clone().unwrap_or_default();
        tags.iter().try_for_each(|tag| check_parameters(tag, function))?;
        let vary = self.vary.as_ref().map(|names| indices(names, function)).transpose()?;
        if let Some(vary) = &vary {
            tags.iter().try_for_each(|tag| check_choice(tag, vary, function))?;
        }
        Ok(CachePolicy { ttl_ms, negative_ms: self.negative_ms.unwrap_or(ttl_ms), tags, vary })
    }

    /// Why no result of `function` can be kept, if so.
    pub fn refusal(function: &Function) -> Option<String> {
        if function.job_class {
            return Some("only jobs run it, and nobody asks for their result twice".to_owned());
        }
        if let Some(param) = function.by_ref_param() {
            return Some(format!("${} is by reference, so it cannot be called", param.name));
        }
        if function.generator {
            return Some("it is a generator, whose values cannot be kept".to_owned());
        }
        let returns = function.returns.as_deref().filter(|ty| matches!(*ty, "void" | "never"));
        returns.map(|ty| format!("it returns {ty}, which is nothing that could be kept"))
    }
}

/// One result for several tags could be invalidated by one of them only.
fn check_choice(tag: &str, vary: &[u16], function: &Function) -> Result<(), BadOption> {
    let chosen = |name: &str| {
        let mut chosen = vary.iter().filter_map(|index| function.params.get(usize::from(*index)));
        chosen.any(|param| param.name == name)
    };
    for part in CachePolicy::tag_parts(tag) {
        if let TagPart::Parameter(name) = part
            && !chosen(name)
        {
            let reason = format!("must name ${name}, too, because the tag \"{tag}\" is made of it");
            return Err(bad("vary", reason));
        }
    }
    Ok(())
}

fn bad(option: &'static str, reason: impl Into<String>) -> BadOption {
    BadOption { option, reason: reason.into() }
}

fn bad_time(option: &'static str) -> BadOption {
    let least = if option == "ttl" { "more than 0" } else { "0 (not kept) or more" };
    let most = CacheOptions::TIME_MS_MAX / 1000;
    bad(option, format!("must be {least} and at most {most} seconds, which are ten years"))
}

fn check_time(option: &'static str, ms: Option<u64>) -> Result<(), BadOption> {
    let least = u64::from(option == "ttl");
    let fits = ms.is_none_or(|ms| (least..=CacheOptions::TIME_MS_MAX).contains(&ms));
    fits.then_some(()).ok_or_else(|| bad_time(option))
}

fn check_tag(tag: &str) -> Result<(), BadOption> {
    let most = CacheOptions::TAG_BYTES_MAX;
    if !(1..=most).contains(&tag.len()) {
        return Err(bad("tags", format!("must be of 1 to {most} bytes each")));
    }
    let is_open = |part| matches!(part, TagPart::Text(text) if text.starts_with('{'));
    if CachePolicy::tag_parts(tag).any(is_open) {
        let reason = format!("must close every {{, as in 'product:{{id}}'; \"{tag}\" does not");
        return Err(bad("tags", reason));
    }
    Ok(())
}

/// A tag is made of arguments that have a text.
fn check_parameters(tag: &str, function: &Function) -> Result<(), BadOption> {
    for part in CachePolicy::tag_parts(tag) {
        let TagPart::Parameter(name) = part else { continue };
        let (_, param) = find(name, function).map_err(|hint| {
            bad("tags", format!("must name parameters of the function, not {{{name}}}{hint}"))
        })?;
        if !has_text(param, function) {
            let is = match (&param.ty, param.variadic) {
                (Some(ty), false) => format!("is of type {ty}"),
                _ => "takes any number of arguments".to_owned(),
            };
            let reason =
                format!("must be made of an int, a string or a bool each, and ${name} {is}");
            return Err(bad("tags", reason));
        }
    }
    Ok(())
}

/// Whether any argument for it is an int, a string or a bool.
fn has_text(param: &Param, function: &Function) -> bool {
    let class = function.name.split_once("::").map(|(class, _)| class);
    let admits = |ty: &PhpType| {
        let text = ["int", "string", "true", "false"];
        text.iter().filter_map(|name| PhpType::parse(name, None)).any(|name| ty.includes(&name))
    };
    // What is not understood may be one, and what is none is not kept.
    let ty = param.ty.as_deref().and_then(|ty| PhpType::parse(ty, class));
    !param.variadic && ty.is_none_or(|ty| admits(&ty))
}

fn indices(names: &[String], function: &Function) -> Result<Vec<u16>, BadOption> {
    let mut indices = Vec::with_capacity(names.len());
    for name in names {
        let (index, _) = find(name.trim_start_matches('$'), function).map_err(|hint| {
            bad("vary", format!("must name parameters of the function, not \"{name}\"{hint}"))
        })?;
        let index = u16::try_from(index).map_err(|_| {
            bad("vary", format!("must name parameters before the 65537th, not \"{name}\""))
        })?;
        if indices.contains(&index) {
            return Err(bad("vary", format!("must name \"{name}\" once")));
        }
        indices.push(index);
    }
    indices.sort_unstable();
    Ok(indices)
}

/// The parameter `name`, or what may help whoever wrote it.
fn find<'a>(name: &str, function: &'a Function) -> Result<(usize, &'a Param), String> {
    let mut params = function.params.iter().enumerate();
    params.find(|(_, param)| param.name == name).ok_or_else(|| {
        let known = function.params.iter().map(|param| param.name.as_str());
        match nearest(name, known).first() {
            Some(near) => format!("; did you mean \"{near}\"?"),
            None if function.params.is_empty() => "; it has none".to_owned(),
            None => String::new(),
        }
    })
}
