"""What we decode and encode again keeps what we know, whatever else a server sends along."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sym.model import workload
from sym.model.advdeployment import AdvDeployment
from sym.model.appset import AppSet
from sym.model.cluster import Cluster
from sym.model.codec import JSONMap, decode, encode, to_json
from sym.model.meta import Object
from tests.model.wire import documents, lost

KUBERNETES: list[type[Object]] = [
    each
    for each in vars(workload).values()
    if isinstance(each, type) and issubclass(each, Object) and each is not Object
]


@pytest.mark.parametrize("struct", [AppSet, AdvDeployment, Cluster], ids=lambda struct: struct.__name__)
@given(data=st.data())
def test_a_document_of_ours_survives_decoding_and_encoding(struct: type[Object], data: st.DataObject) -> None:
    survives(struct, data.draw(documents(struct)))


@given(data=st.data())
def test_a_document_of_kubernetes_survives_decoding_and_encoding(data: st.DataObject) -> None:
    struct = data.draw(st.sampled_from(KUBERNETES))
    survives(struct, data.draw(documents(struct)))


def survives(struct: type[Object], document: JSONMap) -> None:
    decoded = decode(encode(document), struct)
    assert decode(encode(decoded), struct) == decoded
    assert lost(document, to_json(decoded)) == []
