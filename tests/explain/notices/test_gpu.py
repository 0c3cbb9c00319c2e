"""Who else held some of a GPU, and what was held when its memory ran out, is told."""

from __future__ import annotations

from profiles import GB, address, make_card, make_curve, make_failure, make_profile, make_run

from sdprofile.explain.notices.gpu import gpu_notices
from sdprofile.model.failure import NO_GPU_MEMORY
from sdprofile.model.gpu import Card
from sdprofile.model.memory import WorkerPeak
from sdprofile.model.notice import Notice
from sdprofile.model.run import Run


def notices(*cards: Card) -> list[Notice]:
    return list(gpu_notices(make_profile(make_run(cards=cards), make_run(cards=cards, repeat=2))))


def test_a_card_of_the_workers_alone_has_no_notice() -> None:
    assert notices() == []
    assert notices(make_card(GB)) == []
    assert notices(make_card(others=9 * GB)) == []  # which the run did not use
    assert notices(make_card(GB, others=GB // 100, kernel=GB // 100)) == []


def test_what_others_hold_is_told_once_for_each_card() -> None:
    first, second = notices(
        make_card(GB, others=4 * GB), make_card(GB, name="gpu 1", others=2 * GB)
    )
    assert first.fact == (
        "Other processes held up to 4.00 GB of gpu 0, and may have computed there"
    )
    assert "CUDA_VISIBLE_DEVICES" in first.advice
    assert "2.00 GB of gpu 1" in second.fact


def test_what_the_kernel_holds_is_told() -> None:
    [notice] = notices(make_card(GB, kernel=2 * GB))
    assert notice.fact == (
        "The kernel itself held up to 2.00 GB of gpu 0, which the workers cannot have"
    )


def test_a_context_from_runs_without_a_cluster_is_not_told() -> None:
    alone = make_run(0, cards=(make_card(GB),))

    def facts(kernel: int) -> list[str]:
        run = make_run(1, cards=(make_card(GB, kernel=kernel),))
        return [each.fact for each in gpu_notices(make_profile(alone, run))]

    assert facts(6 * GB // 10) == []
    [fact] = facts(2 * GB)
    assert fact.startswith("The kernel itself held up to 2.00 GB of gpu 0")


def test_memory_that_belongs_to_no_process_that_is_seen_is_told() -> None:
    [notice] = notices(make_card(baseline=GB, peak=4 * GB))
    assert notice.fact == (
        "3.00 GB more of gpu 0 were in use during a run, and the driver does not tell by which"
        " process"
    )


def test_what_using_a_gpu_takes_of_a_worker_at_rest_is_told() -> None:
    def run(repeat: int, rest: int, at_start: int, *, worker: int = 0) -> Run:
        held = make_curve((at_start, GB), source="nvml", worker=address(worker), measure="gpu 0")
        return make_run(
            cards=(make_card(GB),),
            repeat=repeat,
            worker_peaks=(WorkerPeak(worker=address(worker), baseline=rest, peak=3 * GB),),
            curves=(held,),
        )

    used = run(2, 9 * GB // 10, GB // 2)
    [notice] = gpu_notices(make_profile(run(1, 3 * GB // 10, 0), used, run(3, GB, GB)))
    assert notice.fact == (
        "At rest each worker has up to 600 MB more in use since it has used a GPU, not on the GPU"
        " but in its own memory: the CUDA context, and what libraries keep"
    )
    assert "counts against --memory" in notice.advice
    # It grew by little, it had used one before, or it is another worker.
    for first in (run(1, 8 * GB // 10, 0), run(1, GB // 10, GB), run(1, GB // 10, 0, worker=1)):
        assert list(gpu_notices(make_profile(first, used))) == []


def test_a_run_that_ran_out_tells_what_each_worker_held() -> None:
    failure = make_failure(status=NO_GPU_MEMORY, message="OutOfMemoryError: CUDA out of memory")
    run = make_run(
        4,
        seconds=3.0,
        status=NO_GPU_MEMORY,
        failure=failure,
        cards=(make_card(*[19 * GB] * 4, peak=79 * GB),),
    )
    [notice] = gpu_notices(make_profile(run))
    assert notice.fact == (
        "4 workers: out of GPU memory after 3.00 s: each of 4 workers held up to 19.0 GB of gpu 0,"
        " of which 79.0 GB of 80.0 GB were in use"
    )
    assert notice.advice == "Use fewer workers, or smaller chunks or batches in each task"


def test_without_pynvml_a_run_that_ran_out_tells_its_error_and_how_to_see_more() -> None:
    failure = make_failure(status=NO_GPU_MEMORY, message="OutOfMemoryError: CUDA out of memory")
    run = make_run(2, seconds=3.0, status=NO_GPU_MEMORY, failure=failure)
    [notice] = gpu_notices(make_profile(run))
    assert notice.fact == (
        "2 workers: out of GPU memory after 3.00 s: OutOfMemoryError: CUDA out of memory"
    )
    assert notice.advice.endswith("pip install 'sdprofile[gpu]' shows what each worker holds")
