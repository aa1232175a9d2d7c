"""Component resources of the persistence layer, usable from any Pulumi program."""
