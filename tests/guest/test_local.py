"""The machine itself as a device, where there is one with Binder: in a Debian of its own, under emulation.

`make test-guest` runs it: it downloads packages, and takes some ten minutes.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from emulator.embedded.kernel.debian_kernels import BUILT_HERE
from emulator.embedded.kernel.find import find_kernel
from emulator.kinds.local.survey import LOAD
from harness.experiments.core.finding import Verdict
from tests.guest.image import build_guest
from tests.guest.running import Step, run_guest

SECONDS = 1500.0
HARNESS = "binder-harness {words} > /tmp/output 2>&1; status=$?; cat /tmp/output; exit $status"
AS_USER = """
rm -rf /home/cache && cp -r /var/cache/binder-harness /home/cache && chown -R user /home/cache
export BINDER_HARNESS_CACHE=/home/cache HOME=/tmp
setpriv --reuid user --regid user --clear-groups -- """
LOADED = (
    "depmod -a 2> /dev/null; modprobe binder_linux devices=binder,hwbinder,vndbinder,puddlejumper; cd /tmp"
)
LEFT = """
cat /proc/mounts > /run/mounts
binder-harness verify --target local --json /run/run.json > /run/output 2>&1
status=$?
cat /run/output
diff() { [ "$(cat "$1")" = "$(cat "$2")" ] || echo "$3 changed"; }
diff /run/mounts /proc/mounts "the mounts"
ls -d /tmp/binder-harness-???????? 2> /dev/null
grep -l syscall_agent /proc/[0-9]*/comm
mount -t tracefs none /sys/kernel/tracing
ls /sys/kernel/tracing/instances
cat /sys/kernel/tracing/kprobe_events
umount /sys/kernel/tracing
echo "left: nothing more"
python3 -c '
import base64, zlib
print("document", base64.b64encode(zlib.compress(open("/run/run.json", "rb").read())).decode())
'
exit $status
"""
OVER_SSH = """
mkdir -p /run/sshd /root/.ssh && chmod 700 /root/.ssh
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
cp /root/.ssh/id_ed25519.pub /root/.ssh/authorized_keys
echo "127.0.0.1 $(cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub)" > /root/.ssh/known_hosts
/usr/sbin/sshd -f /dev/null -o UsePAM=no -o PermitRootLogin=yes
"""
SOME = "node mmap.same-frame proto.ioctls proto.death proto.sender-identity copy.binder-one"
SCRIPTS = {
    "1-unloaded": HARNESS.format(words="verify --target local"),
    "2-root": f"{LOADED}{LEFT}",
    "3-closed": AS_USER + HARNESS.format(words="verify --target local"),
    "4-sudo": AS_USER + HARNESS.format(words=f"verify --target 'local?root=allowed' {SOME}"),
    "5-user": "chmod 666 /dev/*binder\n" + AS_USER + HARNESS.format(words="verify --target local"),
    "6-ssh": OVER_SSH + HARNESS.format(words=f"verify --target local --host ssh://root@127.0.0.1 {SOME}"),
    "7-doctor": HARNESS.format(words="doctor"),
}
MODULAR = "6.12"
"""Its driver is a module, without binderfs."""
BINDERFS_SCRIPTS = {
    "1-root": f"cd /tmp{LEFT}",
    "2-user": AS_USER + HARNESS.format(words="verify --target local"),
}
"""On a kernel that has binderfs, which nobody has mounted: there is no binder device."""


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_guest(find_kernel(MODULAR), tmp_path_factory.mktemp("image"))


def run_steps(kernel: str, image: Path, scripts: Mapping[str, str], directory: Path) -> dict[str, Step]:
    done = run_guest(kernel, image, scripts, directory, SECONDS)
    for name, step in done.items():
        print(f"{kernel}, {name}, status {step.status}\n{step.output}")
    return done


@pytest.fixture(scope="module")
def steps(image: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Step]:
    return run_steps(MODULAR, image, SCRIPTS, tmp_path_factory.mktemp("modular"))


@pytest.fixture(scope="module")
def binderfs_steps(image: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Step]:
    return run_steps(BUILT_HERE, image, BINDERFS_SCRIPTS, tmp_path_factory.mktemp("binderfs"))


def document(step: Step) -> dict[str, object]:
    (line,) = [line for line in step.output.splitlines() if line.startswith("document ")]
    document: dict[str, object] = json.loads(zlib.decompress(base64.b64decode(line.split()[1])))
    return document


def test_an_unloaded_driver_is_explained(steps: dict[str, Step]) -> None:
    assert steps["1-unloaded"].status == 4
    assert LOAD in steps["1-unloaded"].output


def check_run(step: Step) -> Counter[str]:
    """Every claim is as expected or not testable, and nothing is left; how often there is each verdict."""
    assert step.status == 0, step.output
    results = document(step)["claims"]
    assert isinstance(results, list)
    verdicts = Counter(result["verdict"] for result in results)
    assert verdicts.keys() <= {Verdict.CONFIRMED, Verdict.REFUTED, Verdict.CONDITIONAL, Verdict.NOT_TESTABLE}
    after = step.output.rpartition("All results")[2].partition("left: nothing more")[0]
    assert after.splitlines()[1:] == []
    return verdicts


def test_every_claim_is_as_expected_or_not_testable_and_nothing_is_left(steps: dict[str, Step]) -> None:
    verdicts = check_run(steps["2-root"])
    assert verdicts[Verdict.CONFIRMED] + verdicts[Verdict.REFUTED] >= 40


def test_root_needs_no_binder_device_where_there_is_binderfs(binderfs_steps: dict[str, Step]) -> None:
    verdicts = check_run(binderfs_steps["1-root"])
    assert verdicts[Verdict.CONFIRMED] + verdicts[Verdict.REFUTED] >= 40


def test_a_user_learns_that_there_is_no_binder_device(binderfs_steps: dict[str, Step]) -> None:
    assert binderfs_steps["2-user"].status == 4


def test_a_user_who_may_open_no_device_learns_what_to_do(steps: dict[str, Step]) -> None:
    assert steps["3-closed"].status == 4
    assert "User 1000 may open none of the binder devices" in steps["3-closed"].output


@pytest.mark.parametrize("name", ["4-sudo", "5-user", "6-ssh"])
def test_it_comes_out_as_expected(steps: dict[str, Step], name: str) -> None:
    assert steps[name].status == 0, steps[name].output
    assert "all as expected" in steps[name].output


def test_the_devices_of_others_are_named(steps: dict[str, Step]) -> None:
    assert "/dev/puddlejumper (Waydroid's on SailfishOS)" in steps["7-doctor"].output.replace("\n", " ")
