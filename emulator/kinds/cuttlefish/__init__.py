"""Cuttlefish: its tools and images found or downloaded, its host checked, its instances started and ended."""
