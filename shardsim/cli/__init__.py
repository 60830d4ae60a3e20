"""The command line: `commands` and `bench` have one function a command, and `entry` starts them.

Exit codes: 0 done, 2 bad input, 1 anything else. Every error is one line on stderr. With `--json`
stdout holds JSON and nothing else. The commands import what they need themselves, so that `--help`
starts no numerical library.
"""

from shardsim.cli.commands import STAGE_HELP as STAGE_HELP
from shardsim.cli.commands import app as app
from shardsim.cli.entry import main as main
