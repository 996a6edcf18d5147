"""What fills the HTM store: a crawler that walks a repository and keeps it as embeddings."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pulumi

from catalog.model import Zone
from components.base import Component
from components.configuration import config_files
from components.data.htm.source import platform_source
from components.data.options import Size
from components.endpoint import Endpoint
from components.images import ImageSource, build
from components.kinds import CronJob
from components.mounts import config_mount
from components.tiers import Tier
from components.workload import Workload, WorkloadArgs

REPOSITORY_DIR = "/repository"
DEADLINE_S = 1800


@dataclass(frozen=True, kw_only=True)
class CrawlerArgs:
    """What the crawler needs."""

    tier: Tier
    images: ImageSource
    store: Endpoint
    """Of the name `htm`."""
    model: Endpoint | None = None
    """Of the name `embeddings`, with OpenAI's API; None: features are hashed, which says so in each row."""
    model_name: str = ""
    schedule: str
    size: Size


class Crawler(Component):
    """`code:data:Crawler`: a CronJob that makes the HTM store what a repository is.

    Children: its image, a ConfigMap (the repository: this program's own source), a Workload.

    Args:
        name: Resource name; also that of its database.
        args: Where to, when.
    """

    TYPE: ClassVar[str] = "code:data:Crawler"

    def __init__(self, name: str, args: CrawlerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        source = platform_source(Path())
        files = config_files(name, "crawler", args.tier, source.files, self.child)
        models: Sequence[Endpoint] = [args.model] if args.model else []
        Workload(
            name,
            WorkloadArgs(
                tier=args.tier,
                component="crawler",
                kind=CronJob(schedule=args.schedule, deadline_s=DEADLINE_S),
                image=build(name, args.images, context="htm-crawler", base="python", tag="1", opts=self.child),
                command=["python", "-m", "htm", "crawl"],
                env={"EMBEDDINGS_MODEL": args.model_name} if args.model else {},
                connects=[args.store, *models],
                resources=args.size.resources,
                zone=Zone.HPC,
                mounts=[config_mount(REPOSITORY_DIR, files, "repository", source.paths)],
            ),
            opts=self.child,
        )
        self.register_outputs({})
