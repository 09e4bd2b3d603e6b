import unittest

import render
from calculations import shipping


class Table(unittest.TestCase):
    def test_the_cheapest_comes_first(self):
        rows = render.table({"Buoy": 39.9, "Rope": 14.5}).splitlines()
        self.assertIn("Rope", rows[0])
        self.assertIn("39.90", rows[1])

    def test_names_are_escaped(self):
        self.assertIn("&lt;b&gt;", render.table({"<b>": 1.0}))


class Shipping(unittest.TestCase):
    def test_two_kilograms(self):
        self.assertEqual(shipping.price(2), 7.3)

    def test_express(self):
        self.assertEqual(shipping.price(2, express=True), 10.95)

    def test_an_empty_parcel(self):
        with self.assertRaises(ValueError):
            shipping.price(0)
