"""The real server in a process of its own, and what it uses."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

STOP_S = 10


@dataclass(frozen=True, slots=True)
class Server:
    """A server that listens."""

    url: str
    pid: int

    def rss_mb(self) -> float:
        """Memory in use now, resident."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024

    def cpu_s(self) -> float:
        """CPU time of all its threads since it started."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(model: str | None, *flags: str) -> Iterator[Server]:
    """`kfusion serve` on a free port while the block runs; `model` is another bundle."""
    command = [sys.executable, "-m", "kfusion", "serve", "--port", "0", *flags]
    command += [] if model is None else ["--model", model]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            if not url.startswith("http"):
                raise RuntimeError(f"{' '.join(command)}: did not start: see above")
            yield Server(url=url, pid=process.pid)
        finally:
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
