"""CustomResourceDefinition: defaults. The checks are in sandbox/crdcheck.py."""

from sym.model.codec import JSONMap, dig_list, dig_map, dig_str


def default_crd(document: JSONMap) -> None:
    """Names derived from the kind, no conversion, the stored versions."""
    spec = dig_map(document, "spec")
    names = dig_map(spec, "names")
    kind = dig_str(names, "kind")
    if kind:
        names.setdefault("singular", kind.lower())
        names.setdefault("listKind", f"{kind}List")
    spec.setdefault("conversion", {"strategy": "None"})


def admit_crd(document: JSONMap, old: JSONMap | None) -> None:
    """The versions that objects may be stored in: once stored, always listed."""
    spec = dig_map(document, "spec")
    status = dig_map(document, "status")
    document["status"] = status
    status.setdefault("conditions", None)
    status.setdefault("acceptedNames", {"plural": "", "kind": ""})
    stored = [
        dig_str(version, "name") for version in dig_list(spec, "versions") if dig_map(version).get("storage") is True
    ]
    known = [name for name in dig_list(old, "status", "storedVersions") if isinstance(name, str)]
    status["storedVersions"] = [*known, *(name for name in stored if name not in known)]
