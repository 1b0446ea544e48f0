"""Other images in an AppSet's spec, as `kubectl set image` gives them. Pure.

A podSet's own image and version are laid over those of the template's main container (`plan.content`), so a new image
there must go into them too, or nothing would change. A chart knows images only by the podSets' image and version.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct

from sym.cli.rollout_change import Change, No, Seen, edited
from sym.cli.rollout_edits import with_value
from sym.model.appset import DeployType
from sym.model.codec import JSON, JSONMap, as_map, dig_list, dig_map, dig_str
from sym.model.images import Image
from sym.model.names import group_of
from sym.model.shapes import IMAGE_PATTERN, TAG_PATTERN
from sym.plan.content import main_container, with_container

_LATEST = "latest"


class Wanted(Struct, frozen=True):
    """A container's new image. `container` empty: the one that runs the app itself; `repository` empty: only the tag
    changes."""

    container: str
    image: Image

    @classmethod
    def parse(cls, text: str) -> "Wanted":
        """From `[CONTAINER=]IMAGE`, where IMAGE may be `:TAG` alone. Raises No."""
        container, equals, reference = text.rpartition("=")
        if equals and not container:
            raise No(f"{text!r}: name the container before the =, as app=repository:tag")
        tag = reference.removeprefix(":")
        if reference.startswith(":") and re.fullmatch(TAG_PATTERN, tag):
            return cls(container, Image("", tag))
        if not re.fullmatch(IMAGE_PATTERN, reference):
            raise No(f"{reference!r} is no image: write repository:tag, repository@sha256:digest or :tag")
        return cls(container, Image.parse(reference))

    def of(self, present: Image) -> Image:
        """The whole new image in place of `present`. One without tag and digest means latest, as everywhere."""
        if not self.image.repository:
            return Image(present.repository, self.image.tag)
        return self.image if self.image.tag or self.image.digest else self.image._replace(tag=_LATEST)


class Choice(Struct, frozen=True, kw_only=True):
    """Which podSets are meant; empty: all."""

    groups: Sequence[str] = ()
    clusters: Sequence[str] = ()
    pod_sets: Sequence[str] = ()

    @property
    def everything(self) -> bool:
        """Whether nothing narrows it, so that the template is meant too."""
        return not (self.groups or self.clusters or self.pod_sets)

    def fits(self, cluster: str, pod_set: JSONMap) -> bool:
        """Whether a podSet of a cluster is meant."""
        name = dig_str(pod_set, "name")
        meta = {key: value for key, value in dig_map(pod_set, "meta").items() if isinstance(value, str)}
        return (
            (not self.groups or group_of(name, meta) in self.groups)
            and (not self.clusters or cluster in self.clusters)
            and (not self.pod_sets or name in self.pod_sets)
        )


def with_images(seen: Seen, wanted: Sequence[Wanted], choice: Choice) -> Change:
    """The spec with other images. Raises No for containers and podSets that are not there."""
    spec = dig_map(seen.live, "spec")
    _check(spec, choice)
    helm = seen.app.spec.pod_spec.deploy_type is DeployType.HELM
    for each in wanted:
        spec = _in_chart(spec, each, choice) if helm else _in_pods(spec, seen.app.metadata.name, each, choice)
    change = edited(seen, spec, "gets other images, wave by wave")
    return change if change.patch else Change(said="has these images already")


def _in_chart(spec: JSONMap, wanted: Wanted, choice: Choice) -> JSONMap:
    if wanted.container:
        raise No(
            f"{wanted.container}: deployType is helm, so the containers are the chart's: leave out {wanted.container}="
        )

    def override(pod_set: JSONMap) -> JSONMap:
        if not wanted.image.repository:
            return {**pod_set, "version": wanted.image.tag}
        new = wanted.of(wanted.image)
        return (
            _without_version(pod_set, new) if new.digest else {**pod_set, "image": new.repository, "version": new.tag}
        )

    return _each_pod_set(spec, choice, override)


def _in_pods(spec: JSONMap, app: str, wanted: Wanted, choice: Choice) -> JSONMap:
    template = dig_map(spec, "podSpec", "template")
    main = dig_str(template, "spec", "containers", main_container(template, app), "name")
    if wanted.container in ("", main):
        return _in_main(spec, app, wanted, choice)
    if not choice.everything:
        raise No(
            f"container {wanted.container}: podSets differ in the image of {main or 'the first container'} alone; "
            "leave out --group, --cluster and --pod-set"
        )
    return _with_template(spec, _with_named(template, wanted))


def _in_main(spec: JSONMap, app: str, wanted: Wanted, choice: Choice) -> JSONMap:
    """The template's main container, unless only some podSets are meant, and what podSets lay over it."""
    old = dig_map(spec, "podSpec", "template")
    index = main_container(old, app)
    container = dig_map(old, "spec", "containers", index)
    before = Image.parse(dig_str(container, "image"))
    after = wanted.of(before) if choice.everything else before

    def override(pod_set: JSONMap) -> JSONMap:
        own = Image.parse(dig_str(pod_set, "image")) if dig_str(pod_set, "image") else None
        if choice.everything and own is None and not dig_str(pod_set, "version"):
            return pod_set
        new = wanted.of(before.overridden(dig_str(pod_set, "image"), dig_str(pod_set, "version")))
        if new.digest:
            return _without_version(pod_set, new)
        named: JSONMap = {"image": new.repository} if own is not None or new.repository != after.repository else {}
        return {**pod_set, **named, "version": new.tag}

    if choice.everything:
        spec = _with_template(spec, with_container(old, index, {**container, "image": str(after)}))
    return _each_pod_set(spec, choice, override)


def _with_named(template: JSONMap, wanted: Wanted) -> JSONMap:
    found: list[str] = []
    for key in ("containers", "initContainers"):
        entries = [as_map(each) for each in dig_list(template, "spec", key)]
        found += [dig_str(each, "name") for each in entries]
        if any(dig_str(each, "name") == wanted.container for each in entries):
            new: list[JSON] = [
                {**each, "image": str(wanted.of(Image.parse(dig_str(each, "image"))))}
                if dig_str(each, "name") == wanted.container
                else each
                for each in entries
            ]
            return with_value(template, new, "spec", key)
    raise No(f"there is no container {wanted.container}: there are {', '.join(found) or 'none'}")


def _without_version(pod_set: JSONMap, image: Image) -> JSONMap:
    """A version is a tag, which would void a digest: the whole reference goes into the image."""
    return {**{key: value for key, value in pod_set.items() if key != "version"}, "image": str(image)}


def _with_template(spec: JSONMap, template: JSONMap) -> JSONMap:
    return with_value(spec, template, "podSpec", "template")


def _each_pod_set(spec: JSONMap, choice: Choice, override: Callable[[JSONMap], JSONMap]) -> JSONMap:
    places: list[JSON] = []
    for place in map(as_map, dig_list(spec, "clusterTopology", "clusters")):
        cluster = dig_str(place, "name")
        pod_sets: list[JSON] = [
            override(each) if choice.fits(cluster, each) else each for each in map(as_map, dig_list(place, "podSets"))
        ]
        places.append({**place, "podSets": pod_sets} if pod_sets else place)
    return with_value(spec, places, "clusterTopology", "clusters")


def _check(spec: JSONMap, choice: Choice) -> None:
    """Whoever narrows by a name that is not there would change nothing, or less than was meant."""
    places = {dig_str(each, "name"): each for each in map(as_map, dig_list(spec, "clusterTopology", "clusters"))}
    each = [(name, pod_set) for name, place in places.items() for pod_set in map(as_map, dig_list(place, "podSets"))]
    there: Mapping[str, tuple[Sequence[str], set[str]]] = {
        "--cluster": (choice.clusters, set(places)),
        "--pod-set": (choice.pod_sets, {dig_str(pod_set, "name") for _, pod_set in each}),
        "--group": (choice.groups, {_group(pod_set) for _, pod_set in each}),
    }
    for option, (asked, known) in there.items():
        for name in asked:
            if name not in known:
                raise No(f"{option} {name}: there is none of this name; there are {', '.join(sorted(known)) or 'none'}")
    if not any(choice.fits(cluster, pod_set) for cluster, pod_set in each):
        raise No("no podSet is meant by --group, --cluster and --pod-set together")


def _group(pod_set: JSONMap) -> str:
    meta = {key: value for key, value in dig_map(pod_set, "meta").items() if isinstance(value, str)}
    return group_of(dig_str(pod_set, "name"), meta)
