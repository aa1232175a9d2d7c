"""System metrics: recorded, partitioned by month, rolled up, read."""
