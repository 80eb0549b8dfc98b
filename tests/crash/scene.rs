//! The stories that are interrupted: what is wanted on each contract, and what the other side does to it.
//!
//! A story is told by generations: the n-th order of a contract is its n-th wish, so that whatever happens in between, the
//! order that comes next is known, and an order decided twice would show.

use autotrader_domain::{BookSide, Contracts, Price, Purpose, Ticker};

/// How long an order lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lives {
    /// Takes what is there.
    Taking,
    /// All of it at once, or nothing.
    WholeOrNothing,
    /// Rests until it is cancelled or filled.
    Resting,
    /// Rests for so many seconds.
    RestingFor(i64),
}

/// One order of a story.
#[derive(Debug, Clone, Copy)]
pub struct Wish {
    pub purpose: Purpose,
    pub side: BookSide,
    /// Whole contracts; an exit closes what is held instead.
    pub contracts: u32,
    pub cents: i64,
    pub lives: Lives,
    /// Withdrawn when it has rested for so many seconds.
    pub cancel_after: Option<i64>,
}

/// One contract of a story.
#[derive(Debug, Clone, Copy)]
pub struct Contract {
    pub name: &'static str,
    /// Contracts offered at [`ASK`].
    pub offered: u32,
    pub wishes: &'static [Wish],
    /// So many contracts of our resting order are taken, once it has rested for so many seconds.
    pub taken: Option<(u32, i64)>,
    /// Pays one dollar, so many seconds after our first fill.
    pub settles_after: Option<i64>,
}

/// A story.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    pub name: &'static str,
    pub contracts: &'static [Contract],
    /// The answer to the first order is lost; the order is not.
    pub first_answer_lost: bool,
    /// The answer to a cancel of a resting order is lost; the cancel is not.
    pub cancel_answer_lost: bool,
    /// Orders are refused with 503 for so many seconds from the start.
    pub down_for: i64,
}

/// Where the other side bids and offers, in cents.
pub const BID: i64 = 48;
pub const ASK: i64 = 52;

pub const SERIES: &str = "KXCRASH";
pub const EVENT: &str = "KXCRASH-26DEC31";

const ENTER: Wish = Wish {
    purpose: Purpose::Entry,
    side: BookSide::Bid,
    contracts: 10,
    cents: ASK,
    lives: Lives::Taking,
    cancel_after: None,
};
/// What an exit becomes when there is nothing to close.
pub const INSTEAD: Wish = Wish {
    contracts: 1,
    ..ENTER
};
const EXIT: Wish = Wish {
    purpose: Purpose::Exit,
    side: BookSide::Ask,
    cents: BID,
    ..ENTER
};
const REST: Wish = Wish {
    cents: 49,
    lives: Lives::Resting,
    ..ENTER
};
const QUIET: Contract = Contract {
    name: "A",
    offered: 30,
    wishes: &[ENTER],
    taken: None,
    settles_after: None,
};
const CALM: Scene = Scene {
    name: "",
    contracts: &[],
    first_answer_lost: false,
    cancel_answer_lost: false,
    down_for: 0,
};

const WITHDRAWN: Wish = Wish {
    cancel_after: Some(4),
    ..REST
};

/// Every story, each with its own kind of effect and of answer.
pub const SCENES: &[Scene] = &[
    Scene {
        name: "filled at once, and closed again",
        contracts: &[Contract {
            wishes: &[ENTER, EXIT],
            ..QUIET
        }],
        ..CALM
    },
    Scene {
        name: "partly filled at once",
        contracts: &[Contract { offered: 4, ..QUIET }],
        ..CALM
    },
    Scene {
        name: "nothing to take, then something",
        contracts: &[Contract {
            wishes: &[Wish { cents: 50, ..ENTER }, ENTER],
            ..QUIET
        }],
        ..CALM
    },
    Scene {
        name: "refused, then accepted",
        contracts: &[Contract {
            offered: 6,
            wishes: &[
                Wish {
                    lives: Lives::WholeOrNothing,
                    ..ENTER
                },
                Wish {
                    contracts: 5,
                    ..ENTER
                },
            ],
            ..QUIET
        }],
        ..CALM
    },
    Scene {
        name: "rests and is withdrawn",
        contracts: &[Contract {
            wishes: &[WITHDRAWN],
            ..QUIET
        }],
        ..CALM
    },
    Scene {
        name: "rests, is partly filled and withdrawn, and closed",
        contracts: &[Contract {
            wishes: &[
                Wish {
                    cancel_after: Some(25),
                    ..REST
                },
                EXIT,
            ],
            taken: Some((4, 5)),
            ..QUIET
        }],
        ..CALM
    },
    Scene {
        name: "rests and is filled",
        contracts: &[Contract {
            wishes: &[REST],
            taken: Some((10, 5)),
            ..QUIET
        }],
        ..CALM
    },
    Scene {
        name: "is filled while it is being withdrawn",
        contracts: &[Contract {
            wishes: &[Wish {
                cancel_after: Some(8),
                ..REST
            }],
            taken: Some((10, 8)),
            ..QUIET
        }],
        ..CALM
    },
    Scene {
        name: "rests and expires",
        contracts: &[Contract {
            wishes: &[Wish {
                lives: Lives::RestingFor(12),
                ..REST
            }],
            ..QUIET
        }],
        ..CALM
    },
    Scene {
        name: "filled, and the answer lost",
        contracts: &[QUIET],
        first_answer_lost: true,
        ..CALM
    },
    Scene {
        name: "resting, the answer lost, then withdrawn",
        contracts: &[Contract {
            wishes: &[WITHDRAWN, ENTER],
            ..QUIET
        }],
        first_answer_lost: true,
        ..CALM
    },
    Scene {
        name: "withdrawn, and the answer lost",
        contracts: &[Contract {
            wishes: &[WITHDRAWN],
            ..QUIET
        }],
        cancel_answer_lost: true,
        ..CALM
    },
    Scene {
        name: "never arrives, then another one does",
        contracts: &[Contract {
            wishes: &[ENTER, ENTER],
            ..QUIET
        }],
        down_for: 20,
        ..CALM
    },
    Scene {
        name: "filled, and the market settles",
        contracts: &[Contract {
            settles_after: Some(8),
            ..QUIET
        }],
        ..CALM
    },
    Scene {
        name: "three contracts at once",
        contracts: &[
            Contract {
                wishes: &[ENTER, EXIT],
                ..QUIET
            },
            Contract {
                name: "B",
                wishes: &[WITHDRAWN],
                ..QUIET
            },
            Contract {
                name: "C",
                offered: 4,
                ..QUIET
            },
        ],
        ..CALM
    },
];

/// Everything at once, for deaths at random moments.
pub const MEDLEY: Scene = Scene {
    name: "medley",
    contracts: &[
        Contract {
            offered: 100,
            wishes: &[ENTER, EXIT, ENTER, EXIT, ENTER, EXIT],
            ..QUIET
        },
        Contract {
            name: "B",
            offered: 14,
            wishes: &[ENTER, ENTER, EXIT, ENTER],
            ..QUIET
        },
        Contract {
            name: "C",
            wishes: &[
                Wish {
                    cancel_after: Some(20),
                    ..REST
                },
                EXIT,
                WITHDRAWN,
                WITHDRAWN,
                ENTER,
            ],
            taken: Some((4, 5)),
            ..QUIET
        },
        Contract {
            name: "D",
            wishes: &[
                Wish { cents: 50, ..ENTER },
                WITHDRAWN,
                Wish {
                    lives: Lives::RestingFor(12),
                    ..REST
                },
                ENTER,
                EXIT,
            ],
            ..QUIET
        },
        Contract {
            name: "E",
            wishes: &[ENTER, ENTER],
            settles_after: Some(40),
            ..QUIET
        },
        Contract {
            name: "F",
            wishes: &[REST, EXIT, REST, EXIT],
            taken: Some((10, 8)),
            ..QUIET
        },
    ],
    ..CALM
};

impl Scene {
    pub fn named(name: &str) -> &'static Self {
        SCENES
            .iter()
            .chain([&MEDLEY])
            .find(|scene| scene.name == name)
            .unwrap()
    }
}

impl Contract {
    pub fn ticker(&self) -> Ticker {
        format!("{EVENT}-{}", self.name).parse().unwrap()
    }
}

pub fn cents(cents: i64) -> Price {
    Price::from_cents(cents).unwrap()
}

pub fn whole(contracts: u32) -> Contracts {
    Contracts::whole(contracts)
}
