"""Every loop that runs beside the requests is one of `background`'s, and every task has somebody who looks at its end.

What is found here by name either ends by itself, or must be started by `background.start`.
"""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
SOURCES = [REPOSITORY / "functions", REPOSITORY / "infra"]

# Coroutines that wait in a loop which ends by itself, and why it does.
LOOPS = {
    "BodyReader._receive": "with the request's body",
    "Channel._keep_beating": "with its subscription, which `background` begins anew",
    "Channel._subscription": "is one round of a loop of `background`",
    "Cache._invalidate_rest": "with what is left to be told",
    "Database._ended": "at a moment that is fixed before, or with the server's process",
    "Scheduler._fire_with_retries": "with the job's last retry",
    "ScriptRunner._send": "when nobody waits any more",
    "StorageClient.list_objects": "with the last page",
    "Supervisor._stop_one": "with the task that it waits for",
    "Supervisor._wait_until_it_serves": "with the server's start, or its time",
    "_batches": "with the last row of a person's list",
    "_ended": "with the answer that it waits for",
    "_hold_what_fits": "with the installation of another deployer",
    "list_keys": "with the last page",
    "restore": "with the archive's last part",
    "run_and_settle": "with all that the program has begun",
    "_limit_body": "with the request's body, or at its deadline",
}
# Where tasks and threads are begun, and who learns how they end.
TASKS = {
    "Cache._announce_later": "nobody: what cannot be told is kept for later; `retrieve`",
    "Cache._depart": "whoever asked; `retrieve` where all have gone",
    "Channel._subscription": "its task group",
    "CloudSqlLink._open": "the loop's callers, of whom each waits no longer than it wants",
    "CloudStorage.client": "whoever asks for it",
    "Database._in_thread": "the future that the thread settles",
    "DeclaredInstances.start": "whoever asks for it",
    "DynamicProvider.apply": "whoever applies",
    "Groups._depart": "the futures of its group, which it settles whatever is raised",
    "IssuerKeys._begin_fetch": "itself: it notes what it raises",
    "KeyRing.check": "whoever asked; `retrieve` where all have gone",
    "Monitoring.open": "whoever opens it",
    "OpenOnce.get": "the future that it settles whatever is raised",
    "Operations.begin": "the operation, which is failed whatever its work raises",
    "Operations.run": "whoever asked, who waits for it",
    "Parts.states": "whoever asked; `retrieve` where all have gone",
    "Presence._look": "itself: it reads what it raises; `retrieve` where it is cut off",
    "ScriptRunner.run": "the futures of the calls, which it settles whatever is raised",
    "Source.read": "itself: it notes what it raises",
    "Supervisor._bring_up": "`_keep_up`, which waits for the process' end",
    "_at_once": "its task group",
    "_deploy_and_wait": "itself",
    "_wait_for_first": "itself",
    "archive_all": "itself: it waits for each copy",
    "in_time": "itself; `retrieve` where the time was up",
    "run": "itself: it waits for the program's end",
    "_read_in_time": "whoever asked, until the time is over; what trickles in later is nobody's",
}
STARTERS = {"create_task", "ensure_future", "Thread", "submit", "Timer", "start_soon"}
THE_WAY = "background.py"


def functions(tree: ast.AST, name: str = "") -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function with its class' name, those within functions by the outermost one's."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield f"{name}{node.name}", node
        elif isinstance(node, ast.ClassDef):
            yield from functions(node, f"{node.name}.")


def waits_in_a_loop(function: ast.AST) -> bool:
    return any(
        isinstance(inner, (ast.Await, ast.AsyncWith, ast.AsyncFor))
        for loop in ast.walk(function)
        if isinstance(loop, ast.While)
        for inner in ast.walk(loop)
    )


def begins_a_task(function: ast.AST) -> bool:
    called = (node.func for node in ast.walk(function) if isinstance(node, ast.Call))
    return any(
        (isinstance(one, ast.Attribute) and one.attr in STARTERS) or (isinstance(one, ast.Name) and one.id in STARTERS)
        for one in called
    )


def found(wanted: Callable[[ast.AST], bool]) -> dict[str, list[str]]:
    """Where what is wanted is done, by the function's name, outside of the one way."""
    places: dict[str, list[str]] = {}
    for source in SOURCES:
        for file in source.rglob("*.py"):
            if file.name == THE_WAY:
                continue
            for name, function in functions(ast.parse(file.read_bytes())):
                if wanted(function):
                    places.setdefault(name, []).append(f"{file.relative_to(REPOSITORY)}:{function.lineno}")
    return places


@pytest.mark.parametrize(
    ("wanted", "known"), [(waits_in_a_loop, LOOPS), (begins_a_task, TASKS)], ids=["loops", "tasks"]
)
def test_no_loop_and_no_task_is_left_to_itself(wanted: Callable[[ast.AST], bool], known: dict[str, str]) -> None:
    places = found(wanted)
    new = {name: lines for name, lines in places.items() if name not in known or len(lines) > 1}
    assert not new, "start it by background.start, or say here why it ends, or who learns of its end"
    assert set(known) - set(places) == set(), "there is no such thing any more"


def test_a_new_loop_would_be_found() -> None:
    tree = ast.parse("class A:\n  async def keep(self):\n    while True:\n      await sleep(1)\n")
    assert [name for name, function in functions(tree) if waits_in_a_loop(function)] == ["A.keep"]
