"""What a cluster needs beside its control plane, where it does not have it: each can be left out as `present`."""
