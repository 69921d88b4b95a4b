"""What a claim is, how it is judged, and how its figures are kept."""
