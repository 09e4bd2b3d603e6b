"""A small static analysis with a JUnit report: python3 tools/analyse.py REPORT PACKAGE.

Public functions and modules say what they do, nothing is caught and dropped, no function is longer than 40 lines.
"""

import ast
import os
import pathlib
import sys
from xml.etree import ElementTree

LONGEST = 40


def findings(path):
    """(line, sentence) for everything in one file that breaks a rule."""
    tree = ast.parse(path.read_text(), str(path))
    if ast.get_docstring(tree) is None:
        yield 1, "the module does not say what it is for"
    for node in ast.walk(tree):
        if isinstance(node, ast.ExceptHandler) and all(isinstance(each, ast.Pass) for each in node.body):
            yield node.lineno, "an error is caught and dropped"
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if node.end_lineno - node.lineno >= LONGEST:
                yield node.lineno, f"{node.name} is longer than {LONGEST} lines"
            public = not node.name.startswith(("_", "do_", "log_"))
            if public and ast.get_docstring(node) is None:
                yield node.lineno, f"{node.name} does not say what it does"


def main(report, package):
    """One test case per file; 1 if any file has findings."""
    suite = ElementTree.Element("testsuite", name="analysis")
    failures = 0
    for path in sorted(pathlib.Path(package).rglob("*.py")):
        case = ElementTree.SubElement(suite, "testcase", classname=package, name=str(path))
        found = [f"{path}:{line}: {sentence}" for line, sentence in findings(path)]
        if found:
            failures += 1
            ElementTree.SubElement(case, "failure").text = "\n".join(found)
            print("\n".join(found), file=sys.stderr)
    suite.set("tests", str(len(suite)))
    suite.set("failures", str(failures))
    os.makedirs(os.path.dirname(report) or ".", exist_ok=True)
    ElementTree.ElementTree(suite).write(report, encoding="utf-8", xml_declaration=True)
    print(f"{len(suite)} files, {failures} with findings")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
