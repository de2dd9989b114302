//! The figure: a row for each experiment, with curves and predictions to the left, and what each
//! policy saved and kept to the right.

mod curves;
mod legend;
mod predictions;
mod sample;
mod style;
mod trade;

use std::{fs, path::Path};

use anyhow::Context;
use peng_predict::Goal;
use plotters::{coord::Shift, prelude::*};

use super::{groups::Group, policies::Policy, replays::Run, rows::Row};
use sample::Sample;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Width of the whole figure and of its parts, in pixels.
const WIDTH: u32 = 1280;
const CURVES: u32 = 500;
const PREDICTIONS: u32 = 310;
/// Height of an experiment's panels, in pixels.
const ROW: u32 = 330;
/// Height of an experiment's name above its panels, in pixels.
const NAME: u32 = 26;

/// What is drawn.
pub(super) struct Figure<'a> {
    pub(super) groups: &'a [Group],
    pub(super) policies: &'a [Policy],
    /// By experiment, policy and seed; drawn are the curves of the first policy and seed.
    pub(super) runs: &'a [Run<'a>],
    pub(super) rows: &'a [Row<'a>],
    pub(super) seeds: u64,
    pub(super) goal: Goal,
    /// The fraction that the search is after.
    pub(super) best: f64,
    /// What the values are called.
    pub(super) value: &'a str,
}

impl Figure<'_> {
    /// Writes the figure as SVG.
    pub(super) fn write(&self, path: &Path) -> anyhow::Result<()> {
        let svg = self.svg().context("cannot draw the figure")?;
        fs::write(path, svg).with_context(|| format!("cannot write {}", path.display()))
    }

    fn svg(&self) -> anyhow::Result<String> {
        let mut svg = String::new();
        let rows = u32::try_from(self.groups.len())?;
        let legend = legend::height(self);
        let size = (WIDTH, legend + rows * (NAME + ROW));
        {
            let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            root.fill(&WHITE)?;
            let (head, body) = root.split_vertically(legend);
            legend::draw(&head, self)?;
            for (row, group) in body
                .split_evenly((self.groups.len(), 1))
                .iter()
                .zip(self.groups)
            {
                self.experiment(row, group)?;
            }
            root.present()?;
        }
        Ok(svg)
    }

    fn experiment(&self, area: &Area<'_>, group: &Group) -> anyhow::Result<()> {
        let (head, panels) = area.split_vertically(NAME);
        let name = match &group.name {
            None => group.file(),
            Some(name) => format!("{} {name}", group.file()),
        };
        head.draw(&Text::new(
            name,
            (style::MARGIN, 6),
            style::bold(style::INK),
        ))?;
        let (left, right) = panels.split_horizontally(CURVES + PREDICTIONS);
        let run = self.runs.iter().find(|run| std::ptr::eq(run.group, group));
        if let Some(run) = run {
            let sample = Sample::new(run, self.goal, self.best);
            let (curves, predictions) = left.split_horizontally(CURVES);
            let values = sample.values(group.range);
            curves::draw(&curves, group, &sample, values.clone(), self.value)?;
            predictions::draw(&predictions, &sample, values)?;
        }
        let rows = self.rows.iter();
        let rows: Vec<&Row<'_>> = rows
            .filter(|row| row.path == group.path && row.group == group.name.as_deref())
            .collect();
        trade::draw(&right, &rows)
    }
}

#[cfg(test)]
mod tests;
