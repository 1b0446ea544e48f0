"""Jobs run to their end, seen from outside, in virtual time. Conditions and reasons are those of Kubernetes 1.34."""

import asyncio

import pytest

from sym.model.codec import JSON, JSONMap, as_map, dig, dig_list, dig_str
from sym.model.kinds import JOB, POD
from sym.sandbox.workloads.deletion import delete
from tests.sandbox.workloads.cluster import Cluster, cluster, conditions

pytestmark = pytest.mark.anyio

SOON = 4.0
"""By then a pod was pulled, started and has ended."""


def run(c: Cluster, image: str = "shop:v1", *command: JSON, policy: str = "Never", **spec: JSON) -> None:
    """Create a Job `work` as an API server would keep it."""
    container: JSONMap = {"name": "main", "image": image, **({"command": [*command]} if command else {})}
    labels: JSONMap = {"batch.kubernetes.io/job-name": "work"}
    template: JSONMap = {"metadata": {"labels": labels}, "spec": {"restartPolicy": policy, "containers": [container]}}
    body: JSONMap = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "work", "namespace": "default", "generation": 1},
        "spec": {"completions": 1, "parallelism": 1, "backoffLimit": 6, "template": template, **spec},
    }
    c.store.create(JOB, body)


def told(c: Cluster) -> dict[str, str]:
    """The true conditions of the Job, and their reasons."""
    return {
        dig_str(one, "type"): dig_str(one, "reason")
        for one in conditions(c.get(JOB, "work"))
        if one["status"] == "True"
    }


def status(c: Cluster, *names: str) -> list[JSON]:
    """Fields of the Job's status."""
    return [dig(c.get(JOB, "work"), "status", name) for name in names]


def phases(c: Cluster) -> list[str]:
    return sorted(dig_str(pod, "status", "phase") for pod in c.all(POD))


DONE = {"SuccessCriteriaMet": "CompletionsReached", "Complete": "CompletionsReached"}


async def test_a_job_completes_and_keeps_its_pod() -> None:
    async with cluster() as c:
        run(c)
        await asyncio.sleep(1.5)
        assert status(c, "active", "succeeded", "completionTime") == [1, None, None]
        await asyncio.sleep(SOON)
        assert told(c) == DONE
        assert status(c, "active", "ready", "succeeded", "failed", "terminating") == [None, 0, 1, None, 0]
        assert status(c, "uncountedTerminatedPods") == [{}]
        assert dig_str(c.get(JOB, "work"), "status", "completionTime") > dig_str(
            c.get(JOB, "work"), "status", "startTime"
        )
        (pod,) = c.all(POD)
        assert dig_str(pod, "status", "phase") == "Succeeded"
        assert dig_list(pod, "metadata", "finalizers") == []
        assert dig(pod, "status", "containerStatuses", 0, "state", "terminated", "exitCode") == 0
        assert {(one["type"], one.get("reason")) for one in conditions(pod) if one["status"] == "False"} >= {
            ("Ready", "PodCompleted")
        }
        assert c.events("Completed") == ["Job completed"]


@pytest.mark.parametrize("image", ["shop:crash", "shop:fail"])
async def test_a_job_that_fails_tries_again_ever_later_and_then_gives_up(image: str) -> None:
    async with cluster() as c:
        run(c, image, backoffLimit=2)
        await asyncio.sleep(SOON)
        assert phases(c) == ["Failed"]
        assert (status(c, "failed", "active"), told(c)) == ([1, None], {})
        await asyncio.sleep(10 + 2)  # the first back-off
        assert phases(c) == ["Failed", "Failed"]
        await asyncio.sleep(12)  # the second is twice as long
        assert phases(c) == ["Failed", "Failed"]
        await asyncio.sleep(8 + SOON)
        assert phases(c) == ["Failed"] * 3
        assert told(c) == {"FailureTarget": "BackoffLimitExceeded", "Failed": "BackoffLimitExceeded"}
        assert status(c, "failed", "completionTime") == [3, None]
        assert c.events("BackoffLimitExceeded") == ["Job has reached the specified backoff limit"]


async def test_a_success_ends_the_back_off() -> None:
    async with cluster() as c:
        run(c, "shop:fail", backoffLimit=6, completions=2)
        await asyncio.sleep(SOON)
        c.edit(
            JOB,
            "work",
            lambda job: as_map(dig_list(job, "spec", "template", "spec", "containers")[0]).update(image="ok"),
        )
        await asyncio.sleep(10 + 2 * SOON)
        assert (told(c), status(c, "succeeded", "failed")) == (DONE, [2, 1])


async def test_a_job_past_its_deadline_fails_when_its_pods_are_gone() -> None:
    async with cluster() as c:
        run(c, "shop:hang", activeDeadlineSeconds=5)
        await asyncio.sleep(SOON)
        assert (told(c), status(c, "ready")) == ({}, [1])
        await asyncio.sleep(1.5)
        assert told(c) == {"FailureTarget": "DeadlineExceeded"}
        assert status(c, "terminating", "failed") == [1, 1]
        await asyncio.sleep(2)
        assert told(c) == {"FailureTarget": "DeadlineExceeded", "Failed": "DeadlineExceeded"}
        assert (status(c, "terminating"), c.all(POD)) == ([0], [])


async def test_pods_restarted_in_place_count_against_the_limit() -> None:
    async with cluster() as c:
        run(c, "shop:crash", policy="OnFailure", backoffLimit=2)
        await asyncio.sleep(40)
        assert told(c) == {"FailureTarget": "BackoffLimitExceeded", "Failed": "BackoffLimitExceeded"}
        assert c.all(POD) == []


async def test_as_many_pods_as_asked_for_run_at_a_time() -> None:
    async with cluster() as c:
        run(c, completions=5, parallelism=2)
        await asyncio.sleep(1.5)
        assert status(c, "active") == [2]
        await asyncio.sleep(3 * SOON)
        assert (told(c), status(c, "succeeded"), phases(c)) == (DONE, [5], ["Succeeded"] * 5)


async def test_a_job_without_completions_ends_with_its_first_success() -> None:
    async with cluster() as c:
        run(c, completions=None, parallelism=3)
        await asyncio.sleep(2 * SOON)
        assert (told(c), status(c, "succeeded")) == (DONE, [3])


async def test_fewer_pods_in_parallel_takes_some_away() -> None:
    async with cluster() as c:
        run(c, "shop:hang", completions=3, parallelism=3)
        await asyncio.sleep(SOON)
        c.edit(JOB, "work", lambda job: as_map(job["spec"]).update(parallelism=1))
        await asyncio.sleep(SOON)
        assert (phases(c), status(c, "active", "failed")) == (["Running"], [1, None])


async def test_a_suspended_job_waits_and_goes_on() -> None:
    async with cluster() as c:
        run(c, "shop:hang", suspend=True, activeDeadlineSeconds=30)
        await asyncio.sleep(60)
        assert (c.all(POD), told(c), status(c, "startTime")) == ([], {"Suspended": "JobSuspended"}, [None])
        c.edit(JOB, "work", lambda job: as_map(job["spec"]).update(suspend=False))
        await asyncio.sleep(20)
        assert (phases(c), told(c)) == (["Running"], {})
        c.edit(JOB, "work", lambda job: as_map(job["spec"]).update(suspend=True))
        await asyncio.sleep(SOON)
        assert (c.all(POD), told(c), status(c, "failed")) == ([], {"Suspended": "JobSuspended"}, [None])
        assert c.events("Resumed") == ["Job resumed"]


async def test_a_finished_job_goes_after_its_time() -> None:
    async with cluster() as c:
        run(c, ttlSecondsAfterFinished=30)
        await asyncio.sleep(20)
        assert told(c) == DONE
        await asyncio.sleep(30)
        assert (c.all(JOB), c.all(POD)) == ([], [])


async def test_a_deleted_job_takes_running_pods_along() -> None:
    async with cluster() as c:
        run(c, "shop:hang")
        await asyncio.sleep(SOON)
        delete(c.store, c.env, JOB, "default", "work")
        await asyncio.sleep(SOON)
        assert (c.all(JOB), c.all(POD)) == ([], [])


async def test_a_pod_that_somebody_deletes_is_a_failure() -> None:
    async with cluster() as c:
        run(c, "shop:hang")
        await asyncio.sleep(SOON)
        delete(c.store, c.env, POD, "default", dig_str(c.all(POD)[0], "metadata", "name"))
        await asyncio.sleep(SOON)
        assert (status(c, "failed"), c.all(POD)) == ([1], [])
        await asyncio.sleep(10)
        assert phases(c) == ["Running"]


@pytest.mark.parametrize(
    ("command", "code"),
    [(["sh", "-c", "echo no; exit 3"], 3), (["false"], 1), (["/bin/false"], 1), (["true"], 0), (["sleep", "1"], 0)],
    ids=["exit", "false", "path", "true", "sleep"],
)
async def test_a_command_says_how_a_container_ends(command: list[JSON], code: int) -> None:
    async with cluster() as c:
        run(c, "shop:v1", *command)
        await asyncio.sleep(SOON + 1)
        (pod,) = c.all(POD)
        assert dig(pod, "status", "containerStatuses", 0, "state", "terminated", "exitCode") == code


async def test_a_container_sleeps_as_long_as_it_says() -> None:
    async with cluster() as c:
        run(c, "shop:v1", "sleep", "100")
        await asyncio.sleep(90)
        assert (phases(c), status(c, "ready")) == (["Running"], [1])
        await asyncio.sleep(15)
        assert told(c) == DONE
