"""How a process logs: lines for people on a terminal, JSON elsewhere; never a secret, never a traceback's locals.

structlog alone: the libraries below Sym log through the standard library, of which only warnings are let through.
"""

import logging
import sys

import structlog

LEVELS = (logging.ERROR, logging.WARNING, logging.INFO, logging.INFO)
"""By verbosity; 4 and more is everything."""


def configure(verbosity: int, *, json: bool | None = None) -> None:
    """Set logging up for the whole process; `json` None: by whether stderr is a terminal."""
    level = LEVELS[verbosity] if verbosity < len(LEVELS) else logging.DEBUG
    as_json = json if json is not None else not sys.stderr.isatty()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if as_json
        else [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    )
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
