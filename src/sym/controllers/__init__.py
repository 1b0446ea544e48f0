"""The loops: queue, runner, leader, and one reconciler for each kind."""
