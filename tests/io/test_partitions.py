"""Parts of several files, and files that are left out."""

import numpy as np
import pytest

from thinshell.errors import InputError
from thinshell.io import open_each, open_source
from thinshell.io.joined import PART_ROWS


def files(folder, *lengths):
    paths = []
    for number, length in enumerate(lengths):
        paths.append(str(folder / f"part-{number}.npy"))
        np.save(paths[-1], np.full((length, 2), number, np.float32))
    return paths


def test_neighbouring_files_are_joined_until_there_are_enough_rows(tmp_path):
    paths = files(tmp_path, PART_ROWS, 10, PART_ROWS - 10, PART_ROWS - 1, 1, 7)
    parts = open_source(paths).partitions()
    assert [part.paths for part in parts] == [
        (paths[0],),
        (paths[1], paths[2]),
        (paths[3], paths[4]),
        (paths[5],),
    ]
    assert [part.n_samples for part in parts] == [PART_ROWS, PART_ROWS, PART_ROWS, 7]


def test_one_file_is_one_part_however_long(tmp_path):
    source = open_source(files(tmp_path, 3 * PART_ROWS))
    assert source.partitions() == [source]


def test_text_files_stay_alone(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.csv").write_text("1,2\n3,4\n")
    assert len(open_source(tmp_path / "*.csv").partitions()) == 3


def test_without(tmp_path):
    paths = files(tmp_path, 3, 4, 5)
    source = open_source(paths)
    rest = source.without(paths[1])
    assert rest is not None
    assert rest.paths == (paths[0], paths[2])
    last = rest.without(paths[0])
    assert last is not None
    assert last.n_samples == 5
    assert last.without(paths[2]) is None
    assert last.without(paths[0]) is last


def test_an_error_names_its_file_among_several(tmp_path):
    paths = files(tmp_path, 30, 40)
    source = open_source(paths)
    with open(paths[1], "r+b") as file:
        file.truncate(200)
    with pytest.raises(InputError) as caught:
        list(source.blocks())
    assert caught.value.path == paths[1]


def test_bad_files_are_left_out_when_asked(tmp_path):
    paths = files(tmp_path, 3, 4)
    (tmp_path / "bad.npy").write_bytes(b"nothing")
    names = [paths[0], str(tmp_path / "bad.npy"), str(tmp_path / "gone.npy"), paths[1]]
    sources, skipped = open_each(names, skip_bad=True)
    assert [source.n_samples for source in sources] == [3, 4]
    assert [path for path, _ in skipped] == names[1:3]
    source = open_source(names, skip_bad=True)
    assert source.n_samples == 7
    assert sum("left out" in notice for notice in source.notices) == 2
    with pytest.raises(InputError, match=r"bad\.npy"):
        open_source(names)
    with pytest.raises(InputError, match=r"gone\.npy does not exist"):
        open_source(names[2], skip_bad=True)
