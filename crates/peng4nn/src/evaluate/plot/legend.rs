//! What the marks of the figure mean.

use plotters::prelude::*;

use super::{Area, CURVES, Figure, PREDICTIONS, WIDTH, style};

/// Height of a line, and where the first one is, in pixels.
const LINE: i32 = 20;
const FIRST: i32 = 48;
/// The width of a letter, at most in the mean, in pixels.
const LETTER: usize = 8;

/// The marks to the left, and where they are: column and line.
const MARKS: [(Mark, &str, (i32, i32)); 6] = [
    (Mark::Line(style::BEST, 1.0), "ends among the best", (0, 0)),
    (Mark::Line(style::OTHER, 1.0), "another", (0, 1)),
    (
        Mark::Line(style::OTHER, style::FAINT),
        "not trained: after the stop",
        (1, 0),
    ),
    (Mark::Stop, "the stop", (1, 1)),
    (Mark::Interval, "predicted, with its 90 % interval", (2, 0)),
    (Mark::Truth, "true fitness", (2, 1)),
];

enum Mark {
    Line(RGBColor, f64),
    Stop,
    Interval,
    Truth,
}

/// The height that it needs.
pub(super) fn height(figure: &Figure<'_>) -> u32 {
    let lines = figure.policies.len().div_ceil(columns(figure)).max(2);
    let lines = u32::try_from(lines).unwrap_or(u32::MAX / 100);
    FIRST.unsigned_abs() + lines * LINE.unsigned_abs() + 8
}

/// In how many columns the policies stand.
fn columns(figure: &Figure<'_>) -> usize {
    let longest = figure
        .policies
        .iter()
        .map(|policy| policy.label.len())
        .max();
    let width = (WIDTH - CURVES - PREDICTIONS) as usize;
    let policy = 45 + LETTER * longest.unwrap_or(0);
    if 2 * policy <= width && figure.policies.len() > 2 {
        2
    } else {
        1
    }
}

/// Draws it.
pub(super) fn draw(area: &Area<'_>, figure: &Figure<'_>) -> anyhow::Result<()> {
    let (left, right) = area.split_horizontally(CURVES + PREDICTIONS);
    let first = figure.policies.first().map_or("", |policy| &policy.label);
    let head = format!("Some of the curves, and what {first} predicted at its stop");
    left.draw(&Text::new(
        head,
        (style::MARGIN, 14),
        style::bold(style::INK),
    ))?;
    for (mark, meaning, (column, line)) in &MARKS {
        let (x, y) = (style::MARGIN + 230 * column, FIRST + LINE * line);
        draw_mark(&left, mark, (x, y))?;
        left.draw(&Text::new(
            *meaning,
            (x + 40, y - 6),
            style::plain(style::INK),
        ))?;
    }
    let orders = match figure.seeds {
        1 => "one order of the curves".to_owned(),
        seeds => format!("mean over {seeds} orders of the curves"),
    };
    let head = format!("Saved and kept, {orders}");
    right.draw(&Text::new(
        head,
        (style::MARGIN, 14),
        style::bold(style::INK),
    ))?;
    policies(&right, figure)
}

fn draw_mark(area: &Area<'_>, mark: &Mark, (x, y): (i32, i32)) -> anyhow::Result<()> {
    let middle = (x + 16, y);
    match mark {
        Mark::Line(colour, strength) => {
            let line = colour.mix(*strength).stroke_width(2);
            area.draw(&PathElement::new([(x, y), (x + 32, y)], line))?;
        }
        Mark::Stop => area.draw(&Circle::new(middle, 4, style::OTHER.filled()))?,
        Mark::Interval => {
            let ends = [(middle.0, y - 8), (middle.0, y + 8)];
            area.draw(&PathElement::new(
                ends,
                style::OTHER.mix(0.45).stroke_width(5),
            ))?;
            area.draw(&Circle::new(middle, 4, style::OTHER.filled()))?;
        }
        Mark::Truth => area.draw(&Circle::new(middle, 6, style::INK.stroke_width(1)))?,
    }
    Ok(())
}

/// The numbers of the policies.
fn policies(area: &Area<'_>, figure: &Figure<'_>) -> anyhow::Result<()> {
    let columns = columns(figure);
    let lines = figure.policies.len().div_ceil(columns);
    let width = i32::try_from((WIDTH - CURVES - PREDICTIONS) as usize / columns)?;
    for (place, policy) in figure.policies.iter().enumerate() {
        let (column, line) = (i32::try_from(place / lines)?, i32::try_from(place % lines)?);
        let (x, y) = (style::MARGIN + 6 + width * column, FIRST + LINE * line);
        let colour = style::colour(&policy.spec);
        area.draw(&Circle::new((x, y), 5, colour.filled()))?;
        let number = (place + 1).to_string();
        area.draw(&Text::new(number, (x + 16, y), style::small(colour)))?;
        let label = policy.label.clone();
        area.draw(&Text::new(label, (x + 28, y - 6), style::plain(style::INK)))?;
    }
    Ok(())
}
