"""The report: `report.html`, its sentences and its tables."""
