"""The report of a run of the scenarios: what each test left, joined into one page and into JUnit's XML."""
