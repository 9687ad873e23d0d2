"""Folders of pictures and single ones, and whatever can be wrong with a picture."""

import os
import pickle

import numpy as np
import pytest
from PIL import Image

from thinshell.errors import InputError
from thinshell.pretrained.data import ItemError, open_data
from thinshell.pretrained.data.pictures import load_picture


def picture(path, size=(40, 30), colour=(200, 10, 10), mode="RGB", **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour).save(path, **how)
    return path


def test_a_flat_folder_in_the_order_of_names(tmp_path):
    for name in ("b.png", "a.jpg", "c.webp", ".hidden.png", "notes.txt"):
        if name.endswith("txt"):
            (tmp_path / name).write_text("no picture")
        else:
            picture(tmp_path / name)
    (items,) = open_data(tmp_path)
    assert [items.id(i) for i in range(len(items))] == ["a.jpg", "b.png", "c.webp"]
    assert (items.kind, items.side, items.label(0), items.pair(0)) == ("image", None, None, None)
    assert items.load(1).size == (40, 30)
    assert items.facts["n_items"] == 3
    assert items.name == f"3 pictures of {tmp_path}"


def test_class_folders_are_labels(tmp_path):
    for name in ("dog/2.png", "cat/1.png", "cat/deep/3.png"):
        picture(tmp_path / name)
    (items,) = open_data(tmp_path)
    assert [(items.id(i), items.label(i)) for i in range(3)] == [
        ("cat/1.png", "cat"), ("cat/deep/3.png", "cat"), ("dog/2.png", "dog"),
    ]  # fmt: skip
    picture(tmp_path / "loose.png")
    assert open_data(tmp_path)[0].label(0) is None


def test_one_folder_in_another_is_no_class(tmp_path):
    picture(tmp_path / "val2017" / "1.png")
    assert open_data(tmp_path)[0].label(0) is None


def test_a_single_picture(tmp_path):
    (items,) = open_data(picture(tmp_path / "one.png"))
    assert (len(items), items.id(0)) == (1, "one.png")


def test_links_that_go_round_do_not_hang(tmp_path):
    picture(tmp_path / "a.png")
    (tmp_path / "again").symlink_to(tmp_path, target_is_directory=True)
    assert len(open_data(tmp_path)[0]) == 1


def test_the_fingerprint_follows_the_files(tmp_path):
    picture(tmp_path / "a.png")
    before = open_data(tmp_path)[0].fingerprint
    assert open_data(tmp_path)[0].fingerprint == before
    picture(tmp_path / "a.png", colour=(0, 0, 0))
    os.utime(tmp_path / "a.png", ns=(1, 1))
    assert open_data(tmp_path)[0].fingerprint != before


def test_items_travel_to_workers(tmp_path):
    picture(tmp_path / "a.png")
    (items,) = open_data(tmp_path)
    again = pickle.loads(pickle.dumps(items))
    assert again.id(0) == "a.png"
    assert again.load(0).size == (40, 30)


@pytest.mark.parametrize(
    ("mode", "colour"),
    [("L", 90), ("LA", (90, 10)), ("P", 3), ("RGBA", (1, 2, 3, 0)), ("CMYK", (9, 9, 9, 9)), ("I;16", 9000), ("1", 1)],
)
def test_every_mode_becomes_rgb(mode, colour, tmp_path):
    suffix = "tif" if mode in ("CMYK", "LA") else "png"
    loaded = load_picture(picture(tmp_path / f"a.{suffix}", colour=colour, mode=mode), "a")
    assert (loaded.mode, loaded.size) == ("RGB", (40, 30))


def test_pictures_stand_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    assert load_picture(picture(tmp_path / "a.jpg", exif=exif), "a").size == (30, 40)


def bad(path):
    with pytest.raises(ItemError) as caught:
        load_picture(path, str(path))
    return str(caught.value)


def test_pictures_that_cannot_be_read(tmp_path):
    (tmp_path / "empty.png").touch()
    assert "is empty (0 bytes)" in bad(tmp_path / "empty.png")
    (tmp_path / "text.png").write_text("no picture at all")
    assert "no format that Pillow knows" in bad(tmp_path / "text.png")
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "cut.jpg")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "cut.jpg").read_bytes()[:900])
    assert "cannot be read as a picture" in bad(tmp_path / "cut.jpg")
    assert "No such file" in bad(tmp_path / "missing.png")


def test_fifty_thousand_pixels_wide(tmp_path):
    assert "50,000 x 100 pixels" in bad(picture(tmp_path / "strip.png", size=(50_000, 100), colour=0, mode="L"))
    # Large, but of a shape that can be scaled.
    assert load_picture(picture(tmp_path / "wide.png", size=(50_000, 300), colour=0, mode="L"), "wide").size == (
        50_000,
        300,
    )


def test_more_pixels_than_are_read(tmp_path):
    assert "179,000,000" not in bad(picture(tmp_path / "huge.png", size=(20_000, 9_000), colour=0, mode="1"))
    assert "178,956,970" in bad(tmp_path / "huge.png")


def test_folders_without_pictures(tmp_path):
    with pytest.raises(InputError, match="holds no pictures"):
        open_data(tmp_path)
    (tmp_path / "a.txt").write_text("text")
    with pytest.raises(InputError, match="holds no pictures"):
        open_data(tmp_path, kind="images")


def test_kinds_that_do_not_fit(tmp_path):
    picture(tmp_path / "a.png")
    (tmp_path / "odd.xyz").write_text("text")
    for path, how, words in (
        (tmp_path, {"kind": "texts"}, "needs a file"),
        (tmp_path / "odd.xyz", {}, "not known by its name"),
        (tmp_path, {"column": "text"}, "no columns"),
        (tmp_path, {"split": "test"}, "no splits"),
        (tmp_path, {"images_dir": "x"}, "no COCO"),
        (tmp_path / "nothing", {}, "is not there"),
        (tmp_path, {"kind": "image"}, "did you mean 'images'"),
    ):
        with pytest.raises(InputError, match=words):
            open_data(path, **how)
    assert len(open_data(tmp_path / "odd.xyz", kind="texts")[0]) == 1
