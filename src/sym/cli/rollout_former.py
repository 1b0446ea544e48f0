"""Former contents of an AppSet, from its ControllerRevisions, and the way back to one of them. Pure."""

from collections.abc import Sequence

from sym.cli.rollout_change import Change, No, Seen, carried, edited
from sym.model.appset import AppSetSpec
from sym.model.codec import as_map, dig_map, to_map
from sym.model.workload import ControllerRevision
from sym.plan.content import content_hash
from sym.plan.revisions import finished, hash_of, restored, spec_of


def goal(seen: Seen, revisions: Sequence[ControllerRevision], number: int | None) -> ControllerRevision:
    """The revision to go back to: `number`, or the newest one that ran everywhere and is not the present content.
    Raises No."""
    there = sorted(revisions, key=lambda each: -each.revision)
    if number is not None:
        for each in there:
            if each.revision == number:
                return each
        known = ", ".join(str(each.revision) for each in there) or "none"
        raise No(f"there is no revision {number}: there are {known}; `sym rollout history` shows them")
    present = content_hash(seen.app.spec, seen.app.metadata.name)
    for each in there:
        if finished(each) and hash_of(each) != present:
            return each
    raise No(
        "no other revision has run everywhere before, so there is nothing to go back to: "
        "name one with --to-revision; `sym rollout history` shows them"
    )


def former(seen: Seen, revision: ControllerRevision) -> AppSetSpec:
    """The spec with the content of a former revision. Raises No."""
    kept = spec_of(revision)
    if kept is None:
        raise No(f"revision {revision.revision} cannot be read: choose another with --to-revision")
    return restored(seen.app.spec, kept)


def undone(seen: Seen, revision: ControllerRevision) -> Change:
    """The spec gets the content of a former revision. Raises No."""
    current, after, name = seen.app.spec, former(seen, revision), seen.app.metadata.name
    if content_hash(after, name) == content_hash(current, name):
        return Change(said=f"has the content of revision {revision.revision} already")
    spec = as_map(carried(dig_map(seen.live, "spec"), to_map(current), to_map(after)))
    return edited(seen, spec, f"goes back to the content of revision {revision.revision}")


def proved(seen: Seen, revision: ControllerRevision, revisions: Sequence[ControllerRevision]) -> None:
    """Raises No where going back to a revision gives a content that never ran everywhere, which needs waves and gates:
    it never did, or the podSets are others since."""
    meant, number = content_hash(former(seen, revision), seen.app.metadata.name), revision.revision
    if not any(finished(each) for each in revisions if hash_of(each) == meant):
        why = "never ran everywhere" if meant == hash_of(revision) else "ran with other podSets than there are now"
        raise No(f"revision {number} {why}, so it needs its waves and gates: leave out --now")
