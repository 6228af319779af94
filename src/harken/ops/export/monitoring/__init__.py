"""What an operator's Prometheus and Grafana need to watch this cluster: scraping, rules, alerts, a dashboard.

Pure: a configuration and a few addresses in, files out. The names of metrics are the contract of
docs/reference/metrics.md; what is alarming, and from which figure on, is decided here and explained in
docs/reference/monitoring.md. The invariant: no rule asks which job a series came from, only whether it came at all.
"""
