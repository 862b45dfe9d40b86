"""Types at a terminal on which a debugger runs a program that repeats what is typed, and reads what comes."""

import os
import pty
import re
import select
import sys
import time

PATIENCE = 40


class Terminal:
    def __init__(self, command):
        self.seen = b""
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.environ["TERM"] = "dumb"
            os.execv(command[0], command)

    def type(self, text):
        os.write(self.terminal, text.encode())

    def expect(self, pattern):
        """Reads until it comes, and takes it away with all before it."""
        end = time.monotonic() + PATIENCE
        while not (found := re.search(pattern.encode(), self.seen)):
            ready, _, _ = select.select([self.terminal], [], [], max(0, end - time.monotonic()))
            try:
                more = os.read(self.terminal, 4096) if ready else b""
            except OSError:  # EIO: nobody has the other side any more
                more = b""
            if not more:
                sys.exit(f"{pattern!r} did not come: {self.seen.decode(errors='replace')!r}")
            self.seen += more
        before = self.seen[: found.start()]
        self.seen = self.seen[found.end() :]
        return before.decode(errors="replace")


def main():
    at = Terminal(sys.argv[1:])
    at.expect(r"\(gdb\) ")
    for word in ("first", "second"):
        at.type("continue\n")
        at.expect("Continuing\\.\r\n")  # the whole line, or the echo comes in the middle of it
        at.type(f"{word}\n")
        at.expect(f"{word}\r\n{word}\r\n")  # the terminal's echo, and the program's
        at.type("\x03")
        at.expect(r"received signal SIGINT")
        at.expect(r"\(gdb\) ")
        at.type("info inferiors\n")
        said = at.expect(r"\(gdb\) ")
        process = int(re.search(r"process (\d+)", said).group(1))
    at.type("kill\n")
    at.expect(r"\(y or n\) ")
    at.type("y\n")
    at.expect(r"\(gdb\) ")
    at.type("quit\n")
    _, status = os.waitpid(at.process, 0)
    if os.path.exists(f"/proc/{process}"):
        sys.exit("the program is still there")
    print(f"status {os.waitstatus_to_exitcode(status)}")


main()
