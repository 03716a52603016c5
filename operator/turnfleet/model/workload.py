"""The part of a TurnRegion about its pods: how many, on which nodes, with which resources."""

from turnfleet.model import reading, region, syntax


def relays(value: object, place: reading.Place) -> region.Relays:
    """Read ``spec.relays``."""
    fields = reading.Fields(value, place)
    declared = region.Relays(
        placement=fields.defaulted(
            "placement", reading.one_of(region.Placement), region.Placement.REPLICAS
        ),
        replicas=fields.defaulted("replicas", reading.whole(0, 500), 2),
        node_selector=fields.defaulted("nodeSelector", _node_selector, ()),
        tolerations=fields.defaulted("tolerations", reading.items(_toleration, most=16), ()),
        resources=fields.defaulted("resources", _resources, region.Resources()),
        image=fields.optional("image", reading.text(syntax.IMAGE)),
    )
    every_node = declared.placement is region.Placement.EVERY_NODE
    fields.rule(
        given=("placement", "nodeSelector"),
        holds=not every_node or bool(declared.node_selector),
        at="nodeSelector",
        sentence="EveryNode needs a selector, or every node of the cluster would relay",
    )
    fields.rule(
        given=("placement",),
        holds=not every_node or not fields.has("replicas"),
        at="replicas",
        sentence="EveryNode runs one relay on each selected node; take replicas out",
    )
    return declared


_node_selector = reading.pairs(syntax.LABEL_KEY, reading.text(syntax.LABEL_VALUE), most=16)


def _toleration(value: object, place: reading.Place) -> region.Toleration:
    toleration = reading.Fields(value, place)
    declared = region.Toleration(
        key=toleration.optional("key", reading.text(syntax.LABEL_KEY)),
        operator=toleration.defaulted(
            "operator", reading.one_of(region.TolerationOperator), region.TolerationOperator.EQUAL
        ),
        value=toleration.optional("value", reading.text(syntax.LABEL_VALUE)),
        effect=toleration.optional("effect", reading.one_of(region.TaintEffect)),
        toleration_seconds=toleration.optional("tolerationSeconds", reading.whole(0, 31_536_000)),
    )
    exists = declared.operator is region.TolerationOperator.EXISTS
    toleration.rule(
        given=("key", "operator"),
        holds=exists or declared.key is not None,
        at="key",
        sentence="a toleration without operator Exists needs a key",
    )
    toleration.rule(
        given=("operator", "value"),
        holds=not exists or declared.value is None,
        at="value",
        sentence="a toleration with operator Exists takes no value; take it out",
    )
    toleration.rule(
        given=("effect", "tolerationSeconds"),
        holds=declared.toleration_seconds is None
        or declared.effect is region.TaintEffect.NO_EXECUTE,
        at="tolerationSeconds",
        sentence="only the effect NoExecute takes tolerationSeconds",
    )
    return declared


def _resources(value: object, place: reading.Place) -> region.Resources:
    resources = reading.Fields(value, place)
    return region.Resources(
        requests=resources.defaulted("requests", _amounts, ()),
        limits=resources.defaulted("limits", _amounts, ()),
    )


def _amounts(value: object, place: reading.Place) -> tuple[tuple[str, str], ...]:
    amounts = reading.Fields(value, place)
    found = ((name, amounts.optional(name, reading.quantity)) for name in _RESOURCES)
    return tuple((name, amount) for name, amount in found if amount is not None)


_RESOURCES = ("cpu", "ephemeral-storage", "memory")
