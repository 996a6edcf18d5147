"""The plugin `pulumi-resource-kubernetes`."""

from sandbox.plugins import lifetime
from sandbox.plugins.enginelog import EngineLog
from sandbox.plugins.kubernetes.provider import KubernetesProvider
from sandbox.plugins.server import serve


def _make(log: EngineLog) -> KubernetesProvider:
    provider = KubernetesProvider(log)
    lifetime.at_end(provider.close)
    return provider


if __name__ == "__main__":
    serve(_make)
