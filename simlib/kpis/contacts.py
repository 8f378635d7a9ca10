"""KPIs of contacts: how many came and were answered, how soon, and by the platforms' own count."""

from __future__ import annotations

import numpy as np

from simlib.kpis.log import Figure, Grouping, NightLog, divide_sums, label_groups, sum_groups
from simlib.kpis.platforms import PlatformRate


def offered(log: NightLog, by: Grouping | None = None) -> Figure:
    """Return the number of contacts that buyers open, the bot's included.

    >>> from simlib.kpis import example_log
    >>> offered(example_log())
    5.0
    """
    return sum_groups(np.ones(len(log.contacts)), by)


def bot_resolved(log: NightLog, by: Grouping | None = None) -> Figure:
    """Return the number of contacts that the bot resolves alone.

    >>> from simlib.kpis import example_log
    >>> bot_resolved(example_log())
    1.0
    """
    return sum_groups(log.is_outcome("bot"), by)


def human(log: NightLog, by: Grouping | None = None) -> Figure:
    """Return the number of contacts that reach people: offered less bot-resolved.

    >>> from simlib.kpis import example_log
    >>> human(example_log())
    4.0
    """
    return sum_groups(~log.is_outcome("bot"), by)


def answered(log: NightLog, by: Grouping | None = None) -> Figure:
    """Return the number of contacts that got at least one human reply while their buyer was there.

    >>> from simlib.kpis import example_log
    >>> answered(example_log())
    2.0
    """
    return sum_groups(np.asarray(log.contacts["replies"]) > 0, by)


def abandoned(log: NightLog, by: Grouping | None = None) -> Figure:
    """Return the number of contacts whose buyer left openly before the first reply.

    >>> from simlib.kpis import example_log
    >>> abandoned(example_log())
    1.0
    """
    return sum_groups(log.is_outcome("abandoned"), by)


def silently_left(log: NightLog, by: Grouping | None = None) -> Figure:
    """Return the number of contacts whose buyer left silently before the first reply.

    >>> from simlib.kpis import example_log
    >>> silently_left(example_log())
    1.0
    """
    return sum_groups(log.is_outcome("silent"), by)


def unserved(log: NightLog, by: Grouping | None = None) -> Figure:
    """Return the number of contacts that were still waiting for their first reply when nothing more could happen.

    One that was answered and then left waiting for its next reply counts as answered, so that the bot's, the
    answered, those who left and these add up to the offered.

    >>> from simlib.kpis import example_log
    >>> unserved(example_log())
    0.0
    """
    return sum_groups(log.is_outcome("unserved") & (np.asarray(log.contacts["replies"]) == 0), by)


def lost_share(log: NightLog, by: Grouping | None = None) -> Figure:
    """Return the share of the contacts for people without a human reply: left openly or silently, or never served.

    >>> from simlib.kpis import example_log
    >>> lost_share(example_log())
    0.5
    """
    people = ~log.is_outcome("bot")
    return divide_sums(people & (np.asarray(log.contacts["replies"]) == 0), people, by)


def first_response(log: NightLog, by: Grouping | None = None) -> Figure:
    """Return the mean seconds from a contact's first message to its first human reply, if it got one (首响).

    >>> from simlib.kpis import example_log
    >>> first_response(example_log())
    70.0
    """
    wait = log.first_response_s
    got = ~np.isnan(wait)
    return divide_sums(np.where(got, wait, 0.0), got, by)


def first_response_p90(log: NightLog, by: Grouping | None = None) -> Figure:
    """Return the seconds within which 90 % of the answered contacts had their first reply.

    The smallest of the observed waits that at least 90 % do not exceed.

    >>> from simlib.kpis import example_log
    >>> first_response_p90(example_log())
    120.0
    """
    wait = log.first_response_s
    codes = np.zeros(len(wait), dtype=np.int64) if by is None else by.codes
    n = 1 if by is None else len(by.labels)
    use = ~np.isnan(wait) & (codes >= 0)
    wait, codes = wait[use], codes[use]
    wait = np.sort(wait) if by is None else wait[np.lexsort((wait, codes))]
    size = np.bincount(codes, minlength=n)
    place = np.cumsum(size) - size + np.maximum(np.ceil(0.9 * size - 1e-9).astype(np.int64) - 1, 0)
    values = np.full(n, np.nan)
    values[size > 0] = wait[place[size > 0]]
    return label_groups(values[0] if by is None else values, by)


def mean_response(log: NightLog, by: Grouping | None = None) -> Figure:
    """Return the mean seconds from a message to its reply, over all human replies (均响); long chats weigh more.

    >>> from simlib.kpis import example_log
    >>> mean_response(example_log())
    90.0
    """
    return divide_sums(np.asarray(log.contacts["response_sum"]), np.asarray(log.contacts["replies"]), by)


def service_level(log: NightLog, *, threshold_s: float, by: Grouping | None = None) -> Figure:
    """Return the share of the contacts for people that got a first reply within ``threshold_s``.

    Contacts that left, openly or silently, or were never served stay in the denominator; the bot's do not.

    >>> from simlib.kpis import example_log
    >>> service_level(example_log(), threshold_s=30), service_level(example_log(), threshold_s=120)
    (0.25, 0.5)
    """
    if not threshold_s >= 0:
        raise ValueError(f"threshold_s must be >= 0 seconds, got {threshold_s!r}")
    return divide_sums(log.first_response_s <= threshold_s, ~log.is_outcome("bot"), by)


def platform_rate(log: NightLog, rate: PlatformRate, *, by: Grouping | None = None) -> Figure:
    """Return the share of what a platform counts that was answered in time, by the platform's own definition.

    Parameters
    ----------
    log : NightLog
        With its turns; contacts that only met the bot have none and count nowhere.
    rate : PlatformRate
        How the platform counts.
    by : Groups, optional
        A grouping of the contacts; a turn belongs to its contact's group.

    Examples
    --------
    >>> import datetime as dt
    >>> from simlib.kpis import example_log, platform_rates
    >>> rate, = platform_rates("tmall", on=dt.date(2026, 11, 1))
    >>> platform_rate(example_log(), rate)
    0.5
    """
    rows, good = log.judge(rate)
    of_contact = None if by is None else by.take(np.asarray(log.need("turns")["contact"])[rows])
    return divide_sums(good, np.ones(len(rows)), of_contact)
