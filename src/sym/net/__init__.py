"""Other HTTP: what Sym serves and asks besides the Kubernetes API."""
