//! A period, or many runs together, as one page with charts.

use std::fmt::Write as _;

use plotters::coord::Shift;
use plotters::prelude::*;

use super::sums::Figures;
use crate::page::{AXIS, CHART, COLOURS, ChartError, document, escape, figure, finished};

/// How many reasons against entries have a bar.
const MOST_GUARDS: usize = 12;

/// The equity of a day over all runs, in dollars gained; of a single period all three are the same.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Band {
    /// Days after the beginning.
    pub day: f64,
    /// The tenth part of the runs is below.
    pub low: f64,
    /// The mean.
    pub mean: f64,
    /// The tenth part of the runs is above.
    pub high: f64,
    /// The mean fall from the highest value before.
    pub drawdown: f64,
}

/// What a page shows.
#[derive(Debug, Clone)]
pub struct Sheet<'a> {
    /// What it is about.
    pub title: &'a str,
    /// Names and values for the top of the page.
    pub facts: Vec<(String, String)>,
    /// The equity.
    pub equity: &'a [Band],
    /// The figures.
    pub figures: &'a Figures,
    /// What the figures rest on.
    pub assumptions: &'a [String],
}

impl Sheet<'_> {
    /// The page.
    ///
    /// # Errors
    /// [`ChartError`] when the drawing library cannot draw a chart.
    pub fn page(&self) -> Result<String, ChartError> {
        let title = escape(self.title);
        let mut body = format!("<h1>{title}</h1><table><tbody>");
        for (name, value) in &self.facts {
            // Writing to a string cannot fail.
            let _ = write!(
                body,
                "<tr><td>{}</td><td>{}</td></tr>",
                escape(name),
                escape(value)
            );
        }
        body.push_str("</tbody></table>");
        if !self.assumptions.is_empty() {
            body.push_str("<h2>What this rests on</h2><ul>");
            for assumption in self.assumptions {
                let _ = write!(body, "<li>{}</li>", escape(assumption));
            }
            body.push_str("</ul>");
        }
        for (caption, svg) in self.charts()? {
            body.push_str(&figure(&svg, caption));
        }
        body.push_str(&self.tables());
        Ok(document(&title, &body))
    }

    fn charts(&self) -> Result<Vec<(&'static str, String)>, ChartError> {
        let mut charts = Vec::new();
        if self.equity.len() > 1 {
            charts.push((
                "Equity gained, in dollars by days from the start; the band holds 80 % of the runs",
                self.equity_chart()?,
            ));
            charts.push((
                "Mean fall from the highest equity before, in dollars",
                self.falls()?,
            ));
        }
        let figures = self.figures;
        if !figures.horizons.is_empty() {
            charts.push((
                "Cents for a contract entered, by days to the check: expected (blue) and realised (orange)",
                self.horizons()?,
            ));
        }
        if !figures.calibration.is_empty() {
            charts.push((
                "Entries: probability given to the outcome bought against how often it came",
                self.calibration()?,
            ));
        }
        if !figures.slippage.by_cent.is_empty() {
            charts.push((
                "Fills by cents against the best price of the book before; above zero is worse",
                self.slippage()?,
            ));
        }
        if figures.guards.iter().any(|row| row.settled > 0) {
            charts.push((
                "What reasons against entries saved less what they cost, in dollars",
                self.guards()?,
            ));
        }
        Ok(charts)
    }

    fn equity_chart(&self) -> Result<String, ChartError> {
        let ends = self.equity.iter().flat_map(|band| [band.low, band.high]);
        let range = around(ends);
        let last = self.equity.last().map_or(1.0, |band| band.day);
        drawn("equity", |area| {
            let mut chart = plane(area, 0.0..last, range, "days", "dollars")?;
            let upper = self.equity.iter().map(|band| (band.day, band.high));
            let lower = self.equity.iter().rev().map(|band| (band.day, band.low));
            chart.draw_series(std::iter::once(Polygon::new(
                upper.chain(lower).collect::<Vec<_>>(),
                COLOURS[0].mix(0.2),
            )))?;
            chart.draw_series(LineSeries::new(
                self.equity.iter().map(|band| (band.day, band.mean)),
                COLOURS[0].stroke_width(2),
            ))?;
            Ok(())
        })
    }

    fn falls(&self) -> Result<String, ChartError> {
        let range = around(self.equity.iter().map(|band| -band.drawdown));
        let last = self.equity.last().map_or(1.0, |band| band.day);
        drawn("falls", |area| {
            let mut chart = plane(area, 0.0..last, range, "days", "dollars")?;
            let points = self.equity.iter().map(|band| (band.day, -band.drawdown));
            chart.draw_series(AreaSeries::new(points, 0.0, COLOURS[1].mix(0.3)).border_style(COLOURS[1]))?;
            Ok(())
        })
    }

    fn horizons(&self) -> Result<String, ChartError> {
        let rows: Vec<(String, [f64; 2])> = self
            .figures
            .horizons
            .iter()
            .map(|row| {
                let cents = |dollars: f64| dollars * 100.0 / row.contracts.max(f64::MIN_POSITIVE);
                let name = match row.to_days {
                    Some(to) => format!("{}-{to}", row.from_days),
                    None => format!("{}+", row.from_days),
                };
                (name, [cents(row.expected), cents(row.realised)])
            })
            .collect();
        bars("horizons", &rows, "days to the check", "cents")
    }

    fn calibration(&self) -> Result<String, ChartError> {
        drawn("calibration", |area| {
            let mut chart = plane(area, 0.0..1.0, 0.0..1.0, "probability said", "share that came")?;
            chart.draw_series(std::iter::once(PathElement::new([(0.0, 0.0), (1.0, 1.0)], AXIS)))?;
            let bins = || self.figures.calibration.iter();
            chart.draw_series(bins().map(|bin| {
                PathElement::new(
                    [(bin.said, bin.low), (bin.said, bin.high)],
                    COLOURS[0].mix(0.5).stroke_width(2),
                )
            }))?;
            chart.draw_series(bins().map(|bin| Circle::new((bin.said, bin.came), 4, COLOURS[0].filled())))?;
            Ok(())
        })
    }

    fn slippage(&self) -> Result<String, ChartError> {
        let rows: Vec<(String, [f64; 1])> = self
            .figures
            .slippage
            .by_cent
            .iter()
            .map(|(cent, count)| (format!("{cent:+}"), [*count as f64]))
            .collect();
        bars("slippage", &rows, "cents", "fills")
    }

    fn guards(&self) -> Result<String, ChartError> {
        let mut rows: Vec<_> = self.figures.guards.iter().filter(|row| row.settled > 0).collect();
        rows.sort_by(|a, b| b.net.abs().total_cmp(&a.net.abs()));
        let rows: Vec<(String, [f64; 1])> = rows
            .into_iter()
            .take(MOST_GUARDS)
            .map(|row| (row.reason.clone(), [row.net]))
            .collect();
        let range = around(rows.iter().map(|(_, [net])| *net));
        let count = rows.len();
        drawn("guards", |area| {
            let mut chart = ChartBuilder::on(area)
                .margin(12)
                .x_label_area_size(40)
                .y_label_area_size(190)
                .build_cartesian_2d(range, -0.5..count as f64 - 0.5)?;
            let name = |y: f64| label(y, &rows);
            chart
                .configure_mesh()
                .disable_y_mesh()
                .max_light_lines(1)
                .light_line_style(AXIS.mix(0.15))
                .bold_line_style(AXIS.mix(0.3))
                .axis_style(AXIS)
                .label_style(("sans-serif", 13).into_font().color(&AXIS))
                .y_labels(count.max(1) * 2)
                .y_label_formatter(&|y| name(*y))
                .x_desc("dollars")
                .draw()?;
            chart.draw_series(rows.iter().enumerate().map(|(place, (_, [net]))| {
                let y = place as f64;
                let colour = if *net < 0.0 { COLOURS[1] } else { COLOURS[3] };
                Rectangle::new([(0.0, y - 0.35), (*net, y + 0.35)], colour.filled())
            }))?;
            Ok(())
        })
    }

    fn tables(&self) -> String {
        let figures = self.figures;
        let mut text = String::new();
        let mut table = |title: &str, heads: &[&str], rows: Vec<Vec<String>>| {
            if rows.is_empty() {
                return;
            }
            let _ = write!(text, "<h2>{title}</h2><table><thead><tr>");
            for head in heads {
                let _ = write!(text, "<th>{head}</th>");
            }
            text.push_str("</tr></thead><tbody>");
            for row in rows {
                text.push_str("<tr>");
                for cell in row {
                    let _ = write!(text, "<td>{}</td>", escape(&cell));
                }
                text.push_str("</tr>");
            }
            text.push_str("</tbody></table>");
        };
        let horizons = figures.horizons.iter().map(|row| {
            vec![
                row.to_days.map_or_else(
                    || format!("{}+", row.from_days),
                    |to| format!("{}-{to}", row.from_days),
                ),
                row.fills.to_string(),
                format!("{:.0}", row.contracts),
                format!("{:+.2}", row.expected),
                format!("{:+.2}", row.realised),
                row.open_fills.to_string(),
            ]
        });
        table(
            "Entries by days to the check",
            &[
                "days",
                "fills",
                "contracts",
                "expected",
                "realised",
                "not paid yet",
            ],
            horizons.collect(),
        );
        let guards = figures.guards.iter().map(|row| {
            vec![
                row.reason.clone(),
                row.settled.to_string(),
                format!("{:.2}", row.saved),
                format!("{:.2}", row.cost),
                format!("{:+.2}", row.net),
            ]
        });
        table(
            "Reasons against entries",
            &["reason", "chances settled", "saved", "cost", "net"],
            guards.collect(),
        );
        let counts = |counts: &std::collections::BTreeMap<String, u64>| {
            let rows = counts.iter();
            rows.map(|(name, count)| vec![name.clone(), count.to_string()])
                .collect()
        };
        table(
            "Orders refused by risk",
            &["reason", "orders"],
            counts(&figures.refusals),
        );
        table(
            "What restricted trading",
            &["cause", "times"],
            counts(&figures.causes),
        );
        text
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn<'a> = Result<(), DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>>;
type Plane<'a, 'b> = ChartContext<
    'b,
    SVGBackend<'a>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

fn drawn(name: &str, draw: impl FnOnce(&Area<'_>) -> Drawn<'static>) -> Result<String, ChartError> {
    let mut svg = String::new();
    let done = {
        let area = SVGBackend::with_string(&mut svg, CHART).into_drawing_area();
        draw(&area).and_then(|()| area.present())
    };
    finished(done, svg, name)
}

fn plane<'a, 'b>(
    area: &'b Area<'a>,
    x: std::ops::Range<f64>,
    y: std::ops::Range<f64>,
    x_name: &str,
    y_name: &str,
) -> Result<Plane<'a, 'b>, DrawingAreaErrorKind<<SVGBackend<'a> as DrawingBackend>::ErrorType>> {
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(x, y)?;
    chart
        .configure_mesh()
        .max_light_lines(1)
        .light_line_style(AXIS.mix(0.1))
        .bold_line_style(AXIS.mix(0.25))
        .axis_style(AXIS)
        .label_style(("sans-serif", 13).into_font().color(&AXIS))
        .x_desc(x_name)
        .y_desc(y_name)
        .draw()?;
    Ok(chart)
}

/// Upright bars, those of one name beside each other.
fn bars<const N: usize>(
    name: &str,
    rows: &[(String, [f64; N])],
    x_name: &str,
    y_name: &str,
) -> Result<String, ChartError> {
    let range = around(rows.iter().flat_map(|(_, values)| *values));
    let width = 0.8 / N as f64;
    drawn(name, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(64)
            .build_cartesian_2d(-0.5..rows.len() as f64 - 0.5, range)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .max_light_lines(1)
            .light_line_style(AXIS.mix(0.15))
            .bold_line_style(AXIS.mix(0.3))
            .axis_style(AXIS)
            .label_style(("sans-serif", 13).into_font().color(&AXIS))
            .x_labels(rows.len().max(1) * 2)
            .x_label_formatter(&|x| label(*x, rows))
            .x_desc(x_name)
            .y_desc(y_name)
            .draw()?;
        for (place, (_, values)) in rows.iter().enumerate() {
            chart.draw_series(
                values
                    .iter()
                    .zip(COLOURS)
                    .enumerate()
                    .map(|(of, (value, colour))| {
                        let from = place as f64 - 0.4 + of as f64 * width;
                        Rectangle::new([(from, 0.0), (from + width, *value)], colour.filled())
                    }),
            )?;
        }
        Ok(())
    })
}

/// The name of a whole place on an axis; nothing between two.
fn label<T>(place: f64, rows: &[(String, T)]) -> String {
    let nearest = rows
        .iter()
        .enumerate()
        .find(|(index, _)| (*index as f64 - place).abs() < 0.05);
    nearest.map(|(_, (name, _))| name.clone()).unwrap_or_default()
}

/// A range that holds zero and all values, with some room.
fn around(values: impl Iterator<Item = f64>) -> std::ops::Range<f64> {
    let (low, high) = values
        .filter(|value| value.is_finite())
        .fold((0.0f64, 0.0f64), |(low, high), value| {
            (low.min(value), high.max(value))
        });
    let room = ((high - low) * 0.05).max(0.01);
    low - room..high + room
}
