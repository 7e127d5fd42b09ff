"""Where the files are that tests read, and the programs that they start."""

from pathlib import Path

SUPPORT = Path(__file__).parent
TESTS = SUPPORT.parent
#: The checkout around the tests, or the folder into which they were copied beside an installed package.
ROOT = TESTS.parent
FIXTURES = TESTS / "fixtures"
