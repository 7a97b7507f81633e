"""The fuzzer is repeatable, and sees what is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest
from mutate import mutated
from targets import TARGETS

RUN = Path(__file__).parents[2] / "fuzz" / "run.py"


def test_an_input_follows_from_its_number():
    seeds = [b"first seed of some length", b"another"]
    inputs = [mutated(seeds, number, 30) for number in range(200)]
    assert inputs == [mutated(seeds, number, 30) for number in range(200)]
    assert len(set(inputs)) > 150
    assert max(map(len, inputs)) <= 30


@pytest.mark.parametrize("name", ["landmarks-json", "landmarks-npz", "recording-wav", "protocol", "bundle"])
def test_a_seed_of_every_kind_gives_a_result(name):
    target = TARGETS[name]()
    target.call(target.seeds()[0])


def test_a_few_inputs_are_counted():
    command = [sys.executable, RUN, "landmarks-json", "--runs", "20", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1] == "seed 1: 20 executions, 0 findings", done.stdout + done.stderr


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        ("raise LookupError('no such thing')", "LookupError: no such thing"),
        ("import os; os.abort()", "signal 6"),
        ("while True: pass", "more than 1 s"),
        ("keep.append(b'x' * 250_000_000)", "more than 200 MB"),
    ],
)
def test_every_finding_is_kept_and_the_rest_is_run(tmp_path, call, reason):
    """A target that misbehaves on input 1 of 3."""
    for name in ("run.py", "mutate.py"):
        (tmp_path / name).write_text((RUN.parent / name).read_text())
    (tmp_path / "targets.py").write_text(f"""
from types import SimpleNamespace as Target
keep, calls = [], []
def call(content):
    import mutate
    if content == mutate.mutated([b"seed"], 1, 100):
        {call}
TARGETS = {{"bad": lambda: Target(seeds=lambda: [b"seed"], call=call, longest=100)}}
""")
    command = [sys.executable, tmp_path / "run.py", "bad", "--runs", "3", "--seconds", "1", "--megabytes", "200"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert reason in done.stdout
    assert done.stdout.splitlines()[-1] == "seed 0: 3 executions, 1 findings"
    assert (tmp_path / "findings" / "bad-1").is_file()
