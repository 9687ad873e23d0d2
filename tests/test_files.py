import pytest

from thinshell._files import replacing
from thinshell.errors import InputError, unknown_name


def test_a_file_that_fails_leaves_the_old_one(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def fail_midway():
        with replacing(target) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_midway()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_is_replaced_whole(tmp_path):
    for content in ("first", "second"):
        with replacing(tmp_path / "state") as temporary:
            temporary.mkdir()
            (temporary / content).write_text(content)
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["second"]
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with replacing(tmp_path / "link") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file/state could not be written"), replacing(tmp_path / "file/state") as t:
        t.mkdir()


@pytest.mark.parametrize(
    ("got", "advice"), [("resnet19", "did you mean 'resnet18'?"), ("xyz", "choose one of them"), (3, "choose one")]
)
def test_unknown_names_come_with_the_nearest(got, advice):
    error = unknown_name("encoder", got, ["linear", "resnet18"])
    assert f"encoder must be one of 'linear', 'resnet18', got {got!r}; {advice}" in str(error)
