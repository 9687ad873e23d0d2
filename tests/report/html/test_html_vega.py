"""The bundle is whole, kept, and made again where what was kept is damaged."""

import sys

import pytest

from thinshell.report.html import vega


@pytest.fixture
def cache(tmp_path, monkeypatch):
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr(vega.Path, "home", lambda: tmp_path)
    vega.runtime.cache_clear()
    yield tmp_path
    vega.runtime.cache_clear()


def test_it_is_kept_and_read_back(cache, monkeypatch):
    made = vega.runtime()
    (kept,) = cache.rglob("vega-*.js")
    assert kept.read_text(encoding="utf-8") == made
    assert "window.vegaEmbed" in made
    assert "</script" not in made
    vega.runtime.cache_clear()
    import vl_convert

    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda snippet: pytest.fail("was made again"))
    assert vega.runtime() == made


def test_a_damaged_one_is_made_again(cache, monkeypatch):
    import vl_convert

    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda snippet: "window.vegaEmbed=1; </script>")
    made = vega.runtime()
    (kept,) = cache.rglob("vega-*.js")
    kept.write_text(made[:-20], encoding="utf-8")
    vega.runtime.cache_clear()
    assert vega.runtime() == made
    assert kept.read_text(encoding="utf-8") == made
    assert "<\\/script>" in made


@pytest.mark.skipif(sys.platform == "win32", reason="folders have no read-only bit there")
def test_a_folder_that_cannot_be_written_is_no_error(cache, monkeypatch):
    import vl_convert

    (cache / "thinshell").write_text("a file stands where the folder would be")
    (cache / "Library").mkdir()
    monkeypatch.setattr(vl_convert, "javascript_bundle", lambda snippet: "made")
    assert "made" in vega.runtime()


@pytest.mark.parametrize(("platform", "part"), [("win32", "thinshell"), ("darwin", "Caches"), ("linux", "thinshell")])
def test_each_system_has_its_folder(cache, monkeypatch, platform, part):
    monkeypatch.setattr(vega.sys, "platform", platform)
    assert part in vega._cache_folder().parts
    assert cache in vega._cache_folder().parents
