//! What may happen, at random.

use proptest::prelude::*;

#[derive(Debug, Clone)]
pub struct Wish {
    pub name: usize,
    pub buys: bool,
    pub contracts: u32,
    pub cents: u32,
    pub exits: bool,
    pub rests: bool,
}

#[derive(Debug, Clone, Copy)]
pub enum News {
    Sent,
    Resting,
    Filled(u8, u8),
    Canceled,
    Expired,
    Rejected,
    Unknown,
    Abandoned,
}

#[derive(Debug, Clone)]
pub enum Op {
    Wait(i64),
    Books(Vec<(u32, u32, u32)>),
    Wishes(Vec<Wish>),
    Order(u8, News),
    Halt,
    Reduce,
    Resume(u8),
    Flatten,
    CancelAll,
    Mismatch,
    Exchange(bool),
    Hold(bool),
}

fn wishes() -> impl Strategy<Value = Wish> {
    (
        0..5_usize,
        any::<bool>(),
        1..40_u32,
        5..95_u32,
        any::<bool>(),
        any::<bool>(),
    )
        .prop_map(|(name, buys, contracts, cents, exits, rests)| Wish {
            name,
            buys,
            contracts,
            cents,
            exits,
            rests,
        })
}

pub fn news() -> impl Strategy<Value = News> {
    prop_oneof![
        Just(News::Sent),
        Just(News::Resting),
        (1..=4_u8, 0..6_u8).prop_map(|(quarters, better)| News::Filled(quarters, better)),
        (1..=4_u8, 0..6_u8).prop_map(|(quarters, better)| News::Filled(quarters, better)),
        Just(News::Canceled),
        Just(News::Expired),
        Just(News::Rejected),
        Just(News::Unknown),
        Just(News::Abandoned),
    ]
}

/// Mostly trading, now and then something that restricts it.
pub fn op() -> impl Strategy<Value = Op> {
    let books = proptest::collection::vec((2..90_u32, 1..9_u32, 1..40_u32), 5);
    prop_oneof![
        8 => (1..40_i64).prop_map(Op::Wait),
        8 => books.prop_map(Op::Books),
        24 => proptest::collection::vec(wishes(), 1..5).prop_map(Op::Wishes),
        40 => (any::<u8>(), news()).prop_map(|(which, news)| Op::Order(which, news)),
        1 => Just(Op::Halt),
        1 => Just(Op::Reduce),
        12 => any::<u8>().prop_map(Op::Resume),
        2 => Just(Op::Flatten),
        1 => Just(Op::CancelAll),
        2 => Just(Op::Mismatch),
        2 => (0..4_u8).prop_map(|dice| Op::Exchange(dice > 0)),
        2 => (0..4_u8).prop_map(|dice| Op::Hold(dice == 0)),
    ]
}
