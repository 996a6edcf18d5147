"""Redis 7 with its sentinels, behind a front that follows the primary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import pulumi
import pulumi_random as random

from catalog.model import Zone
from components.address import address, host, pod_hosts
from components.base import Component
from components.configuration import config_files, secret_files
from components.data.accounts import CLIENTS, PASSWORD_LENGTH, Accounts, AccountsArgs, Maker, refs
from components.data.contract import REDIS_COMMANDS
from components.data.front.config import RedisCheck
from components.data.front.front import Front, FrontArgs
from components.data.images import TOOLS, DataImages
from components.data.members import headless, metrics, service
from components.data.options import RedisOptions, Sizes
from components.data.redis import config
from components.data.redis.acl import client_acl
from components.data.redis.config import Account
from components.data.redis.sizing import sizing
from components.data.rollout import RolloutArgs, rollout
from components.endpoint import Admission, Endpoint, Late, SecretRef
from components.foundation.addons.authority import Authority
from components.kinds import Claim, StatefulSet
from components.mounts import Mount, config_mount, secret_mount
from components.pod import Exec, Health, Http, Sidecar, Tcp
from components.tiers import Tier
from components.workload import Workload, WorkloadArgs

STATE_SIZE = "64Mi"
"""Of a sentinel's volume: one file of a few KB."""
STARTS_S = 300
"""Seconds that a member may take to read what it kept."""
STOP_S = 60
"""Seconds that it may take to write what is not on the disk yet."""


@dataclass(frozen=True, kw_only=True)
class RedisArgs:
    """What Redis needs."""

    tier: Tier
    images: DataImages
    authority: Authority
    options: RedisOptions
    sizes: Sizes
    passwords: int
    """Generation of its clients' passwords."""
    keep_volumes: bool


class RedisCluster(Component):
    """`code:data:RedisCluster`: members of which one is the primary, sentinels that choose it, a front that follows it.

    Children: passwords and users (Secrets), a Certificate, a ConfigMap, two Workloads (StatefulSets with volumes; no
    sentinels where there is one member), the members' rollout, a Front, Accounts.

    Args:
        name: Resource name, and name of the front's Service; `<name>-members` and `<name>-sentinels` are the others.
        args: Where, how large, and what for.

    Outputs:
        endpoint: The primary, where each consumer is a user of its own, limited to keys that begin with its name.
    """

    TYPE: ClassVar[str] = "code:data:RedisCluster"
    endpoint: Endpoint

    def __init__(self, name: str, args: RedisArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(name, opts)
        self.name, self._args, tier = name, args, args.tier
        self._members = headless(f"{name}-members", tier, redis=config.PORT)
        self._sentinels = headless(f"{name}-sentinels", tier, sentinel=config.SENTINEL_PORT)
        self._front = service(name, tier, redis=config.PORT)
        count = args.sizes(self._members.name).replicas
        watchers = args.sizes(self._sentinels.name).replicas if count > 1 else 0
        hosts = pod_hosts(self._members, count)
        watching = pod_hosts(self._sentinels, watchers)
        self._environment = config.environment(hosts, watching)
        self._passwords = {
            account: random.RandomPassword(
                f"{name}-{account}", length=PASSWORD_LENGTH, special=False, opts=self.child
            ).result
            for account in Account
        }
        self._users = pulumi.Output.all(**{str(account): value for account, value in self._passwords.items()})
        certificate = args.authority.certificate(
            f"{name}-tls",
            tier.namespace,
            [*hosts, *watching, host(self._front), "localhost"],
            self,
        )
        self._tls = secret_mount("tls", config.TLS_DIR, certificate)
        admin = {"username": Account.ADMIN, "password": self._passwords[Account.ADMIN], "ca.crt": args.authority.ca}
        self._as_admin = replace(self._members, credentials=refs(admin))
        own = self._secret("passwords", self._users.apply(_password_files))
        self._own = secret_mount("passwords", config.PASSWORDS_DIR, own)
        self._accounts = Accounts(
            name, AccountsArgs(tier=tier, generation=args.passwords, most=args.options.clients), self.child
        )
        members = self._run_members(count)
        if watchers:
            self._run_sentinels(watchers, hosts[0])
        self._replace_in_order(members, count, watching)
        self._make_accounts(hosts)
        Front(
            name,
            FrontArgs(
                tier=tier,
                image=args.images.front,
                endpoint=self._front,
                members=self._members,
                hosts=hosts,
                check=RedisCheck(user=Account.HEALTH, replicated=count > 1),
                size=args.sizes(name),
                mounts=[
                    secret_mount("tls", config.TLS_DIR, certificate, {"ca.crt": "ca.crt"}),
                    secret_mount("passwords", config.PASSWORDS_DIR, own, {Account.HEALTH: Account.HEALTH}),
                ],
            ),
            self.child,
        )
        self.endpoint = self.with_commands(REDIS_COMMANDS)
        self.register_outputs({})

    def with_commands(self, commands: Sequence[str]) -> Endpoint:
        """The same for consumers that may do something else, in the words of Redis' ACL: `+@read`, `-scan`."""
        accounts = partial(self._open, {"commands": list(commands)})
        return replace(self._front, requires=self._accounts.ready, accounts=accounts)

    def _open(self, grant: Mapping[str, Any], to: Admission) -> Mapping[str, SecretRef]:
        own = self._accounts.open(to.consumer, to.parent, grant)
        at = address(self._front).authority
        url = pulumi.Output.format("rediss://{0}@{1}/0", own.userinfo, at)
        return {
            "username": own.ref(own.username),
            "password": own.ref(own.password),
            "prefix": own.ref(f"{own.client}:"),
            "url": own.ref(url),
            "ca.crt": own.ref(self._args.authority.ca),
        }

    def _run_members(self, count: int) -> Workload:
        args, options, size = self._args, self._args.options, self._args.sizes(self._members.name)
        text = config.redis_conf(cache=options.cache, sizing=sizing(size.resources.requests.memory), members=count)
        users = pulumi.Output.format("{0}{1}", self._users.apply(_member_users), self._accounts.rendered(client_acl))
        exported = metrics(self._members.name, args.tier, config.EXPORTER_PORT)
        return Workload(
            self._members.name,
            WorkloadArgs(
                tier=args.tier,
                component="redis",
                kind=StatefulSet(
                    replicas=count,
                    claims=[Claim(name="data", path=config.DATA_DIR, size=options.storage)],
                    led=True,
                    keep=args.keep_volumes,
                ),
                image=args.images.redis,
                command=config.start("start-member.sh"),
                env={**self._environment, **config.stand_back(cache=options.cache)},
                offers=[self._members, exported],
                # Those that choose the primary are asked before they can be there.
                connects=[self._members, *self._watched()],
                health=Health(
                    live=Exec(command=config.probe(config.PORT, ready=False)),
                    ready=Exec(command=config.probe(config.PORT, ready=True)),
                    starts_s=STARTS_S,
                ),
                resources=size.resources,
                zone=Zone.DATA,
                mounts=[
                    self._configuration(self._members.name, {"redis.conf": text}),
                    self._tls,
                    self._own,
                    secret_mount("users", config.ACL_DIR, self._secret("users", {"users.acl": users})),
                ],
                sidecars=[
                    Sidecar(
                        name="exporter",
                        image=args.images.redis_exporter,
                        command=config.exporter(),
                        health=Health(live=Http(port=config.EXPORTER_PORT, path="/health")),
                        resources=size.sidecars["exporter"],
                    )
                ],
                stop_s=STOP_S,
            ),
            opts=self.child,
        )

    def _watched(self) -> list[Late]:
        if not self._environment["REDIS_SENTINELS"]:
            return []
        return [self._sentinels.late("members come up without them: they say who is the primary once they are there")]

    def _run_sentinels(self, count: int, first: str) -> None:
        args = self._args
        text = config.sentinel_conf(first=first, sentinels=count)
        acl = self._secret("sentinel-users", self._users.apply(_sentinel_users))
        Workload(
            self._sentinels.name,
            WorkloadArgs(
                tier=args.tier,
                component="redis-sentinel",
                kind=StatefulSet(
                    replicas=count,
                    claims=[Claim(name="state", path=config.STATE_DIR, size=STATE_SIZE)],
                    keep=args.keep_volumes,
                ),
                image=args.images.redis,
                command=config.start("start-sentinel.sh"),
                env=self._environment,
                offers=[self._sentinels],
                connects=[self._sentinels, self._members],
                health=Health(live=Tcp(port=config.SENTINEL_PORT)),
                resources=args.sizes(self._sentinels.name).resources,
                zone=Zone.DATA,
                mounts=[
                    self._configuration(self._sentinels.name, {"sentinel.conf": text}),
                    self._tls,
                    self._own,
                    secret_mount("users", config.ACL_DIR, acl),
                ],
            ),
            opts=self.child,
        )

    def _replace_in_order(self, members: Workload, count: int, watching: Sequence[str]) -> None:
        args = self._args
        sentinels = [f"--sentinel={host}:{config.SENTINEL_PORT}" for host in watching]
        rollout(
            self._members.name,
            RolloutArgs(
                tier=args.tier,
                image=args.images.tools,
                kind="redis",
                arguments=[f"--port={config.PORT}", f"--master={config.SET}", *sentinels],
                members=members,
                endpoint=self._as_admin,
                replicas=count,
                connects=[self._sentinels] if watching else [],
            ),
            self.child,
        )

    def _make_accounts(self, hosts: Sequence[str]) -> None:
        args = self._args
        at = [f"--member={host}:{config.PORT}" for host in hosts]
        directory = f"--credentials={self._members.credentials_dir}"
        self._accounts.run(
            Maker(
                image=args.images.tools,
                command=lambda verb: [*TOOLS, "redis", verb, f"--clients={CLIENTS}", directory, *at],
                connects=[self._as_admin],
                opened_by=[self.name],
            )
        )

    def _configuration(self, workload: str, files: Mapping[str, str]) -> Mount:
        named = config_files(workload, "redis", self._args.tier, {**files, **config.scripts()}, self.child)
        return config_mount(config.CONFIG_DIR, named)

    def _secret(self, suffix: str, files: pulumi.Input[Mapping[str, pulumi.Input[str]]]) -> pulumi.Output[str]:
        return secret_files(self.name, suffix, "redis", self._args.tier, files, self.child)


def _password_files(passwords: Mapping[str, str]) -> Mapping[str, str]:
    return config.password_files({Account(name): value for name, value in passwords.items()})


def _member_users(passwords: Mapping[str, str]) -> str:
    return config.member_acl({Account(name): value for name, value in passwords.items()}, [])


def _sentinel_users(passwords: Mapping[str, str]) -> Mapping[str, str]:
    return {"users.acl": config.sentinel_acl({Account(name): value for name, value in passwords.items()})}
