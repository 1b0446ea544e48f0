"""One cluster's API: the only place that knows Kubernetes' HTTP."""
