"""The kernel's reports of failed transactions, over generic netlink."""
