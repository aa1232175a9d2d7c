"""What is published to Cloud Monitoring, and when."""
