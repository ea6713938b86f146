from __future__ import annotations

import inspect
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import latens
from latens import persistence
from latens.cli.fit import _learned_by_heart, _still_falling
from latens.cli.settings import ESTIMATORS, SEQUENCES, parse_settings, parse_value
from latens.errors import ConfigError
from latens.history import History
from latens.models import MODELS

QUICK = ("--set", "max_epochs=1", "--set", "batch_size=256", "--device", "cpu")
SLOW_FIT = ("fit", "dataset:digits", "--set", "n_components=2", "--set", "max_epochs=6", "--set", "batch_size=16")


def tensors_of(path: Path) -> dict[str, bytes]:
    return {name: tensor.numpy().tobytes() for name, tensor in persistence.read(path).tensors.items()}


def interrupted(output: Path, number: int) -> subprocess.CompletedProcess[str]:
    """Start a fit in a process of its own, and signal it once a checkpoint is there."""
    words = [sys.executable, "-m", "latens", *SLOW_FIT, "-o", str(output), "--checkpoint-steps", "5", "--device", "cpu"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    folder = output.with_name(f"{output.name}.run")
    while process.poll() is None and not list(folder.glob("step-*.latens")):
        time.sleep(0.005)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(words, process.returncode, out, err)


class TestFit:
    def test_ends_with_the_verdict_and_what_to_do_next(self, run, tmp_path):
        output = tmp_path / "m.latens"
        outcome = run("fit", "dataset:digits", "-o", output, "--set", "max_epochs=1", "--set", "batch_size=256")
        assert (outcome.code, outcome.err) == (0, "")
        assert "exact PCA of the same size" in outcome.out or "use PCA" in outcome.out
        assert f"latens map {output} dataset:digits -o map.png" in outcome.out
        assert not output.with_name("m.latens.run").exists()

    def test_json_is_all_there_is_on_stdout(self, run, tmp_path):
        outcome = run("fit", "dataset:digits", "-o", tmp_path / "m.latens", "--set", "max_epochs=1", "--json")
        assert outcome.json["resumed_from_step"] is None
        assert outcome.json["referee"]["rows"] == "held-out"
        assert outcome.json["epochs"] == 1

    def test_quiet_says_nothing(self, run, tmp_path):
        outcome = run("fit", "dataset:digits", "-o", tmp_path / "m.latens", "--set", "max_epochs=1", "-q")
        assert (outcome.code, outcome.out, outcome.err) == (0, "", "")

    @pytest.mark.parametrize("name", sorted(set(MODELS) - set(SEQUENCES)))
    def test_every_model_has_a_name_here(self, name, fit):
        words = ("--set", "n_components=4") if name == "jigsaw" else ()  # as many numbers for each of four tiles
        assert latens.load(fit("dataset:digits", "--model", name, *words)).network_name() == name

    def test_the_names_are_those_of_the_registry(self):
        assert set(ESTIMATORS) == set(MODELS)

    def test_the_seed_and_the_settings_reach_the_estimator(self, fit):
        words = ("--seed", "7", "--set", "corruption=gaussian:0.5", "--set", "hidden=20,10", "--set", "tied=true")
        estimator = latens.load(fit("dataset:digits", *words))
        assert (estimator.random_state, estimator.hidden, estimator.tied) == (7, [20, 10], True)
        assert estimator.corruption == latens.GaussianNoise(0.5)

    def test_the_same_line_gives_the_same_tensors(self, fit):
        assert tensors_of(fit("dataset:digits", name="a.latens")) == tensors_of(fit("dataset:digits", name="b.latens"))

    def test_labels_are_carried_and_not_learned_from(self, fit, flowers):
        schema = latens.load(fit(flowers, "--labels", "species")).schema_
        assert (schema.columns, schema.label_names) == (("a", "b", "c", "d"), ("species",))

    def test_an_array_of_an_npz(self, fit, tmp_path):
        np.savez(tmp_path / "two.npz", first=np.eye(6), second=np.random.default_rng(0).normal(size=(40, 3)))
        assert latens.load(fit(tmp_path / "two.npz", "--array", "second")).n_features_in_ == 3

    def test_kind_reads_a_stack_as_images(self, fit, tmp_path):
        np.save(tmp_path / "stack.npy", np.random.default_rng(0).uniform(size=(30, 3, 4)))
        assert latens.load(fit(tmp_path / "stack.npy", "--kind", "images")).schema_.kind == "images"

    def test_tensorboard_writes_events(self, fit, tmp_path):
        pytest.importorskip("tensorboard")
        fit("dataset:digits", "--tensorboard", tmp_path / "logs")
        assert list((tmp_path / "logs").glob("events*"))

    def test_says_where_the_time_went(self, run, tmp_path):
        words = ("--set", "max_epochs=2", "--device", "cpu")
        plain = run("fit", "dataset:digits", "-o", tmp_path / "a", *words, "--json")
        outcome = run("fit", "dataset:digits", "-o", tmp_path / "b", *words, "--json", "--profile")
        spent = outcome.json["profile"]
        assert sum(spent["parts"].values()) == pytest.approx(spent["seconds"])
        assert [epoch["epoch"] for epoch in spent["epochs"]] == [1, 2]
        assert outcome.err.splitlines()[0].split() == ["where", "the", "time", "went", "seconds", "%", "an", "epoch"]
        assert "profile" not in plain.json
        assert plain.err == ""

    def test_an_output_that_exists_needs_force(self, run, fit, digits):
        before = digits.read_bytes()
        outcome = run("fit", "dataset:digits", "-o", digits)
        assert (outcome.code, outcome.out) == (1, "")
        assert outcome.err == f"latens: error: {digits}: exists; --force replaces it, --resume keeps it\n"
        assert digits.read_bytes() == before
        fit("dataset:digits", "--force", "--seed", "3", name=digits.name)
        assert digits.read_bytes() != before


class TestResume:
    def test_without_a_checkpoint_it_starts(self, run, tmp_path):
        words = ("fit", "dataset:digits", "-o", tmp_path / "m.latens", "--set", "max_epochs=1", "--resume", "--json")
        assert run(*words).json["resumed_from_step"] is None

    def test_on_a_finished_output_it_changes_nothing(self, run, digits):
        before = digits.read_bytes()
        outcome = run("fit", "dataset:digits", "-o", digits, "--resume", "--json")
        assert outcome.code == 0
        assert outcome.json["already_finished"] is True
        assert digits.read_bytes() == before
        assert "nothing was changed" in run("fit", "dataset:digits", "-o", digits, "--resume").out

    def test_keep_run_keeps_the_checkpoints(self, fit):
        output = fit("dataset:digits", "--keep-run", "--checkpoint-steps", "2")
        assert [path.name for path in sorted(output.with_name("fitted.latens.run").iterdir())] == [
            "step-000000004.latens",
            "step-000000006.latens",
        ]

    def test_ctrl_c_saves_and_the_resumed_fit_ends_with_the_same_tensors(self, run, tmp_path):
        output = tmp_path / "m.latens"
        stopped = interrupted(output, signal.SIGINT)
        assert (stopped.returncode, stopped.stdout) == (130, "")
        assert stopped.stderr.startswith("latens: interrupted at step ")
        assert "m.latens.run/step-" in stopped.stderr
        assert not output.exists()

        refused = run(*SLOW_FIT, "-o", output, "--device", "cpu")
        assert refused.code == 1
        assert "unfinished fit; continue with --resume" in refused.err

        outcome = run(*SLOW_FIT, "-o", output, "--device", "cpu", "--resume", "--json")
        assert outcome.json["resumed_from_step"] > 0
        assert not output.with_name("m.latens.run").exists()
        assert run(*SLOW_FIT, "-o", tmp_path / "whole.latens", "--device", "cpu", "-q").code == 0
        assert tensors_of(output) == tensors_of(tmp_path / "whole.latens")

    def test_sigterm_is_143_and_force_starts_anew(self, run, tmp_path, monkeypatch):
        from latens.callbacks import Checkpoints

        def save_and_die(self: Checkpoints, state: object) -> Path:
            if not killed:
                killed.append(state)
                os.kill(os.getpid(), signal.SIGTERM)
            return save(self, state)

        save, killed = Checkpoints.save, []
        words = ("fit", "dataset:digits", "-o", tmp_path / "m.latens", *QUICK, "--checkpoint-steps", 2)
        with monkeypatch.context() as patch:
            patch.setattr(Checkpoints, "save", save_and_die)
            stopped = run(*words)
        assert (stopped.code, stopped.out) == (143, "")
        assert "step-000000002.latens; continue with --resume" in stopped.err
        assert run(*words, "--force", "--json").json["resumed_from_step"] is None
        assert [path.name for path in tmp_path.iterdir()] == ["m.latens"]

    def test_a_signal_after_the_last_step_is_not_swallowed(self, run, tmp_path, monkeypatch):
        judge = latens.Autoencoder._judge

        def judge_and_die(self: latens.Autoencoder, *how: object) -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            judge(self, *how)

        words = ("fit", "dataset:digits", "-o", tmp_path / "m.latens", *QUICK)
        with monkeypatch.context() as patch:
            patch.setattr(latens.Autoencoder, "_judge", judge_and_die)
            stopped = run(*words)
        assert (stopped.code, stopped.out) == (143, "")
        assert "step-000000007.latens; continue with --resume" in stopped.err
        assert run(*words, "--resume", "--json").json["resumed_from_step"] == 7

    def test_sigterm_again_while_the_last_step_is_saved_is_143(self, run, tmp_path, monkeypatch):
        from latens.callbacks import Checkpoints

        def die(*_: object) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

        monkeypatch.setattr(latens.Autoencoder, "_judge", die)
        monkeypatch.setattr(Checkpoints, "save", die)
        stopped = run("fit", "dataset:digits", "-o", tmp_path / "m.latens", *QUICK)
        assert (stopped.code, stopped.out, stopped.err) == (143, "", "latens: stopped by SIGTERM\n")

    def test_sigterm_twice_while_the_model_is_written_is_143_and_leaves_no_half(self, run, tmp_path, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", lambda descriptor: os.kill(os.getpid(), signal.SIGTERM))
            stopped = run("fit", "dataset:digits", "-o", tmp_path / "m.latens", *QUICK)
        assert (stopped.code, stopped.out, stopped.err) == (143, "", "latens: stopped by SIGTERM\n")
        assert [path.name for path in tmp_path.iterdir()] == ["m.latens"]
        assert latens.load(tmp_path / "m.latens").n_components_ > 0

    def test_one_sigterm_while_the_model_is_written_leaves_it_whole(self, run, tmp_path, monkeypatch):
        save = latens.Autoencoder.save

        def save_and_die(self: latens.Autoencoder, path: Path) -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            save(self, path)

        words = ("fit", "dataset:digits", "-o", tmp_path / "m.latens", *QUICK)
        with monkeypatch.context() as patch:
            patch.setattr(latens.Autoencoder, "save", save_and_die)
            stopped = run(*words)
        assert (stopped.code, stopped.out) == (143, "")
        assert "step-000000007.latens; continue with --resume" in stopped.err
        assert run(*words, "--resume", "--json").json["already_finished"]

    def test_another_fit_is_not_gone_on_from(self, run, tmp_path):
        words = (
            "fit",
            "dataset:digits",
            "-o",
            tmp_path / "m.latens",
            "--set",
            "max_epochs=1",
            "--checkpoint-steps",
            "2",
        )
        assert run(*words, "--keep-run").code == 0
        (tmp_path / "m.latens").unlink()
        outcome = run(*words, "--resume", "--set", "n_components=3")
        assert outcome.code == 1
        assert "another fit" in outcome.err

    @pytest.mark.filterwarnings("always")
    def test_a_damaged_checkpoint_is_passed_over_with_one_line(self, run, tmp_path):
        output = tmp_path / "m.latens"
        words = ("fit", "dataset:digits", "-o", output, *QUICK, "--checkpoint-steps", 2)
        assert run(*words, "--keep-run").code == 0
        output.unlink()
        newest = max(output.with_name("m.latens.run").iterdir())
        newest.write_bytes(newest.read_bytes()[:-10])
        outcome = run(*words, "--resume", "--json")
        assert outcome.json["resumed_from_step"] == 4
        assert outcome.err.startswith("latens: warning: skipped a checkpoint")
        assert outcome.err.count("\n") == 1

    @pytest.mark.parametrize("words", [(), ("--force",), ("--resume",)])
    def test_a_folder_with_a_checkpoint_s_name_is_left_alone(self, run, tmp_path, words):
        folder = tmp_path / "m.latens.run" / "step-000000001.latens"
        folder.mkdir(parents=True)
        outcome = run("fit", "dataset:digits", "-o", tmp_path / "m.latens", *QUICK, "--checkpoint-steps", 2, *words)
        assert (outcome.code, outcome.err) == (0, "")
        assert [path.name for path in (tmp_path / "m.latens.run").iterdir()] == [folder.name]

    def test_a_checkpoint_that_cannot_be_removed(self, run, tmp_path, monkeypatch):
        def refuse(path: Path, **how: bool) -> None:
            raise PermissionError(1, "Operation not permitted")

        (tmp_path / "m.latens.run").mkdir()
        (tmp_path / "m.latens.run" / "step-000000001.latens").touch()
        monkeypatch.setattr(Path, "unlink", refuse)
        outcome = run("fit", "dataset:digits", "-o", tmp_path / "m.latens", *QUICK, "--force")
        assert outcome.code == 1
        assert ".latens: cannot be removed (Operation not permitted); choose another output" in outcome.err

    def test_two_fits_do_not_share_a_folder(self, run, tmp_path):
        import fcntl

        (tmp_path / "m.latens.run").mkdir()
        with (tmp_path / "m.latens.run" / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            outcome = run("fit", "dataset:digits", "-o", tmp_path / "m.latens")
        assert outcome.code == 1
        assert "another fit is writing there" in outcome.err


class TestSettings:
    @pytest.mark.parametrize("estimator", [latens.Autoencoder, latens.LinearAutoencoder, latens.ConvAutoencoder])
    def test_every_argument_can_be_named(self, estimator):
        defaults = {name: p.default for name, p in inspect.signature(estimator).parameters.items()}
        words = [
            f"{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in defaults.items()
        ]
        assert parse_settings(words, defaults) == defaults

    @pytest.mark.parametrize(
        ("text", "value"),
        [("[500, 250]", [500, 250]), ("null", None), ("-1e-3", -0.001), ("3,x", "3,x"), ("", ""), ("a=b", "a=b")],
    )
    def test_values(self, text, value):
        assert parse_value(text) == value

    def test_one_hidden_layer(self):
        assert parse_settings(["hidden=250"], {"hidden": "taper"}) == {"hidden": [250]}

    def test_a_switch_is_true_or_false(self):
        with pytest.raises(ConfigError, match="tied='perhaps' is neither true nor false; use --set tied=true"):
            parse_settings(["tied=perhaps"], {"tied": False})


def test_the_process_environment_is_left_alone(run, tmp_path):
    before = dict(os.environ), signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    run("fit", "dataset:digits", "-o", tmp_path / "m.latens", "--set", "max_epochs=1", "-q")
    assert (dict(os.environ), signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


@pytest.mark.parametrize(
    ("losses", "advice"),
    [
        ((1.0, 0.5), ["the loss still fell by 50 % in the last epoch; more may gain: --set max_epochs=4"]),
        ((1.0, 0.99), []),
        ((1.0, 1.5), []),
        ((1.0,), []),
        ((), []),
        ((0.0, 0.0), []),
        ((-1.0, -1.58), []),
        ((0.5, -0.5), []),
    ],
)
def test_says_that_the_loss_was_still_falling(losses, advice):
    assert _still_falling(History({"train_loss": losses})) == advice


def test_says_that_rows_were_learned_by_heart():
    columns = {"epoch": (1, 2, 3), "validation_loss": (3.0, 2.1, 4.02)}
    (advice,) = _learned_by_heart(History(columns))
    assert advice.startswith("the held-out loss was least after epoch 2 (2.1) and ended at 4.02: rows were learned by")
    for losses in ((3.0, 2.1, 2.15), (3.0, 2.1, 2.0), (-1.0, -2.0, 1.0)):
        assert _learned_by_heart(History(columns | {"validation_loss": losses})) == []
    assert _learned_by_heart(History({"epoch": (1,), "train_loss": (0.5,)})) == []
