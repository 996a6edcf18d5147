"""Replacing the pods of a StatefulSet whose members have roles: replicas, then a switchover, then the old primary."""
