"""Everything that talks to Redis: the client, and the pipelines that concurrent commands share."""
