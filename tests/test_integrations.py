"""chanlint among other programs: terminals, pipes, signals, pre-commit, shells. Every test runs real processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from terminal import SCRIPTS, environment, on_terminal

ROOT = Path(__file__).resolve().parent.parent
CHANLINT = [sys.executable, "-m", "chanlint"]
LEAK = """\
import queue
import threading


def handle(items):
    jobs = queue.Queue()

    def work():
        while True:
            job = jobs.get()
            if job is None:
                break

    threading.Thread(target=work, daemon=True).start()
    for item in items:
        jobs.put(item)
"""
CLEAN = LEAK.replace("    for item in items:\n        jobs.put(item)\n", "    jobs.put(None)\n")
FOUND = "a.py:14:5: CHN101 a thread per call of handle stays blocked on queue 'jobs': it is never closed\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "chanlint.toml").write_text('docs-url = "https://docs.example.com/rules/"\n')
    (tmp_path / "a.py").write_text(LEAK)
    return tmp_path


def chanlint(folder: Path, *arguments: str, text: str | None = None, **changes: str) -> subprocess.CompletedProcess[str]:
    command = [*CHANLINT, *arguments]
    env = environment(**changes)
    return subprocess.run(command, cwd=folder, input=text, env=env, capture_output=True, text=True, timeout=120, check=False)


def shell(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    command = ["bash", "-c", script]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=120, check=False)


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


# -- terminals --------------------------------------------------------------------------------------------------------------

COLOR = re.compile(r"\x1b\[[\d;]*m")
LINK = "\x1b]8;"


def test_a_terminal_gets_colours_and_the_whole_story(project: Path) -> None:
    code, text = on_terminal([*CHANLINT, "check"], project)
    assert code == 1
    assert COLOR.search(text) and LINK not in text
    plain = COLOR.sub("", text)
    assert "error[CHN101]: a thread per call of handle stays blocked" in plain
    assert "jobs = queue.Queue()" in plain and plain.endswith("1 leak in 1 file; 1 file checked, 1 with channels\n")


@pytest.mark.parametrize("changes", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"NO_COLOR": "1", "FORCE_COLOR": "1"}])
def test_a_terminal_without_colours(project: Path, changes: dict[str, str]) -> None:
    quiet = [*CHANLINT, "check", "--quiet"]  # a slow machine would show progress
    _, text = on_terminal(quiet, project, {**changes, "TERM_PROGRAM": "WezTerm"})
    assert "\x1b" not in text and "error[CHN101]" in text


@pytest.mark.parametrize("changes", [{"FORCE_HYPERLINK": "1"}, {"TERM_PROGRAM": "vscode"}, {"VTE_VERSION": "7200"}])
def test_links_where_the_terminal_follows_them(project: Path, changes: dict[str, str]) -> None:
    _, text = on_terminal([*CHANLINT, "check"], project, changes)
    assert "https://docs.example.com/rules/CHN101-unclosed-channel/" in text and LINK in text


@pytest.mark.parametrize("changes", [{"FORCE_HYPERLINK": "0"}, {"VTE_VERSION": "4000"}, {"CI": "true", "WT_SESSION": "x"}])
def test_no_links_where_it_does_not(project: Path, changes: dict[str, str]) -> None:
    assert LINK not in on_terminal([*CHANLINT, "check"], project, changes)[1]


def test_a_pipe_gets_plain_lines_unless_colours_are_forced(project: Path) -> None:
    assert chanlint(project, "check").stdout == FOUND
    full = ["check", "--output-format", "full"]
    assert "\x1b" not in chanlint(project, *full).stdout
    assert COLOR.search(chanlint(project, *full, FORCE_COLOR="1").stdout)
    assert COLOR.search(chanlint(project, *full, "--color", "always", NO_COLOR="1").stdout)
    assert "\x1b" not in chanlint(project, *full, "--color", "never", FORCE_COLOR="1").stdout


def test_lines_for_programs_have_no_colours_on_a_terminal_either(project: Path) -> None:
    _, text = on_terminal([*CHANLINT, "check", "--quiet", "--output-format", "flake8"], project)
    assert text == FOUND


# -- pipes and files --------------------------------------------------------------------------------------------------------


def test_a_reader_that_goes_away_is_no_error(project: Path) -> None:
    for number in range(300):
        (project / f"b{number}.py").write_text(LEAK)
    done = shell(project, "set -o pipefail; chanlint check --output-format full | head -n 1; echo ${PIPESTATUS[0]}")
    assert done.stdout.splitlines()[0].startswith("error[CHN101]")
    assert done.stdout.splitlines()[-1] == "1"
    assert "Traceback" not in done.stderr and "Exception" not in done.stderr
    assert shell(project, "chanlint check 2>&1 >/dev/null | true").returncode == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no device that is always full")  # noqa: PTH110
def test_a_full_disk_is_one_line(project: Path) -> None:
    done = shell(project, "chanlint check > /dev/full")
    assert done.returncode == 2
    assert done.stderr == "Error: cannot write to standard output: No space left on device\n"
    assert shell(project, "chanlint check --quiet -o /dev/full").returncode == 2
    assert shell(project, "chanlint check 2> /dev/full").returncode == 1


def test_an_output_that_cannot_be_written(project: Path) -> None:
    (project / "folder").mkdir()
    for target in ("no/such/x.json", "json:no/such/x.json", "sarif:folder"):
        done = chanlint(project, "check", "--output-file", target)
        assert done.returncode == 2
        assert done.stderr.startswith("Error: cannot write ") and done.stderr.count("\n") == 1
    assert {path.name for path in project.iterdir()} - {".chanlint_cache"} == {"a.py", "chanlint.toml", "folder"}


def test_several_outputs_and_the_screen(project: Path) -> None:
    targets = {"json": "x.json", "sarif": "x.sarif", "junit": "x.xml", "github": "x.txt"}
    options = [part for name, path in targets.items() for part in ("--output-file", f"{name}:{path}")]
    done = chanlint(project, "check", *options)
    assert (done.returncode, done.stdout) == (1, FOUND)
    (found,) = json.loads((project / "x.json").read_text())
    assert found["url"] == "https://docs.example.com/rules/CHN101-unclosed-channel/"
    rules = json.loads((project / "x.sarif").read_text())["runs"][0]["tool"]["driver"]["rules"]
    assert found["url"] in {rule.get("helpUri") for rule in rules}
    assert "<failure" in (project / "x.xml").read_text() and (project / "x.txt").read_text().startswith("::error ")
    done = chanlint(project, "check", "-o", "only.txt", "-o", "json:both.json", "--output-format", "grouped")
    assert done.stdout == "" and (project / "only.txt").read_text().startswith("a.py:\n")
    assert json.loads((project / "both.json").read_text()) == [found]


def test_a_link_stays_a_link_and_a_mode_stays(project: Path) -> None:
    (project / "real.json").write_text("old")
    (project / "real.json").chmod(0o640)
    (project / "link.json").symlink_to("real.json")
    chanlint(project, "check", "-o", "json:link.json")
    assert (project / "link.json").is_symlink() and json.loads((project / "real.json").read_text())
    assert (project / "real.json").stat().st_mode & 0o777 == 0o640


def test_standard_input(project: Path) -> None:
    assert chanlint(project, "check", "-", text=LEAK).stdout == FOUND.replace("a.py", "<stdin>")
    done = chanlint(project, "check", "-", "--stdin-filename", "new/b.py", text=LEAK)
    assert done.stdout == FOUND.replace("a.py", "new/b.py")
    assert chanlint(project, "check", "-", "--stdin-filename", "a.py", text=CLEAN).stdout == ""
    assert (project / "a.py").read_text() == LEAK


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["check", "--config", "chanlint.toml", "--isolated"], "give one of them"),
        (["config", "--config", "chanlint.toml", "--isolated"], "give one of them"),
        (["baseline", "--config", "chanlint.toml", "--isolated"], "give one of them"),
        (["check", "--watch", "-"], "standard input is none"),
        (["check", "--watch", "gone"], "no such file or folder"),
        (["check", "--add-ignores", "why", "-"], "standard input is none"),
        (["check", "--config", "gone.toml"], "does not exist"),
        (["explain", "a.py"], "is not PATH:LINE"),
        (["explain", "gone.py:1"], "there is no such file"),
    ],
)
def test_options_that_do_not_fit_together(project: Path, options: list[str], says: str) -> None:
    done = chanlint(project, *options, text="")
    assert done.returncode == 2
    assert says in done.stderr and "Traceback" not in done.stderr


def test_files_and_statistics(project: Path) -> None:
    (project / "b.py").write_text(LEAK + CLEAN.replace("handle", "other") + LEAK.replace("handle", "third"))
    assert chanlint(project, "check", "--show-files").stdout == "a.py\nb.py\n"
    assert chanlint(project, "check", "--statistics").stdout == "3  CHN101  unclosed-channel\n"
    done = chanlint(project, "check", "--statistics", "--output-format", "json")
    assert json.loads(done.stdout) == [{"code": "CHN101", "name": "unclosed-channel", "count": 3}]
    assert done.returncode == 1


# -- signals ----------------------------------------------------------------------------------------------------------------

SLOW = "\n\n".join(LEAK.replace("handle", f"handle{number}") for number in range(40))


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """chanlint with its output in the files ``out`` and ``err`` of the folder; Ctrl-C counts there, however tests are run."""
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        return subprocess.Popen(
            [*CHANLINT, *arguments],
            cwd=folder,
            env=environment(PYTHONUNBUFFERED="1"),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )


@pytest.fixture
def stopped() -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that do not outlive a test that failed."""
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        for each in family(process):
            os.kill(each, signal.SIGKILL)
        if process.poll() is None:
            process.kill()
            process.wait()


def family(process: subprocess.Popen[bytes]) -> list[int]:
    """The process and those that it started, as far as they run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, group, *_ = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended by now
            continue
        if int(group) == process.pid and state != "Z":
            found.append(int(folder.name))
    return found


def have_loaded(process: subprocess.Popen[bytes], name: str) -> bool:
    """Whether a process or one that it started has loaded a library."""
    for each in family(process):
        try:
            if name in Path(f"/proc/{each}/maps").read_text():
                return True
        except OSError:
            continue
    return False


@pytest.mark.skipif(not os.path.isdir("/proc/self"), reason="only Linux tells what a process has loaded")  # noqa: PTH112
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_interrupt_leaves_no_half_file_and_no_process(
    project: Path, stopped: list[subprocess.Popen[bytes]], jobs: str
) -> None:
    for number in range(120):
        (project / f"slow{number}.py").write_text(SLOW)
    (project / "slow0.py").write_text("lazy import newer\n" + SLOW)  # syntax for which another parser is loaded
    (project / "x.json").write_text("before")
    process = start(project, "check", "--no-cache", "--jobs", jobs, "--output-file", "json:x.json")
    stopped.append(process)
    wait_for(lambda: have_loaded(process, "libcst"))  # the first file is read now, or soon
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does it
    assert process.wait(timeout=60) == 130
    assert (project / "err").read_text().strip() == "chanlint: interrupted"  # click ends the row of ^C before it
    assert (project / "out").read_text() == ""
    assert (project / "x.json").read_text() == "before"
    assert not list(project.glob("*.tmp"))
    wait_for(lambda: family(process) == [], 20)


def test_watch_checks_again_and_ends_on_an_interrupt(project: Path, stopped: list[subprocess.Popen[bytes]]) -> None:
    pytest.importorskip("watchfiles", reason="watchfiles is not installed")
    process = start(project, "check", "--watch", ".")
    stopped.append(process)

    def rounds() -> int:
        return (project / "err").read_text().count("Ctrl-C ends it")

    wait_for(lambda: rounds() == 1)
    assert (project / "out").read_text() == FOUND
    (project / "notes.txt").write_text("not a file that could change anything")
    (project / "a.py").write_text(CLEAN)
    wait_for(lambda: rounds() == 2)
    assert (project / "out").read_text() == FOUND
    (project / "chanlint.toml").write_text("selct = 1\n")
    wait_for(lambda: rounds() == 3)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
    told = (project / "err").read_text()
    assert "1 leak in 1 file" in told and "no leaks" in told and "unknown key 'selct'" in told
    assert "Traceback" not in told


def test_watch_says_what_it_needs(project: Path) -> None:
    hidden = "import sys; sys.modules['watchfiles'] = None; from chanlint.cli import main; sys.exit(main(['check', '--watch']))"
    command = [sys.executable, "-c", hidden]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "pip install 'chanlint[watch]'" in done.stderr


# -- questions --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", [6, 10, 14])
def test_every_place_of_a_finding_explains_it(project: Path, row: int) -> None:
    done = chanlint(project, "explain", f"a.py:{row}:1")
    assert done.returncode == 0
    first, second, *rest = done.stdout.splitlines()
    assert first == "a.py:14: reported as CHN101 unclosed-channel, error, confidence high"
    assert second.strip() in FOUND
    assert "  a.py:6: channel made here" in rest and any(line.startswith("  help: ") for line in rest)


@pytest.mark.parametrize("row", [6, 10, 14, 15])
def test_a_cleared_channel_names_what_ends_it(project: Path, row: int) -> None:
    (project / "a.py").write_text(CLEAN)
    lines = chanlint(project, "explain", f"a.py:{row}").stdout.splitlines()
    assert lines[0].startswith("a.py:6: 'jobs' is not reported: ")
    assert "  a.py:15: this is where it is seen" in lines
    assert len(lines) == len(set(lines))


def test_nothing_to_explain_is_told_and_why(project: Path) -> None:
    nothing = "no channel is made, read, fed or closed in this line, as far as chanlint sees"
    assert chanlint(project, "explain", "a.py:1").stdout == f"a.py:1: {nothing}\n"
    (project / "a.py").write_text("import queue\nqueue.Queue(\n")
    first, second = chanlint(project, "explain", "a.py:1").stdout.splitlines()
    assert first == f"a.py:1: {nothing}" and second.startswith("  the file is not understood: ")
    assert chanlint(project, "explain", "a.py:2").stdout.startswith("a.py:2: reported as CHN000 unreadable-file, error")


def test_what_is_only_possible_is_explained_although_check_does_not_show_it(project: Path) -> None:
    (project / "a.py").write_text(LEAK.replace("    def work", "    import unknown\n    unknown.keep(jobs)\n\n    def work"))
    assert chanlint(project, "check").stdout == ""
    told = chanlint(project, "explain", "a.py:6").stdout
    assert "only 'chanlint check --min-confidence low' shows it" in told or "is not reported" in told
    (project / "chanlint.toml").write_text("selct = 1\n")
    assert chanlint(project, "explain", "a.py:6").returncode == 2


def test_verbose_tells_what_became_of_the_rest(project: Path) -> None:
    (project / "b.py").write_text(CLEAN)
    (project / "c.py").write_text("# chanlint: skip-file\n" + LEAK)
    told = chanlint(project, "check", "--verbose").stderr
    assert "cleared: b.py:6:12: jobs: " in told
    assert "skipped: c.py: row 1 says skip-file" in told


# -- shells -----------------------------------------------------------------------------------------------------------------


def test_shells_complete_commands_options_and_values(project: Path) -> None:
    done = shell(project, "_CHANLINT_COMPLETE=bash_complete COMP_WORDS='chanlint ex' COMP_CWORD=1 chanlint")
    assert done.stdout == "plain,explain\n"
    for name in ("bash", "zsh", "fish"):
        script = shell(project, f"_CHANLINT_COMPLETE={name}_source chanlint")
        assert script.returncode == 0 and f"_CHANLINT_COMPLETE={name}_complete" in script.stdout
    done = shell(project, "_CHANLINT_COMPLETE=bash_complete COMP_WORDS='chanlint check --min-c' COMP_CWORD=2 chanlint")
    assert done.stdout == "plain,--min-confidence\n"
    done = shell(project, "_CHANLINT_COMPLETE=bash_complete COMP_WORDS='chanlint nonsense --x' COMP_CWORD=2 chanlint")
    assert done.stdout.strip() == "" and done.stderr == ""


# -- pre-commit -------------------------------------------------------------------------------------------------------------


def hook_repository(folder: Path) -> str:
    """A repository of this tree; returns its only commit."""
    folder.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__", ".mypy_cache", "*.egg-info"))
    return commit(folder)


def commit(folder: Path) -> str:
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "--quiet", "--no-verify", "--message", "x")
    return git(folder, "rev-parse", "HEAD").strip()


def git(folder: Path, *arguments: str) -> str:
    env = environment(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_SYSTEM=os.devnull)
    done = subprocess.run(["git", *arguments], cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_pre_commit_reports_on_staged_files_only(tmp_path: Path) -> None:
    pytest.importorskip("pre_commit", reason="pre-commit is not installed")
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    revision = hook_repository(tmp_path / "hooks")
    work = tmp_path / "work"
    work.mkdir()
    hooks = "[{id: chanlint}, {id: chanlint-all, stages: [pre-push]}]"
    config = f"repos:\n  - {{repo: '{tmp_path / 'hooks'}', rev: {revision}, hooks: {hooks}}}\n"
    (work / ".pre-commit-config.yaml").write_text(config)
    (work / "old.py").write_text(LEAK)
    (work / "generated").mkdir()
    (work / "chanlint.toml").write_text('extend-exclude = ["generated"]\n')
    commit(work)
    (work / "a.py").write_text(LEAK)
    (work / "generated" / "b.py").write_text(LEAK)
    (work / "notes.txt").write_text("x")
    git(work, "add", "--all")

    def hook(*arguments: str) -> str:
        command = [sys.executable, "-m", "pre_commit", "run", "--color", "never", *arguments]
        env = environment(PRE_COMMIT_HOME=str(tmp_path / "home"), GIT_CONFIG_GLOBAL=os.devnull, PIP_NO_INPUT="1")
        done = subprocess.run(command, cwd=work, env=env, capture_output=True, text=True, timeout=400, check=False)
        if "No matching distribution" in done.stdout or "Could not find a version" in done.stdout:
            pytest.skip("pip finds no packages here")
        assert done.returncode == 1, done.stdout + done.stderr
        return done.stdout

    staged = hook()
    assert FOUND in staged and "old.py" not in staged and "generated" not in staged
    everything = hook("--hook-stage", "pre-push", "--all-files", "chanlint-all")
    assert FOUND in everything and FOUND.replace("a.py", "old.py") in everything and "generated" not in everything


# -- the action -------------------------------------------------------------------------------------------------------------


def action_script() -> str:
    """What the action's last step runs."""
    text = (ROOT / "action.yml").read_text()
    return textwrap.dedent(text.rpartition("run: |\n")[2])


def act(folder: Path, **inputs: str) -> subprocess.CompletedProcess[str]:
    values = {"PATHS": ".", "ARGS": "", "FORMAT": "github", "SARIF": "", **inputs}
    env = environment(CHANLINT=str(Path(SCRIPTS) / "chanlint"), **values)
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", action_script()]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_the_action_runs_what_its_inputs_say(project: Path) -> None:
    done = act(project)
    assert done.returncode == 1
    assert done.stdout.startswith("::error file=a.py,line=14,")
    done = act(project, PATHS="a.py chanlint.toml", ARGS="--exit-zero --select CHN1", SARIF="out.sarif", FORMAT="concise")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, FOUND.strip())
    assert json.loads((project / "out.sarif").read_text())["version"] == "2.1.0"


def test_inputs_of_the_action_cannot_add_commands(project: Path) -> None:
    for name in ("PATHS", "ARGS", "SARIF"):
        act(project, **{name: "x; touch was-run; $(touch was-run) `touch was-run`"})
    assert not (project / "was-run").exists()
