"""The rules of the tank; no network in here, so that they are tested without one."""

DENSITY = 1.107  # kilograms per litre of heavy water at room temperature


def litres(kilograms):
    """The volume of so many kilograms of heavy water."""
    if kilograms < 0:
        raise ValueError("a tank cannot hold less than nothing")
    return kilograms / DENSITY


def may_fill(level, amount, limit):
    """Whether `amount` kilograms fit in beside the `level` that is in there."""
    return amount >= 0 and level + amount <= limit
