"""The Python language host: what the engine calls to run Python programs, policy packs and plugins.

A stand-in for `pulumi-language-python`, which the official CLI bundles and no package registry carries.
Semantics follow the official host (sdk/python/cmd/pulumi-language-python in pulumi/pulumi); what it
cannot do it refuses by name.
"""
