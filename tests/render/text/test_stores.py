"""The zarr arrays that tasks read, in the terminal and in a notebook."""

from __future__ import annotations

from profiles import make_profile, make_run, make_store

from sdprofile.model.disk import Disk
from sdprofile.render.page.picture import svg_picture
from sdprofile.render.page.views import make_views, stores_view
from sdprofile.render.text.report import report
from sdprofile.render.text.stores import store_rows

CUT = make_store(array="/data/of/<b>.zarr/images/one/s1")
WHOLE = make_store(array="/labels", pieces=(1024, 1024), once=16, reads=16, prefix="", seconds=0.5)
PROFILE = make_profile(make_run(disk=Disk(stores=(CUT, WHOLE))), make_run(repeat=2), decimal=True)

HEADERS = ["zarr array", "read by", "chunks", "read in", "needed", "read", "times", "bytes", "time"]


def test_arrays_as_text_are_those_read_more_often_than_needed() -> None:
    sizes = ("1024 x 1024", "512 x 512", "16", "64", "4.0x", "67.1 MB", "2.00 s")
    assert store_rows(PROFILE) == [HEADERS, [".../images/one/s1", "add", *sizes]]
    assert "read more often than needed\nzarr array " in report(PROFILE, width=120)


def test_all_arrays_are_told_in_a_notebook() -> None:
    html = stores_view(PROFILE)
    assert "/data/of/&lt;b&gt;.zarr/images/one/s1" in html
    assert "/labels" in html
    assert store_rows(PROFILE, every=True)[2][:4] == ["/labels", "–", "1024 x 1024", "1024 x 1024"]
    names = [view.name.split()[0] for view in make_views(PROFILE, picture=svg_picture)]
    assert "Data" in names


def test_where_none_was_read_nothing_is_shown() -> None:
    profile = make_profile(make_run())
    assert store_rows(profile, every=True) == []
    assert "zarr" not in report(profile)
    assert stores_view(profile) == ""
