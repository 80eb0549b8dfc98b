"""Fees as the exchange's documentation states them, in exact fractions; an implementation of its own.

Taker: 0.07 x M x C x P x (1 - P). Maker: a quarter of it where the series charges makers, else nothing. Each fill's fee
is rounded up to $0.0001. Then the change of the balance is rounded down to $0.0001 (direct members) and the difference
is a rounding fee; the rounding of one order adds up over its fills, and once it exceeds a cent, a cent is given back by a
fill whose fee can bear it.
"""

from fractions import Fraction
from math import ceil, floor

MICRO = 1_000_000
"""Money is counted in millionths of a dollar."""

GRID = 100
"""Balances of direct members are kept to $0.0001."""

CENT = 10_000

TAKER = Fraction(7, 100)
MAKER = {"quadratic": Fraction(0), "quadratic_with_maker_fees": Fraction(7, 400)}


def trade_fee(model, multiplier, is_taker, price, count):
    """The fee before balance rounding, in micros; `price` in 1/10 000 $, `count` in 1/100, `multiplier` in millionths."""
    rate = TAKER if is_taker else MAKER[model]
    yes = Fraction(price, 10_000)
    exact = rate * Fraction(multiplier, MICRO) * Fraction(count, 100) * yes * (1 - yes)
    return ceil(exact * MICRO / GRID) * GRID


class Rounding:
    """What one order has paid for rounding and not got back, in micros."""

    def __init__(self):
        self.owed = 0

    def net_fee(self, fee, revenue):
        """The net fee of a fill whose cash before fees is `revenue` (negative when paid)."""
        change = revenue - fee
        rounding = change - floor(Fraction(change, GRID)) * GRID
        self.owed += rounding
        charged = fee + rounding
        if self.owed > CENT and charged >= CENT:
            self.owed -= CENT
            return charged - CENT
        return charged
