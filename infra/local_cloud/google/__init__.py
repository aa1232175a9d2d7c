"""Google Cloud: the services that the program declares, as far as one machine can stand for them."""
