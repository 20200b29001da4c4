"""``python -m sqlembed``: the command line."""

from __future__ import annotations

from sqlembed.cli import main

if __name__ == "__main__":
    main()
