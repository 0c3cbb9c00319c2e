"""Memory over time as block characters shows height, duration and how a run ended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from profiles import GB, make_curve, make_profile, make_run

from sdprofile.model.run import Run
from sdprofile.render.text.strips import terminal_plot
from sdprofile.results.profile import Profile

FLAT = (4 * GB, 4 * GB)


def strips(profile: Profile, *, width: int = 80) -> list[tuple[str, str]]:
    """Return the upper and the lower line of each strip, between its borders."""
    _, *lines, _ = terminal_plot(profile, width=width).splitlines()
    inner = [line.split("│")[1] for line in lines]
    return list(zip(inner[::2], inner[1::2], strict=True))


def test_full_height_is_the_highest_value_shown_and_is_told() -> None:
    profile = make_profile(make_run(1, curve=FLAT), make_run(2, curve=(GB, 8 * GB)))

    first, *_ = terminal_plot(profile, width=80).splitlines()

    assert first == "memory of the fullest worker; full height = 8.00 GB"


def test_strip_is_of_the_fullest_worker_not_of_all_together() -> None:
    one, two = strips(make_profile(make_run(1, curve=FLAT), make_run(2, curve=FLAT)))

    assert one == two


def test_half_of_the_memory_is_half_of_the_height() -> None:
    full, half = strips(make_profile(make_run(1, curve=FLAT), make_run(2, curve=(2 * GB, 2 * GB))))

    assert {*full[0], *full[1]} == {"█"}
    assert (set(half[0]), set(half[1])) == ({" "}, {"█"})


def test_half_of_the_time_is_half_of_the_width() -> None:
    (_, slow), (_, fast) = strips(
        make_profile(make_run(1, seconds=20, curve=FLAT), make_run(2, seconds=10, curve=FLAT))
    )

    assert slow.count("█") == len(slow)
    assert abs(fast.count("█") - len(slow) / 2) <= 1
    assert fast.rstrip() == fast.rstrip(" ").strip()


def test_spike_of_one_sample_among_10_000_is_seen() -> None:
    samples = [GB] * 10_000
    samples[5_000] = 8 * GB

    [(upper, _)] = strips(make_profile(make_run(curve=samples)))

    assert upper.count("█") == 1
    assert upper.index("█") == len(upper) // 2


def test_little_memory_stays_visible() -> None:
    _, (_, lower) = strips(make_profile(make_run(1, curve=FLAT), make_run(2, curve=(1, 1))))

    assert set(lower) == {"▁"}


def test_killed_run_says_so_where_it_ends() -> None:
    killed = make_run(1, seconds=5, curve=FLAT, status="killed")

    (_, lower), _ = strips(make_profile(killed, make_run(2, seconds=10, curve=FLAT)))

    bar, _, rest = lower.partition("x killed")
    assert set(bar) == {"█"}
    assert rest.strip() == ""


def test_longest_run_leaves_room_for_its_end() -> None:
    [(_, lower)] = strips(make_profile(make_run(curve=FLAT, status="killed")))

    assert lower.endswith("█x killed")


def test_room_for_an_end_shortens_every_strip_alike() -> None:
    killed = make_run(1, seconds=20, curve=FLAT, status="killed")

    (_, long), (_, short) = strips(make_profile(killed, make_run(2, seconds=10, curve=FLAT)))

    assert abs(short.count("█") - long.count("█") / 2) <= 1


def test_time_axis_ends_under_the_end_of_the_longest_run() -> None:
    plot = terminal_plot(make_profile(make_run(seconds=20, curve=FLAT)), width=80)

    *_, strip, axis = plot.splitlines()
    assert axis.split() == ["0", "10.0", "s", "20.0", "s"]
    assert len(axis) == strip.rindex("█") + 1
    assert axis.index("0") == strip.index("█")


def test_run_nearest_to_the_median_of_those_that_ended_well_is_shown() -> None:
    runs = [
        make_run(repeat=1, seconds=9, curve=(GB, GB)),
        make_run(repeat=2, seconds=4, curve=FLAT),
        make_run(repeat=3, seconds=3, curve=(2 * GB, 2 * GB)),
        make_run(repeat=4, seconds=4, curve=(9 * GB, 9 * GB), status="killed"),
    ]

    plot = terminal_plot(make_profile(*runs), width=80)

    assert "full height = 4.00 GB" in plot
    assert "killed" not in plot


def test_nothing_sampled_gives_nothing() -> None:
    assert terminal_plot(make_profile(), width=80) == ""


def test_no_run_gives_nothing() -> None:
    assert terminal_plot(make_profile(empty=True), width=80) == ""


def test_count_that_was_not_sampled_says_so() -> None:
    profile = make_profile(make_run(1, seconds=10, curve=FLAT), make_run(2, seconds=90))

    sampled, (upper, lower) = strips(profile)

    assert (upper.strip(), lower.strip()) == ("", "not sampled")
    assert set(sampled[1]) == {"█"}


@pytest.mark.parametrize("time", [0.0, 3.0, 99.0])
def test_one_sample_fills_the_run(time: float) -> None:
    curve = make_curve([GB, GB], seconds=time)
    curve = type(curve)(source="dask", worker="", seconds=(time,), nbytes=(GB,))

    [(_, lower)] = strips(make_profile(make_run(curves=(curve,))))

    assert set(lower) == {"█"}


def test_run_without_duration_is_one_column() -> None:
    [(_, lower)] = strips(make_profile(make_run(seconds=0.0, curve=[GB])))

    assert lower.rstrip() == "█"


def test_no_bytes_are_a_blank_strip() -> None:
    profile = make_profile(make_run(curve=(0, 0)))

    assert strips(profile) == [(" " * len(strips(profile)[0][0]),) * 2]
    assert "full height = 0 B" in terminal_plot(profile, width=80)


def test_ascii_only_keeps_the_heights() -> None:
    profile = make_profile(make_run(1, curve=FLAT), make_run(2, curve=(2 * GB, 2 * GB)))

    plot = terminal_plot(profile, width=60, ascii_only=True)

    assert plot.isascii()
    _, *lines, _ = [line.split("|") for line in plot.splitlines()]
    assert [set(line[1]) for line in lines] == [{"#"}, {"#"}, {" "}, {"#"}]


def runs() -> st.SearchStrategy[Run]:
    return st.builds(
        make_run,
        st.integers(1, 999),
        # Below a microsecond is no time that a clock can tell from 0.
        seconds=st.just(0.0) | st.floats(1e-6, 1e5),
        status=st.sampled_from(["ok", "killed", "interrupted", "stuck"]),
        peak=st.none() | st.integers(1, 10**13),
        curve=st.lists(st.integers(0, 10**13), max_size=5),
    )


@given(
    runs=st.lists(runs(), max_size=4),
    width=st.integers(56, 200),
    ascii_only=st.booleans(),
)
def test_no_line_is_wider_than_told(runs: list[Run], width: int, ascii_only: bool) -> None:
    profile = make_profile(*runs, empty=not runs)

    lines = terminal_plot(profile, width=width, ascii_only=ascii_only).splitlines()

    assert max((len(line) for line in lines), default=0) <= width
    assert len(lines) in (0, 2 + 2 * len(profile.counts))
