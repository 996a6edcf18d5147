"""Stand-ins for the Pulumi plugins that no package registry carries.

They are test equipment: they do what the official ones do where a program can see it, for the
types the platform uses, and fail loudly on everything else.
"""
