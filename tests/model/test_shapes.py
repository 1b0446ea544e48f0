"""Open enums, and limits that only the schema knows."""

import pytest

from sym.model.appset import AppSet, AppStatus, DeployType, UpgradeType
from sym.model.codec import DecodeError, decode, dig_str, to_json


def test_an_unknown_choice_survives_and_says_so() -> None:
    text = b'{"spec":{"updateStrategy":{"upgradeType":"canary|blue|green"}}}'
    app = decode(text, AppSet)
    choice = app.spec.update_strategy.upgrade_type
    assert choice is not None
    assert not choice.known
    assert choice == "canary|blue|green"
    assert dig_str(to_json(app), "spec", "updateStrategy", "upgradeType") == "canary|blue|green"


def test_known_choices_are_the_members_themselves() -> None:
    assert DeployType("helm") is DeployType.HELM
    assert DeployType.HELM.known
    assert not DeployType("").known
    assert AppStatus("Updateing") != AppStatus.UPDATING
    assert len({AppStatus("x"), AppStatus("x")}) == 1


def test_a_choice_is_a_text() -> None:
    assert UpgradeType._missing_(3) is None
    with pytest.raises(DecodeError, match=r"\$\.spec\.podSpec\.deployType"):
        decode(b'{"spec":{"podSpec":{"deployType":3}}}', AppSet)


def test_limits_do_not_hinder_decoding() -> None:
    app = decode(b'{"spec":{"replicas":-3,"clusterTopology":{"clusters":[{"name":"NO"}]}}}', AppSet)
    assert app.spec.replicas == -3
