"""Line coverage of the unit tests with a Cobertura report: python3 tools/coverage.py REPORT PACKAGE."""

import dis
import os
import pathlib
import sys
import threading
import unittest
from xml.etree import ElementTree


def lines_of(code):
    """Every line of a code object, and of those inside it, that can run."""
    lines = {line for _, line in dis.findlinestarts(code) if line}
    for constant in code.co_consts:
        if hasattr(constant, "co_code"):
            lines |= lines_of(constant)
    return lines


def run_tests(root):
    """Runs `tests/`; the lines that ran, by file under `root`, and whether all passed."""
    ran = {}

    def trace(frame, event, _argument):
        name = frame.f_code.co_filename
        if not name.startswith(root):
            return None
        if event in ("line", "call"):
            ran.setdefault(name, set()).add(frame.f_lineno)
        return trace

    threading.settrace(trace)
    sys.settrace(trace)
    try:
        suite = unittest.defaultTestLoader.discover("tests", top_level_dir=".")
        result = unittest.TextTestRunner(verbosity=0).run(suite)
    finally:
        sys.settrace(None)
        threading.settrace(None)
    return ran, result.wasSuccessful()


def main(report, package):
    """Measures and reports; the exit code says whether the tests passed."""
    sys.path.insert(0, os.getcwd())
    ran, passed = run_tests(os.path.abspath(package) + os.sep)
    classes, valid, covered = [], 0, 0
    for path in sorted(pathlib.Path(package).rglob("*.py")):
        code = compile(path.read_text(), str(path), "exec")
        lines, hits = lines_of(code), ran.get(str(path.resolve()), set())
        valid += len(lines)
        covered += len(lines & hits)
        one = ElementTree.Element("class", name=path.stem, filename=str(path))
        one.set("line-rate", f"{len(lines & hits) / max(len(lines), 1):.4f}")
        ElementTree.SubElement(one, "methods")
        entries = ElementTree.SubElement(one, "lines")
        for line in sorted(lines):
            ElementTree.SubElement(entries, "line", number=str(line), hits=str(int(line in hits)))
        classes.append(one)
    rate = f"{covered / max(valid, 1):.4f}"
    root = ElementTree.Element("coverage", {"line-rate": rate, "lines-valid": str(valid), "lines-covered": str(covered)})
    root.set("version", "1")
    root.set("timestamp", "0")
    packages = ElementTree.SubElement(root, "packages")
    one = ElementTree.SubElement(packages, "package", {"name": package, "line-rate": rate})
    ElementTree.SubElement(one, "classes").extend(classes)
    os.makedirs(os.path.dirname(report) or ".", exist_ok=True)
    ElementTree.ElementTree(root).write(report, encoding="utf-8", xml_declaration=True)
    print(f"{covered} of {valid} lines covered")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
