"""reproduce table2 on small models and a small data set in the real formats."""

import json

import numpy as np
import pytest
from PIL import Image

import thinshell as ts
from thinshell.cli import main
from thinshell.errors import InputError
from thinshell.experiments import reproduce
from thinshell.experiments.table2 import TABLE2

N = 40
COCO_ROWS = ("resnet34-supervised-coco", "dino-coco", "clip-image-coco", "clip-text-coco")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """MS-COCO and ImageNet-R as they are unpacked, with 40 pictures each."""
    root, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    words = ["the cat sits", "a dog runs", "blue bird flies", "red tree under river"]
    images, notes = [], []
    (root / "annotations").mkdir()
    (root / "val2017").mkdir()
    for i in range(N):
        image = Image.fromarray(rng.integers(0, 256, (24, 32, 3), dtype=np.uint8))
        image.save(root / "val2017" / f"{i:012}.jpg")
        images.append({"id": i, "file_name": f"{i:012}.jpg"})
        notes += [
            {"id": 2 * i + k, "image_id": i, "caption": " ".join(words[(i + j) % 4] for j in range(k + 1))}
            for k in (0, 1)
        ]
        for kind in ("sketch", "painting"):
            folder = root / "imagenet-r" / f"n{i % 4:08}"
            folder.mkdir(parents=True, exist_ok=True)
            image.save(folder / f"{kind}_{i}.jpg")
    (root / "annotations" / "captions_val2017.json").write_text(json.dumps({"images": images, "annotations": notes}))
    return root


@pytest.fixture
def small(tiny):
    """The paper's rows with the small models in place of the large ones."""
    models = dict(zip(COCO_ROWS, ("resnet", "vit", "clip", "clip"), strict=True))
    models |= {"clip-image-sketch": "clip", "clip-image-painting": "clip"}
    return {f"{row}.model": str(tiny[model]) for row, model in models.items()}


def test_rows_that_are_there_and_those_that_are_not(data, small, tmp_path):
    result = reproduce("table2", out=tmp_path, data_dir=data, settings=small)
    rows = result["results"]["rows"]
    assert list(rows) == [*COCO_ROWS, "clip-image-sketch", "clip-image-painting"]
    assert list(result["results"]["absent"]) == ["densenet-supervised-coco"]
    assert "timm" in result["results"]["absent"]["densenet-supervised-coco"]
    assert {row["n_rows"] for row in rows.values()} == {N}
    assert [row["n_features"] for row in rows.values()] == [16, 32, 24, 24, 24, 24]
    embedded = np.load(tmp_path / "table2" / "runs" / "clip-text-coco.npy")
    for form, numbers in rows["clip-text-coco"]["forms"].items():
        paper = ts.diagnose(embedded, normalize=form).to_dict()["paper"]
        assert {name: numbers[name] for name in ("ad_avg", "dp_avg")} == {
            name: paper[name] for name in ("ad_avg", "dp_avg")
        }
    assert "full rank" in rows["resnet34-supervised-coco"]["not_whitened"]
    # Nothing is judged where the model is not the paper's.
    assert {one["within"] for one in result["comparisons"]} == {None}
    assert len(result["comparisons"]) == 6 * 8 + 4
    text = (tmp_path / "table2" / "table.md").read_text()
    for words in ("Before and after", "Not here", "Cosines of negative pairs", "CLIP text (MS-COCO val)"):
        assert words in text
    assert (tmp_path / "table2" / "radii.png").stat().st_size > 10_000
    assert (tmp_path / "table2" / "cosines.png").stat().st_size > 10_000


def test_what_is_complete_is_kept(data, small, tmp_path):
    one = {
        "columns": ["clip-text-coco"],
        "data_dir": data,
        "settings": {"clip-text-coco.model": small["clip-text-coco.model"]},
    }
    first = reproduce("table2", out=tmp_path, **one)
    again = reproduce("table2", out=tmp_path, resume=True, **one)
    assert first["results"] == again["results"]


def test_nothing_is_there(tmp_path, capsys):
    with pytest.raises(InputError, match=r"none of the models and data of table2 is here.*--data-dir"):
        reproduce("table2", out=tmp_path / "a")
    assert main(["reproduce", "table2", "--data-dir", str(tmp_path), "--out", str(tmp_path / "b")]) == 2
    error = capsys.readouterr().err
    assert "val2017.zip" in error
    assert error.count("\n") == 1


def test_models_that_are_missing_name_the_command(data, tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(InputError, match="hf download facebook/dino-vitb16"):
        reproduce("table2", out=tmp_path, data_dir=data, columns=["dino-coco"])


@pytest.mark.parametrize(
    ("changes", "judged"),
    [({}, True), ({"n_rows": 512}, False), ({"n_items": 4000, "n_rows": 4000}, False), ({"model": "other"}, False)],
)
def test_only_the_papers_model_on_all_its_data_is_judged(changes, judged):
    numbers = {"n_items": 5000, "n_rows": 5000, "model": "hf:openai/clip-vit-large-patch14"} | changes
    form = {"ad_avg": 0.47, "ad_normal_share": 0.97, "dp_avg": 0.42, "dp_normal_share": 1.0, "cv": 0.055}
    row = {
        "model": {"model": numbers["model"]},
        "data": {"n_items": numbers["n_items"]},
        "n_rows": numbers["n_rows"],
        "n_skipped": 0,
        "forms": {"none": form, "l2": form},
    }
    found = TABLE2.comparisons({"rows": {"clip-image-coco": row}, "absent": {}})
    assert {one.tolerance is not None for one in found} == {judged}
