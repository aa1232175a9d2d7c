"""What stops the destruction of a protected stack before anything is deleted."""

import pulumi
import pulumi_random as random


def guard(
    name: str, guarded: pulumi.ComponentResource, *, protect: bool, parent: pulumi.Resource | None
) -> random.RandomId:
    """Return a resource that depends on all that the component has made so far, and is protected if so asked.

    Pulumi deletes what depends before what it depends on, and meets protection when it is a resource's turn. Without
    this one, whose turn is first, `pulumi destroy --skip-preview` deletes whatever holds no data before it stops at a
    bucket or the database. It never changes, so no ordinary change meets its protection.
    """
    options = pulumi.ResourceOptions(parent=parent, depends_on=[guarded], protect=protect)
    return random.RandomId(f"{name}-guard", byte_length=4, opts=options)
