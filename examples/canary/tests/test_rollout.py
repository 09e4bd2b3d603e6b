import unittest

from flags_service import rollout

FEATURES = {"some": {"percent": 20}, "all": {"percent": 100}, "none": {"percent": 0}}


class Enabled(unittest.TestCase):
    def test_a_customer_always_gets_the_same_answer(self):
        answers = {rollout.enabled(FEATURES, "some", "anna") for _ in range(10)}
        self.assertEqual(len(answers), 1)

    def test_about_a_fifth_of_the_customers(self):
        seen = sum(rollout.enabled(FEATURES, "some", f"customer-{n}") for n in range(1000))
        self.assertTrue(150 < seen < 250, seen)

    def test_everybody_and_nobody(self):
        self.assertTrue(rollout.enabled(FEATURES, "all", "anna"))
        self.assertFalse(rollout.enabled(FEATURES, "none", "anna"))

    def test_what_is_not_configured_is_off(self):
        self.assertFalse(rollout.enabled(FEATURES, "unheard-of", "anna"))
