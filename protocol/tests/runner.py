"""Runs the plain tests of one file where there is no pytest: ``micropython runner.py FILE``.  Exits 1 on a failure.

Every function whose name begins with test_ is run, in order of name; one line is printed for each.
"""

import sys


def run(path: str) -> int:
    """Run the tests of a file; returns how many failed."""
    folder, _, name = path.rpartition("/")
    root = folder + "/../.."
    for place in ("protocol/tests", "firmware", "protocol"):
        sys.path.insert(0, root + "/" + place)
    sys.path.insert(0, folder)
    module = __import__(name.split(".")[0])
    failed = 0
    names = sorted([name for name in dir(module) if name.startswith("test_")])
    assert names, "no tests in " + path
    for name in names:
        try:
            getattr(module, name)()
            print("ok", name)
        except Exception as error:
            failed += 1
            print("FAILED", name)
            if hasattr(sys, "print_exception"):
                sys.print_exception(error)
            else:
                sys.excepthook(type(error), error, error.__traceback__)
    print(len(names), "tests,", failed, "failed")
    return failed


if __name__ == "__main__":
    sys.exit(1 if run(sys.argv[1]) else 0)
