"""Prints every member of the inputs of API operations, as botocore's service models know them.

Arguments: SERVICE:OPERATION[:MEMBER] ...; the answer is JSON: argument -> list of [path, required].
SERVICE:PREFIX* gives the names of the operations that begin so.
A path is a row of members: `a.b` a member of a member, `a[].b` of every item, `a.*` the values of a map.
"""

import json
import sys

import botocore.session


def walk(shape, path, seen, found):
    if shape.name in seen:
        return
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            at = f"{path}.{name}" if path else name
            found.append([at, name in shape.required_members])
            walk(member, at, seen | {shape.name}, found)
    elif shape.type_name == "list":
        walk(shape.member, f"{path}[]", seen, found)
    elif shape.type_name == "map":
        walk(shape.value, f"{path}.*", seen, found)


def main():
    session = botocore.session.get_session()
    answer = {}
    for argument in sys.argv[1:]:
        service, operation, *member = argument.split(":")
        model = session.get_service_model(service)
        if operation.endswith("*"):
            answer[argument] = [name for name in model.operation_names if name.startswith(operation[:-1])]
            continue
        shape = model.operation_model(operation).input_shape
        if member:
            shape = shape.members[member[0]]
        found = []
        walk(shape, "", frozenset(), found)
        answer[argument] = found
    json.dump(answer, sys.stdout)


main()
