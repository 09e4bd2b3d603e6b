"""The Lambda function: looks at every site it is told to look at."""

import json
import os

from monitor import check


def handle(event, _context):
    """`event` may name the sites; else SITES does, separated by commas."""
    sites = event.get("sites") or [site for site in os.environ.get("SITES", "").split(",") if site]
    looks = [check.look(site) for site in sites]
    healthy = all(each["verdict"] != "down" for each in looks)
    return {"statusCode": 200 if healthy else 503, "body": json.dumps(looks)}
