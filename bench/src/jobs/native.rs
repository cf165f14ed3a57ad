//! Many producers in one thread, without PHP: how many jobs a server takes when producers cost little.

use super::speech::{Link, Speech};
use crate::subject::monotonic_ns;
use anyhow::{Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{BufRead, Write, stdin, stdout};
use std::time::Duration;

/// Longest that all connections are silent.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Stores jobs as standard input says: the `window` command of `subject.php`.
pub(crate) fn produce(speech: Speech, address: &str, connections: usize) -> Result<()> {
    let links = (0..connections).map(|_| speech.connect(address)).collect::<Result<Vec<_>>>()?;
    let mut producers = Producers { speech, links, request: speech.request() };
    let mut out = stdout();
    writeln!(out, "ready")?;
    for line in stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split(' ').collect();
        let ["window", start, stop] = words[..] else {
            bail!("the producers do not know the command \"{line}\"");
        };
        writeln!(out, "{}", producers.window(start.parse()?, stop.parse()?)?)?;
    }
    Ok(())
}

struct Producers {
    speech: Speech,
    links: Vec<Link>,
    request: Vec<u8>,
}

impl Producers {
    /// Counts the jobs acknowledged within a window of the monotonic clock. Each connection has one on
    /// the way.
    fn window(&mut self, start: u64, stop: u64) -> Result<u64> {
        let (mut stored, mut open) = (0, self.links.len());
        for link in &mut self.links {
            link.send(&self.request)?;
        }
        while open > 0 {
            let ready = self.ready()?;
            let now = monotonic_ns()?;
            for index in ready {
                let link = &mut self.links[index];
                if !link.receive(self.speech)? {
                    continue;
                }
                stored += u64::from((start..stop).contains(&now));
                if now < stop {
                    link.send(&self.request)?;
                } else {
                    open -= 1;
                }
            }
        }
        Ok(stored)
    }

    /// Connections on which something has arrived, one at least.
    fn ready(&self) -> Result<Vec<usize>> {
        let entry = |link| PollFd::from_borrowed_fd(link, PollFlags::IN);
        let mut entries: Vec<PollFd<'_>> = self.links.iter().map(Link::fd).map(entry).collect();
        if poll(&mut entries, Some(&Timespec::try_from(SILENCE_MAX)?))? == 0 {
            bail!("the server is silent");
        }
        Ok((0..entries.len()).filter(|&index| !entries[index].revents().is_empty()).collect())
    }
}
