"""The language of filters, for every API that takes one: Cloud Logging's and Cloud Monitoring's dialects."""
