"""The base class of all component resources."""

from collections.abc import Sequence

import pulumi


class Component(pulumi.ComponentResource):
    """A component whose children wait for its depends_on, which Pulumi itself does not pass on to them."""

    def __init__(self, kind: str, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        opts = opts or pulumi.ResourceOptions()
        super().__init__(f"utxoiq:infra:{kind}", name, None, opts)
        self._inherited = pulumi.ResourceOptions(parent=self, depends_on=opts.depends_on)

    def own(
        self,
        *,
        depends_on: Sequence[pulumi.Input[pulumi.Resource]] = (),
        protect: bool | None = None,
        parent: pulumi.Resource | None = None,
        ignore_changes: list[str] | None = None,
        retain_on_delete: bool | None = None,
    ) -> pulumi.ResourceOptions:
        """Options of a child."""
        more = pulumi.ResourceOptions(
            depends_on=list(depends_on),
            protect=protect,
            ignore_changes=ignore_changes,
            retain_on_delete=retain_on_delete,
        )
        if parent is not None:
            more.parent = parent
        return pulumi.ResourceOptions.merge(self._inherited, more)
