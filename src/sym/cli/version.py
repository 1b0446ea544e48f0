"""`sym version`: what runs here."""

import platform

import click

from sym.cli.main import installed_version


@click.command("version")
def command() -> None:
    """Print the version of Sym and of Python."""
    click.echo(f"sym {installed_version()} (Python {platform.python_version()})")
