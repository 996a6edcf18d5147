"""Accounts of a store: one for each workload that was handed its endpoint, and none for anybody else."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pulumi
import pulumi_random as random
from pulumi_kubernetes import core, meta

from catalog import services
from components.base import Component, DeclarationError, content_name, labels
from components.endpoint import Endpoint, SecretRef
from components.kinds import Job
from components.mounts import secret_mount
from components.tiers import Tier
from components.workload import Workload, WorkloadArgs

CLIENTS_DIR = "/run/clients"
CLIENTS = f"{CLIENTS_DIR}/clients.json"
"""What the Jobs are given."""

DEADLINE_S = 600
"""Seconds that a Job waits for a store that is not there yet."""

PASSWORD_LENGTH = 40
"""Letters and digits: 238 bits."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who a client is to a store."""

    client: str
    """The workload's name."""
    username: str
    password: pulumi.Output[str]
    """Secret."""
    generation: int
    grant: Mapping[str, Any]
    """What it may do, in the words of the store's `data_tools`."""

    @property
    def userinfo(self) -> pulumi.Output[str]:
        """Name and password as a URL has them; secret."""
        return pulumi.Output.format("{0}:{1}", self.username, self.password)

    def ref(self, value: pulumi.Output[str] | str) -> SecretRef:
        """Something of it as a file of the client's credentials."""
        return SecretRef(value=pulumi.Output.secret(value), generation=self.generation)


def refs(values: Mapping[str, pulumi.Input[str]]) -> dict[str, SecretRef]:
    """Values as files of credentials that nobody rotates."""
    return {key: SecretRef(value=pulumi.Output.secret(value)) for key, value in values.items()}


@dataclass(frozen=True, kw_only=True)
class AccountsArgs:
    """What accounts need."""

    tier: Tier
    generation: int
    """Of all passwords: raised, each client gets a new account, and its old one goes when it has rolled over."""
    most: int
    """How many clients there may be."""


@dataclass(frozen=True, kw_only=True)
class Maker:
    """What makes accounts in a store, and takes them away."""

    image: pulumi.Input[str]
    """data-tools, by digest."""
    command: Callable[[str], Sequence[str]]
    """For a verb, `apply` or `retire`."""
    connects: Sequence[Endpoint]
    """The store, as its administrator."""
    opened_by: Sequence[str]
    """Names of the endpoints whose consumers have accounts."""


class Accounts(Component):
    """`code:data:Accounts`: the accounts of one store.

    Children: a Secret (clients.json), and by `run` a Job that makes what is missing before any client starts, and one
    that takes away what is of an older generation, or of nobody any more, after all clients have rolled over. A
    RandomPassword for each client is the client's child.

    Args:
        name: The store's: `postgres` makes the Jobs `postgres-clients` and `postgres-retired`.
        args: Who makes accounts, and where.

    Outputs:
        ready: What a client waits for; nothing before `run`.
    """

    TYPE: ClassVar[str] = "code:data:Accounts"
    ready: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: AccountsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.name, self._args, self._accounts = name, args, dict[str, Account]()
        self._terms = pulumi.Output.from_input(self._declared())
        secret = core.v1.Secret(
            f"{name}-accounts",
            metadata=meta.v1.ObjectMetaArgs(
                name=self._terms.apply(lambda known: content_name(f"{name}-accounts", known)),
                namespace=args.tier.namespace,
                labels=labels(name, "accounts"),
            ),
            immutable=True,
            string_data={"clients.json": pulumi.Output.secret(self._terms.apply(self._document))},
            opts=self.child,
        )
        self._secret, self.ready = secret.metadata.name, []
        self.register_outputs({})

    def run(self, maker: Maker) -> None:
        """Make the Jobs, when the store itself is declared."""
        self.ready = self._job("clients", "apply", maker, ()).ready
        self._job("retired", "retire", maker, maker.opened_by)

    def open(self, client: str, parent: pulumi.Resource, grant: Mapping[str, Any]) -> Account:
        """The account of a client; of one that has it already, the same.

        Args:
            client: a workload's name, or that of something which several share.
            parent: of its password.
            grant: what it may do, in the words of the store's `data_tools`.

        Errors:
            DeclarationError: one client more than there may be, or it was granted something else before.
        """
        generation = self._args.generation
        if client in self._accounts:
            if self._accounts[client].grant != grant:
                raise DeclarationError(f"{client!r} is handed {self.name!r} twice, with different rights")
            return self._accounts[client]
        if len(self._accounts) >= self._args.most:
            raise DeclarationError(
                f"{client!r} would be client {len(self._accounts) + 1} of {self.name!r}: its settings allow "
                f"{self._args.most} (data.{self.name}.clients)"
            )
        password = random.RandomPassword(
            f"{client}.{self.name}-g{generation}",
            length=PASSWORD_LENGTH,
            special=False,
            opts=pulumi.ResourceOptions(parent=parent),
        )
        self._accounts[client] = Account(
            client=client,
            username=f"{client}-g{generation}",
            password=password.result,
            generation=generation,
            grant=grant,
        )
        return self._accounts[client]

    async def _declared(self) -> str:
        """Who has which account, without the passwords."""
        await self._args.tier.cluster.graph.complete()
        return json.dumps([[entry.username, entry.grant] for entry in self._sorted()], sort_keys=True)

    def rendered(self, line: Callable[[Mapping[str, Any]], str]) -> pulumi.Output[str]:
        """All accounts as text, a line each; secret, and known when the program is declared.

        Args:
            line: makes the line of an entry of `clients.json`.
        """

        def text(document: str) -> str:
            return "".join(f"{line(entry)}\n" for entry in json.loads(document)["clients"])

        return pulumi.Output.secret(self._terms.apply(self._document).apply(text))

    def _sorted(self) -> list[Account]:
        return [self._accounts[client] for client in sorted(self._accounts)]

    def _document(self, _: str) -> pulumi.Output[str]:
        listed = [
            {"client": entry.client, "username": entry.username, "password": entry.password, "grant": entry.grant}
            for entry in self._sorted()
        ]
        return pulumi.Output.json_dumps({"clients": listed})

    def _job(self, suffix: str, verb: str, maker: Maker, follows: Sequence[str]) -> Workload:
        row = services.load().service("data-jobs")
        return Workload(
            f"{self.name}-{suffix}",
            WorkloadArgs(
                tier=self._args.tier,
                component="accounts",
                kind=Job(deadline_s=DEADLINE_S, follows=follows),
                image=maker.image,
                command=maker.command(verb),
                connects=maker.connects,
                mounts=[secret_mount("clients", CLIENTS_DIR, self._secret)],
                resources=row.resources,
                zone=row.zone,
            ),
            opts=self.child,
        )
