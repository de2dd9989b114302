//! Curves as they were trained, and faintly as they would have gone on.

use std::ops::Range;

use peng_predict::Observation;
use plotters::prelude::*;

use super::{
    Area,
    sample::{Sample, Training},
    style,
};
use crate::evaluate::groups::Group;

/// Draws the sample over its epochs.
pub(super) fn draw(
    area: &Area<'_>,
    group: &Group,
    sample: &Sample<'_>,
    values: Range<f64>,
    value: &str,
) -> anyhow::Result<()> {
    let mut chart = ChartBuilder::on(area)
        .margin_left(style::MARGIN)
        .margin_top(4)
        .margin_right(2)
        .x_label_area_size(44)
        .y_label_area_size(62)
        .build_cartesian_2d(0.0..group.target.get(), values)?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(style::GRID)
        .axis_style(style::INK)
        .label_style(style::axis())
        .axis_desc_style(style::axis())
        .x_labels(7)
        .y_labels(6)
        .x_label_formatter(&style::tick)
        .y_label_formatter(&style::tick)
        .x_desc("epoch")
        .y_desc(value)
        .draw()?;
    // The best last, above the others.
    for training in sample.trainings.iter().rev() {
        let (colour, width) = look(training);
        let (used, points) = (training.used, &training.points);
        let after = line(&points[used.saturating_sub(1)..]);
        let faint = colour.mix(style::FAINT).stroke_width(width);
        chart.draw_series(LineSeries::new(after, faint))?;
        let trained = line(&points[..used]);
        chart.draw_series(LineSeries::new(trained, colour.stroke_width(width)))?;
        if used < points.len()
            && let Some(end) = line(&points[..used]).last()
        {
            chart.draw_series([Circle::new(end, 4, colour.filled())])?;
        }
    }
    Ok(())
}

/// The colour of a training, and how wide its line is.
fn look(training: &Training<'_>) -> (RGBColor, u32) {
    if training.best {
        (style::BEST, 2)
    } else {
        (style::OTHER, 1)
    }
}

fn line(points: &[Observation]) -> impl Iterator<Item = (f64, f64)> {
    points.iter().map(|point| (point.epoch.get(), point.value))
}
