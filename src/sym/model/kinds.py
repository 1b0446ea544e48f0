"""The kinds that Sym knows, one constant each."""

from sym.model.meta import Kind

APPSET = Kind("workload.dmall.com", "v1beta1", "AppSet", "appsets")
ADVDEPLOYMENT = Kind("workload.dmall.com", "v1beta1", "AdvDeployment", "advdeployments")
CLUSTER = Kind("devops.dmall.com", "v1", "Cluster", "clusters")

NAMESPACE = Kind("", "v1", "Namespace", "namespaces", namespaced=False)
POD = Kind("", "v1", "Pod", "pods")
SERVICE = Kind("", "v1", "Service", "services")
SECRET = Kind("", "v1", "Secret", "secrets")
CONFIGMAP = Kind("", "v1", "ConfigMap", "configmaps")
RELEASE = Kind("", "v1", "Secret", "secrets", aspect="of Helm")
"""The records of Helm releases."""
RENDERED_CONFIGMAP = Kind("", "v1", "ConfigMap", "configmaps", aspect="of Helm")
"""ConfigMaps that Helm made."""
EVENT = Kind("", "v1", "Event", "events")
NODE = Kind("", "v1", "Node", "nodes", namespaced=False)
DEPLOYMENT = Kind("apps", "v1", "Deployment", "deployments")
REPLICASET = Kind("apps", "v1", "ReplicaSet", "replicasets")
STATEFULSET = Kind("apps", "v1", "StatefulSet", "statefulsets")
CONTROLLER_REVISION = Kind("apps", "v1", "ControllerRevision", "controllerrevisions")
CLAIM = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
JOB = Kind("batch", "v1", "Job", "jobs")
AUTOSCALER = Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
ENDPOINT_SLICE = Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices")
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")
CRD = Kind("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False)

OURS = (APPSET, ADVDEPLOYMENT, CLUSTER)
