from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import pytest
import torch
from tests.training.small_runs import some_faces

from smirk3d.cli.main import main
from smirk3d.errors import OutputError, UsageError
from smirk3d.evaluation.config import EvaluationConfig, Protocol
from smirk3d.evaluation.context import EvaluationContext
from smirk3d.evaluation.methods import make_methods
from smirk3d.evaluation.protocols.landmarks import landmark_errors, regions
from smirk3d.evaluation.protocols.registry import PROTOCOLS, evaluate
from smirk3d.evaluation.report import Section, Table
from smirk3d.geometry.cameras import ndc_to_pixels, project
from smirk3d.heads.registry import load_head
from smirk3d.heads.tiny import tiny_head


def test_the_command_knows_every_protocol() -> None:
    assert get_args(Protocol) == tuple(PROTOCOLS)


def test_what_cannot_be_measured_is_refused(tmp_path: Path) -> None:
    head = tiny_head("named")
    context = EvaluationContext(
        head, make_methods(["none"], head), EvaluationConfig(), out=tmp_path
    )
    with pytest.raises(UsageError, match="no protocol 'nothing': choose from truth"):
        evaluate(context, ["nothing"])
    with pytest.raises(UsageError, match="give --renderer"):
        evaluate(context, ["landmarks", "cycle"])
    with pytest.raises(UsageError, match="no method"):
        evaluate(EvaluationContext(head, [], EvaluationConfig(), out=tmp_path), ["landmarks"])
    assert not list(tmp_path.iterdir())
    (tmp_path / "report.md").write_text("mine")
    with pytest.raises(OutputError, match="not written by smirk3d evaluate"):
        evaluate(context, ["landmarks"])
    assert (tmp_path / "report.md").read_text() == "mine"


def test_a_protocol_that_fails_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(context: EvaluationContext) -> Section:
        return Section("jitter", "About it.", [Table("One.", ["method"], [["mean"]])])

    def breaks(context: EvaluationContext) -> Section:
        raise ValueError("no \x1b[31m such\nthing")

    monkeypatch.setitem(PROTOCOLS, "landmarks", breaks)
    monkeypatch.setitem(PROTOCOLS, "jitter", measured)
    pca = tiny_head("pca")
    context = EvaluationContext(pca, make_methods(["mean"], pca), EvaluationConfig(), out=tmp_path)
    told: list[str] = []
    done = evaluate(
        context,
        ["redetection", "landmarks", "jitter"],
        failed={"mine": "damaged"},
        on_failure=lambda name, error: told.append(name),
    )
    assert told == ["redetection", "landmarks"]
    assert done.failed == {
        "mine": "damaged",
        "redetection": "head 'tiny-pca' has no named actions, which redetection compares",
        "landmarks": r"ValueError: no \x1b[31m such\nthing",
    }
    document = json.loads(done.data.read_text())
    assert document["failed"] == done.failed
    assert [section["name"] for section in document["protocols"]] == ["jitter"]
    assert r"Failed: ValueError: no \x1b[31m such\nthing" in done.report.read_text()


def test_landmark_errors_are_pixels_of_the_crop() -> None:
    head = tiny_head("named")
    truth = some_faces(head, 2)
    seen = project(head.landmarks(head(truth).vertices), truth.camera)[..., :2]
    marks = torch.zeros(2, 478, 2)
    marks[:, head.landmark_ids] = ndc_to_pixels(seen, 224) + torch.tensor([3.0, 4.0])
    torch.testing.assert_close(
        landmark_errors(head, truth, marks), torch.full((2, len(head.landmark_ids)), 5.0)
    )


def test_the_open_head_has_every_region() -> None:
    counts = {name: int(where.sum()) for name, where in regions(load_head("open")).items()}
    assert counts.pop("stable") > 300
    assert counts == {"lips": 40, "eyelids": 32, "brows": 20, "contour": 36}


def test_cheap_protocols_on_a_few_faces(made_faces: Path, tmp_path: Path) -> None:
    done = main(
        ["evaluate", "landmarks", "redetection", "--methods", "none", "mediapipe", "mean",
         "--faces", str(made_faces), "--limit", "6", "--shown", "1", "--device", "cpu",
         "--out", str(tmp_path)]
    )  # fmt: skip
    assert done == 0
    document = json.loads((tmp_path / "report.json").read_text())
    landmarks, roundtrip = document["protocols"]
    stable = {row["method"]: row["stable px"] for row in landmarks["tables"][0]["rows"]}
    assert stable["none"] < stable["mediapipe"] < stable["mean"] < 8
    correlation = {row["method"]: row["correlation"] for row in roundtrip["tables"][0]["rows"]}
    assert correlation["none"] > correlation["mean"] + 0.2
    for section in document["protocols"]:
        for picture in section["pictures"]:
            assert (tmp_path / picture).is_file()
