"""The plugin `pulumi-resource-kubernetes`."""

from sandbox.plugins import lifetime
from sandbox.plugins.kubernetes.provider import KubernetesProvider
from sandbox.plugins.server import EngineLog, serve


def _make(log: EngineLog) -> KubernetesProvider:
    provider = KubernetesProvider(log)
    lifetime.at_end(lambda orderly: provider.close(orderly=orderly))
    return provider


if __name__ == "__main__":
    serve(_make)
