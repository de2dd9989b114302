//! Colours and letters of the figure.

use peng_predict::policy::Spec;
use plotters::{
    prelude::*,
    style::text_anchor::{HPos, Pos, VPos},
};

/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(0x33, 0x33, 0x33);
/// Lines behind the data.
pub(super) const GRID: RGBColor = RGBColor(0xe6, 0xe6, 0xe6);
/// A training that ends among the best.
pub(super) const BEST: RGBColor = RGBColor(0xd5, 0x5e, 0x00);
/// Any other training.
pub(super) const OTHER: RGBColor = RGBColor(0x6b, 0x7b, 0x8c);
/// How much of its colour is left of what was not trained.
pub(super) const FAINT: f64 = 0.3;
/// Space at the edges, in pixels.
pub(super) const MARGIN: i32 = 12;

/// Colours that people with any colour vision tell apart (Okabe and Ito, *Color Universal
/// Design*, 2008), without yellow, which is too light for points on white.
const PALETTE: [RGBColor; 8] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x80, 0x80, 0x80),
    RGBColor(0x00, 0x00, 0x00),
    RGBColor(0xd5, 0x5e, 0x00),
];

/// The colour of a policy and its variants.
pub(super) fn colour(policy: &Spec) -> RGBColor {
    let place = Spec::NAMES.iter().position(|name| *name == policy.name());
    PALETTE[place.unwrap_or_default() % PALETTE.len()]
}

/// Letters of 13 pixels.
pub(super) fn plain(colour: RGBColor) -> TextStyle<'static> {
    letters(16, FontStyle::Normal, colour)
}

/// Bold letters of 14 pixels.
pub(super) fn bold(colour: RGBColor) -> TextStyle<'static> {
    letters(17, FontStyle::Bold, colour)
}

/// Letters of 11 pixels about their middle.
pub(super) fn small(colour: RGBColor) -> TextStyle<'static> {
    letters(14, FontStyle::Bold, colour).pos(Pos::new(HPos::Center, VPos::Center))
}

/// Letters of 12 pixels for axes.
pub(super) fn axis() -> TextStyle<'static> {
    letters(15, FontStyle::Normal, INK)
}

/// A number on an axis, without a needless fraction.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "what a formatter of an axis is"
)]
pub(super) fn tick(number: &f64) -> String {
    let rounded = (number * 1e6).round() / 1e6;
    // A zero has no sign.
    format!("{}", rounded + 0.0)
}

fn letters(size: u32, weight: FontStyle, colour: RGBColor) -> TextStyle<'static> {
    let mut style = TextStyle::from(("sans-serif", size, weight));
    style.color = colour.to_backend_color();
    style
}
