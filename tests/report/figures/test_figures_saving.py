import hashlib
import json
import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from thinshell.errors import InputError, InputTypeError
from thinshell.report.figures import check_figures, save_figures

matplotlib = pytest.importorskip("matplotlib")

NAMES = [
    "norms", "coordinates", "directions", "spectrum", "cosines", "sample_size", "worst_coordinate",
    "worst_coordinate_quantiles",
]  # fmt: skip
# In a process of its own: hashes of strings, and with them the order of sets, differ from one to the next.
PROGRAM = """
import json, sys
from thinshell.report.figures import save_figures
save_figures(json.load(open(sys.argv[1])), sys.argv[2])
"""


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_every_panel_in_every_format(pictured, tmp_path):
    import matplotlib.image

    folder = tmp_path / "new" / "figures"
    paths = save_figures(pictured, folder)
    assert [path.name for path in paths] == [f"{name}.{kind}" for name in NAMES for kind in ("pdf", "svg", "png")]
    assert sorted(folder.iterdir()) == sorted(paths)
    for path in paths:
        if path.suffix == ".pdf":
            content = path.read_bytes()
            assert content.startswith(b"%PDF-")
            assert b"/CreationDate" not in content
            assert b"/FontFile2" in content  # TrueType, embedded
            assert b"/Type3" not in content
        elif path.suffix == ".svg":
            root = ElementTree.parse(path).getroot()
            assert root.tag == "{http://www.w3.org/2000/svg}svg"
            assert root.get("width") == f"{3.4 * 72:g}pt"
        else:
            height, width, _ = matplotlib.image.imread(path).shape
            assert (width, height) == (1020, 810)


def test_text_in_an_svg_is_text(pictured, tmp_path):
    pictured["coordinates"]["names"][1] = "<script>alert(1)</script>"
    paths = save_figures(pictured, tmp_path, formats=["svg"])
    texts = [
        "".join(element.itertext())
        for element in ElementTree.parse(next(p for p in paths if p.stem == "coordinates")).getroot().iter()
        if element.tag.endswith("}text")
    ]
    assert "<script..script>" in texts
    assert "excess kurtosis of all 10,000 rows" in texts
    assert all(b"<script" not in path.read_bytes() for path in paths)


def test_same_bytes_in_another_process(pictured, tmp_path):
    few = {key: pictured[key] for key in ("schema", "n_samples", "norms", "paper", "coordinates", "shape")}
    (tmp_path / "result.json").write_text(json.dumps(few))
    save_figures(few, tmp_path / "here")
    program = [sys.executable, "-c", PROGRAM, tmp_path / "result.json", tmp_path / "there"]
    subprocess.run(program, env=os.environ | {"PYTHONHASHSEED": "1"}, check=True)
    assert digests(tmp_path / "there") == digests(tmp_path / "here")


def test_settings_are_left_alone(pictured, tmp_path):
    with matplotlib.rc_context({"font.size": 31.0, "svg.fonttype": "path"}):
        before = dict(matplotlib.rcParams)
        save_figures(pictured, tmp_path / "mine", formats=["svg"])
        assert dict(matplotlib.rcParams) == before
    save_figures(pictured, tmp_path / "plain", formats=["svg"])
    assert digests(tmp_path / "mine") == digests(tmp_path / "plain")


def test_panels_that_are_not_there_are_left_out(pictured, tmp_path):
    pictured["norms"] = {"applicable": False, "reason": "rows of length 1"}
    pictured["directions"] = pictured["sample_size"] = None
    pictured["coordinates"]["shapes"] = None
    paths = save_figures(pictured, tmp_path, formats=["png", "png"])
    assert [path.name for path in paths] == ["coordinates.png", "spectrum.png", "cosines.png"]
    with pytest.raises(InputError, match="result holds nothing to draw"):
        save_figures({"schema": "thinshell/diagnosis/1"}, tmp_path)


def test_comparison_and_training(pictured_comparison, training, tmp_path):
    paths = save_figures(pictured_comparison, tmp_path, formats=["svg"])
    assert [path.stem for path in paths] == NAMES[:6]
    paths = save_figures(training, tmp_path / "run", formats=["svg"])
    assert [path.stem for path in paths] == ["loss", "cv", "ad_avg", "ad_normal_share"]


def test_a_sign_that_the_font_lacks_is_no_obstacle(pictured_comparison, tmp_path):
    pictured_comparison["names"] = ["向量.npy", "b"]
    assert save_figures(pictured_comparison, tmp_path, formats=["png"])


def test_all_files_or_none(pictured, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    (tmp_path / "norms.svg").write_text("older")
    real, calls = Figure.savefig, []

    def failing(self, *args, **options):
        calls.append(1)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        return real(self, *args, **options)

    monkeypatch.setattr(Figure, "savefig", failing)
    with pytest.raises(InputError, match=r"directions\.svg could not be written \(No space left on device\)"):
        save_figures(pictured, tmp_path, formats=["svg"])
    assert [path.name for path in tmp_path.iterdir()] == ["norms.svg"]
    assert (tmp_path / "norms.svg").read_text() == "older"


def test_bad_input(pictured, tmp_path, monkeypatch):
    with pytest.raises(InputError, match="formats must be one of 'pdf', 'png', 'svg', got 'pgn'; did you mean 'png'"):
        save_figures(pictured, tmp_path, formats=["pdf", "pgn"])
    with pytest.raises(InputError, match=r"formats must be a list such as \['pdf', 'png'\], got 'pdf'"):
        save_figures(pictured, tmp_path, formats="pdf")
    with pytest.raises(InputError, match=r"result must have one of the schemas thinshell/diagnosis/1,.*got 'other/1'"):
        save_figures({"schema": "other/1"}, tmp_path)
    with pytest.raises(InputTypeError, match=r"result must be a mapping.*got str; give result.to_dict\(\)"):
        save_figures("result.json", tmp_path)
    (tmp_path / "file").write_text("")
    for place in ("file", "file/below"):
        with pytest.raises(InputError, match=rf"{place} cannot be made \(.*file is a file\); choose another place"):
            save_figures(pictured, tmp_path / place)
    with pytest.raises(InputError, match="cannot be made"):
        save_figures(pictured, tmp_path / ("long" * 100))
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(InputError, match="is not writable; choose another place"):
        save_figures(pictured, tmp_path)


def test_mistakes_are_found_before_the_work(tmp_path, monkeypatch):
    check_figures(tmp_path / "a" / "b", ("png",))
    assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="formats must be one of"):
        check_figures(tmp_path, ("gif",))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match="figures need matplotlib"):
        check_figures(tmp_path)
