"""Kubernetes' own kinds as Sym reads them."""

from datetime import UTC, datetime

import pytest

from sym.model.codec import decode, encode
from sym.model.meta import ObjectMeta
from sym.model.workload import (
    ConfigMap,
    Deployment,
    Event,
    EventSeries,
    Lease,
    Pod,
    PodStatus,
    Secret,
    WorkloadCondition,
)

TIMES = [datetime(2026, 1, day, tzinfo=UTC) for day in range(1, 5)]


def test_a_pod_is_ready_if_its_condition_says_so_and_nobody_deletes_it() -> None:
    ready = PodStatus(conditions=(WorkloadCondition(type="Ready", status="True"),))
    assert Pod(status=ready).ready
    assert not Pod(status=ready, metadata=ObjectMeta(deletion_timestamp=TIMES[0])).ready
    assert not Pod(status=PodStatus(conditions=(WorkloadCondition(type="Ready", status="False"),))).ready
    assert not Pod().ready


@pytest.mark.parametrize(
    ("event", "seen", "times"),
    [
        (Event(), None, 1),
        (Event(metadata=ObjectMeta(creation_timestamp=TIMES[0])), TIMES[0], 1),
        (Event(event_time=TIMES[1], metadata=ObjectMeta(creation_timestamp=TIMES[0])), TIMES[1], 1),
        (Event(last_timestamp=TIMES[2], event_time=TIMES[1], count=3), TIMES[2], 3),
        (
            Event(series=EventSeries(count=5, last_observed_time=TIMES[3]), last_timestamp=TIMES[2], count=1),
            TIMES[3],
            5,
        ),
    ],
)
def test_an_event_tells_its_time_whichever_way_it_was_written(event: Event, seen: datetime | None, times: int) -> None:
    assert event.last_seen == seen
    assert event.times == times


def test_the_text_form_of_credentials_shows_none() -> None:
    secret = decode(b'{"metadata":{"name":"one","namespace":"sym-admin"},"data":{"token":"c2VjcmV0"}}', Secret)
    assert secret.data["token"] == b"secret"
    assert str(secret) == "Secret(sym-admin/one, 1 keys)"
    assert secret.__rich_repr__() == []
    config = ConfigMap(data={"kubeconfig.yaml": "secret"}, binary_data={"more": b"secret"})
    assert "secret" not in f"{config!r} {[config]} {config.__rich_repr__()}"


def test_nulls_that_go_encoders_write_are_taken() -> None:
    event = b'{"metadata":{"creationTimestamp":null},"firstTimestamp":null,"lastTimestamp":null,"eventTime":null}'
    assert decode(event, Event).last_seen is None
    lease = b'{"spec":{"holderIdentity":"member/a","renewTime":"2026-01-01T00:00:00.123456Z"}}'
    renewed = decode(lease, Lease).spec.renew_time
    assert renewed is not None
    assert renewed.microsecond == 123456


def test_a_template_is_kept_as_it_came() -> None:
    text = b'{"metadata":{"name":"a"},"spec":{"template":{"spec":{"containers":[{"name":"a","later":[null,1.5]}]}}}}'
    assert encode(decode(text, Deployment)) == text
