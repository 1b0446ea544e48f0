"""Image references, taken apart as container runtimes do: a registry's port is no tag, a digest is no tag."""

from typing import NamedTuple, Self


class Image(NamedTuple):
    """`REPOSITORY[:TAG][@DIGEST]`; the repository may begin with `HOST[:PORT]/`."""

    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, reference: str) -> Self:
        """The parts of an image reference. Any text is taken: what is no tag and no digest is the repository."""
        rest, _, digest = reference.partition("@")
        path, slash, last = rest.rpartition("/")
        repository, _, tag = last.partition(":")
        return cls(path + slash + repository, tag, digest)

    @property
    def version(self) -> str:
        """What to call the version: the tag, else the digest's first 12 digits, else `latest` as runtimes mean it."""
        return self.tag or self.digest.partition(":")[2][:12] or "latest"

    def overridden(self, repository: str, version: str) -> Self:
        """This image with another repository or tag where given. A new tag voids the digest, which would win over it;
        a repository may bring a tag or digest of its own, else it keeps the tag."""
        new = self if not repository else self.parse(repository)
        if not (new.tag or new.digest):
            new = new._replace(tag=self.tag)
        return new._replace(tag=version, digest="") if version else new

    def __str__(self) -> str:
        return self.repository + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")
