"""``python -m thinshell``, the same as the ``thinshell`` command."""

from thinshell.cli import entry

if __name__ == "__main__":
    raise SystemExit(entry())
