import unittest

from hw_api import tank


class Litres(unittest.TestCase):
    def test_a_kilogram_is_less_than_a_litre(self):
        self.assertAlmostEqual(tank.litres(1.107), 1.0)

    def test_nothing_below_zero(self):
        with self.assertRaises(ValueError):
            tank.litres(-1)


class MayFill(unittest.TestCase):
    def test_up_to_the_brim(self):
        self.assertTrue(tank.may_fill(39_000, 1_000, limit=40_000))

    def test_not_over_it(self):
        self.assertFalse(tank.may_fill(39_000, 1_001, limit=40_000))

    def test_filling_is_not_draining(self):
        self.assertFalse(tank.may_fill(10, -5, limit=40_000))
