"""What the worker remembers of the masters whose words it has seen."""

from sym.controllers.advdeployment import Epochs
from sym.model import names
from sym.model.meta import Object, ObjectMeta
from sym.plan.ownership import Tombstone


def child(uid: str, stone: Tombstone | None, app_id: str = "app-1") -> Object:
    """An AdvDeployment with this tombstone."""
    annotations = {names.APP_ID: app_id} | ({names.TOMBSTONE: stone.text} if stone else {})
    return Object(metadata=ObjectMeta(namespace="default", name="bbcc", uid=uid, annotations=annotations))


def test_the_highest_epoch_of_an_app_is_remembered_over_all_of_its_children() -> None:
    epochs = Epochs()
    assert epochs.highest(child("a", None)) == 0
    for uid, epoch in (("a", 3), ("b", 5), ("c", 4)):
        epochs.note(child(uid, Tombstone(app_id="app-1", epoch=epoch, uid=uid)))
    assert epochs.highest(child("d", None)) == 5
    assert epochs.highest(child("d", None, app_id="app-2")) == 0


def test_a_tombstone_that_does_not_mean_its_bearer_teaches_nothing() -> None:
    epochs = Epochs()
    epochs.note(child("a", Tombstone(app_id="app-1", epoch=9, uid="other")))
    epochs.note(child("a", Tombstone(app_id="app-2", epoch=9, uid="a")))
    assert epochs.highest(child("a", None)) == 0
