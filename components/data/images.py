"""The images of the data layer, each built once for all who run it."""

from dataclasses import dataclass

import pulumi

from components.images import ImageSource, build

TOOLS = ("python3", "-m", "data_tools")
"""What the image `data-tools` runs."""


@dataclass(frozen=True, kw_only=True)
class DataImages:
    """References by digest."""

    tools: pulumi.Output[str]
    """Accounts, rollouts, restores."""
    front: pulumi.Output[str]
    postgres: pulumi.Output[str]
    """With Patroni, pgvector and pgBackRest."""
    pgbouncer: pulumi.Output[str]
    postgres_exporter: pulumi.Output[str]
    redis: pulumi.Output[str]
    redis_exporter: pulumi.Output[str]
    objects: pulumi.Output[str]
    restic: pulumi.Output[str]


def build_all(source: ImageSource, opts: pulumi.ResourceOptions) -> DataImages:
    """Build them from `images/`.

    Args:
        source: where bases come from and images go to.
        opts: the resources' options.
    """

    def own(context: str, base: str, tag: str) -> pulumi.Output[str]:
        return build(context, source, context=context, base=base, tag=tag, opts=opts)

    return DataImages(
        tools=own("data-tools", "python", "1"),
        front=build("data-front", source, context="haproxy", base="debian", tag="2.6", opts=opts),
        postgres=own("postgres", "python", "15"),
        pgbouncer=own("pgbouncer", "debian", "1.18"),
        postgres_exporter=own("postgres-exporter", "debian", "0.11"),
        redis=own("redis", "debian", "7.0"),
        redis_exporter=own("redis-exporter", "debian", "1.45"),
        restic=own("restic", "debian", "0.14"),
        objects=own("minio", "golang", "2026-02-12"),
    )
