"""Runs the unit tests of `tests/` and writes a JUnit report: python3 tools/junit.py REPORT [TESTS-FOLDER]."""

import os
import sys
import time
import unittest
from xml.etree import ElementTree


class Recorder(unittest.TextTestResult):
    """Notes every case with its time and how it ended."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.cases = []

    def startTest(self, test):
        super().startTest(test)
        classname, _, name = test.id().rpartition(".")
        self.begun = time.monotonic()
        self.cases.append(ElementTree.Element("testcase", classname=classname, name=name))

    def stopTest(self, test):
        self.cases[-1].set("time", f"{time.monotonic() - self.begun:.3f}")
        super().stopTest(test)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        ElementTree.SubElement(self.cases[-1], "failure").text = self.failures[-1][1]

    def addError(self, test, err):
        super().addError(test, err)
        if not self.cases:  # a module that cannot be imported has no case of its own
            self.cases.append(ElementTree.Element("testcase", classname="tests", name=str(test)))
        ElementTree.SubElement(self.cases[-1], "error").text = self.errors[-1][1]

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        ElementTree.SubElement(self.cases[-1], "skipped", message=reason)


def main(report, folder="tests"):
    """Runs and reports; the exit code says whether all passed."""
    sys.path.insert(0, os.getcwd())
    suite = unittest.defaultTestLoader.discover(folder, top_level_dir=".")
    result = unittest.TextTestRunner(resultclass=Recorder, verbosity=2).run(suite)
    root = ElementTree.Element(
        "testsuite",
        name=folder,
        tests=str(result.testsRun),
        failures=str(len(result.failures)),
        errors=str(len(result.errors)),
        skipped=str(len(result.skipped)),
    )
    root.extend(result.cases)
    os.makedirs(os.path.dirname(report) or ".", exist_ok=True)
    ElementTree.ElementTree(root).write(report, encoding="utf-8", xml_declaration=True)
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
