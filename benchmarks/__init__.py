"""Speed and memory of thinshell beside the tools people use today, measured in one run: ``make bench``."""
