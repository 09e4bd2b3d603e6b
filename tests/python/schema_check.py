"""Judges documents by the JSON Schema: a JSON line [name, document] in, a JSON line [name, faults] out.

python schema_check.py SCHEMA
"""

import json
import sys

from jsonschema import Draft7Validator


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    Draft7Validator.check_schema(schema)
    validator = Draft7Validator(schema)
    for line in sys.stdin:
        name, document = json.loads(line)
        faults = [
            f"{'.'.join(map(str, error.absolute_path))}: {error.message[:300]}"
            for error in validator.iter_errors(document)
        ]
        print(json.dumps([name, faults[:3]]), flush=True)


main()
