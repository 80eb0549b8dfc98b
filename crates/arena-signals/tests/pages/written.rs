//! Pages the project writes: a board as each layout of the site shows it.

use serde_json::{Value, json};

/// One model of a written board.
#[derive(Debug, Clone)]
pub struct Model {
    pub name: String,
    pub organization: String,
    pub license: String,
    pub votes: i64,
    /// Score and half width of the interval, in hundredths.
    pub score: i64,
    pub half: i64,
    pub release_type: Option<&'static str>,
}

/// A board with its ranks worked out.
#[derive(Debug, Clone)]
pub struct Written {
    pub models: Vec<Model>,
    pub category: &'static str,
    pub style_control: bool,
    pub stamp: &'static str,
}

/// A board of `count` models, different for each seed.
pub fn board(count: usize, seed: u64) -> Written {
    let mut stream = Stream(seed);
    let mut score = 150_000;
    let models = (0..count)
        .map(|index| {
            score -= 5 + i64::try_from(stream.next() % 350).unwrap();
            let wild = ["", " (thinking-minimal)", "-preview", "_5-20b"][(stream.next() % 4) as usize];
            Model {
                name: format!("model-{index}.{}{wild}", stream.next() % 100),
                // The site leaves the owner of old models empty.
                organization: match (index > 25, stream.next() % 6) {
                    (true, 0) => String::new(),
                    (_, owner) => {
                        ["Acme", "Bolt AI", "Core/Labs", "01.D", "Z.ee"][(owner % 5) as usize].to_owned()
                    }
                },
                license: ["Proprietary", "MIT", "Apache 2.0"][(stream.next() % 3) as usize].to_owned(),
                votes: 1_000 + i64::try_from(stream.next() % 60_000).unwrap(),
                score,
                half: 301 + i64::try_from(stream.next() % 900).unwrap(),
                release_type: (index == 6).then_some("pre_release"),
            }
        })
        .collect();
    Written {
        models,
        category: "overall",
        style_control: false,
        stamp: "2026-05-07T14:00:00.000Z",
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014).
struct Stream(u64);

impl Stream {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

/// Hundredths as the payload prints them: without trailing zeros.
pub fn decimal(hundredths: i64) -> String {
    let text = format!("{}.{:02}", hundredths / 100, hundredths % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

impl Written {
    /// The best and worst rank of a model by its interval, compared pair by pair.
    pub fn spread(&self, index: usize) -> (i64, i64) {
        let own = &self.models[index];
        let better = self
            .models
            .iter()
            .filter(|other| other.score - other.half > own.score + own.half)
            .count();
        let rivals = self.models.iter().enumerate().filter(|(at, _)| *at != index);
        let above = rivals
            .filter(|(_, other)| other.score + other.half > own.score - own.half)
            .count();
        (
            1 + i64::try_from(better).unwrap(),
            1 + i64::try_from(above).unwrap(),
        )
    }

    pub fn total_votes(&self) -> i64 {
        self.models.iter().map(|model| model.votes).sum()
    }

    /// The leaderboard object as JSON text, in the page's own key order.
    pub fn payload(&self) -> String {
        let rows: Vec<String> = self
            .models
            .iter()
            .enumerate()
            .map(|(index, model)| {
                let (best, worst) = self.spread(index);
                format!(
                    "{{\"rank\":{},\"rankUpper\":{best},\"rankLower\":{worst},\"rankStyleControl\":{},\"modelDisplayName\":{},\
                     \"rating\":{},\"ratingUpper\":{},\"ratingLower\":{},\"votes\":{},\"modelOrganization\":{},\
                     \"modelUrl\":\"https://example.org/{index}\",\"license\":{},\"inputPricePerMillion\":5,\
                     \"contextLength\":null,\"releaseType\":{}}}",
                    index + 1,
                    index + 2,
                    Value::from(model.name.as_str()),
                    decimal(model.score),
                    decimal(model.score + model.half),
                    decimal(model.score - model.half),
                    model.votes,
                    Value::from(model.organization.as_str()),
                    Value::from(model.license.as_str()),
                    json!(model.release_type),
                )
            })
            .collect();
        format!(
            "{{\"arenaSlug\":\"text\",\"leaderboardSlug\":\"{}{}\",\"params\":{{\"category\":\"{}\",\"styleControl\":{}}},\
             \"category\":{{\"name\":\"{}\",\"title\":\"T\",\"icon\":\"🏆\"}},\"id\":\"x\",\"entries\":[{}],\
             \"voteCutoffISOString\":\"{}\",\"totalVotes\":{},\"totalModels\":{}}}",
            self.category,
            if self.style_control {
                ""
            } else {
                "-no-style-control"
            },
            self.category,
            self.style_control,
            self.category,
            rows.join(","),
            self.stamp,
            self.total_votes(),
            self.models.len(),
        )
    }

    /// The bare stream around the payload.
    pub fn stream(&self) -> String {
        format!(
            "1:\"$Sreact.fragment\"\n2:I[1,[],\"\"]\nb:[\"$\",\"$L1b\",null,{{\"arena\":{{\"slug\":\"text\",\"categories\":\"$Q1c\"}},\
             \"leaderboard\":{},\"plots\":[]}}]\n",
            self.payload()
        )
    }

    /// A page with the payload in its scripts, cut into fragments of `chunk` characters, and a body before them.
    pub fn page(&self, body: &str, chunk: usize) -> String {
        let stream: Vec<char> = self.stream().chars().collect();
        let pushes: Vec<String> = stream
            .chunks(chunk)
            .map(|piece| {
                let literal = Value::from(piece.iter().collect::<String>())
                    .to_string()
                    .replace('<', "\\u003c");
                format!("<script>self.__next_f.push([1,{literal}])</script>")
            })
            .collect();
        format!(
            "<!DOCTYPE html><html lang=\"en\"><head><title>Leaderboard</title><meta name=\"description\" content=\"Compare and \
             explore Text models ranked by {} performance{}.\"/></head><body>{body}<script>(self.__next_f=self.__next_f||[])\
             .push([0])</script>{}</body></html>",
            self.category,
            if self.style_control {
                ""
            } else {
                " (without style control)"
            },
            pushes.join("")
        )
    }

    /// The page as it is today: today's table and the payload.
    pub fn today(&self) -> String {
        self.page(&(self.header() + &self.table(Layout::Prices)), usize::MAX)
    }

    /// What stands above the table.
    pub fn header(&self) -> String {
        format!(
            "<div><span>May 7, 2026</span></div><div><span>{}<!-- --> votes</span></div><div><span>{}<!-- --> <!-- -->models</span></div>",
            grouped(self.total_votes()),
            self.models.len()
        )
    }

    /// A page with nothing but a table.
    pub fn table_page(&self, layout: Layout) -> String {
        format!(
            "<!DOCTYPE html><html><head><title>T</title></head><body>{}</body></html>",
            self.table(layout)
        )
    }

    pub fn table(&self, layout: Layout) -> String {
        let head: String = layout
            .headers()
            .iter()
            .map(|header| format!("<th><button>{header}</button></th>"))
            .collect();
        let rows: String = (0..self.models.len())
            .map(|index| self.table_row(layout, index))
            .collect();
        format!(
            "<table class=\"w\"><thead><tr>{head}</tr></thead><tbody class=\"[&amp;_tr]:b\">{rows}</tbody></table>"
        )
    }

    fn table_row(&self, layout: Layout, index: usize) -> String {
        let model = &self.models[index];
        let (best, worst) = self.spread(index);
        let score = (model.score + 50) / 100;
        let half = (model.half + 50) / 100;
        let mark = if model.release_type.is_some() {
            "<span>Preliminary</span>"
        } else {
            ""
        };
        let span = |text: &str| format!("<span class=\"text-sm\">{text}</span>");
        let line = match model.organization.as_str() {
            "" => model.license.clone(),
            owner => format!("{owner} · {}", model.license),
        };
        let name = |under: &str| {
            let icon = if index.is_multiple_of(2) {
                "<title>Icon</title>"
            } else {
                ""
            };
            format!(
                "<div><svg viewBox=\"0\">{icon}<path d=\"M0\"></path></svg><a target=\"_blank\" href=\"https://example.org/{index}\" \
                 title=\"{0}\"><span>{0}</span><svg><path></path></svg></a>{under}</div>",
                model.name
            )
        };
        let under = format!("<span class=\"x\">{line}</span>");
        let arrow = format!("<div><span>{best}</span><svg><path></path></svg><span>{worst}</span></div>");
        let interval = format!("{}{mark}", span(&score.to_string()));
        let with_interval = format!(
            "<div>{}<span>±{half}</span>{mark}</div>",
            span(&score.to_string())
        );
        let votes = grouped(model.votes);
        let cells: Vec<String> = match layout {
            Layout::Gradio => vec![
                best.to_string(),
                best.to_string(),
                format!("<a href=\"#\">{}</a>", model.name),
                score.to_string(),
                format!("+{half}/-{half}"),
                model.votes.to_string(),
                model.organization.clone(),
                model.license.clone(),
            ],
            Layout::RankUb => vec![
                span(&best.to_string()),
                name(""),
                interval,
                span(&format!("±{half}")),
                span(&votes),
                span(&model.organization),
                span(&model.license),
            ],
            Layout::Spread | Layout::PreliminaryScore => vec![
                span(&(index + 1).to_string()),
                if layout == Layout::Spread {
                    span(&format!("{best}◄─►{worst}"))
                } else {
                    arrow
                },
                name(""),
                if layout == Layout::Spread {
                    interval
                } else {
                    format!("{score}{}", mark.replace("<span>", "").replace("</span>", ""))
                },
                span(&format!("±{half}")),
                span(&votes),
                span(&model.organization),
                span(&model.license),
            ],
            Layout::ModelCell => vec![
                span(&(index + 1).to_string()),
                arrow,
                name(&under),
                with_interval,
                span(&votes),
            ],
            Layout::Prices => vec![
                span(&(index + 1).to_string()),
                arrow,
                name(&under),
                with_interval,
                span(&votes),
                span("$5<!-- --> / <!-- -->$25"),
                span("N/A"),
            ],
        };
        let cells: String = cells
            .iter()
            .map(|cell| format!("<td class=\"p-2 [&amp;:x]\">{cell}</td>"))
            .collect();
        format!("<tr class=\"b\">{cells}</tr>")
    }
}

/// The layouts of the table, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    Gradio,
    RankUb,
    Spread,
    PreliminaryScore,
    ModelCell,
    Prices,
}

impl Layout {
    pub const ALL: [Self; 6] = [
        Self::Gradio,
        Self::RankUb,
        Self::Spread,
        Self::PreliminaryScore,
        Self::ModelCell,
        Self::Prices,
    ];

    fn headers(self) -> &'static [&'static str] {
        match self {
            Self::Gradio => &[
                "Rank* (UB)",
                "Rank (StyleCtrl)",
                "Model",
                "Arena Score",
                "95% CI",
                "Votes",
                "Organization",
                "License",
            ],
            Self::RankUb => &[
                "Rank (UB)",
                "Model",
                "Score",
                "95% CI (±)",
                "Votes",
                "Organization",
                "License",
            ],
            Self::Spread => &[
                "Rank",
                "Rank Spread(Upper-Lower)",
                "Model",
                "Score",
                "95% CI (±)",
                "Votes",
                "Organization",
                "License",
            ],
            Self::PreliminaryScore => &[
                "Rank",
                "Rank Spread",
                "Model",
                "Score",
                "95% CI (±)",
                "Votes",
                "Organization",
                "License",
            ],
            Self::ModelCell => &["Rank", "Rank Spread", "Model", "Score", "Votes"],
            Self::Prices => &[
                "Rank",
                "Rank Spread",
                "Model",
                "Score",
                "Votes",
                "Price $/M",
                "Context",
            ],
        }
    }

    /// Whether the layout has the unique rank and the worst rank.
    pub fn has_ranks(self) -> bool {
        !matches!(self, Self::Gradio | Self::RankUb)
    }

    /// Whether the layout marks preliminary scores.
    pub fn has_mark(self) -> bool {
        self != Self::Gradio
    }
}

pub fn grouped(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
