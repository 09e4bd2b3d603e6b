import unittest

from telemetry.series import Series


class Summary(unittest.TestCase):
    def test_empty(self):
        self.assertEqual(Series().summary(), {"count": 0})

    def test_of_three(self):
        series = Series()
        for value in (1, "2", 6.0):
            series.add(value)
        self.assertEqual(series.summary(), {"count": 3, "min": 1.0, "max": 6.0, "mean": 3.0})

    def test_only_the_last(self):
        series = Series(size=2)
        for value in (1, 2, 3):
            series.add(value)
        self.assertEqual(series.summary()["min"], 2.0)

    def test_what_is_not_a_number(self):
        for value in ("warm", "nan", "inf"):
            with self.assertRaises(ValueError):
                Series().add(value)
