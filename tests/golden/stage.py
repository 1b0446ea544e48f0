"""A stage for rollout stories: the toy world with people in it, played from a script that says what shall be seen.

A script is a text file. `> ...` is what somebody does; the lines after it are the facts that follow until nothing moves
any more, in order; a fact that begins with `& ` may come in any order with the one above. Facts are read from what is
written to the members and from the AppSet's status, never from the planner. `= STATE VERSION` is the end of a step.
With a seed, pods take a random number of rounds, the master and workers sleep through random ones, and workers come in
random order: the facts must be the same.
"""

from collections.abc import Iterator
from datetime import timedelta
from random import Random

from sym import yaml
from sym.aio.env import LoopEnv
from sym.model.codec import JSON, JSONMap, as_map, dig, dig_list, dig_map, dig_str, parse
from sym.model.kinds import ADVDEPLOYMENT, APPSET
from sym.model.meta import META
from sym.plan.types import Action, Apply, Create, Delete, Health, MemberState
from tests.golden.world import WORKLOADS, Place, World
from tests.rollouts import EXAMPLE

CALM = 8
"""Rounds without a change after which nothing is taken to move any more; more than any pod's delay."""
APP: Place = (META, APPSET, "default", "bbcc")


class Stage(World):
    """The world, and what is to be told of it."""

    def __init__(self, seed: int | None) -> None:
        super().__init__()
        self.facts: list[str] = []
        self._dice: Random | None = LoopEnv(seed).random() if seed is not None else None
        self._shown = ("", "")
        self._broken: set[str] = set()

    # --- what people do

    def perform(self, line: str) -> None:
        """One `>` line."""
        verb, *words = line.split()
        match verb:
            case "apply":
                self._join(app := example(words))
                self.apply(app)
            case "confirm":
                self._write("confirmations", {"gate": _long(words[0]) if words else self._rollout("gate")})
            case "skip" | "abort" | "retry" | "now":
                self._write("requests", {"verb": verb, "cluster": _long(words[0]) if words else ""})
            case "scale":
                self.edit(lambda spec: spec.update({"replicas": int(words[0])}))
            case "wiped":
                body: JSONMap = {**self.objects[APP], "status": {"observedGeneration": -1}}
                self.put(META, APPSET, "bbcc", body)
            case _:
                self._happen(verb, words[0])

    def _happen(self, verb: str, word: str) -> None:
        """What nobody does, but what comes about."""
        match verb:
            case "lost" | "back":
                self.health(_long(word), Health.UNREACHABLE if verb == "lost" else Health.READY)
            case "broken" | "mended":
                (self._broken.add if verb == "broken" else self._broken.discard)(word)
            case "wait":
                self.now += timedelta(seconds=int(word))
            case _:
                raise AssertionError(f"nobody knows what {verb!r} is")

    def rest(self) -> list[str]:
        """Rounds until nothing moves. Returns the facts since the last call."""
        quiet = 0
        for _ in range(2000):
            before = self.writes, self._snapshot()
            self.round()
            self._tell()
            quiet = 0 if (self.writes, self._snapshot()) != before else quiet + 1
            if quiet == CALM:
                counts = dig_map(self.objects[APP], "status", "aggrStatus")
                told, self.facts = [*self.facts, f"= {counts.get('status')} {counts.get('version')}"], []
                return told
        raise AssertionError("the world does not come to rest:\n" + "\n".join(self.log[-30:]))

    # --- what is seen

    def _do(self, who: str, action: Action) -> None:
        if isinstance(action, Create | Apply) and action.kind == ADVDEPLOYMENT and "spec" in action.body:
            old = self.objects.get((action.cluster, ADVDEPLOYMENT, "default", "bbcc"))
            self.facts += _changes(action.cluster, old, action.body)
        if isinstance(action, Delete) and action.kind == ADVDEPLOYMENT:
            self.facts.append(f"emptied {_short(action.cluster)}")
        super()._do(who, action)

    def _tell(self) -> None:
        """The rollout as the status tells of it."""
        shown = (self._rollout("phase"), self._rollout("gate"))
        if shown != self._shown:
            self._shown = shown
            phase, gate = shown
            if phase == "Waiting":
                self.facts.append(f"waits at {_short(gate)}")
            elif phase in {"Blocked", "Failed", "RolledBack", "Aborted", "Completed"}:
                self.facts.append(phase)

    def _rollout(self, field: str) -> str:
        return dig_str(self.objects[APP], "status", "rollout", field)

    def _write(self, list_: str, entry: JSONMap) -> None:
        """An entry that a person adds to the status."""
        body = self.objects[APP]
        made: JSONMap = {**entry, "hash": self._rollout("hash"), "user": "ann"}
        rollout = dig_map(body, "status", "rollout")
        lists: JSONMap = {**rollout, list_: [*dig_list(rollout, list_), made]}
        self.put(META, APPSET, "bbcc", {**body, "status": {**dig_map(body, "status"), "rollout": lists}})

    def _join(self, app: JSONMap) -> None:
        for place in dig_list(app, "spec", "clusterTopology", "clusters"):
            name = dig_str(place, "name")
            self.members.setdefault(name, MemberState(name=name, health=Health.READY, synced=True))

    # --- how time passes

    def round(self) -> None:
        """See World; with a seed, who works in it is a matter of luck."""
        if self._dice is None:
            super().round()
            return
        self.now += timedelta(seconds=1)
        everything = list(self.objects)
        self._dice.shuffle(everything)
        for place in everything:
            if self._dice.random() < 0.3:
                continue
            if place[1] == APPSET:
                self._master(place)
            elif place[1] == ADVDEPLOYMENT and place in self.objects and self._up(place[0]):
                self._worker(place)
            elif place in self.objects and place[1] in WORKLOADS:
                self._run(place)

    def _run(self, place: Place) -> None:
        image = dig_str(self.objects[place], "spec", "template", "spec", "containers", 0, "image")
        if f"{_pod_set(place[3])}:{image.rpartition(':')[2]}" not in self._broken:
            super()._run(place)


def example(words: list[str]) -> JSONMap:
    """The document's example at a version (`v4`), with other settings: `key=JSON` or `-key` of the update strategy,
    `-cluster` and `+cluster` (a copy of the second), `NAME*COUNT`, `NAME=version` and `-NAME` of a podSet; `units`: u2
    is the canary's unit, u1 that of the colours."""
    app = as_map(yaml.load(EXAMPLE.read_bytes()))
    spec = dig_map(app, "spec")
    places = [as_map(place) for place in dig_list(spec, "clusterTopology", "clusters")]
    strategy: JSONMap = {**dig_map(spec, "updateStrategy"), "minReadySeconds": 0}
    version = words[0]
    for word in words[1:]:
        key, equals, value = word.partition("=")
        if word.startswith("+"):
            places.append(_copy_of(places[1], word[1:]))
        elif word.startswith("-"):
            places = [_without(place, word[1:]) for place in places if place["name"] != _long(word[1:])]
            strategy = {name: each for name, each in strategy.items() if name != word[1:]}
        elif equals and key[0].islower() and not any(key in dig_str(each, "name") for each in _pod_sets(places)):
            strategy[key] = parse(value) if value[0] in '[{"tf0123456789' else value
    if "units" in words:
        places = [_by_unit(place) for place in places]
    made = [_placed(place, version, words[1:]) for place in places]
    total = sum(count for each in _pod_sets(made) if isinstance(count := dig(each, "replicas"), int))
    topology: JSONMap = {"clusters": list[JSON](made)}
    changed: JSONMap = {**spec, "replicas": total, "updateStrategy": strategy, "clusterTopology": topology}
    return {**app, "spec": changed}


def _by_unit(place: JSONMap) -> JSONMap:
    pod_sets = [as_map(each) for each in dig_list(place, "podSets")]
    units = ["u2" if dig_str(each, "name").endswith("canary") else "u1" for each in pod_sets]
    made: list[JSON] = [
        {**each, "meta": {**dig_map(each, "meta"), "sym-ldc": unit}} for each, unit in zip(pod_sets, units, strict=True)
    ]
    return {**place, "podSets": made}


def _placed(place: JSONMap, version: str, words: list[str]) -> JSONMap:
    return {**place, "podSets": [_at(as_map(each), version, words) for each in dig_list(place, "podSets")]}


def _pod_sets(places: list[JSONMap]) -> Iterator[JSON]:
    for place in places:
        yield from dig_list(place, "podSets")


def _copy_of(place: JSONMap, name: str) -> JSONMap:
    """The same in another cluster, under names of its own."""
    text = yaml.dump(place).replace("gz01a", f"gz01{name[-1]}").replace(dig_str(place, "name"), _long(name))
    return as_map(yaml.load(text))


def _without(place: JSONMap, name: str) -> JSONMap:
    kept = [each for each in dig_list(place, "podSets") if _pod_set(dig_str(each, "name")) != name]
    return {**place, "podSets": kept}


def _at(pod_set: JSONMap, version: str, words: list[str]) -> JSONMap:
    name = _pod_set(dig_str(pod_set, "name"))
    made = {**pod_set, "version": version}
    for word in words:
        if word.startswith(f"{name}="):
            made["version"] = word.partition("=")[2]
        elif word.startswith(f"{name}*"):
            made["replicas"] = int(word.partition("*")[2])
    return made


def _changes(cluster: str, old: JSONMap | None, new: JSONMap) -> Iterator[str]:
    """What a write of a child does to its podSets."""
    before, after = _entries(old), _entries(new)
    for name in (*after, *(name for name in before if name not in after)):
        was, now = before.get(name), after.get(name)
        at = f"{_pod_set(name)}@{_short(cluster)}"
        if was is None and now is not None:
            yield f"{at} new {now[0]} x{now[1]}"
        elif now is None and was is not None:
            yield f"{at} gone {was[0]}"
        elif was is not None and now is not None:
            yield from ([f"{at} {was[0]} -> {now[0]}"] if was[0] != now[0] else [])
            yield from ([f"{at} x{was[1]} -> x{now[1]}"] if was[1] != now[1] else [])


def _entries(child: JSONMap | None) -> dict[str, tuple[str, JSON]]:
    found = dig_list(child or {}, "spec", "topology", "podSets")
    return {dig_str(each, "name"): (dig_str(each, "version"), dig(each, "replicas")) for each in found}


def _pod_set(name: str) -> str:
    return name.removeprefix("bbcc-")


def _short(text: str) -> str:
    return text.replace("tcc-", "").replace("-dks-test-01", "")


def _long(text: str) -> str:
    """Names of clusters as the document has them."""
    head, at, tail = text.rpartition("@")
    return head + at + "+".join(f"tcc-{each}-dks-test-01" for each in tail.split("+"))
