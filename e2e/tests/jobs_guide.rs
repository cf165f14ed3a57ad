//! Every piece of PHP in docs/jobs.md: what is a file of the application is served, all others run as
//! they stand, and print what the guide says behind them.

use e2e::Sidecar;
use std::path::Path;

/// How a block begins that is a file of the application.
const FILE: &str = "<?php // shop/";

struct Block<'a> {
    language: &'a str,
    text: String,
}

fn blocks(guide: &str) -> Vec<Block<'_>> {
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut is_inside = false;
    for line in guide.lines() {
        match line.strip_prefix("```") {
            Some(_) if is_inside => is_inside = false,
            Some(language) => {
                is_inside = true;
                blocks.push(Block { language, text: String::new() });
            }
            None if is_inside => {
                let block = blocks.last_mut().expect("one was begun");
                block.text.push_str(line);
                block.text.push('\n');
            }
            None => {}
        }
    }
    blocks
}

#[test]
fn every_example_of_the_guide_does_what_the_guide_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/jobs.md");
    let guide = std::fs::read_to_string(path).expect("the guide is there");
    let blocks = blocks(&guide);
    let mut worker = Sidecar::builder();
    for block in &blocks {
        if let Some(rest) = block.text.strip_prefix(FILE) {
            let (name, _) = rest.split_once('\n').expect("a file has more lines");
            worker = worker.file(name, &block.text);
        }
    }
    let worker = worker.start();
    let mut ran = 0;
    for (at, block) in blocks.iter().enumerate() {
        if block.language != "php" || block.text.starts_with(FILE) {
            continue;
        }
        let said = worker.php(&block.text).ok();
        let next = blocks.get(at + 1).filter(|next| next.language == "text");
        let expected = next.map_or("", |next| next.text.as_str());
        assert_eq!(said.trim_end(), expected.trim_end(), "of\n{}", block.text);
        ran += 1;
    }
    assert!(ran >= 8, "the guide has examples: {ran}");
}
