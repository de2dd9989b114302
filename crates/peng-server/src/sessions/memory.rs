//! What stays in memory, and for how long.

use std::{collections::HashSet, sync::Arc};

use peng_proto::names;

use super::{Cell, Sessions};
use crate::{live::Live, sync::lock};

/// Ended trials that stay in memory: what was under way when a trial was stopped
/// arrives a little later.
const ENDED: usize = 512;

/// Ended trials looked at whenever another has ended: more than one, so that they
/// do not pile up.
const SWEEP: usize = 4;

impl Sessions {
    pub(super) fn has_ended(&self, name: &names::Trial) {
        lock(&self.ended).push_back(name.clone());
        self.sweep();
    }

    pub(super) fn forget(
        &self,
        name: &names::Trial,
        condition: impl FnOnce(&Cell) -> bool,
    ) -> bool {
        let mut live = lock(&self.live);
        let forget = live.get(name).is_some_and(condition);
        if forget {
            live.remove(name);
        }
        forget
    }

    /// Forgets the oldest ended trials, unless somebody holds them: then no write
    /// of theirs is under way, and the log tells all of them.
    fn sweep(&self) {
        for _ in 0..SWEEP {
            let name = {
                let mut ended = lock(&self.ended);
                if ended.len() <= ENDED {
                    return;
                }
                ended.pop_front()
            };
            let Some(name) = name else { return };
            if !self.forget(&name, unused) && lock(&self.live).contains_key(&name) {
                lock(&self.ended).push_back(name);
            }
        }
    }

    /// Forgets trials that were not asked for lately while there are too many. One that is
    /// asked for again is restored from the log.
    pub(super) fn make_room(&self) {
        self.compact();
        for _ in 0..SWEEP {
            if lock(&self.live).len() <= self.capacity {
                return;
            }
            let Some(name) = lock(&self.idle).pop_front() else {
                return;
            };
            let idle =
                |cell: &Cell| unused(cell) && !cell.get().is_some_and(|live| live.was_touched());
            if !self.forget(&name, idle) && lock(&self.live).contains_key(&name) {
                lock(&self.idle).push_back(name);
            }
        }
    }

    /// Drops from the queue what is no longer in memory, once that is most of it.
    fn compact(&self) {
        let live = lock(&self.live);
        let mut idle = lock(&self.idle);
        if idle.len() > 2 * live.len() + 1_024 {
            let mut seen = HashSet::new();
            idle.retain(|name| live.contains_key(name) && seen.insert(name.clone()));
        }
    }
}

/// Someone who has asked for a trial that is yet to be restored.
///
/// The place of one that cannot be restored is given up, by an error or because who asked has gone,
/// and not before the last who waits for it: a trial is in memory once.
pub(super) struct Asked<'a> {
    pub(super) sessions: &'a Sessions,
    pub(super) name: &'a names::Trial,
    pub(super) cell: Cell,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        // The map's and this one.
        const NOBODY_ELSE: usize = 2;
        self.sessions.forget(self.name, |known| {
            Arc::ptr_eq(known, &self.cell)
                && known.get().is_none()
                && Arc::strong_count(known) == NOBODY_ELSE
        });
    }
}

/// Whether nobody holds the trial and no write of it is under way: one restored from the log before
/// would not know of it.
fn unused(cell: &Cell) -> bool {
    let idle = |live: &Arc<Live>| Arc::strong_count(live) == 1 && !live.is_written();
    Arc::strong_count(cell) == 1 && cell.get().is_none_or(idle)
}
