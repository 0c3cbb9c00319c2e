"""Profiles a script: ``python -m sdprofile script.py --workers 1,2,4``."""

import sys

from sdprofile.script import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
