"""Without its packages, a module says which extra brings them."""

import subprocess
import sys

import pytest

PACKAGES = {
    "pipecat": "pipecat",
    "pipecat_video": "pipecat",
    "livekit": "livekit",
    "livekit_agents": "livekit",
    "livekit_video": "livekit",
    "ray": "ray",
}


@pytest.mark.parametrize("module", PACKAGES)
def test_a_missing_package_names_the_extra(module):
    package = PACKAGES[module]
    program = f"import sys; sys.modules[{package!r}] = None; import kfusion.integrations.{module}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stderr.splitlines()[-1] == (
        f"kfusion.errors.MissingExtraError: kfusion.integrations.{module} needs packages that are not installed: "
        f"pip install 'kfusion[{package}]'"
    )


def test_the_other_modules_need_nothing_but_the_base_install():
    heavy = ["pipecat", "livekit", "ray", "sounddevice", "fastapi", "pydantic", "prometheus_client", "torch"]
    program = f"""
import sys
for name in {heavy!r}: sys.modules[name] = None
import kfusion.cli.stream, kfusion.integrations.follower, kfusion.integrations.microphone
import kfusion.integrations.talking_call
"""
    subprocess.run([sys.executable, "-c", program], check=True)
