"""What a large lab site costs, beside a small one."""
