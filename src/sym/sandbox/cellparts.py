"""What the cells of kubectl's columns are made of: ages, counts, selectors, in the spelling of a real server. Pure."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TypeAlias

from sym.model.codec import JSON, JSONMap, dig, dig_list, dig_map, dig_str

Row: TypeAlias = Callable[[JSONMap, datetime], list[JSON]]
NONE = "<none>"
UNKNOWN = "<unknown>"


def age(stamp: str, now: datetime) -> str:
    """How long ago, in kubectl's short form; `<unknown>` for no time."""
    moment = parsed(stamp)
    return duration((now - moment).total_seconds()) if moment else UNKNOWN


def parsed(stamp: str) -> datetime | None:
    """A moment as the API writes it, aware; None for anything else."""
    try:
        moment = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def duration(seconds: float) -> str:
    """`42s`, `3m20s`, `15m`, `5h4m`, `2d3h`, `8d`, `2y`: as kubectl prints an age."""
    whole = int(seconds)
    if whole < 0:
        return "0s" if whole >= -2 else "<invalid>"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    steps = (
        (whole < 120, f"{whole}s"),
        (minutes < 10, _two(minutes, "m", whole % 60, "s")),
        (minutes < 180, f"{minutes}m"),
        (hours < 8, _two(hours, "h", minutes % 60, "m")),
        (hours < 48, f"{hours}h"),
        (days < 8, _two(days, "d", hours % 24, "h")),
        (days < 730, f"{days}d"),
        (days < 2920, _two(days // 365, "y", days % 365, "d")),
    )
    return next((text for fits, text in steps if fits), f"{days // 365}y")


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def name(obj: JSONMap) -> str:
    """The object's name."""
    return dig_str(obj, "metadata", "name")


def aged(obj: JSONMap, now: datetime) -> str:
    """The object's age."""
    return age(dig_str(obj, "metadata", "creationTimestamp"), now)


def number(obj: JSONMap, *path: str) -> int:
    """A count, 0 where there is none."""
    value = dig(obj, *path)
    return value if isinstance(value, int) else 0


def pairs(found: Mapping[str, JSON]) -> str:
    """Labels as kubectl writes them."""
    return ",".join(f"{key}={value}" for key, value in sorted(found.items())) or NONE


def selector(found: JSON) -> str:
    """A label selector as kubectl writes it."""
    parts = [f"{key}={value}" for key, value in sorted(dig_map(found, "matchLabels").items())]
    for item in dig_list(found, "matchExpressions"):
        values = ",".join(str(value) for value in dig_list(item, "values"))
        operator, key = dig_str(item, "operator"), dig_str(item, "key")
        spelled = {"Exists": key, "DoesNotExist": f"!{key}"}
        parts.append(spelled.get(operator, f"{key} {operator.lower()} ({values})"))
    return ",".join(parts) or NONE


def container_cells(template: JSON) -> list[JSON]:
    """Names and images of a pod template's containers."""
    found = dig_list(template, "spec", "containers")
    names, images = (",".join(dig_str(item, field) for item in found) for field in ("name", "image"))
    return [names or NONE, images or NONE]
