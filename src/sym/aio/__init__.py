"""Asyncio kits without domain: task groups, backoff, broadcast, virtual time."""
