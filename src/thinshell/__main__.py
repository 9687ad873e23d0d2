"""``python -m thinshell``, the same as the ``thinshell`` command."""

from thinshell.cli import main

raise SystemExit(main())
