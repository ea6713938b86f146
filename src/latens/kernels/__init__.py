"""Arithmetic for one kind of machine, each function with the signature and the answers of its reference in torch."""

from __future__ import annotations
