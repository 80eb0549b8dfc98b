//! What every page of figures shares: no request leaves it, and it reads in light and in dark.

use plotters::prelude::*;

/// The size of a chart, in pixels before scaling.
pub(crate) const CHART: (u32, u32) = (640, 360);

/// Colours that hold on white and on black, one for each estimator.
pub(crate) const COLOURS: [RGBColor; 4] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(120, 120, 120),
    RGBColor(0, 158, 115),
];

pub(crate) const AXIS: RGBColor = RGBColor(128, 128, 128);

/// Why a chart could not be drawn.
#[derive(Debug, thiserror::Error)]
#[error("the chart of {chart} cannot be drawn: {detail}")]
pub struct ChartError {
    /// Which chart.
    pub chart: String,
    /// What the drawing library says.
    pub detail: String,
}

/// A text as it stands in a page.
pub(crate) fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// A whole page of a title, which is escaped already, and a body.
pub(crate) fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>{title}</title><style>{STYLE}</style></head><body>\
         <main>{body}</main></body></html>\n"
    )
}

const STYLE: &str = "\
    :root{color-scheme:light dark}\
    body{font:16px/1.5 system-ui,sans-serif;margin:0}\
    main{max-width:60rem;margin:0 auto;padding:1rem}\
    table{border-collapse:collapse;display:block;overflow-x:auto}\
    th,td{padding:.2rem .6rem;text-align:right;border-bottom:1px solid #8886}\
    th:first-child,td:first-child{text-align:left}\
    figure{margin:1rem 0}figcaption{font-weight:600}\
    svg{width:100%;height:auto;max-width:40rem}\
    .key span{display:inline-block;width:.8em;height:.8em;margin:0 .4em 0 1em}";

/// A chart with its caption.
pub(crate) fn figure(svg: &str, caption: &str) -> String {
    let caption = escape(caption);
    let named = format!("<svg role=\"img\" aria-label=\"{caption}\"");
    format!(
        "<figure><figcaption>{caption}</figcaption>{}</figure>",
        svg.replacen("<svg", &named, 1)
    )
}

/// A chart, or why there is none.
pub(crate) fn finished<E: std::error::Error + Send + Sync>(
    drawn: Result<(), DrawingAreaErrorKind<E>>,
    svg: String,
    chart: &str,
) -> Result<String, ChartError> {
    match drawn {
        Ok(()) => Ok(svg),
        Err(error) => Err(ChartError {
            chart: chart.to_owned(),
            detail: error.to_string(),
        }),
    }
}
