"""A series of measurements, kept short."""

from collections import deque


class Series:
    """The last `size` measurements of one sensor."""

    def __init__(self, size=100):
        self.values = deque(maxlen=size)

    def add(self, value):
        """Takes a measurement in; what is not a finite number is refused."""
        number = float(value)
        if number != number or number in (float("inf"), float("-inf")):
            raise ValueError("a measurement is a finite number")
        self.values.append(number)

    def summary(self):
        """Count, least, greatest and mean."""
        if not self.values:
            return {"count": 0}
        return {
            "count": len(self.values),
            "min": min(self.values),
            "max": max(self.values),
            "mean": sum(self.values) / len(self.values),
        }
