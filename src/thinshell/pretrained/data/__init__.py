"""Pictures and texts that people have: ``open_data`` opens a path as one or two :class:`Items`."""

from thinshell.pretrained.data.items import ItemError, Items
from thinshell.pretrained.data.opening import open_data

__all__ = ["ItemError", "Items", "open_data"]
