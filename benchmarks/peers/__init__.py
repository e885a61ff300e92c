"""The peers, each as its own documentation shows it; they run in .venv-bench and know nothing of the product."""
