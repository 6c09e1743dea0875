"""The HTTP interface: who asks, whether the role allows it, and on to the core.  Decides nothing about the line.

Handlers see snapshots and a queue; they never touch the supervisor or the connection of the record.
No postponed annotations here: FastAPI reads them, and some name what only a function knows.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException as Plainly

from spinline.errors import BadInput, Refused
from spinline.line.desk import Command, possible
from spinline.recipe.models import Recipe
from spinline.recipe.reading import recipe_of
from spinline.service import bodies
from spinline.service.core import Core, Unanswered, event_text
from spinline.service.feed import READERS_N_MAX
from spinline.service.metrics import metrics_text
from spinline.service.snapshot import Plain, Snapshot
from spinline.service.tokens import WIRE_ROLES, Doorkeeper, Role, TokenModel
from spinline_protocol import auth

PREFIX = "/api/v1"
ANSWER_S = 15.0  # a scan is a second, its commit less; nodes have ten for a number that is set
BEAT_S = 10.0  # without a scan for so long a reader gets a comment, and so notices a dead line
VERSION = "1"
WIRE_ROLE_NEEDED = auth.OPERATOR  # the supervisor's orders to the nodes carry this role

RecordOf = Callable[[int], dict[str, Any]]
"""What the journal says at a time (us UTC) of a line that was left, from a connection of its own."""


@dataclass(frozen=True)
class Ordered:
    """One command of the interface: path, word of the desk, least role, body."""

    path: str
    what: str
    role: Role
    body: type[bodies.Body]
    says: str


COMMANDS = (
    Ordered("start", "start", Role.OPERATOR, bodies.Why, "Start the batch as soon as every node is ready."),
    Ordered("hold", "hold", Role.OPERATOR, bodies.Why, "Bring the fiber to a stand; zones stay warm."),
    Ordered("resume", "resume", Role.OPERATOR, bodies.Resume, "Go on, knowing what GET /resume has shown."),
    Ordered("stop", "stop", Role.OPERATOR, bodies.Why, "Run the line out and stop it."),
    Ordered("abort", "abort", Role.OPERATOR, bodies.Why, "The declared safe order, now."),
    Ordered("set", "set", Role.OPERATOR, bodies.Number, "Another number of the recipe in force, judged as in a check."),
    Ordered("recipe", "recipe", Role.OPERATOR, bodies.RecipeText, "Another version of the recipe, judged likewise."),
    Ordered("note", "note", Role.OPERATOR, bodies.Note, "Words for the record."),
    Ordered("acknowledge", "acknowledge", Role.OPERATOR, bodies.OfAlarm, "An alarm was seen."),
    Ordered(
        "reset",
        "reset",
        Role.OPERATOR,
        bodies.OfAlarm,
        "A latched alarm goes, its cause being gone; or a node is reset, which leads it out of ABORTED.",
    ),
    Ordered("shelve", "shelve", Role.OPERATOR, bodies.Shelve, "An alarm out of sight for some time."),
    Ordered("unshelve", "unshelve", Role.OPERATOR, bodies.OfAlarm, "Back before its time."),
    Ordered("out-of-service", "out of service", Role.LEAD, bodies.OfAlarmWithReason, "An alarm is out for repair."),
    Ordered("in-service", "in service", Role.LEAD, bodies.OfAlarmWithReason, "It is back."),
)
assert all(WIRE_ROLES[command.role] >= WIRE_ROLE_NEEDED for command in COMMANDS)

VIEWS: tuple[tuple[str, str, Callable[[Snapshot], Plain]], ...] = (
    ("status", "State, nodes, alarms in figures, journal.", lambda seen: seen.status),
    (
        "alarms",
        "Every alarm that is not normal: cause, consequence, action, time to respond.",
        lambda seen: seen.alarms,
    ),
    ("values", "The newest number of every tag, with unit and quality.", lambda seen: seen.values),
    ("batch", "What is made, of what, and the course of the batch.", lambda seen: seen.batch),
    ("actions", "What people did, with who and why, oldest first.", lambda seen: seen.actions),
)
REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": bodies.Problem, "description": "No token, or one that is not known."},
    403: {"model": bodies.Problem, "description": "The token's role may not do this; which one may is said."},
    503: {"model": bodies.Problem, "description": "The supervisor or the token file does not answer."},
}
CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": bodies.Problem, "description": "Not possible as the line stands; nothing was done."}
}
BAD_BODY: dict[int | str, dict[str, Any]] = {
    400: {"model": bodies.Problem, "description": "The body is no text."},
    422: {"model": bodies.BadBody, "description": "The body is refused whole."},
}


class Turned(HTTPException):
    """A refusal with what is possible instead."""

    def __init__(self, status: int, problem: str, possible_now: tuple[str, ...] = ()) -> None:
        super().__init__(status, problem, {"WWW-Authenticate": "Bearer"} if status == 401 else None)
        self.possible_now = list(possible_now)


Check = Callable[..., Awaitable[TokenModel]]


def make_app(core: Core, doorkeeper: Doorkeeper, record_of: RecordOf) -> FastAPI:
    """The application; ``record_of`` is called in a thread of the server."""
    app = FastAPI(
        title="Spinline",
        version=VERSION,
        description="The supervisor of a hollow-fiber spinning line.  Every answer says its mode.",
        docs_url=None,  # the pages that show an OpenAPI load their scripts from elsewhere
        redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json",
    )
    app.add_exception_handler(Turned, _turned)
    app.add_exception_handler(Plainly, _plainly)
    app.add_exception_handler(Refused, lambda _request, refusal: _refused(core, refusal))
    app.add_exception_handler(Unanswered, lambda _request, error: _problem(503, str(error)))

    @app.middleware("http")
    async def _say_mode(request: Request, go_on: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await go_on(request)
        response.headers["X-Spinline-Mode"] = core.latest.status["mode"]
        return response

    check = _checks(doorkeeper)
    _add_views(app, core, check, record_of)
    for ordered in COMMANDS:
        _add_command(app, core, check(ordered.role), ordered)
    return app


def _checks(doorkeeper: Doorkeeper) -> Callable[[Role], Check]:
    """Who asks, checked against the least role."""
    bearer = HTTPBearer(auto_error=False, description="A token of `spinline token add`.")

    def check(needed: Role) -> Check:
        async def who(given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> TokenModel:
            try:
                found = doorkeeper.known(given.credentials) if given else None
            except BadInput as error:
                raise Turned(503, f"the token file cannot be used: {error}") from None
            if found is None:
                raise Turned(401, "this needs a token: Authorization: Bearer ... (`spinline token add` makes one)")
            if not found.role.includes(needed):
                raise Turned(403, f"this needs the role {needed}; {found.name} is {found.role}")
            return found

        return who

    return check


def _add_views(app: FastAPI, core: Core, check: Callable[[Role], Check], record_of: RecordOf) -> None:
    viewer = Depends(check(Role.VIEWER))
    for name, says, part in VIEWS:
        _add_view(app, core, name, says, part, viewer)

    @app.get(f"{PREFIX}/me", responses=REFUSALS, summary="Who has this token.")
    async def me(who: Annotated[TokenModel, viewer]) -> bodies.Person:
        wire = auth.ROLES[WIRE_ROLES[who.role]]
        return bodies.Person(mode=core.latest.status["mode"], name=who.name, role=who.role, wire_role=wire)

    @app.get(
        f"{PREFIX}/resume",
        responses=REFUSALS | CONFLICT,
        dependencies=[Depends(check(Role.OPERATOR))],
        summary="What ran, the gap and the temperatures, with the proof that a resume needs.",
    )
    def resume_view() -> bodies.Answer:
        return bodies.Answer.model_validate(core.shown.show(core.latest, record_of(core.latest.status["at_us"])))

    @app.get(
        "/metrics",
        responses=REFUSALS | {200: {"content": {"text/plain": {}}, "description": "One line for each metric."}},
        response_class=Response,
        dependencies=[viewer],
        summary="For Prometheus, as text.",
    )
    async def metrics() -> Response:
        return Response(metrics_text(core.latest, core.feed.readers_n), media_type="text/plain; version=0.0.4")

    @app.get(
        f"{PREFIX}/events",
        responses=REFUSALS | {200: {"content": {"text/event-stream": {}}, "description": "A `scan` for each scan."}},
        response_class=StreamingResponse,
        dependencies=[viewer],
        summary="Status and values after every scan, as server-sent events; a slow reader loses the oldest.",
    )
    async def events(count: Annotated[int | None, Query(ge=1, description="End after so many.")] = None) -> Response:
        reader = core.feed.open()
        if reader is None:
            raise Turned(503, f"{READERS_N_MAX} readers are there already")
        return StreamingResponse(_stream(core, reader, count), media_type="text/event-stream")


def _add_view(app: FastAPI, core: Core, name: str, says: str, part: Callable[[Snapshot], Plain], viewer: Any) -> None:
    @app.get(f"{PREFIX}/{name}", responses=REFUSALS, dependencies=[viewer], summary=says, operation_id=name)
    async def view() -> bodies.Answer:
        return bodies.Answer.model_construct(**part(core.latest))


def _add_command(app: FastAPI, core: Core, check: Check, ordered: Ordered) -> None:
    @app.post(
        f"{PREFIX}/commands/{ordered.path}",
        responses=REFUSALS | CONFLICT | BAD_BODY,
        summary=ordered.says,
        operation_id=ordered.path,
    )
    async def command(
        body: ordered.body,  # type: ignore[name-defined]
        who: Annotated[TokenModel, Depends(check)],
    ) -> bodies.Done:
        return await _ask(core, ordered.what, who.name, body)


async def _ask(core: Core, what: str, who: str, body: bodies.Body) -> bodies.Done:
    given = body.model_dump()
    shown = given.pop("shown", "")
    if "toml" in given:
        given["recipe"] = _recipe(given.pop("toml"))
    answer = asyncio.wrap_future(core.ask(Command(what, who, **given), shown))
    try:
        seen = await asyncio.wait_for(answer, ANSWER_S)
    except TimeoutError:
        raise Unanswered(f"the supervisor did not answer within {ANSWER_S:.0f} s: look at the actions") from None
    status = seen.status
    return bodies.Done(mode=status["mode"], at_us=status["at_us"], what=what, who=who, state=status["state"])


def _recipe(text: str) -> Recipe:
    """Raises Refused with every problem of it."""
    try:
        return recipe_of(text, Path("recipe"))
    except BadInput as problem:
        raise Refused(str(problem)) from None


async def _stream(core: Core, reader: Any, count: int | None) -> AsyncIterator[str]:
    """The newest at once, then each as it comes; what a slow reader lost is told in its place."""
    left = count
    try:
        texts, dropped_n = [event_text(core.latest)], 0
        while True:
            if dropped_n:
                yield f'event: dropped\ndata: {{"dropped": {dropped_n}}}\n\n'
            for text in texts:
                yield text
                left = None if left is None else left - 1
                if left == 0:
                    return
            texts, dropped_n = await reader.take(BEAT_S)
            if not texts:
                yield ": no scan\n\n"
    finally:
        core.feed.close(reader)


def _problem(status: int, problem: str, possible_now: list[str] | None = None) -> JSONResponse:
    return JSONResponse(bodies.Problem(problem=problem, possible=possible_now or []).model_dump(), status)


async def _plainly(_request: Request, error: Exception) -> Response:
    """What the framework refuses by itself: an address or a method that there is not, a body that is no text."""
    assert isinstance(error, Plainly)
    answer = _problem(error.status_code, str(error.detail))
    answer.headers.update(error.headers or {})
    return answer


async def _turned(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Turned)
    answer = _problem(error.status_code, str(error.detail), error.possible_now)
    answer.headers.update(error.headers or {})
    return answer


def _refused(core: Core, refusal: Exception) -> Response:
    return _problem(409, str(refusal), list(possible(core.latest.status["state"])))
