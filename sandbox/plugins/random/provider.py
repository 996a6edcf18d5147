"""The provider: every type is drawn once, and drawn anew when any of its inputs changes."""

from typing_extensions import override

from sandbox.plugins.choice import official_version
from sandbox.plugins.provider import CheckFailedError, Diff, Provider, ProviderError, Resource, State, compare
from sandbox.plugins.random.draws import Draw
from sandbox.plugins.random.numbers import RandomBytes, RandomId, RandomInteger, RandomUuid
from sandbox.plugins.random.texts import RandomPassword, RandomString
from sandbox.plugins.sdk_types import check_inputs
from sandbox.plugins.values import UNKNOWN, Properties, Secret, has_unknown, plain

_TYPES: dict[str, type[Draw]] = {
    "random:index/randomBytes:RandomBytes": RandomBytes,
    "random:index/randomId:RandomId": RandomId,
    "random:index/randomInteger:RandomInteger": RandomInteger,
    "random:index/randomPassword:RandomPassword": RandomPassword,
    "random:index/randomString:RandomString": RandomString,
    "random:index/randomUuid:RandomUuid": RandomUuid,
}


class RandomProvider(Provider):
    """Draws what a program asks for; nothing exists outside of Pulumi's state."""

    package = "random"
    version = official_version("random")

    @override
    def check(self, resource: Resource, olds: Properties | None, news: Properties, seed: bytes) -> Properties:
        kind = self._kind(resource)
        failures = check_inputs(kind.args, news)
        # What depends on unknown inputs is checked when they are known: the engine asks again in the update.
        if not failures and not has_unknown({name: value for name, value in news.items() if name != "keepers"}):
            failures = list(kind.model_validate(plain({**news, "keepers": None})).problems())
        if failures:
            raise CheckFailedError(failures)
        return news

    @override
    def diff(self, resource: Resource, id: str, old: State, news: Properties) -> Diff:
        kind = self._kind(resource)
        olds, wanted = kind.effective(old.inputs), kind.effective(news)
        if "overrideSpecial" not in wanted and olds.get("overrideSpecial") == "":
            del olds["overrideSpecial"]  # the one change that the official provider takes for none
        changes = compare(olds, wanted).changes
        return Diff(changes, replaces=frozenset(changes))

    @override
    def create(
        self, resource: Resource, inputs: Properties, *, preview: bool, timeout: float
    ) -> tuple[str, Properties]:
        kind = self._kind(resource)
        given = kind.effective(inputs)
        if preview:
            unknown: Properties = {name: Secret(UNKNOWN) if name in kind.secret else UNKNOWN for name in kind.computed}
            return "", given | unknown
        drawn = kind.model_validate(plain(inputs)).draw()
        return drawn.id, given | drawn.outputs

    @override
    def read(self, resource: Resource, id: str, inputs: Properties, outputs: Properties) -> State | None:
        if outputs:
            return State(id, inputs, outputs)
        try:
            adopted, drawn = self._kind(resource).adopt(id)
        except ValueError as error:
            raise ProviderError(f"cannot import {resource.type} {resource.name}: {error}") from error
        return State(
            drawn.id, adopted.model_dump(by_alias=True, exclude_unset=True), adopted.properties() | drawn.outputs
        )

    @override
    def delete(self, resource: Resource, old: State, *, timeout: float) -> None:
        """Nothing to do: what was drawn lives in the state alone."""

    def _kind(self, resource: Resource) -> type[Draw]:
        return _TYPES.get(resource.type) or self._unsupported(resource)
