//! The figures of a run as one page: no request leaves it, and it reads in light and in dark.

use std::fmt::Write as _;

use plotters::prelude::*;

use crate::page::{AXIS, CHART, COLOURS, ChartError, document, escape, figure, finished};

use super::bootstrap::Interval;
use super::report::Report;

/// The baseline whose distance would leave no room for the others.
const FAR_OFF: &str = "rank_table";

/// A page with tables and charts for people.
///
/// # Errors
/// [`ChartError`] when the drawing library cannot draw a figure.
pub fn page(report: &Report, title: &str) -> Result<String, ChartError> {
    let mut body = String::new();
    let title = escape(title);
    // Writing to a string cannot fail.
    let _ = write!(
        body,
        "<h1>{title}</h1><p>Origins every day from {} to {}. Less is better in log loss and Brier score. Intervals are 95 %, \
         from blocks of {} days drawn anew; there are at most {} such blocks, with {} changes of the leading model and {} of \
         the leading organisation, so the figures rest on few events.</p>",
        report.from,
        report.to,
        report.block_days,
        report.blocks,
        report.leader_changes_model,
        report.leader_changes_org
    );
    for (level, word) in [("models", "model"), ("organisations", "org")] {
        let _ = write!(body, "<h2>Which of the {level}</h2>");
        body.push_str(&table(report, word, "log_loss", "log loss"));
        body.push_str(&table(report, word, "brier", "Brier score"));
        body.push_str(&legend(report));
        body.push_str(&figure(
            &losses(report, word)?,
            &format!("Log loss by days ahead, {level}"),
        ));
        body.push_str(&figure(
            &differences(report, word)?,
            &format!(
                "Board walk less persistence in log loss, {level}: below zero it is better (the rank table is too far off to be drawn)"
            ),
        ));
        body.push_str(&figure(
            &reliability(report, word)?,
            &format!("What was said against what came, {level}"),
        ));
    }
    Ok(document(&title, &body))
}

fn legend(report: &Report) -> String {
    let mut legend = String::from("<p class=\"key\">");
    for (name, colour) in report.estimators.iter().zip(COLOURS) {
        let _ = write!(
            legend,
            "<span style=\"background:rgb({},{},{})\"></span>{}",
            colour.0,
            colour.1,
            colour.2,
            escape(name)
        );
    }
    legend.push_str("</p>");
    legend
}

fn shown(interval: Option<&Interval>) -> String {
    interval.map_or_else(
        || "-".to_owned(),
        |interval| format!("{:.3} [{:.3}, {:.3}]", interval.mean, interval.low, interval.high),
    )
}

fn table(report: &Report, level: &str, measure: &str, title: &str) -> String {
    let mut table = String::from("<table><thead><tr><th>days</th><th>n</th><th>stays</th>");
    for name in &report.estimators {
        let _ = write!(table, "<th>{}, {title}</th>", escape(name));
    }
    table.push_str("</tr></thead><tbody>");
    for (days, horizon) in &report.horizons {
        let stays = if level == "model" {
            horizon.stay_model
        } else {
            horizon.stay_org
        };
        let _ = write!(
            table,
            "<tr><td>{days}</td><td>{}</td><td>{stays:.3}</td>",
            horizon.n
        );
        for name in &report.estimators {
            let interval = report
                .intervals
                .get(days)
                .and_then(|intervals| intervals.get(&format!("{name}_{level}_{measure}")));
            let _ = write!(table, "<td>{}</td>", shown(interval));
        }
        table.push_str("</tr>");
    }
    table.push_str("</tbody></table>");
    table
}

/// A line of points with intervals.
struct Line {
    colour: RGBColor,
    points: Vec<(f64, Interval)>,
}

fn lines<'a>(
    report: &'a Report,
    skip: usize,
    interval: impl Fn(u32, &str) -> Option<&'a Interval>,
) -> Vec<Line> {
    let named = report.estimators.iter().zip(COLOURS).skip(skip);
    named
        .map(|(name, colour)| Line {
            colour,
            points: report
                .horizons
                .keys()
                .enumerate()
                .filter_map(|(index, days)| Some((index as f64, *interval(*days, name)?)))
                .collect(),
        })
        .collect()
}

fn losses(report: &Report, level: &str) -> Result<String, ChartError> {
    let drawn = lines(report, 0, |days, name| {
        report
            .intervals
            .get(&days)?
            .get(&format!("{name}_{level}_log_loss"))
    });
    intervals_chart(report, &drawn, "log loss")
}

fn differences(report: &Report, level: &str) -> Result<String, ChartError> {
    let drawn = lines(report, 1, |days, name| {
        if name == FAR_OFF {
            return None;
        }
        let difference = report.differences.get(&days)?.get(&format!("{name}_{level}"))?;
        Some(&difference.log_loss)
    });
    intervals_chart(report, &drawn, "difference of log loss")
}

fn intervals_chart(report: &Report, lines: &[Line], axis: &str) -> Result<String, ChartError> {
    let ends = lines
        .iter()
        .flat_map(|line| &line.points)
        .flat_map(|(_, interval)| [interval.low, interval.high])
        .filter(|value| value.is_finite());
    let (low, high) = ends.fold((0.0f64, 0.05f64), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let labels: Vec<u32> = report.horizons.keys().copied().collect();
    let width = labels.len() as f64;
    let mut svg = String::new();
    let drawn = (|| {
        let area = SVGBackend::with_string(&mut svg, CHART).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(56)
            .build_cartesian_2d(-0.5..width - 0.5, low * 1.05..high * 1.05)?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .max_light_lines(1)
            .light_line_style(AXIS.mix(0.15))
            .bold_line_style(AXIS.mix(0.3))
            .axis_style(AXIS)
            .label_style(("sans-serif", 13).into_font().color(&AXIS))
            .x_labels(labels.len().max(2) * 2)
            .x_label_formatter(&|x| day_label(*x, &labels))
            .x_desc("days ahead")
            .y_desc(axis)
            .draw()?;
        chart.draw_series(std::iter::once(PathElement::new(
            [(-0.5, 0.0), (width - 0.5, 0.0)],
            AXIS,
        )))?;
        for (index, line) in lines.iter().enumerate() {
            let aside = (index as f64 - lines.len() as f64 / 2.0) * 0.08;
            let at = |x: f64| x + aside;
            let colour = line.colour;
            chart.draw_series(line.points.iter().map(|(x, interval)| {
                PathElement::new(
                    [(at(*x), interval.low), (at(*x), interval.high)],
                    colour.mix(0.5).stroke_width(2),
                )
            }))?;
            chart.draw_series(
                line.points
                    .iter()
                    .map(|(x, interval)| Circle::new((at(*x), interval.mean), 4, colour.filled())),
            )?;
        }
        area.present()
    })();
    finished(drawn, svg, axis)
}

/// The days of a whole place on the axis; nothing between two.
fn day_label(x: f64, labels: &[u32]) -> String {
    let nearest = labels
        .iter()
        .enumerate()
        .find(|(index, _)| (*index as f64 - x).abs() < 0.05);
    nearest.map(|(_, days)| days.to_string()).unwrap_or_default()
}

fn reliability(report: &Report, level: &str) -> Result<String, ChartError> {
    let mut svg = String::new();
    let drawn =
        (|| {
            let area = SVGBackend::with_string(&mut svg, CHART).into_drawing_area();
            let mut chart = ChartBuilder::on(&area)
                .margin(12)
                .x_label_area_size(40)
                .y_label_area_size(56)
                .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
            chart
                .configure_mesh()
                .max_light_lines(1)
                .light_line_style(AXIS.mix(0.1))
                .bold_line_style(AXIS.mix(0.25))
                .axis_style(AXIS)
                .label_style(("sans-serif", 13).into_font().color(&AXIS))
                .x_desc("probability said")
                .y_desc("share that came")
                .draw()?;
            chart.draw_series(std::iter::once(PathElement::new([(0.0, 0.0), (1.0, 1.0)], AXIS)))?;
            for (name, colour) in report.estimators.iter().zip(COLOURS) {
                let Some(reliability) = report.reliability.get(&format!("{name}_{level}")) else {
                    continue;
                };
                let bins = || reliability.bins.iter();
                chart.draw_series(LineSeries::new(
                    bins().map(|bin| (bin.said, bin.came)),
                    colour.mix(0.6),
                ))?;
                chart.draw_series(bins().map(|bin| {
                    PathElement::new([(bin.said, bin.low), (bin.said, bin.high)], colour.mix(0.4))
                }))?;
                chart.draw_series(bins().map(|bin| Circle::new((bin.said, bin.came), 4, colour.filled())))?;
            }
            area.present()
        })();
    finished(drawn, svg, "reliability")
}
