//! What the search was told of each training, beside the truth.

use std::ops::Range;

use plotters::prelude::*;

use super::{Area, sample::Sample, style};

/// Draws the sample side by side, the best first, on the values of the panel to the left.
pub(super) fn draw(area: &Area<'_>, sample: &Sample<'_>, values: Range<f64>) -> anyhow::Result<()> {
    let shown = sample.trainings.len() as f64;
    let mut chart = ChartBuilder::on(area)
        .margin_left(10)
        .margin_top(4)
        .margin_right(style::MARGIN)
        .x_label_area_size(44)
        .build_cartesian_2d(0.4..shown + 0.6, values.clone())?;
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(style::GRID)
        .axis_style(style::INK)
        .axis_desc_style(style::axis())
        .x_labels(0)
        .y_labels(6)
        .x_desc("the same trainings, best first")
        .draw()?;
    let within = |value: f64| value.clamp(values.start, values.end);
    for (place, training) in (1..).map(f64::from).zip(&sample.trainings) {
        let trial = training.trial;
        let colour = if training.best {
            style::BEST
        } else {
            style::OTHER
        };
        if let Some(interval) = trial.interval {
            let ends = [interval.lower, interval.upper].map(|end| (place, within(end)));
            let bar = colour.mix(0.45).stroke_width(5);
            chart.draw_series([PathElement::new(ends, bar)])?;
        }
        let reported = (place, within(trial.reported));
        let truth = (place, within(trial.truth));
        chart.draw_series([Circle::new(reported, 4, colour.filled())])?;
        chart.draw_series([Circle::new(truth, 6, style::INK.stroke_width(1))])?;
    }
    Ok(())
}
