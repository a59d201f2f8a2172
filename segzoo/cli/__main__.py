"""`python -m segzoo.cli`: the command line where the command `segzoo` is another program."""

from segzoo.cli import main

main(prog_name="segzoo")
