"""Searches of an evaluation in other processes or on a cluster."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mel_debug.core.errors import MelError
from mel_debug.evaluation.configurations import Configuration
from mel_debug.evaluation.labelled import LabelledPair, Skip
from mel_debug.evaluation.searches import Searcher, Task
from mel_debug.evaluation.state import Finished, State
from mel_debug.jobs.results import Failed, as_setup_error
from mel_debug.jobs.stream import stream
from mel_debug.jobs.workers import Workers
from mel_debug.plugins.config import RunConfig, resolve


@dataclass(frozen=True, slots=True)
class SearchItem:
    """One pair to search: all that a worker needs, and the number of the task."""

    number: int
    config: RunConfig
    pair: LabelledPair
    use_masks: bool


class _Latest:
    """The stages of the configuration that this process searched with last."""

    config: RunConfig | None = None
    searcher: Searcher | None = None


def search(item: SearchItem) -> Finished:
    """Search one pair; the model stays loaded for the next pair with the same configuration.

    Raises WorkerSetupError if the stages can't be built.
    """
    if _Latest.searcher is None or _Latest.config != item.config:
        _Latest.searcher = None  # free the old model before the new one is loaded
        with as_setup_error():
            configuration = Configuration(resolve(item.config), item.config)
            _Latest.searcher = Searcher.of(configuration, use_masks=item.use_masks)
        _Latest.config = item.config
    return _Latest.searcher.search(item.pair)


def run_on(
    workers: Workers,
    tasks: Sequence[Task],
    state: State,
    *,
    use_masks: bool = True,
    skip: Skip | None = None,
) -> Iterator[Task]:
    """Like `searches.run`, on workers: yields tasks in the order in which they are finished.

    Seconds are then those of a machine that several workers share.
    """
    items = (
        SearchItem(number, task.configuration.config.portable(), task.pair, use_masks)
        for number, task in enumerate(tasks)
        if task.key not in state.finished
    )
    for outcome in stream(workers, search, items):
        task = tasks[outcome.item.number]
        if not isinstance(outcome, Failed):
            state.add(task.key, outcome.result)
        elif skip is None:
            label = task.configuration.label
            raise MelError(
                f"{outcome.reason} (searched with {label}, {task.pair.source} -> "
                f"{task.pair.target})"
            )
        else:
            skip(f"{task.pair.source} -> {task.pair.target}", MelError(outcome.reason))
        yield task
