"""Pure data: the API's kinds, names, defaults and checks. No I/O, no clock, no asyncio."""
