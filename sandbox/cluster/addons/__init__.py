"""What a cloud cluster holds besides its control plane: DNS, default storage, NetworkPolicies, load balancers.

In the order in which the sandbox uses it:

1. `build()` compiles everything; `make_images()` packs what runs as pods. Neither needs a node.
2. `permit()` gives the users in `IDENTITIES` their permissions, as soon as the API server answers.
3. `programs()` are two more processes of the node, each with a client certificate of its user: `network-policies` gives
   the verdict on every new connection of pods (fails closed while it is down), `load-balancer` gives Services of type
   LoadBalancer the node's addresses.
4. `install()` brings images, CoreDNS and the storage class into the cluster, and waits until they work.
"""

from sandbox.cluster.addons.agents import IDENTITIES, programs
from sandbox.cluster.addons.binaries import Binaries, build
from sandbox.cluster.addons.deployment import Kubectl, install, permit
from sandbox.cluster.addons.images import Images
from sandbox.cluster.addons.images import make as make_images

__all__ = ["IDENTITIES", "Binaries", "Images", "Kubectl", "build", "install", "make_images", "permit", "programs"]
