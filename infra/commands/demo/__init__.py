"""Something worth looking at: real block heights, metrics, many ratings and an archived month, through the HTTP API."""
