"""What the servers calculate: the price of sending a parcel."""

BASE = 4.9
PER_KILOGRAM = 1.2


def price(kilograms, express=False):
    """The price of a parcel; express costs half as much again."""
    if kilograms <= 0:
        raise ValueError("a parcel weighs something")
    amount = BASE + PER_KILOGRAM * kilograms
    return round(amount * 1.5 if express else amount, 2)
