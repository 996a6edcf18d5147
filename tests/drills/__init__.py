"""Drills of the data layer, for real: `make drill-data`."""
