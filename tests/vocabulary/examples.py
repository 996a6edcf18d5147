"""Reads the examples from the page and runs them, in the order of the page."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi

from catalog.model import Amounts, Resources, Zone
from components import endpoint, kinds, mounts, pod, tiers, workload
from components.cluster import Cluster
from components.endpoint import Admission, Endpoint
from components.tiers import close_tiers

PAGE = Path(__file__).parents[2] / "docs" / "vocabulary.md"
SMALL = Resources(requests=Amounts(cpu="5m", memory="24Mi"), limits=Amounts(cpu="200m", memory="96Mi"))
PREFIX = "example"
"""Of the tiers' names: the platform may be deployed beside the examples."""
OUTSIDE = 10
"""The example that no cluster can hold."""

KUBE_API = 'connects=[kube_api(cluster, [ApiRule(verbs=("get", "list"), resources=("pods",))])],'
"""The line of example 9 without which it must fail."""

LISTEN = """
import asyncio, signal, sys

async def main():
    for port in sys.argv[1:]:
        await asyncio.start_server(answer, "0.0.0.0", int(port))
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()

async def answer(reader, writer):
    writer.write(b"HTTP/1.0 200 OK\\r\\nContent-Length: 3\\r\\n\\r\\nhi\\n")
    writer.close()

asyncio.run(main())
"""

LIST_PODS = """
import os, ssl, urllib.request
account = "/var/run/secrets/kubernetes.io/serviceaccount/"
token, namespace = open(account + "token").read(), open(account + "namespace").read()
url = os.environ["KUBERNETES_API_URL"] + "/api/v1/namespaces/" + namespace + "/pods"
request = urllib.request.Request(url, headers={"Authorization": "Bearer " + token})
urllib.request.urlopen(request, timeout=3, context=ssl.create_default_context(cafile=account + "ca.crt"))
"""


@dataclass(frozen=True)
class Example:
    """One section of the page."""

    number: int
    title: str
    source: str


@dataclass(frozen=True, kw_only=True)
class Setting:
    """What the examples are run with."""

    cluster: Cluster
    image: str
    minimal_squid: Callable[..., Endpoint]


def read() -> list[Example]:
    """The examples of the page."""
    sections = re.findall(r"(?ms)^## (\d+)\. ([^\n]+)\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"))
    return [
        Example(int(number), title, source)
        for number, title, text in sections
        for source in re.findall(r"(?ms)^```python\n(.*?)^```", text)
    ]


def exceptions() -> str:
    """The exceptions to the security pack that the examples need, as the page lists them."""
    (found,) = re.findall(r"(?ms)^```yaml\n(exceptions:.*?)^```", PAGE.read_text(encoding="utf-8"))
    return found


def listen(*ports: int) -> list[str]:
    """A command that answers on ports until it is told to end."""
    return ["python3", "-c", LISTEN, *map(str, ports)]


def run(setting: Setting, *, without: str = "", skip: int | None = None) -> None:
    """Run all examples in one stack.

    Args:
        setting: what they are run with.
        without: a piece of source to leave out wherever it stands.
        skip: the number of an example to leave out.
    """
    words = {
        **_words(endpoint, kinds, mounts, pod, tiers, workload),
        "cluster": setting.cluster,
        "tiers": close_tiers(setting.cluster, PREFIX),
        "date": date,
        "Zone": Zone,
        "IMAGE": setting.image,
        "SMALL": SMALL,
        "PASSWORD": pulumi.Output.secret("the password of the store"),
        "LIST_PODS": ["python3", "-c", LIST_PODS],
        "listen": listen,
        "minimal_squid": setting.minimal_squid,
        "admit": admit,
    }
    for example in read():
        if example.number != skip:
            code = compile(example.source.replace(without, ""), f"{PAGE.name}, example {example.number}", "exec")
            exec(code, words)  # noqa: S102 (our own page)
    setting.cluster.graph.check()


def admit(admission: Admission) -> pulumi.Resource:
    """The rule of a security group, as the AWS layer will make it: a shape until there is one."""
    rule = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    (port,) = admission.endpoint.ports
    group = admission.endpoint.at.security_group if isinstance(admission.endpoint.at, endpoint.Addresses) else None
    return pulumi.CustomResource(
        rule,
        f"{admission.endpoint.name}-from-{admission.consumer}",
        {
            "securityGroupId": group.id if group else None,
            "fromPort": port.target,
            "toPort": port.target,
            "ipProtocol": port.protocol.lower(),
            "description": f"{admission.consumer} in {admission.tier.name}",
        },
        pulumi.ResourceOptions(parent=admission.parent),
    )


def _words(*modules: ModuleType) -> Mapping[str, Any]:
    return {name: value for module in modules for name, value in vars(module).items() if not name.startswith("_")}
