"""Pictures of what was measured, as SVG: drawn from named figures, coloured by the page that they are on."""
