//! The steady state does not allocate: fits in a workspace, and decisions of a policy that has
//! seen as many points before.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "a global allocator is unsafe by its trait")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use peng_predict::experiment::{Experiment, Settings};
use peng_predict::family::Name;
use peng_predict::fit::{self, Workspace};
use peng_predict::policy::Spec;
use peng_predict::{Epoch, Observation};

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: hands everything on to the system's allocator; the count is the thread's own and
// without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

fn value(epoch: f64) -> f64 {
    80.0 - 60.0 * (-0.2 * epoch).exp() + (7.0 * epoch).sin()
}

#[test]
fn a_fit_in_a_workspace_does_not_allocate() {
    let x: Vec<f64> = (1..=50).map(f64::from).collect();
    let y: Vec<f64> = x.iter().map(|&x| value(x)).collect();
    let mut workspace = Workspace::default();
    fit::fit_in(&mut workspace, Name::Pow3, &x, &y).unwrap();
    for &name in Name::ALL {
        for points in [5, 20, 50] {
            let (x, y) = (&x[..points], &y[..points]);
            let count = allocations(|| {
                let curve = fit::fit_in(&mut workspace, name, x, y).unwrap();
                assert!(fit::half_width(&curve, x, 100.0).is_none_or(f64::is_finite));
            });
            assert_eq!(count, 0, "{name} {points}");
        }
    }
}

#[test]
fn decisions_allocate_only_where_the_history_outgrows_its_room() {
    for name in ["peng4nn", "asha", "hyperband", "patience", "fixed"] {
        let mut settings = Settings::accuracy(Epoch::new(1e6).unwrap());
        let none: &[(&str, &str)] = &[];
        let radius = [("radius", "1e-9")];
        let parameters = if name == "peng4nn" { &radius } else { none };
        settings.policy = Spec::parse(name, parameters).unwrap();
        let mut session = Experiment::new(Arc::new(settings)).start(1);
        let mut observe = |epoch: u32| {
            let epoch = f64::from(epoch);
            let observation = Observation::new(Epoch::new(epoch).unwrap(), value(epoch));
            session.observe(observation).unwrap();
        };
        // Room doubles: between 70 and 120 observations it is that of 128.
        (1..70).for_each(&mut observe);
        let count = allocations(|| (70..120).for_each(&mut observe));
        // A halving's rung that is entered for the first time is new state, not work.
        let rungs = if name == "asha" || name == "hyperband" {
            4
        } else {
            0
        };
        assert!(count <= rungs, "{name}: {count}");
    }
}
