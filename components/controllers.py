"""The controllers of pods, and what belongs to them: volumes for each pod, a disruption budget."""

import hashlib
import json
from typing import Any, cast

import pulumi
from pulumi_kubernetes import apps, batch, meta, policy
from pulumi_kubernetes.core.v1 import (
    PersistentVolumeClaimArgs,
    PersistentVolumeClaimSpecArgs,
    PodTemplateSpecArgs,
    VolumeResourceRequirementsArgs,
)

from components.base import selector
from components.kinds import Claim, CronJob, DaemonSet, Deployment, Job, Kind, Scaled, StatefulSet

_GRACE_S = 60
"""Seconds that a job's end may take to be seen."""

Controller = apps.v1.Deployment | apps.v1.StatefulSet | apps.v1.DaemonSet | batch.v1.Job | batch.v1.CronJob


def controller(
    name: str,
    kind: Kind,
    named: meta.v1.ObjectMetaArgs,
    headless: str,
    pods: PodTemplateSpecArgs,
    opts: pulumi.ResourceOptions,
) -> Controller:
    """What makes and keeps the pods of a workload.

    Args:
        name: the workload's.
        kind: how its pods run.
        named: metadata of the object.
        headless: name of the Service that gives the pods of a StatefulSet their names.
        pods: their template.
        opts: the resource's options.
    """
    chosen = meta.v1.LabelSelectorArgs(match_labels=selector(name))
    match kind:
        case Deployment(replicas=count, recreate=recreate):
            spec = apps.v1.DeploymentSpecArgs(
                # Left out where a scaler owns it: it would be set back at every update.
                replicas=None if isinstance(count, Scaled) else count,
                strategy=apps.v1.DeploymentStrategyArgs(type="Recreate") if recreate else None,
                selector=chosen,
                template=pods,
            )
            return apps.v1.Deployment(f"{name}-deployment", metadata=named, spec=spec, opts=opts)
        case StatefulSet():
            if kind.led:
                named = _led(named)
            spec = apps.v1.StatefulSetSpecArgs(
                replicas=kind.replicas,
                service_name=headless,
                pod_management_policy="Parallel" if kind.parallel else "OrderedReady",
                persistent_volume_claim_retention_policy=(
                    apps.v1.StatefulSetPersistentVolumeClaimRetentionPolicyArgs(
                        when_deleted="Retain" if kind.keep else "Delete", when_scaled="Retain"
                    )
                ),
                update_strategy=apps.v1.StatefulSetUpdateStrategyArgs(type="OnDelete") if kind.led else None,
                selector=chosen,
                template=pods,
                volume_claim_templates=[_claim(name, claim) for claim in kind.claims],
            )
            return apps.v1.StatefulSet(f"{name}-statefulset", metadata=named, spec=spec, opts=opts)
        case DaemonSet():
            spec = apps.v1.DaemonSetSpecArgs(selector=chosen, template=pods)
            return apps.v1.DaemonSet(f"{name}-daemonset", metadata=named, spec=spec, opts=opts)
        case Job():
            spec = batch.v1.JobSpecArgs(
                template=pods, backoff_limit=kind.retries, active_deadline_seconds=kind.deadline_s
            )
            # It is waited for, to its deadline and not to the provider's.
            patience = f"{kind.deadline_s + _GRACE_S}s"
            timeouts = pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create=patience, update=patience))
            opts = pulumi.ResourceOptions.merge(opts, timeouts)
            return batch.v1.Job(f"{name}-job", metadata=named, spec=spec, opts=opts)
        case CronJob():
            spec = batch.v1.CronJobSpecArgs(
                schedule=kind.schedule,
                concurrency_policy="Forbid",
                job_template=batch.v1.JobTemplateSpecArgs(
                    spec=batch.v1.JobSpecArgs(template=pods, backoff_limit=0, active_deadline_seconds=kind.deadline_s)
                ),
            )
            return batch.v1.CronJob(f"{name}-cronjob", metadata=named, spec=spec, opts=opts)


def revision(made: Controller) -> pulumi.Output[str]:
    """Tells one pod template of a StatefulSet from another; empty for other kinds."""
    return made.spec.apply(_digest) if isinstance(made, apps.v1.StatefulSet) else pulumi.Output.from_input("")


def _led(named: meta.v1.ObjectMetaArgs) -> meta.v1.ObjectMetaArgs:
    # Its Job replaces the pods while the provider would wait for them.
    annotations = {"pulumi.com/skipAwait": "true"}
    return meta.v1.ObjectMetaArgs(
        name=named.name, namespace=named.namespace, labels=named.labels, annotations=annotations
    )


def _digest(spec: Any) -> str:  # noqa: ANN401 (the SDK's output type: a dict)
    return hashlib.sha256(json.dumps(_plain(spec["template"]), sort_keys=True).encode()).hexdigest()[:16]


def _plain(value: Any) -> Any:  # noqa: ANN401 (any JSON)
    """Without the SDK's types, some of which have a property named `items`."""
    match value:
        case dict():
            return {key: _plain(item) for key, item in dict[str, Any].items(cast("dict[str, Any]", value))}
        case list():
            return [_plain(item) for item in cast("list[Any]", value)]
        case _:
            return value


def _claim(name: str, claim: Claim) -> PersistentVolumeClaimArgs:
    return PersistentVolumeClaimArgs(
        # It can never be changed: nothing in it may be what is changed one day.
        metadata=meta.v1.ObjectMetaArgs(name=claim.name, labels=selector(name)),
        spec=PersistentVolumeClaimSpecArgs(
            access_modes=["ReadWriteOnce"],
            resources=VolumeResourceRequirementsArgs(requests={"storage": claim.size}),
        ),
    )


def budget(name: str, kind: Kind, named: meta.v1.ObjectMetaArgs, opts: pulumi.ResourceOptions) -> None:
    """At most one pod of a workload is taken away at a time, where it has several."""
    if not isinstance(kind, Deployment | StatefulSet):
        return
    most = kind.replicas.max if isinstance(kind.replicas, Scaled) else kind.replicas
    if most > 1:
        policy.v1.PodDisruptionBudget(
            f"{name}-budget",
            metadata=named,
            spec=policy.v1.PodDisruptionBudgetSpecArgs(
                max_unavailable=1,
                # A pod that does not work anyway does not keep a node from being emptied.
                unhealthy_pod_eviction_policy="AlwaysAllow",
                selector=meta.v1.LabelSelectorArgs(match_labels=selector(name)),
            ),
            opts=opts,
        )
