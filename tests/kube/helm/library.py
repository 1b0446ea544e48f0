"""A package in the place of helm_python, for what goes wrong: it does what the release's name says."""

from pathlib import Path

SOURCE = """
import json, os, pathlib, threading

class HelmError(Exception):
    def __init__(self, message, code=-1):
        super().__init__(message)
        self.code = code

class HelmContext:
    def __init__(self):
        self.event = threading.Event()
    def cancel(self):
        self.event.set()
    def close(self):
        pass

class Chart:
    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.crds = [{}] if (self.path / "charts").exists() else []
    load = classmethod(lambda cls, path: cls(path))
    def validate_schema(self, values):
        if "wrong" in values:
            raise HelmError("values are wrong", -22)
    def render(self, values, name, namespace, is_install):
        assert not list(self.path.rglob("crds"))
        found = sorted((self.path / "templates").iterdir())
        return {f"web/{path.name}": path.read_text() for path in found} | {"v.yaml": json.dumps(values)}
    def __enter__(self):
        return self
    def __exit__(self, *_):
        pass

class Config(Chart):
    def __init__(self, kubeconfig_content, namespace):
        self.content = kubeconfig_content
    def do(self, name, context=None):
        if name == "slow":
            context.event.wait()
            raise HelmError("context canceled", -6)
        if name == "stuck":
            threading.Event().wait()
        if name == "crash":
            os._exit(2)
        if name == "starved":
            os.write(2, b"fatal error: out of memory")
            os._exit(2)
        if name == "leak":
            raise HelmError("open " + os.environ["TMPDIR"] + "/x: " + self.content, -60)
        if name == "none":
            raise HelmError("release: not found", -7)
        if name == "odd":
            raise KeyError(name)
        print("this is no answer", flush=True)
    def install(self, chart, name, values, context, timeout, description, labels=None):
        self.do(name, context)
    def upgrade(self, chart, name, values, context, timeout, description, max_history, reset_values, labels=None):
        self.do(name, context)
    def rollback(self, name, version, timeout):
        self.do(name)
    def uninstall(self, name, timeout, ignore_not_found):
        self.do(name)
    def history(self, name):
        self.do(name)
        return [{"revision": 1}, {"revision": 2}]
    def get_all(self, name, revision=None):
        self.do(name)
        info = {"status": "deployed", "first_deployed": "2026-11-27T14:00:00Z"}
        return {"summary": {"revision": revision or 2, "chart_name": "web", "chart_version": "1.2.3"}, "info": info}

def values_from_yaml(text):
    if "bad" in text:
        raise HelmError("bad yaml", -22)
    return json.loads(text) if text.strip() else {}

def pull(chart, destination, version):
    if chart != "oci://nothing":
        (pathlib.Path(destination) / f"web-{version}.tgz").write_text("archive")
"""


def write(folder: Path, source: str = SOURCE) -> Path:
    """The folder that the package can be imported from."""
    package = folder / "library" / "helm_python"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(source)
    return package.parent
