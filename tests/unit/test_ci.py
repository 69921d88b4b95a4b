"""The examples for CI: their YAML is what the services take, and their shell does what is said of it.

The device is a double, and so are apt, pip, make and sudo: no runner has ever run this.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from check_jsonschema.cli.main_command import main as check_jsonschema

from tests.support.documentation import DOCS, ROOT, parse_command_line

CI = DOCS / "ci"
ACTION = ROOT / ".github" / "actions" / "verify" / "action.yml"
SCHEMAS = {
    ACTION: "vendor.github-actions",
    CI / "github.yml": "vendor.github-workflows",
    CI / "github-local.yml": "vendor.github-workflows",
    CI / "gitlab.yml": "vendor.gitlab-ci",
}
HARNESS = "import tests.support.fake_device_plugin; from harness.cli import main; main()"
SECONDS = 60


@pytest.fixture
def doubles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to work in, and programs of which all but the harness only note how they were called."""
    programs, work = tmp_path / "bin", tmp_path / "work"
    work.mkdir()
    note = f'echo "${{0##*/}} $*" >> {tmp_path / "called"}\n'
    texts = {
        "binder-harness": f"{note}exec {sys.executable} -c '{HARNESS}' \"$@\"\n",
        "python": f'exec {sys.executable} "$@"\n',
        "python3": f'{note}[ "$2" = venv ] || exec {sys.executable} "$@"\n',
        "sudo": 'exec "$@"\n',
        **dict.fromkeys(("apt-get", "pip", "make", "modprobe", "docker", "adb", "chmod"), note),
    }
    programs.mkdir()
    for name, text in texts.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("BINDER_HARNESS_CACHE", str(tmp_path / "cache"))
    for name in ("TARGET", "HOST", "JSON", "KERNEL", "CLAIMS", "TIME_LIMIT", "DEBUG"):
        monkeypatch.delenv(f"BINDER_HARNESS_{name}", raising=False)
    monkeypatch.chdir(work)
    return work


def called(doubles: Path) -> str:
    """How the programs were called."""
    return (doubles.parent / "called").read_text()


def run(shell: str, text: str, **environment: str) -> int:
    """The exit status of a script, which runs as the services run theirs."""
    command = ["bash", "-eo", "pipefail", "-c", text] if shell == "bash" else ["sh", "-ec", text]
    return subprocess.run(command, env=os.environ | environment, timeout=SECONDS, check=False).returncode


def steps(path: Path) -> list[dict[str, Any]]:
    """The steps of an action, or of the only job of a workflow."""
    content = yaml.safe_load(path.read_text())
    if "runs" in content:
        found: list[dict[str, Any]] = content["runs"]["steps"]
    else:
        (job,) = content["jobs"].values()
        found = job["steps"]
    return found


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_the_yaml_has_the_form_that_the_service_takes(path: Path) -> None:
    arguments = ["--builtin-schema", SCHEMAS[path], str(path)]
    with pytest.raises(SystemExit) as ended:
        check_jsonschema(arguments)
    assert ended.value.code in (0, None)


def test_another_form_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "github.yml"
    path.write_text((CI / "github.yml").read_text().replace("steps:", "stages:"))
    with pytest.raises(SystemExit) as ended:
        check_jsonschema(["--builtin-schema", "vendor.github-workflows", str(path)])
    assert ended.value.code == 1


@pytest.mark.parametrize(
    ("claims", "status", "judged"),
    [("mmap.once sm.single", 0, 2), ("", 0, 4), ("limit.figure", 1, 1), ("no.such-claim", 2, 0)],
)
def test_the_action_judges_and_writes_a_summary(
    doubles: Path, monkeypatch: pytest.MonkeyPatch, claims: str, status: int, judged: int
) -> None:
    monkeypatch.setenv("BINDER_HARNESS_TEST_CLAIMS", claims if judged == 1 else "")
    summary = doubles / "summary"
    inputs = yaml.safe_load(ACTION.read_text())["inputs"]
    given = {name: value["default"] for name, value in inputs.items()} | {"claims": claims}
    ended = 0
    for step in steps(ACTION):
        if "run" not in step:
            continue
        environment = {
            name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: given[found[1]], value)
            for name, value in step.get("env", {}).items()
        }
        assert "${{" not in step["run"], "what others write comes as a variable, and is no code"
        ended = run(
            step["shell"],
            step["run"],
            GITHUB_STEP_SUMMARY=str(summary),
            GITHUB_ACTION_PATH=str(ACTION.parent),
            **environment,
        )
        if ended:
            break
    assert ended == status
    assert f"pip install {ACTION.parent}/../../..\n" in called(doubles)
    assert (Path(f"{ACTION.parent}/../../..") / "pyproject.toml").is_file()
    written = summary.read_text() if summary.exists() else ""
    assert written.count("✓") >= bool(judged and not status)
    assert bool(written) == bool(judged)
    files = {"binder.json", "binder.xml", "binder.html"} if judged else set()
    assert {path.name for path in doubles.glob("binder.*")} == files


def test_the_action_takes_the_inputs_that_the_workflows_give() -> None:
    inputs = yaml.safe_load(ACTION.read_text())["inputs"]
    for path in (CI / "github.yml", CI / "github-local.yml"):
        used = [step for step in steps(path) if step.get("uses") == "./.github/actions/verify"]
        assert used
        assert all(step["with"].keys() <= inputs.keys() for step in used)
        for step in used:
            parse_command_line(f"binder-harness verify --target '{step['with'].get('target', 'embedded')}'")


def test_the_driver_is_loaded_before_anything_uses_it(doubles: Path) -> None:
    for step in steps(CI / "github-local.yml"):
        if "run" in step:
            assert run("bash", step["run"]) == 0
    programs = [line.split()[0] for line in called(doubles).splitlines()]
    assert programs == ["apt-get", "apt-get", "modprobe", "docker", "adb"]


def test_gitlabs_job_leaves_what_it_keeps(doubles: Path) -> None:
    job = yaml.safe_load((CI / "gitlab.yml").read_text())["binder"]
    script = "\n".join((*job["before_script"], *job["script"]))
    assert run("sh", script) == 0
    kept = [*job["artifacts"]["paths"], job["artifacts"]["reports"]["junit"]]
    assert sorted(kept) == sorted(path.name for path in doubles.iterdir())
    assert "pip install binder-harness" in called(doubles)


def test_a_bisection_finds_the_commit(doubles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "A developer")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "developer@example.com")
    programs = doubles.parent / "bin"
    (programs / "make").write_text("#!/bin/sh\n! grep -q unbuildable kernel\n")
    (programs / "binder-harness").write_text(
        '#!/bin/sh\n[ "$*" = "verify mmap --kernel ." ] || exit 2\nexit "$(cat kernel)"\n'
    )

    def git(*words: str) -> str:
        done = subprocess.run(["git", *words], capture_output=True, text=True, timeout=SECONDS, check=True)
        return done.stdout

    git("init", "--quiet")
    commits = []
    # What verify exits with on each: 4 where the device could not be set up, 3 where it was lost.
    for status in ("0", "0", "4", "unbuildable", "0", "3", "1", "1"):
        (doubles / "kernel").write_text(status)
        git("add", "kernel")
        git("commit", "--quiet", "--allow-empty", "--message", f"a kernel of status {status}")
        commits.append(git("rev-parse", "HEAD").strip())
    git("bisect", "start", commits[-1], commits[0])
    found = git("bisect", "run", "sh", str(CI / "bisect.sh"), "mmap")
    assert f"{commits[5]} is the first bad commit" in found


def test_the_containers_shell_is_well_formed_and_its_commands_can_be_typed() -> None:
    text = (CI / "Containerfile").read_text().replace("\\\n", " ")
    lines = [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]
    instructions = [name for name, _ in lines]
    assert instructions[0] == "FROM"
    assert instructions[-2:] == ["ENTRYPOINT", "CMD"]
    for name, rest in lines:
        if name == "RUN":
            subprocess.run(["sh", "-nc", rest], check=True)
            if rest.startswith("binder-harness"):
                parse_command_line(rest)
    entry, command = (yaml.safe_load(rest) for _, rest in lines[-2:])
    parse_command_line(" ".join((*entry, *command)))
