"""Pages: one HTML file each, that needs no other file and no network, and that can be opened from a mail."""

from __future__ import annotations

from latens.report.fields import fields_of, pictures_of
from latens.report.map_page import map_page
from latens.report.origin import Origin
from latens.report.page import render_page
from latens.report.scatter import Scatter, scatter_data
from latens.report.writing import ReportPage, report_page, write_report

__all__ = [
    "Origin",
    "ReportPage",
    "Scatter",
    "fields_of",
    "map_page",
    "pictures_of",
    "render_page",
    "report_page",
    "scatter_data",
    "write_report",
]
