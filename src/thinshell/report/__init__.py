"""Rendering a plain result: terminal and JSON."""
