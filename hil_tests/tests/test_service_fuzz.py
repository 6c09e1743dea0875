"""Whatever the OpenAPI of the service allows, and much that it does not, is answered as it says it is.

A line in lock-step is behind it.  The stream of events is read to its second one: it ends where it is asked to.
"""

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from hil_tests.bench.interpreters import InterpreterMissing, find_interpreter
from hil_tests.bench.service_rig import ServiceRig
from spinline.service.api import COMMANDS, PREFIX, VIEWS
from spinline.service.tokens import Role

pytestmark = [pytest.mark.wall, pytest.mark.xdist_group("service")]
EXAMPLES_N = 24  # of each operation
EVENTS_N = 2
CHECKS = (
    not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance,
    negative_data_rejection,
)  # fmt: skip


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    try:
        made = ServiceRig(find_interpreter(), tmp_path_factory.mktemp("fuzz"))
    except InterpreterMissing as error:
        pytest.skip(f"missing tool: {error}")
    made.begin()
    yield made
    made.close()


NAMES = [f"commands/{command.path}" for command in COMMANDS] + [name for name, _says, _part in VIEWS] + ["me", "resume"]
EVENTS = f"{PREFIX}/events"
PATHS = [f"{PREFIX}/{name}" for name in NAMES] + ["/metrics", EVENTS]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_is_one_that_the_openapi_says(rig, path):
    openapi = schemathesis.openapi.from_asgi(f"{PREFIX}/openapi.json", rig.app).include(path=path)
    (operation,) = [found.ok() for found in openapi.get_all_operations() if isinstance(found, Ok)]
    answered_n = 0

    @settings(max_examples=EXAMPLES_N, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes(operation))))
    def ask(case):
        nonlocal answered_n
        if path == EVENTS:
            case.query["count"] = min(int(case.query.get("count") or EVENTS_N), EVENTS_N)
        case.call_and_validate(headers={"Authorization": f"Bearer {rig.tokens[Role.ADMIN]}"}, checks=CHECKS)
        answered_n += 1

    ask()
    assert answered_n > 0


@pytest.mark.parametrize("count", ["0", "-1", "1.5", "two", "1e3", "%00", "9" * 5000])
def test_a_stream_that_would_not_end_where_it_is_asked_to_is_refused(rig, count):
    with TestClient(rig.app) as client:
        answer = client.get(f"{EVENTS}?count={count}", headers={"Authorization": f"Bearer {rig.tokens[Role.VIEWER]}"})
    assert answer.status_code == 422 and "count" in answer.text


def modes(operation):
    """What is allowed, and where an operation takes a body what is not."""
    return list(GenerationMode) if operation.body else [GenerationMode.POSITIVE]


def test_every_operation_says_what_it_answers_without_a_token_and_with_a_weak_one(rig):
    paths = rig.app.openapi()["paths"]
    operations = [operation for methods in paths.values() for operation in methods.values()]
    assert len(operations) > 18
    assert all({"200", "401", "403", "503"} <= set(operation["responses"]) for operation in operations)
    posts = [methods["post"] for methods in paths.values() if "post" in methods]
    assert all({"409", "422"} <= set(operation["responses"]) for operation in posts)
    assert all(operation["security"] for operation in operations)
