"""`make preview` and `make deploy`: checks, a plan with what it costs, the deployment, and its verification."""
