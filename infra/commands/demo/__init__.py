"""Something worth looking at: real block heights, a month of metrics and many ratings, through the HTTP API."""
