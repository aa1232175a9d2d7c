"""Python's cyclic garbage collector, as a server wants it."""

import gc

# Objects made and not yet gone, before the young ones are looked at. A request makes a few hundred, and drops them all.
YOUNG = 10_000


def settle() -> None:
    """For when all is loaded: what is there by then stays, and is not looked at any more.

    As it comes, the collector goes through the 300,000 objects of imported modules every few seconds under load, for
    tens of milliseconds in which no request is answered.
    """
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
