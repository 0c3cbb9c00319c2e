"""Without a name that dask keeps to itself a profile is made, and says what it lacks."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import dask.array as da
import pytest
import spatialdata as sd
from distributed import Client
from hidden import hide
from runs import sweep_of

from sdprofile.cluster.missing import NAMES, find_missing
from sdprofile.internals.names import Name, missing_notices
from sdprofile.model.notice import Notice
from sdprofile.results.profile import Profile


@pytest.fixture(scope="module")
def image() -> object:
    data = da.ones((1, 100, 100), chunks=(1, 50, 50))
    return sd.models.Image2DModel.parse(data, dims="cyx")


def add_one(block: object) -> object:
    return block + 1  # type: ignore[operator]


def profile_of(client: Client, image: object) -> tuple[Profile, float, float]:
    """Return a profile of a step and its computation, and how long the work and all of it took."""
    inside = []

    def work() -> None:
        start = time.perf_counter()
        sd.map_raster(image, add_one).compute()
        inside.append(time.perf_counter() - start)

    start = time.perf_counter()
    sweep = sweep_of(work, workers=(1,), repeats=1)
    assert [run.status for run in sweep] == ["ok"]
    return sweep.profile(), inside[0], time.perf_counter() - start


NOT_OURS = re.compile("The machine was busy with other work|Peaks are the highest samples")
"""What a busy machine adds, and what follows from peaks without marks whatever the reason."""


def facts(notices: tuple[Notice, ...]) -> set[str]:
    """Return what notices say but for their numbers."""
    told = {re.sub(r"[\d.,]+", "#", each.fact) for each in notices}
    return {fact for fact in told if not NOT_OURS.match(fact)}


@pytest.fixture(scope="module")
def usual(client: Client, image: object) -> set[str]:
    profile_of(client, image)
    profile, _, _ = profile_of(client, image)
    assert profile.remarks == ()
    return facts(profile.notices)


@pytest.fixture
def hidden(client: Client, usual: set[str], request: pytest.FixtureRequest) -> Iterator[Name]:
    hide(request.param.shown)
    client.run(hide, request.param.shown)
    yield request.param
    hide("")
    client.run(hide, "")


@pytest.mark.parametrize("hidden", NAMES, ids=lambda name: name.shown, indirect=True)
def test_without_one_name_a_profile_is_made_and_says_so(
    hidden: Name, client: Client, image: object, usual: set[str]
) -> None:
    profile, inside, around = profile_of(client, image)
    [run] = profile.runs
    assert inside <= run.seconds <= around
    [remark] = profile.remarks
    start, lacks, left_out = re.split(" has no |: ", remark.fact, maxsplit=2)
    assert re.fullmatch(rf"This {hidden.library} [\w.]+", start)
    assert (lacks, left_out) == (hidden.shown, hidden.without)
    assert facts(profile.notices) - usual == facts((remark,))


def test_names_of_one_feature_make_one_notice() -> None:
    names = [Name(of="dask.a", name="b", without="c"), Name(of="dask.B", name="d", without="c")]
    [notice] = missing_notices(names)
    assert notice.fact == "This dask has no a.b and no B.d: c"


def test_nothing_is_missing_in_the_versions_that_are_tested(client: Client) -> None:
    assert find_missing(client) == ()
