"""COCO captions, CIFAR-10 and folders that the library datasets saved."""

import io
import json
import pickle

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from thinshell.errors import InputError
from thinshell.pretrained.data import ItemError, open_data


def coco_file(path, **changes):
    images = [{"id": 30, "file_name": "c.jpg"}, {"id": 10, "file_name": "a.jpg"}]
    notes = [
        {"id": 5, "image_id": 10, "caption": "a cat"},
        {"id": 9, "image_id": 30, "caption": "a dog"},
        {"id": 2, "image_id": 10, "caption": "the cat"},
        {"id": 7, "image_id": 30, "caption": " "},
    ]
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"info": {}, "images": images, "annotations": notes} | changes))
    return path


@pytest.fixture
def coco(tmp_path):
    """Annotations beside the folder of the pictures, as the archives unpack."""
    (tmp_path / "val2017").mkdir()
    for name in ("a.jpg", "c.jpg"):
        Image.new("RGB", (20, 10)).save(tmp_path / "val2017" / name)
    return coco_file(tmp_path / "annotations" / "captions_val2017.json")


def test_coco_has_two_sides(coco):
    pictures, captions = open_data(coco)
    assert (pictures.kind, pictures.side, captions.kind, captions.side) == ("image", "image", "text", "text")
    assert [(pictures.id(i), pictures.pair(i)) for i in range(2)] == [("30", 30), ("10", 10)]
    assert [(captions.id(i), captions.pair(i)) for i in range(4)] == [("7", 30), ("9", 30), ("2", 10), ("5", 10)]
    assert pictures.load(0).size == (20, 10)
    assert captions.load(2) == "the cat"
    with pytest.raises(ItemError, match="annotation 7 is empty"):
        captions.load(0)
    assert pickle.loads(pickle.dumps(captions)).load(1) == "a dog"


def test_the_first_caption_of_each_picture(coco):
    captions = open_data(coco, captions="first")[1]
    assert [captions.id(i) for i in range(len(captions))] == ["7", "2"]
    assert captions.facts["captions"] == "first"


def test_where_the_pictures_lie(coco, tmp_path):
    elsewhere = (tmp_path / "val2017").rename(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="--images-dir"):
        open_data(coco)
    assert open_data(coco, images_dir=elsewhere)[0].load(0).size == (20, 10)
    with pytest.raises(InputError, match="must be a folder"):
        open_data(coco, images_dir=tmp_path / "nothing")
    (elsewhere / "c.jpg").unlink()
    with pytest.raises(ItemError, match=r"c\.jpg cannot be read"):
        open_data(coco, images_dir=elsewhere)[0].load(0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"annotations": []}, "holds no captions"),
        ({"images": []}, "at least one image"),
        ({"images": [{"id": 1}]}, "no annotation file of COCO captions"),
        ({"annotations": [{"id": 1, "image_id": 99, "caption": "x"}]}, "image 99"),
    ],
)
def test_files_that_are_not_cocos(changes, words, tmp_path):
    with pytest.raises(InputError, match=words):
        open_data(coco_file(tmp_path / "a.json", **changes))


def test_captions_must_be_all_or_first(coco):
    with pytest.raises(InputError, match="captions must be one of"):
        open_data(coco, captions="last")


def records(labels, seed):
    rng = np.random.default_rng(seed)
    return np.column_stack([labels, rng.integers(0, 256, (len(labels), 3072))]).astype(np.uint8)


@pytest.fixture
def cifar(tmp_path):
    """A small data set in the official layout."""
    folder = tmp_path / "cifar-10-batches-bin"
    folder.mkdir()
    for number in range(1, 6):
        (folder / f"data_batch_{number}.bin").write_bytes(records([number, 0], number).tobytes())
    (folder / "test_batch.bin").write_bytes(records([3, 9, 0], 0).tobytes())
    return tmp_path


def test_cifar10(cifar):
    (items,) = open_data(cifar)
    assert [(items.id(i), items.label(i)) for i in range(3)] == [
        ("test/0", "cat"),
        ("test/1", "truck"),
        ("test/2", "airplane"),
    ]
    pixels = np.asarray(items.load(1)).transpose(2, 0, 1).ravel()
    np.testing.assert_array_equal(pixels, records([3, 9, 0], 0)[1, 1:])
    (train,) = open_data(cifar / "cifar-10-batches-bin", split="train")
    assert (len(train), train.label(4), train.label(9)) == (10, "cat", "airplane")
    assert pickle.loads(pickle.dumps(train)).label(8) == train.label(8) == "dog"
    assert items.fingerprint != train.fingerprint


def test_cifar10_that_is_not_whole(cifar):
    with pytest.raises(InputError, match="split must be one of"):
        open_data(cifar, split="val")
    (cifar / "cifar-10-batches-bin" / "data_batch_2.bin").write_bytes(records([2, 11], 2).tobytes())
    with pytest.raises(InputError, match="labels go up to 9, got 11"):
        open_data(cifar, split="train")
    (cifar / "cifar-10-batches-bin" / "data_batch_2.bin").write_bytes(b"short")
    with pytest.raises(InputError, match="missing or damaged"):
        open_data(cifar, split="train")
    with pytest.raises(InputError, match="holds no CIFAR-10"):
        open_data(cifar.parent, kind="cifar10")


def saved(folder, table, features, files=2):
    """Write what Dataset.save_to_disk writes: streams of Arrow, state.json, dataset_info.json."""
    folder.mkdir(parents=True)
    names = [f"data-{number:05d}-of-{files:05d}.arrow" for number in range(files)]
    size = -(-len(table) // files)
    for number, name in enumerate(names):
        with pa.ipc.new_stream(folder / name, table.schema) as writer:
            writer.write_table(table.slice(number * size, size))
    state = {"_data_files": [{"filename": name} for name in names], "_format_type": None, "_split": "train"}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text(json.dumps({"features": features}))
    return folder


def png(colour):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), colour).save(buffer, "PNG")
    return buffer.getvalue()


def test_a_saved_data_set_of_pictures(tmp_path):
    rows = [{"bytes": png((n, 0, 0)), "path": None} for n in range(3)]
    table = pa.table({"image": pa.array(rows), "label": [1, 0, 1]})
    features = {"image": {"_type": "Image"}, "label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}
    (items,) = open_data(saved(tmp_path / "set", table, features))
    assert (items.kind, len(items), [items.label(i) for i in range(3)]) == ("image", 3, ["dog", "cat", "dog"])
    assert items.load(2).getpixel((0, 0)) == (2, 0, 0)
    assert pickle.loads(pickle.dumps(items)).load(1).size == (8, 6)


def test_a_saved_data_set_of_texts_with_splits(tmp_path):
    for split in ("train", "test"):
        saved(tmp_path / "set" / split, pa.table({"text": [f"{split} {n}" for n in range(4)]}), {})
    (tmp_path / "set" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    with pytest.raises(InputError, match="has the splits train, test; choose one with --split"):
        open_data(tmp_path / "set")
    with pytest.raises(InputError, match="split must be one of"):
        open_data(tmp_path / "set", split="tset")
    (items,) = open_data(tmp_path / "set", split="test")
    assert [items.load(i) for i in range(4)] == [f"test {n}" for n in range(4)]
    with pytest.raises(InputError, match="has no splits"):
        open_data(tmp_path / "set" / "test", split="test")


def test_saved_data_sets_that_are_not_whole(tmp_path):
    folder = saved(tmp_path / "set", pa.table({"text": ["a", "b"]}), {})
    (folder / "data-00001-of-00002.arrow").unlink()
    with pytest.raises(InputError, match="not whole"):
        open_data(folder)
    (folder / "dataset_info.json").write_text("{")
    with pytest.raises(InputError, match="cannot be read as JSON"):
        open_data(folder)
