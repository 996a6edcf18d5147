"""The stand-in for pulumi-kubernetes: any kind that the API server knows, applied on the server side.

Behaviour follows pulumi-kubernetes 4.34.2 where a program can see it; each module says where it departs.
"""
