"""Charts for tests, written where a test wants them: small ones, and those that do harm."""

from collections.abc import Mapping
from pathlib import Path

MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data:
  value: {{ .Values.value | toJson | quote }}
  kube: {{ .Capabilities.KubeVersion.Version | quote }}
  has: {{ .Capabilities.APIVersions.Has "things.example.com/v1" | quote }}
"""
HOOK = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-hook
  annotations: {helm.sh/hook: "pre-install,pre-upgrade"}
"""
TEST = """\
apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-test
  annotations: {helm.sh/hook: test}
spec: {containers: [{name: test, image: "test:1"}]}
"""
CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  names: {kind: Thing, plural: things}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
"""
THING = """\
apiVersion: example.com/v1
kind: Thing
metadata: {name: {{ .Release.Name }}}
"""
INVALID = """\
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
spec: {selector: {a: b}, ports: [{port: 999999}]}
"""
ENDLESS_HOOK = """\
apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-endless
  annotations: {helm.sh/hook: "pre-install,pre-upgrade"}
spec:
  restartPolicy: Never
  nodeSelector: {no: such-node}
  containers: [{name: endless, image: "endless:1"}]
"""
LOOP = "{{ range until 3000 }}{{ range until 3000 }}{{ range until 3000 }}{{ end }}{{ end }}{{ end }}"
GROWTH = '{{- $s := "0123456789abcdef" }}{{ range until 40 }}{{ $s = print $s $s }}{{ end }}{{ $s }}'
JUNK = "}: \x1b[31m {{ `: [` }}\n\t- {{ .Release.Name }}\n"
SCHEMA = '{"type": "object", "properties": {"value": {"type": "integer"}}}'


def chart(folder: Path, files: Mapping[str, str] | None = None, version: str = "1.2.3") -> Path:
    """The folder of the chart `web`, made in `folder`: a ConfigMap with `.Values.value`, a hook, a test and a CRD, and
    `files` beside them or in their place."""
    usual = {
        "Chart.yaml": f'apiVersion: v2\nname: web\nversion: {version}\nappVersion: "4.5"\n',
        "values.yaml": "value: usual\n",
        "templates/map.yaml": MAP,
        "templates/hook.yaml": HOOK,
        "templates/tests/test.yaml": TEST,
        "templates/NOTES.txt": "Nothing to say.\n",
        "crds/thing.yaml": CRD,
    }
    place = folder / f"web-{version}-{len(list(folder.iterdir()))}"
    for name, text in {**usual, **(files or {})}.items():
        path = place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return place
