"""Files are written whole or not at all, and never over what somebody else wrote."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batchsim.bad_input import BadInputError
from batchsim.report.files import check_not_others, why_no_folder, why_not_writable, write_folder, write_whole

TEXTS = {
    "a.svg": "<?xml?>\n<svg>x</svg>",
    "below/b.md": "# B\n",
    "c.json": '{\n "d": 1}',
    "README.md": "# Index\n",
}


def contents(directory: Path) -> dict[str, str]:
    files = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_text() for path in files}


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """A disk that has room for so many more files."""

    def after(count: int) -> None:
        synchronise, left = os.fsync, [count]

        def fsync(handle: int) -> None:
            if not left[0]:
                raise OSError(28, "No space left on device")
            left[0] -= 1
            synchronise(handle)

        monkeypatch.setattr(os, "fsync", fsync)

    return after


# -- folders ---------------------------------------------------------------------------------------


def test_a_folder_is_made_with_all_its_files_and_each_has_its_mark(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "deep"
    write_folder(folder, TEXTS)
    comment = "<!-- written by batchsim; edits are lost when it is written again -->\n"
    assert contents(folder) == {
        "a.svg": f"<?xml?>\n{comment}<svg>x</svg>",
        "below/b.md": f"{comment}# B\n",
        "c.json": '{\n "written_by": "batchsim",\n "d": 1}',
        "README.md": f"{comment}# Index\n",
    }
    (tmp_path / "usual").write_text("")
    modes = {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("usual", "new/deep/README.md")}
    assert len(modes) == 1


def test_a_folder_of_no_files_is_made(tmp_path: Path) -> None:
    write_folder(tmp_path / "new" / "deep", {})
    assert (tmp_path / "new" / "deep").is_dir()


def test_it_is_written_again_and_files_of_others_stay(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    write_folder(tmp_path, TEXTS)
    write_folder(tmp_path, {"README.md": "# Other\n"})
    assert contents(tmp_path)["README.md"].endswith("# Other\n")
    assert contents(tmp_path)["notes.txt"] == "mine"
    assert contents(tmp_path).keys() == {*TEXTS, "notes.txt"}


def users_page(path: Path) -> None:
    path.write_text("# Index\n\nThis was written by batchsim, and then by me.\n")


def link_to_a_page(path: Path) -> None:
    (path.parent / "elsewhere.md").write_text("mine")
    path.symlink_to("elsewhere.md")


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize(
    "make", [users_page, Path.mkdir, os.mkfifo, link_to_a_page, lambda path: path.symlink_to(path.name)]
)
def test_what_is_not_ours_is_not_touched(tmp_path: Path, make: Any, name: str) -> None:
    (tmp_path / name).parent.mkdir(exist_ok=True)
    make(tmp_path / name)
    before = contents(tmp_path)
    with pytest.raises(BadInputError) as refused:
        check_not_others(tmp_path, TEXTS)
    assert str(refused.value) == f"{tmp_path / name}: not written by batchsim; choose another folder, or remove it"
    with pytest.raises(BadInputError, match="not written by batchsim"):
        write_folder(tmp_path, TEXTS)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("room", range(4))
def test_a_full_disk_changes_nothing(tmp_path: Path, full_disk: Any, room: int) -> None:
    write_folder(tmp_path / "old", {"README.md": "old"})
    before = contents(tmp_path)
    full_disk(room)
    for folder in ("old", "new/deep"):
        with pytest.raises(OSError, match="No space"):
            write_folder(tmp_path / folder, TEXTS)
        full_disk(room)
    assert contents(tmp_path) == before
    assert [path.name for path in tmp_path.rglob("*")] == ["old", "README.md"]


def test_what_leads_to_others_is_put_there_after_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace, put = Path.replace, []

    def told(source: Path, target: Path) -> Path:
        put.append(target.name)
        return replace(source, target)

    monkeypatch.setattr(Path, "replace", told)
    write_folder(tmp_path, TEXTS)
    assert put == [Path(name).name for name in TEXTS]


# -- single files ----------------------------------------------------------------------------------


def test_a_file_is_replaced_whole_with_its_mode_and_through_a_link(tmp_path: Path) -> None:
    file, link = tmp_path / ("n" * 255), tmp_path / "link"
    file.write_text("old")
    file.chmod(0o640)
    link.symlink_to(file.name)
    write_whole(link, "new")
    assert (file.read_text(), stat.S_IMODE(file.stat().st_mode), link.is_symlink()) == ("new", 0o640, True)
    assert len(contents(tmp_path)) == 2


def test_a_file_stays_where_the_disk_is_full(tmp_path: Path, full_disk: Any) -> None:
    (tmp_path / "file").write_text("old")
    full_disk(0)
    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "file", "new")
    assert contents(tmp_path) == {"file": "old"}


def odd_places(directory: Path) -> dict[str, Path]:
    (directory / "file").write_text("")
    (directory / "loop").symlink_to("loop")
    (directory / "nowhere").symlink_to("none/none")
    (directory / "folder").mkdir()
    return {
        "Too many levels of symbolic links": directory / "loop",
        "File name too long": directory / ("n" * 256),
        "found no directory": directory / "none" / "below",
        "found a directory": directory / "folder",
    }


def test_why_a_file_cannot_be_written(tmp_path: Path) -> None:
    for why, path in odd_places(tmp_path).items():
        assert (why_not_writable(path) or "").startswith(why)
    for fine in ("file", "new", "/dev/full"):
        assert why_not_writable(tmp_path / fine) is None
    for nowhere in ("nowhere", "file/below"):
        assert (why_not_writable(tmp_path / nowhere) or "").startswith("found no directory")


def test_why_a_folder_cannot_be_written(tmp_path: Path) -> None:
    for why, path in list(odd_places(tmp_path).items())[:2]:
        assert (why_no_folder(path) or "").startswith(why)
    for file in ("file", "file/below"):
        assert (why_no_folder(tmp_path / file) or "").startswith("found a file")
    assert (why_no_folder(tmp_path / "nowhere") or "").startswith("found a link to nothing")
    assert why_no_folder(tmp_path / "folder") is why_no_folder(tmp_path / "new" / "deep") is None
