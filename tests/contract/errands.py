"""What the person of the kubectl sessions does: the daily commands, one after the other, against a bare API server.

No controller works there, so nothing is waited for that a controller would have to do.
"""

from msgspec import Struct

_DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: applied, labels: {from: file}}
spec:
  replicas: 2
  selector: {matchLabels: {app: applied}}
  template:
    metadata: {labels: {app: applied}}
    spec:
      containers:
      - {name: a, image: "nginx:1", ports: [{containerPort: 80}], env: [{name: A, value: b}]}
      - {name: b, image: "side:1"}
"""
_CHANGED = _DEPLOYMENT.replace("nginx:1", "nginx:2").replace("replicas: 2", "replicas: 4").replace("A, value: b", "C")
_SERVICE = """
apiVersion: v1
kind: Service
metadata: {name: applied}
spec: {selector: {app: applied}, ports: [{name: http, port: 80}]}
"""
_BOTH = f"{_DEPLOYMENT}---{_SERVICE}"
_CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: toys.errands.example.com}
spec:
  group: errands.example.com
  scope: Namespaced
  names: {plural: toys, singular: toy, kind: Toy, shortNames: [ty]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {type: object, properties: {size: {type: integer, minimum: 1, default: 3}, colour: {type: string}}}
          status: {type: object, properties: {phase: {type: string}}}
"""
_TOY = """
apiVersion: errands.example.com/v1
kind: Toy
metadata: {name: car}
spec: {colour: red}
"""
_NODE = """
apiVersion: v1
kind: Node
metadata: {name: errand-node}
"""


class Errand(Struct, frozen=True):
    """One command, what it reads, and the exit code that is expected of it."""

    arguments: tuple[str, ...]
    stdin: str = ""
    code: int = 0


def _do(text: str, stdin: str = "", code: int = 0) -> Errand:
    return Errand(tuple(text.split()), stdin, code)


_MADE = (
    _do("version -o json"),
    _do("api-resources -o name"),
    _do("create serviceaccount default"),
    _do("create configmap made --from-literal=a=1"),
    _do("create configmap made --from-literal=a=1", code=1),
    _do("create configmap more --from-literal=b=2"),
    _do("create secret generic hidden --from-literal=k=v"),
    _do("create deployment web --image=nginx:1 --replicas=2 --port=80"),
    _do("create service clusterip plain --tcp=80:80"),
    _do("create configmap dry --from-literal=a=1 --dry-run=server"),
    _do("run one --image=busybox --restart=Never --labels=run=one"),
    _do("expose deploy web --port=80 --name=exposed"),
)
_READ = (
    _do("get pods,services,deployments,replicasets,configmaps"),
    _do("get all"),
    _do("get deploy web -o wide"),
    _do("get deploy web -o yaml"),
    _do("get deploy -l app=web -o name"),
    _do("get cm --chunk-size=1"),
    _do("get cm --field-selector metadata.name=made -o name"),
    _do("get cm nobody", code=1),
    _do("get nothings", code=1),
    _do("get pods --sort-by=.metadata.name"),
    _do("get events"),
    _do("describe deploy web"),
    _do("describe cm made"),
    _do("describe svc exposed"),
    _do("describe pod one"),
    _do("logs one", code=0),
    _do("logs one -c nobody", code=1),
    _do("auth can-i create pods"),
    _do("auth whoami"),
    _do("explain deployments.spec.strategy"),
    _do("explain configmaps"),
    _do("wait --for=condition=Available deploy/web --timeout=1s", code=1),
    _do("rollout history deploy/web"),
    _do("rollout status deploy/web --watch=false"),
)
_CHANGE = (
    _do("set image deploy/web nginx=nginx:2"),
    _do("set env deploy/web A=b"),
    _do("set resources deploy/web --limits=cpu=200m,memory=64Mi"),
    _do("scale deploy/web --replicas=3"),
    _do("scale deploy/web --replicas=3 --current-replicas=9", code=1),
    _do("rollout pause deploy/web"),
    _do("rollout resume deploy/web"),
    _do("rollout restart deploy/web"),
    _do("rollout undo deploy/web", code=1),
    _do("label deploy web colour=red"),
    _do("label deploy web colour=blue", code=1),
    _do("label deploy web colour=blue --overwrite"),
    _do("label deploy web colour-"),
    _do("label cm made colour=red --resource-version=1", code=1),
    _do("annotate cm made note=x"),
    _do('patch cm made -p {"data":{"b":"2"}}'),
    _do('patch cm made --type=merge -p {"data":{"a":null}}'),
    _do('patch cm made --type=json -p [{"op":"add","path":"/data/c","value":"3"}]'),
    _do('patch cm made --type=json -p [{"op":"test","path":"/data/c","value":"4"}]', code=1),
    _do('patch deploy web -p {"spec":{"template":{"spec":{"containers":[{"name":"side","image":"s"}]}}}}'),
    _do('patch deploy web --subresource=scale --type=merge -p {"spec":{"replicas":1}}'),
    _do('patch deploy web --subresource=status --type=merge -p {"status":{"replicas":1}}'),
    _do('patch deploy web -p {"spec":{"replicas":"many"}}', code=1),
)
_APPLY = (
    _do("diff -f -", _BOTH, 1),
    _do("apply -f -", _BOTH),
    _do("apply -f -", _BOTH),
    _do("diff -f -", _CHANGED, 1),
    _do("apply -f - --dry-run=server", _CHANGED),
    _do("apply -f -", _CHANGED),
    _do("apply view-last-applied deploy/applied"),
    _do("apply --server-side -f -", _DEPLOYMENT),
    _do("apply --server-side --force-conflicts -f -", _DEPLOYMENT),
    _do("apply --server-side -f -", _DEPLOYMENT),
    _do("apply --server-side --field-manager=other -f -", _CHANGED, 1),
    _do("apply --server-side -f -", _SERVICE),
    _do("apply -f -", _DEPLOYMENT.replace("replicas:", "replicaz:"), 1),
    _do("apply -f - --validate=warn", _DEPLOYMENT.replace("image:", "imagez:"), 1),
    _do("apply -f - --validate=false", _DEPLOYMENT.replace("selector:", "selectorz:"), 1),
    _do("replace -f -", _CHANGED),
    _do("replace --force -f -", _SERVICE),
    _do("create -f -", _SERVICE, 1),
    _do("apply --prune -l from=file -f -", _DEPLOYMENT),
)
_CUSTOM = (
    _do("apply -f -", _CRD),
    _do("wait --for=condition=Established crd/toys.errands.example.com --timeout=20s"),
    _do("get crd toys.errands.example.com"),
    _do("apply -f -", _TOY),
    _do("get ty"),
    _do("get toys -o yaml"),
    _do("apply -f -", _TOY.replace("red", "blue")),
    _do("apply -f -", _TOY.replace("colour: red", "size: 0"), 1),
    _do("apply -f -", _TOY.replace("colour", "color"), 1),
    _do("apply --server-side --field-manager=other -f -", _TOY, 1),
    _do('patch toy car --type=merge -p {"spec":{"size":5}}'),
    _do('patch toy car --type=strategic -p {"spec":{"size":5}}', code=1),
    _do('patch toy car --subresource=status --type=merge -p {"status":{"phase":"Up"}}'),
    _do("explain toy.spec"),
    _do("describe toy car"),
    _do("scale toy car --replicas=2", code=1),
    _do("delete toy car"),
    _do("delete crd toys.errands.example.com"),
)
_REMOVE = (
    _do("apply -f -", _NODE),
    _do("get nodes errand-node"),
    _do("describe node errand-node"),
    _do("cordon errand-node"),
    _do("taint node errand-node key=value:NoSchedule"),
    _do("label node errand-node zone=a"),
    _do("drain errand-node --force"),
    _do("uncordon errand-node"),
    _do("delete node errand-node"),
    _do("delete pod one --now"),
    _do("delete cm made more"),
    _do("delete cm nobody", code=1),
    _do("delete cm nobody --ignore-not-found"),
    _do("delete deploy web --cascade=orphan --wait=false"),
    _do("delete svc -l app=web"),
    _do("delete deploy,svc --all --wait=false"),
    _do("delete secret hidden"),
)
ERRANDS: tuple[Errand, ...] = (*_MADE, *_READ, *_CHANGE, *_APPLY, *_CUSTOM, *_REMOVE)
