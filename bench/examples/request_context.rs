//! What opening and closing a PHP request costs, with an application preloaded: the part of a
//! stateless call that a resident one saves. Prints the median of single turns, in nanoseconds.
//!
//! A process of its own, because PHP can be started once in a process. Argument: a file to preload.

use embed::{Php, StartOptions};
use std::time::Instant;

const WARM_UP: usize = 5_000;
const TURNS: usize = 50_000;

fn main() {
    let preload = std::env::args().nth(1).expect("argument: a file to preload");
    let ini = [
        ("opcache.enable", "1"),
        ("opcache.preload", preload.as_str()),
        // Needed only by root, who is who it is.
        ("opcache.preload_user", "root"),
    ];
    let ini = ini.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
    let options = StartOptions { ini, extension: None };
    let mut php = Php::start(&options).unwrap_or_else(|error| panic!("PHP starts: {error}"));
    let mut turns: Vec<u128> = (0..WARM_UP + TURNS).map(|_| turn(&mut php)).collect();
    turns.drain(..WARM_UP);
    turns.sort_unstable();
    eprintln!("OPcache is {}", if embed::opcache_enabled() { "on" } else { "off" });
    write_line(turns[TURNS / 2]);
    php.stop();
}

fn turn(php: &mut Php) -> u128 {
    let begin = Instant::now();
    drop(php.request().unwrap_or_else(|error| panic!("a request opens: {error}")));
    begin.elapsed().as_nanos()
}

fn write_line(median: u128) {
    use std::io::Write;
    writeln!(std::io::stdout(), "{median}").expect("standard output takes a line");
}
