//! What each policy saved and what it kept.

use peng_predict::policy::Spec;
use plotters::{coord::types::RangedCoordf64, prelude::*};

use super::{Area, style};
use crate::evaluate::rows::Row;

type Plane<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Where a point's number may stand, in pixels from the point, the best place first.
const PLACES: [(i32, i32); 16] = [
    (11, 0),
    (-11, 0),
    (0, -12),
    (0, 12),
    (10, -10),
    (-10, -10),
    (10, 10),
    (-10, 10),
    (19, 0),
    (-19, 0),
    (0, -22),
    (0, 22),
    (18, -16),
    (-18, -16),
    (18, 16),
    (-18, 16),
];

/// Draws the rows of an experiment, numbered in their order; variants of a policy are joined.
pub(super) fn draw(area: &Area<'_>, rows: &[&Row<'_>]) -> anyhow::Result<()> {
    let mut chart = ChartBuilder::on(area)
        .margin_left(style::MARGIN)
        .margin_top(4)
        .margin_right(20)
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d(-2.0..102.0, -0.03..1.05)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(style::GRID)
        .axis_style(style::INK)
        .label_style(style::axis())
        .axis_desc_style(style::axis())
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(&style::tick)
        .y_label_formatter(&style::tick)
        .x_desc("epochs saved, %")
        .y_desc("share of the best kept")
        .draw()?;
    for name in Spec::NAMES {
        variants(&mut chart, rows, name)?;
    }
    for row in rows {
        let colour = style::colour(&row.policy.spec);
        chart.draw_series([Circle::new(point(row), 5, colour.filled())])?;
    }
    number(area, &chart, rows)
}

/// A line through the variants of a policy, from the one that saves least.
fn variants(chart: &mut Plane<'_, '_>, rows: &[&Row<'_>], name: &str) -> anyhow::Result<()> {
    let mut rows: Vec<&Row<'_>> = rows
        .iter()
        .copied()
        .filter(|row| row.policy.spec.name() == name)
        .collect();
    rows.sort_by(|one, other| {
        let saved = |row: &Row<'_>| row.summary.epochs_saved;
        saved(one).total_cmp(&saved(other))
    });
    if let [first, _, ..] = rows[..] {
        let line = style::colour(&first.policy.spec).mix(0.6).stroke_width(2);
        chart.draw_series(LineSeries::new(rows.iter().map(|row| point(row)), line))?;
    }
    Ok(())
}

fn point(row: &Row<'_>) -> (f64, f64) {
    (100.0 * row.summary.epochs_saved, row.summary.best_kept)
}

/// Writes each point's number where it hides nothing.
fn number(area: &Area<'_>, chart: &Plane<'_, '_>, rows: &[&Row<'_>]) -> anyhow::Result<()> {
    let (left, top) = area.get_base_pixel();
    let plane = chart.plotting_area();
    let points: Vec<(i32, i32)> = rows
        .iter()
        .map(|row| plane.map_coordinate(&point(row)))
        .collect();
    let (across, down) = plane.get_pixel_range();
    let mut taken: Vec<Block> = points.iter().map(|&at| Block::about(at, 11, 11)).collect();
    for (place, (row, at)) in rows.iter().zip(&points).enumerate() {
        let text = (place + 1).to_string();
        let width = 8 * i32::try_from(text.len())?;
        let free = PLACES.iter().find_map(|(x, y)| {
            let block = Block::about((at.0 + x, at.1 + y), width, 11);
            let inside = across.contains(&block.left)
                && across.contains(&block.right)
                && down.contains(&block.top)
                && down.contains(&block.bottom);
            (inside && !taken.iter().any(|other| other.meets(&block))).then_some(block)
        });
        // Hidden points lie under others; their number is where there is room or nowhere.
        if let Some(block) = free {
            let middle = block.middle();
            let colour = style::colour(&row.policy.spec);
            let shifted = (middle.0 - left, middle.1 - top);
            area.draw(&Text::new(text, shifted, style::small(colour)))?;
            taken.push(block);
        }
    }
    Ok(())
}

/// A part of the figure that is taken, in pixels.
#[derive(Clone, Copy)]
struct Block {
    left: i32,
    right: i32,
    top: i32,
    bottom: i32,
}

impl Block {
    fn about((x, y): (i32, i32), width: i32, height: i32) -> Self {
        Self {
            left: x - width / 2,
            right: x + width / 2,
            top: y - height / 2,
            bottom: y + height / 2,
        }
    }

    fn middle(&self) -> (i32, i32) {
        (
            i32::midpoint(self.left, self.right),
            i32::midpoint(self.top, self.bottom),
        )
    }

    fn meets(&self, other: &Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}
