"""Many clusters: members, their caches and health, and the one place that carries out actions."""
