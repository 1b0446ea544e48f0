"""What kube-controller-manager, scheduler and kubelet do in a real cluster, simulated for one sandbox cluster.

Controllers work on the cluster's `Store` directly: no HTTP, no schema checks. A change of an object puts the names of
those concerned into one queue (`engine`), which works in slices of a millisecond so that API requests never wait long.
"""
