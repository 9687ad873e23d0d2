"""Table 2: pretrained models, their embeddings as they are, normalised and whitened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thinshell.errors import InputError
from thinshell.experiments.experiment import Choice, Comparison, Experiment, Picture, Table
from thinshell.experiments.published import paper_values
from thinshell.experiments.settings import as_plain
from thinshell.experiments.table1 import KINDS, LABELS, TOLERANCES
from thinshell.experiments.table2_pictures import draw_cosines, draw_radii
from thinshell.experiments.tabulate import shown
from thinshell.report.numbers import fixed

if TYPE_CHECKING:
    from thinshell.experiments.context import Context, Part

__all__ = ["TABLE2", "PretrainedSettings"]

_NUMBERS = ("ad_avg", "ad_normal_share", "dp_avg", "dp_normal_share")
_FORMS = {"none": "raw", "l2": "normalised", "whiten": "whitened"}
# Where Figure 6 prints a CV for the model.
_CV = {"clip-image-coco": ("clip", 0), "clip-text-coco": ("clip", 1), "dino-coco": ("dino", None)} | {
    "resnet34-supervised-coco": ("supervised", 0),
    "densenet-supervised-coco": ("supervised", 1),
}


@dataclass(frozen=True)
class PretrainedSettings:
    """One row of the table.

    Attributes
    ----------
    model : str
        As for ``thinshell embed``.
    data : str
        Below ``--data-dir``.
    side : {"image", "text"}
        What is embedded.
    pattern : str
        Of the names of pictures; empty for all.
    pooling : str
        As for ``thinshell embed``.
    limit : int
        Items, 0 for all.
    samples_per_test, repeats : int
        Of the paper protocol.
    """

    model: str
    data: str
    side: str = "image"
    pattern: str = ""
    pooling: str = "auto"
    limit: int = 0
    samples_per_test: int = 250
    repeats: int = 20


_COCO, _SKETCHES = "annotations/captions_val2017.json", "imagenet-r"
_COCO_ITEMS = 5000
_CLIP = "hf:openai/clip-vit-large-patch14"
SETTINGS = {
    "resnet34-supervised-coco": PretrainedSettings("hf:microsoft/resnet-34", _COCO),
    "densenet-supervised-coco": PretrainedSettings("timm:densenet121.tv_in1k", _COCO),
    "dino-coco": PretrainedSettings("hf:facebook/dino-vitb16", _COCO),
    "clip-image-coco": PretrainedSettings(_CLIP, _COCO),
    "clip-text-coco": PretrainedSettings(_CLIP, _COCO, side="text"),
    "clip-image-sketch": PretrainedSettings(_CLIP, _SKETCHES, pattern="sketch_*"),
    "clip-image-painting": PretrainedSettings(_CLIP, _SKETCHES, pattern="painting_*"),
}
_GET = {
    _COCO: "curl -LO http://images.cocodataset.org/zips/val2017.zip and "
    "http://images.cocodataset.org/annotations/annotations_trainval2017.zip, both unpacked there",
    _SKETCHES: "curl -LO https://people.eecs.berkeley.edu/~hendrycks/imagenet-r.tar, unpacked there",
}


def _run(settings: Mapping[str, PretrainedSettings], context: Context) -> dict[str, Any]:
    rows: dict[str, Any] = {}
    absent: dict[str, str] = {}
    ready: dict[str, Any] = {}
    for name, one in settings.items():
        try:
            ready[name] = _prepared(one, context.data_dir)
        except InputError as error:
            absent[name] = f"{error}" + _command(one)
    if not ready:
        first = next(iter(absent.values()))
        raise InputError(f"none of the models and data of table2 is here; the first: {first}")
    context.plan({name: float(_count(items, settings[name])) for name, (items, _) in ready.items()})
    for name, (items, facts) in ready.items():
        one = settings[name]
        asked = as_plain(one) | {"data_fingerprint": items.fingerprint, "weights": facts["weights"]}
        rows[name] = context.part(name, asked, partial(_row, name, one, items, context))
    return {"rows": rows, "absent": absent}


def _prepared(one: PretrainedSettings, data_dir: Path | None) -> tuple[Any, dict[str, Any]]:
    """Return the items and the model's facts, or raise InputError with what is missing."""
    from thinshell.pretrained import load_pretrained, open_data
    from thinshell.pretrained.data.folder import FolderItems

    if data_dir is None:
        raise InputError("table2 needs --data-dir, the folder with annotations, val2017 and imagenet-r")
    place = data_dir / one.data
    found = open_data(place, captions="first") if place.suffix == ".json" else open_data(place)
    items = next((items for items in found if items.kind == one.side), None)
    if items is None:
        raise InputError(f"{place} holds no {one.side}s")
    if one.pattern:
        if not isinstance(items, FolderItems):
            raise InputError(
                f"pattern {one.pattern!r} is for the file names of a folder, and {place} is none; leave it empty"
            )
        items = items.matching(one.pattern)
    # Nothing is fetched behind a person's back: the weights of CLIP alone are 1.7 GB.
    return items, load_pretrained(one.model, one.side, pooling=one.pooling, offline=True).facts


def _command(one: PretrainedSettings) -> str:
    return f"; data: {_GET[one.data]}" if one.data in _GET else ""


def _count(items: Any, one: PretrainedSettings) -> int:
    return min(len(items), one.limit) if one.limit else len(items)


def _row(name: str, one: PretrainedSettings, items: Any, context: Context, part: Part) -> dict[str, Any]:
    """Embed, keep the rows beside the parts, and diagnose them in three forms."""
    import numpy as np

    from thinshell.diagnosis import diagnose
    from thinshell.pretrained import embed

    out = context.runs / f"{name}.npy"
    out.parent.mkdir(parents=True, exist_ok=True)
    made = embed(
        one.model, [items], out, pooling=one.pooling, limit=one.limit or None, device=context.device,
        on_error="skip", offline=True, overwrite=True,
        progress=lambda done, total: context.tell(name, done / total),
    )  # fmt: skip
    rows = np.load(out, allow_pickle=False)
    how: dict[str, Any] = {"samples_per_test": one.samples_per_test, "repeats": one.repeats, "seed": context.seed}
    forms = {form: _kept(diagnose(rows, normalize=form, **how).to_dict()) for form in ("none", "l2")}
    why = None
    try:
        forms["whiten"] = _kept(diagnose(rows, normalize="whiten", **how).to_dict())
    except InputError as error:  # fewer rows than dimensions, or repeated features
        why = str(error)
    return {
        "n_rows": made.n_rows,
        "n_features": made.n_features,
        "n_skipped": len(made.skipped),
        "model": made.facts["models"][0],
        "data": made.facts["data"][0],
        "forms": forms,
        "not_whitened": why,
    }


def _kept(result: Mapping[str, Any]) -> dict[str, Any]:
    paper, norms, sphere = result["paper"], result["norms"], result["sphere"]
    return {
        **{number: paper[number] for number in _NUMBERS},
        "verdict": paper["verdict"],
        "cv": norms.get("cv"),
        "cv_gaussian": norms.get("cv_reference"),
        "norm_histogram": norms.get("histogram"),
        "negative_cosine": {key: (sphere["cosine"] or {}).get(key) for key in ("mean", "std", "histogram")},
    }


def _comparisons(results: Mapping[str, Any]) -> list[Comparison]:
    """Each number beside the paper's, unnormalised and normalised; judged where model and data are the paper's."""
    printed, found = paper_values()["table2"]["columns"], []
    for name, row in results["rows"].items():
        same = _is_papers(name, row)
        for form, paper_form in (("none", "raw"), ("l2", "l2")):
            where = f"{printed[name]['label']}, {_FORMS[form]}"
            for number in _NUMBERS:
                ours, theirs = row["forms"][form][number], printed[name][paper_form][number]
                allowed = TOLERANCES[number] if same else None
                found.append(Comparison(where, LABELS[number], ours, theirs, allowed, None, KINDS[number]))
        if name in _CV:
            key, place = _CV[name]
            value = paper_values()["fig6"]["cv"][key]
            theirs = value if place is None else value[place]
            allowed = TOLERANCES["cv"] if same else None
            where = f"{printed[name]['label']}, raw"
            found.append(Comparison(where, "CV (Figure 6)", row["forms"]["none"]["cv"], theirs, allowed, None, "cv"))
    return found


def _is_papers(name: str, row: Mapping[str, Any]) -> bool:
    """Whether model and data are the paper's: its model, all of the data, and the 5,000 of MS-COCO's validation set."""
    n_items = row["data"]["n_items"]
    if row["n_rows"] + row["n_skipped"] < n_items or (name.endswith("-coco") and n_items != _COCO_ITEMS):
        return False
    # DINO ViT-B/32 was never released, and which DenseNet the paper took it does not say.
    named = SETTINGS[name].model
    return row["model"]["model"] == named and name not in ("dino-coco", "densenet-supervised-coco")


def _tables(results: Mapping[str, Any]) -> list[Table]:
    tables = [_forms_table(results), _cosine_table(results)]
    if results["absent"]:
        labels = paper_values()["table2"]["columns"]
        rows = [[labels[name]["label"], why] for name, why in results["absent"].items()]
        tables.append(Table("Not here", ["row", "what is missing"], rows))
    return tables


def _forms_table(results: Mapping[str, Any]) -> Table:
    labels = paper_values()["table2"]["columns"]
    rows = [
        [
            labels[name]["label"] if form == "none" else "",
            words,
            *(shown(row["forms"][form][number], KINDS[number]) for number in _NUMBERS),
            shown(row["forms"][form]["cv"], "cv"),
            shown(row["forms"][form]["cv_gaussian"], "cv"),
            row["forms"][form]["verdict"].replace("_", " "),
        ]
        for name, row in results["rows"].items()
        for form, words in _FORMS.items()
        if form in row["forms"]
    ]
    notes = [
        f"{labels[name]['label']}: {row['model']['model']}, layer {row['model']['layer']}, pooling "
        f"{row['model']['pooling']}; {row['n_rows']:,} x {row['n_features']:,}, {row['data']['name']}, "
        f"{row['n_skipped']:,} left out"
        for name, row in results["rows"].items()
    ]
    notes += [
        f"{labels[name]['label']}: {row['not_whitened']}"
        for name, row in results["rows"].items()
        if row["not_whitened"]
    ]
    header = ["", "", *(LABELS[number] for number in _NUMBERS), "CV", "CV of a Gaussian", "verdict"]
    return Table("Before and after", header, rows, notes)


def _cosine_table(results: Mapping[str, Any]) -> Table:
    labels = paper_values()["table2"]["columns"]
    rows = []
    for name, row in results["rows"].items():
        cells = [labels[name]["label"], fixed(row["n_features"] ** -0.5, 3)]
        for form in ("none", "whiten"):
            cosine = row["forms"].get(form, {}).get("negative_cosine", {"mean": None, "std": None})
            cells += [fixed(cosine["mean"], 3), fixed(cosine["std"], 3)]
        rows.append(cells)
    header = ["", "1 / sqrt(d)", "mean, raw", "spread, raw", "mean, whitened", "spread, whitened"]
    note = "Uniform directions have mean 0 and spread 1 / sqrt(d)."
    return Table("Cosines of negative pairs before and after whitening (Figures 9 and 10)", header, rows, [note])


def _quick() -> dict[str, PretrainedSettings]:
    return {name: replace(one, limit=512, repeats=5) for name, one in SETTINGS.items()}


TABLE2 = Experiment(
    name="table2",
    summary="pretrained models on MS-COCO and ImageNet-R, as they are, normalised and whitened",
    place="Table 2",
    settings=SETTINGS,
    quick=_quick(),
    run=_run,
    comparisons=_comparisons,
    tables=_tables,
    pictures=(Picture("radii", (9.0, 6.0), draw_radii), Picture("cosines", (9.0, 6.0), draw_cosines)),
    columns=tuple(SETTINGS),
    default_columns=tuple(SETTINGS),
    choices=(
        Choice(
            "dino-coco.model", "the paper names DINO ViT-B/32, of which no release is known; ViT-B/16 is the nearest"
        ),
        Choice("densenet-supervised-coco.model", "the paper names no size; 121 layers are the usual DenseNet"),
        Choice("clip-image-coco.pooling", "the projection, which the contrastive loss sees; the paper says last layer"),
        Choice("clip-text-coco.samples_per_test", "what the same group states in later work"),
        Choice("clip-text-coco.repeats", "averages of about 20 tests give the shares that the paper prints"),
    ),
    notes=(
        "Of each picture the caption with the smallest number is embedded: 5,000 pictures, 5,000 captions.",
        "Models are taken from this machine only; what is missing is listed with the command that gets it, and the "
        "same command with --resume goes on.",
        "Another model or folder: --set clip-image-coco.model=FOLDER --set clip-image-coco.data=FOLDER.",
    ),
)
