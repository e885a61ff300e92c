"""Load on the real edge by Locust: shapes, users that carry ids, thresholds."""
