import json
import unittest
from unittest import mock

from monitor import check, handler


class Verdict(unittest.TestCase):
    def test_a_quick_answer_is_ok(self):
        self.assertEqual(check.verdict(200, 0.1), "ok")

    def test_a_late_answer_is_slow(self):
        self.assertEqual(check.verdict(200, 2.1), "slow")

    def test_an_error_or_no_answer_is_down(self):
        self.assertEqual(check.verdict(500, 0.1), "down")
        self.assertEqual(check.verdict(None, 5.0), "down")


class Handle(unittest.TestCase):
    def test_one_site_down_is_unhealthy(self):
        looks = {"a": {"verdict": "ok"}, "b": {"verdict": "down"}}
        with mock.patch.object(check, "look", side_effect=looks.get):
            answer = handler.handle({"sites": ["a", "b"]}, None)
        self.assertEqual(answer["statusCode"], 503)
        self.assertEqual(len(json.loads(answer["body"])), 2)

    def test_nothing_to_watch_is_healthy(self):
        self.assertEqual(handler.handle({}, None)["statusCode"], 200)
