"""Who may speak to a sandbox: bearer tokens and client certificates, one user each.

Tokens are drawn from the operating system's randomness, whatever randomness the simulation uses.
"""

import hmac
import secrets
from collections.abc import Mapping

from msgspec import Struct

from sym.sandbox.ca import Authority, Pair
from sym.sandbox.call import User

ADMIN = User(name="admin", groups=("system:masters", "system:authenticated"))
"""Who the kubeconfig's main contexts are."""


class Credential(Struct, frozen=True, kw_only=True):
    """How one user proves who it is: `token` or `pair`."""

    user: User
    token: str = ""
    pair: Pair | None = None


class Access:
    """The users of one sandbox."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority
        self._tokens: dict[str, User] = {}
        self._names: set[str] = set()

    def with_token(self, user: User) -> Credential:
        """A new token of `user`."""
        token = secrets.token_urlsafe(32)
        self._tokens[token] = user
        return Credential(user=user, token=token)

    def with_certificate(self, user: User) -> Credential:
        """A new client certificate of `user`."""
        self._names.add(user.name)
        groups = tuple(group for group in user.groups if group != "system:authenticated")
        return Credential(user=user, pair=self._authority.client(user.name, groups))

    def revoke(self, credential: Credential) -> None:
        """From now on this token is answered with 401."""
        self._tokens.pop(credential.token, None)
        if credential.pair is not None:
            self._names.discard(credential.user.name)

    def by_token(self, headers: Mapping[str, str]) -> User | None:
        """The user of an Authorization header, or None. `headers` finds names in any case."""
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        stated = token.strip().encode()
        return next((user for known, user in self._tokens.items() if hmac.compare_digest(known.encode(), stated)), None)

    def by_certificate(self, name: str, groups: tuple[str, ...]) -> User | None:
        """The user that a verified certificate names, unless it was revoked."""
        return User(name=name, groups=(*groups, "system:authenticated")) if name in self._names else None
