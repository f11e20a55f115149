"""Survey and plan at scale."""
