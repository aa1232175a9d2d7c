"""Cloud Scheduler: jobs fired on their cron, what is logged of each attempt, and the API that shows them."""
