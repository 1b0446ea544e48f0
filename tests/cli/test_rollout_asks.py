"""What may be said to a rollout, and the sentence of every refusal."""

from collections.abc import Callable

import pytest

from sym.cli.rollout_asks import Person, abort, confirmation, now, retry, skip
from sym.cli.rollout_change import Change, No, Seen
from sym.model.codec import JSON, JSONMap, as_map, dig_list, dig_map
from tests.cli.rollouts import GATE, JANE, canary, completed, hash_of, read, waiting, with_row, with_status
from tests.make import BJ4, BJ5

HASH = hash_of(canary())
CONSENT: JSONMap = {"gate": GATE, "hash": HASH, "user": "jane", "time": "2026-11-27T11:00:00Z"}
Word = Callable[[Seen, Person], Change]


def gone(status: str = "Unreachable") -> JSONMap:
    """The second cluster cannot be reached."""
    return with_row(waiting(phase="Blocked"), BJ5, status=status, observedAt="2026-11-27T11:00:00Z")


def asked(verb: str, cluster: str = "") -> JSONMap:
    """Somebody asked already."""
    return {"verb": verb, "cluster": cluster, "hash": HASH, "user": "bob", "time": "2026-11-27T11:00:00Z"}


def at(gate: str = "") -> Word:
    """A confirmation, perhaps of one gate only."""
    return lambda seen, person: confirmation(seen, gate, person)


def past(cluster: str) -> Word:
    """A skip."""
    return lambda seen, person: skip(seen, cluster, person)


def entries(change: Change, key: str) -> list[JSON]:
    """The list that the patch writes."""
    assert change.patch is not None
    assert change.subresource == "status"
    return dig_list(change.patch, "status", "rollout", key)


def test_a_confirmation_names_gate_content_person_time_and_reason() -> None:
    change = at()(read(waiting()), JANE)
    assert entries(change, "confirmations") == [
        {"gate": GATE, "hash": HASH, "user": "jane", "time": "2026-11-27T12:00:00Z", "reason": "looks good"}
    ]
    assert change.said == f"gate {GATE} confirmed by jane"


def test_it_is_written_to_exactly_what_was_read_beside_what_others_said() -> None:
    other: JSONMap = {"gate": "x", "hash": "old", "user": "bob", "of": "a newer Sym"}
    change = at(GATE)(read(waiting(confirmations=[other])), JANE)
    assert change.patch is not None
    assert dig_map(change.patch, "metadata") == {
        "name": "bbcc",
        "namespace": "default",
        "uid": "u-1",
        "resourceVersion": "7",
    }
    assert entries(change, "confirmations")[0] == other


@pytest.mark.parametrize(
    ("word", "app", "key", "entry"),
    [
        (past(BJ5), gone(), "requests", {"verb": "skip", "cluster": BJ5}),
        (past(BJ5), gone("NotRegistered"), "requests", {"verb": "skip", "cluster": BJ5}),
        (past(BJ5), gone("Degraded"), "requests", {"verb": "skip", "cluster": BJ5}),
        (abort, waiting(), "requests", {"verb": "abort", "cluster": ""}),
        (abort, waiting(phase="Failed", gate=""), "requests", {"verb": "abort", "cluster": ""}),
        (retry, waiting(phase="Failed"), "requests", {"verb": "retry", "cluster": ""}),
        (retry, waiting(phase="RolledBack"), "requests", {"verb": "retry", "cluster": ""}),
        (retry, waiting(phase="Aborted"), "requests", {"verb": "retry", "cluster": ""}),
    ],
)
def test_requests(word: Word, app: JSONMap, key: str, entry: JSONMap) -> None:
    (made,) = entries(word(read(app), JANE), key)
    assert as_map(made).items() >= {**entry, "hash": HASH, "user": "jane"}.items()


def test_now_is_for_the_content_that_was_gone_back_to() -> None:
    (made,) = entries(now(read(waiting()), "0123", JANE), "requests")
    assert as_map(made).items() >= {"verb": "now", "cluster": "", "hash": "0123"}.items()


@pytest.mark.parametrize(
    ("word", "app", "said"),
    [
        (at(), waiting(confirmations=[CONSENT]), f"gate {GATE} is already confirmed by jane at 2026-11-27T11:00:00Z"),
        (at(GATE), waiting(confirmations=[CONSENT], gate=""), f"gate {GATE} is already confirmed by jane"),
        (abort, waiting(requests=[asked("abort")]), "abort is already asked for by bob at 2026-11-27T11:00:00Z"),
        (past(BJ5), with_row(waiting(requests=[asked("skip", BJ5)]), BJ5, status="Unreachable"), "skip is already"),
    ],
)
def test_what_was_said_already_is_not_said_again(word: Word, app: JSONMap, said: str) -> None:
    change = word(read(app), JANE)
    assert change.patch is None
    assert change.said.startswith(said)


FULL: list[JSON] = [{**CONSENT, "gate": f"g{number}"} for number in range(200)]
CHANGED = {**waiting(), "spec": canary("v5")["spec"]}


@pytest.mark.parametrize(
    ("word", "app", "why"),
    [
        (at(), canary(), "the rollout waits at no gate now (none was ever begun)"),
        (at(), completed(), "the rollout waits at no gate now (Completed)"),
        (at(), waiting(phase="Progressing", gate=""), "the rollout waits at no gate now (Progressing)"),
        (at("blue@x"), waiting(), f"the rollout does not wait at gate blue@x: it waits at {GATE}"),
        (at(f"canary@{BJ5}"), waiting(confirmations=[CONSENT]), f"it waits at {GATE}"),
        (at(), waiting(confirmations=FULL), "the AppSet has 200 confirmations already, as many as there can be"),
        (at(), CHANGED, "its content has changed, and the controller has not taken that up yet"),
        (abort, CHANGED, "its content has changed, and the controller has not taken that up yet"),
        (retry, CHANGED, "its content has changed, and the controller has not taken that up yet"),
        (past(BJ4), CHANGED, "its content has changed, and the controller has not taken that up yet"),
        (abort, completed(), "no rollout is under way (Completed): nothing can be aborted"),
        (abort, canary(), "no rollout is under way (none was ever begun): nothing can be aborted"),
        (abort, waiting(phase="RolledBack", gate=""), "no rollout is under way (RolledBack): nothing can be aborted"),
        (abort, waiting(phase="Aborted", gate=""), "no rollout is under way (Aborted): nothing can be aborted"),
        (abort, waiting(requests=[asked("skip", f"c{n}") for n in range(200)]), "has 200 requests already"),
        (retry, waiting(), f"can be retried: this one is Waiting at gate {GATE}"),
        (retry, completed(), "can be retried: this one is Completed"),
        (past("elsewhere"), waiting(), f"is not in spec.clusterTopology, which has {BJ4}, {BJ5}"),
        (past(BJ5), waiting(), f"cluster {BJ5} can be reached, it is Running: only a cluster that is away"),
        (past(BJ5), with_row(waiting(), BJ5, status="Degraded"), f"cluster {BJ5} can be reached, it is Degraded"),
        (past(BJ5), with_status(waiting(), aggrStatus={}), f"cluster {BJ5} can be reached, it is not told of yet"),
        (past(BJ5), waiting(waves=[]), f"cluster {BJ5} is in no wave that is still to be completed"),
        (past(BJ5), completed(), "no rollout is under way (Completed): nothing can be skipped"),
    ],
)
def test_refusals(word: Word, app: JSONMap, why: str) -> None:
    with pytest.raises(No) as refused:
        word(read(app), JANE)
    assert why in str(refused.value)


def test_one_that_is_being_deleted_is_past_words() -> None:
    app = waiting()
    leaving: JSONMap = {**app, "metadata": {**dig_map(app, "metadata"), "deletionTimestamp": "2026-11-27T11:00:00Z"}}
    with pytest.raises(No, match="it is being deleted"):
        confirmation(read(leaving), "", JANE)
