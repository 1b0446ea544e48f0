"""What a person does with Helm, step by step, to be played on any server with either Helm: a chart of every kind that
charts bring, hooks, tests, failures and ways back.

`play` runs the steps and gives what each came to, free of times and ids, so that two servers can be held side by side.
Nothing in it relies on images: what must fail wants a node that is not there, which no server has.
"""

import asyncio
import os
import re
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from sym.model.codec import dig_list, dig_map, dig_str, encode, parse_map

CHART = """apiVersion: v2
name: shop
version: 1.0.0
appVersion: v1
"""
VALUES = """replicas: 1
node: ""
hook: ""
port: 80
colour: blue
"""
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}", labels: {app: "{{ .Release.Name }}"}}
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: "{{ .Release.Name }}"}}
  template:
    metadata: {labels: {app: "{{ .Release.Name }}"}, annotations: {colour: "{{ .Values.colour }}"}}
    spec:
      serviceAccountName: "{{ .Release.Name }}"
      terminationGracePeriodSeconds: 1
      {{- if .Values.node }}
      nodeSelector: {disk: "{{ .Values.node }}"}
      {{- end }}
      containers:
        - {name: main, image: "shop:v1", ports: [{name: http, containerPort: {{ .Values.port }}}]}
"""
BASE = """apiVersion: v1
kind: ServiceAccount
metadata: {name: "{{ .Release.Name }}"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}"}
data: {colour: "{{ .Values.colour }}"}
---
apiVersion: v1
kind: Secret
metadata: {name: "{{ .Release.Name }}"}
stringData: {colour: "{{ .Values.colour }}"}
---
apiVersion: v1
kind: Service
metadata: {name: "{{ .Release.Name }}"}
spec: {selector: {app: "{{ .Release.Name }}"}, ports: [{name: http, port: {{ .Values.port }}, targetPort: http}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: "{{ .Release.Name }}-db"}
spec:
  serviceName: "{{ .Release.Name }}"
  selector: {matchLabels: {db: "{{ .Release.Name }}"}}
  template:
    metadata: {labels: {db: "{{ .Release.Name }}"}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: db, image: "db:v1"}]}
"""
OTHERS = """apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: "{{ .Release.Name }}"}
spec:
  rules:
    - host: shop.example.com
      http:
        paths:
          - {path: /, pathType: Prefix, backend: {service: {name: "{{ .Release.Name }}", port: {name: http}}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: "{{ .Release.Name }}"}
spec: {podSelector: {matchLabels: {app: "{{ .Release.Name }}"}}, ingress: [{ports: [{port: 80}]}]}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: "{{ .Release.Name }}"}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: "{{ .Release.Name }}-db"}
  maxReplicas: 3
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: "{{ .Release.Name }}"}
spec: {minAvailable: 0, selector: {matchLabels: {app: "{{ .Release.Name }}"}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: "{{ .Release.Name }}"}
spec:
  schedule: "0 0 1 1 *"
  jobTemplate:
    spec: {template: {spec: {restartPolicy: Never, containers: [{name: main, image: "shop:v1"}]}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: "{{ .Release.Name }}"}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: "{{ .Release.Name }}"}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: "{{ .Release.Name }}"}
subjects: [{kind: ServiceAccount, name: "{{ .Release.Name }}"}]
"""
HOOKS = """apiVersion: batch/v1
kind: Job
metadata:
  name: "{{ .Release.Name }}-before"
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  backoffLimit: 0
  template: {spec: {restartPolicy: Never, containers: [{name: main, image: "shop:v1"}]}}
---
{{- if .Values.hook }}
apiVersion: batch/v1
kind: Job
metadata:
  name: "{{ .Release.Name }}-after"
  annotations: {helm.sh/hook: post-upgrade, helm.sh/hook-delete-policy: before-hook-creation}
spec:
  activeDeadlineSeconds: 1
  template:
    spec:
      restartPolicy: Never
      nodeSelector: {disk: "{{ .Values.hook }}"}
      containers: [{name: main, image: "shop:v1"}]
---
{{- end }}
apiVersion: batch/v1
kind: Job
metadata:
  name: "{{ .Release.Name }}-test"
  annotations: {helm.sh/hook: test, helm.sh/hook-delete-policy: before-hook-creation}
spec:
  template: {spec: {restartPolicy: Never, containers: [{name: main, image: "shop:v1"}]}}
"""
CLAIM = """apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: "{{ .Release.Name }}"}
spec: {accessModes: [ReadWriteOnce], storageClassName: "", resources: {requests: {storage: 1Gi}}}
"""
CRD = """apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: cakes.story.example.com}
spec:
  group: story.example.com
  scope: Namespaced
  names: {kind: Cake, plural: cakes, singular: cake}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties: {spec: {type: object, properties: {layers: {type: integer, maximum: 9}}}}
"""
CAKE = """apiVersion: story.example.com/v1
kind: Cake
metadata: {name: "{{ .Release.Name }}"}
spec: {layers: {{ .Values.layers }}}
"""


class Step(Struct, frozen=True):
    """One command. `words` are Helm's arguments; `three` and `four` what only one Helm spells so. `code` is its exit
    code, `told` whether its output is held side by side, and its complaint where it fails."""

    words: str
    code: int = 0
    told: bool = False
    three: str = ""
    four: str = ""


class Came(Struct, frozen=True):
    """What a step came to."""

    command: str
    code: int
    out: str = ""


WAIT = "--wait --timeout 60s"
BRIEF = "--wait --timeout 3s --set node=none"
STORY: Sequence[Step] = (
    Step("install web shop --dry-run=server", told=True),
    Step("status web", 1, told=True),
    Step(f"install web shop {WAIT}"),
    Step("install web shop", 1, told=True),
    Step("status web -o json", told=True),
    Step("get manifest web", told=True),
    Step("get hooks web", told=True),
    Step("get values web --all", told=True),
    Step(f"upgrade web shop {WAIT} --set replicas=2,colour=red"),
    Step("upgrade web shop --dry-run=server --set replicas=3", told=True),
    Step("upgrade web shop --set replicas=-1", 1, told=True),
    Step(f"upgrade web shop {BRIEF}", 1),
    Step("history web -o json", told=True),
    Step(f"upgrade web shop {BRIEF}", 1, three="--atomic", four="--rollback-on-failure"),
    Step("history web -o json", told=True),
    Step("upgrade web shop --wait --timeout 8s --set hook=none", 1),
    Step("status web -o json", told=True),
    Step(f"rollback web 1 {WAIT}"),
    Step("history web -o json", told=True),
    Step("test web --timeout 60s"),
    Step("list -o json", told=True),
    Step("get metadata web -o json", told=True),
    Step("uninstall web --keep-history"),
    Step("history web -o json", told=True),
    Step("uninstall web"),
    Step("status web", 1, told=True),
    Step(f"upgrade --install web shop {WAIT} --history-max 2"),
    Step("upgrade web shop --history-max 2 --set colour=green"),
    Step("upgrade web shop --history-max 2 --set colour=grey"),
    Step("history web -o json", told=True),
    Step("uninstall web --wait --timeout 60s"),
    Step("install data claim"),
    Step("status data -o json", told=True),
    Step("install cake cakes", 1, told=True, three="--set layers=10", four="--set layers=10"),
    Step("upgrade --install cake cakes --set layers=3"),
    Step("upgrade cake cakes --set layers=4"),
    Step("get manifest cake", told=True),
    Step("rollback cake 2"),
    Step("history cake -o json", told=True),
    Step("uninstall cake data"),
    Step("list -o json", told=True, three="--all"),
)
"""The whole story, of the releases `web`, `data` and `cake`."""

_VARYING = (
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|[-+]\d\d:?\d\d))?( [A-Z]+)?"), "<time>"),
    (re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun) [A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d \d{4}"), "<time>"),
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uid>"),
    (re.compile(r'(?<="modifiedAt":)"\d+"|(?<="createdAt":)"\d+"'), '"<time>"'),
    (re.compile(r"(?m)^(level=\S+|time=\S+) .*$|^[IWE]\d{4} .*$"), "<log>"),
)


def write_charts(folder: Path) -> None:
    """The charts `shop`, `claim` and `cakes`."""
    files = {
        "shop/Chart.yaml": CHART,
        "shop/values.yaml": VALUES,
        "shop/templates/deployment.yaml": DEPLOYMENT,
        "shop/templates/base.yaml": BASE,
        "shop/templates/others.yaml": OTHERS,
        "shop/templates/hooks.yaml": HOOKS,
        "claim/Chart.yaml": CHART.replace("shop", "claim"),
        "claim/templates/claim.yaml": CLAIM,
        "cakes/Chart.yaml": CHART.replace("shop", "cakes"),
        "cakes/values.yaml": "layers: 1\n",
        "cakes/crds/cakes.yaml": CRD,
        "cakes/templates/cake.yaml": CAKE,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


class Helm:
    """One Helm program for one namespace. `home` is private to it and holds the charts."""

    def __init__(self, name: str, program: Path, kubeconfig: Path, namespace: str, home: Path) -> None:
        self.four = name == "helm4"
        self._program = program
        self._home = home
        self._place = ("--kubeconfig", str(kubeconfig), "--namespace", namespace)
        self._namespace = namespace
        write_charts(home)

    async def play(self, step: Step) -> Came:
        """Run one step to its end."""
        more = step.four if self.four else step.three
        words = [*step.words.split(), *more.split()]
        pipe = asyncio.subprocess.PIPE
        env = {"HOME": str(self._home), "PATH": os.environ.get("PATH", "")}
        process = await asyncio.create_subprocess_exec(
            str(self._program), *words, *self._place, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe,
            cwd=self._home, env=env,
        )  # fmt: skip
        out, err = await process.communicate()
        code = process.returncode or 0
        wanted = code == step.code
        text = (out.decode() + (err.decode() if step.code else "")) if step.told or not wanted else ""
        return Came(" ".join(words), code, self._plain(text) + ("" if wanted else err.decode()))

    def _plain(self, text: str) -> str:
        if text.startswith('{"name"'):
            text = _bare(text)
        text = text.replace(self._namespace, "<namespace>").replace(str(self._home), "<home>")
        for pattern, shown in _VARYING:
            text = pattern.sub(shown, text)
        return text


def _bare(status: str) -> str:
    """What `status` says, without the live objects that Helm 4 adds: their names alone."""
    told = parse_map(status)
    info = dig_map(told, "info")
    if found := dig_map(info, "resources"):
        info["resources"] = [
            f"{kind} {dig_str(one, 'metadata', 'name')}"
            for kind in sorted(found)
            for one in dig_list(found, kind)
            if "(related)" not in kind
        ]
    return encode(told).decode()


async def play(helm: Helm, story: Sequence[Step] = STORY) -> list[Came]:
    """What each step came to."""
    return [await helm.play(step) for step in story]


def wrong(came: Sequence[Came], story: Sequence[Step] = STORY) -> list[Came]:
    """The steps whose exit code is not what it should be."""
    return [one for one, step in zip(came, story, strict=True) if one.code != step.code]
