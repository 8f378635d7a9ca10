"""Load and fatigue by agent, who needs relief, unusual days, and what exams and tenure have to do with results."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from simlib import facts
from simlib.messages import Message
from simlib.retrospective.inputs import need_columns

WATCHED = ("receptions", "mean_response_s", "first_response_s", "rate_3min", "unanswered", "satisfied_share", "chat_s")
"""The figures of a day in which an agent may be unusual, as the exports give them."""
Span = tuple[pd.Timestamp, pd.Timestamp]
COMPARED = (*WATCHED, "inquiries", "buyers_paid", "conversion", "sales_cny")
"""The figures that exam and tenure are held against."""


def limit(key: str) -> float:
    """Return a limit of ``playbook/facts/retrospective.yml``.

    >>> limit("complaints_row_max")
    3.0
    """
    return float(facts.value("retrospective", key))


def measure_load(roster: pd.DataFrame, chats: pd.DataFrame | None, people: pd.DataFrame) -> pd.DataFrame:
    """Measure how heavy a night was for each agent.

    Parameters
    ----------
    roster : DataFrame
        agent_id, start, end, activity; what was really worked. Chat segments that touch are one stretch.
    chats : DataFrame, optional
        agent, begun, ended, complaint (bool); one row per chat. Without them hours and breaks are measured, and what
        chats would say is missing.
    people : DataFrame
        agent_id, capacity (chats at the same time).

    Returns
    -------
    DataFrame
        agent_id, hours (on chat), longest_h (without a break), chats, chats_h (per hour), open_chats (mean),
        open_share (of the capacity), complaints, complaints_row (most one after the other), breaks_missed, load_index
        (1 = at a limit), relief (bool), heaviest first. The load index is the largest of longest stretch, complaints in
        a row and open share, each over its limit.
    """
    known = chats is not None
    chats = _no_chats() if chats is None else chats
    need_columns(chats, "agent", "begun", "ended", "complaint", name="chats")
    chat = roster[roster["activity"] == "chat"]
    capacity = people.set_index("agent_id")["capacity"].astype(float)
    rows = []
    for agent_id, segments in chat.groupby("agent_id"):
        stretches = _join(segments)
        spans_h = [(end - start).total_seconds() / 3600 for start, end in stretches]
        hours = float(sum(spans_h))
        own = chats[chats["agent"] == agent_id].sort_values("begun", kind="stable")
        open_h = float((own["ended"] - own["begun"]).dt.total_seconds().sum() / 3600)
        open_chats = open_h / hours if hours and known else math.nan
        longest = max(spans_h)
        in_row = _longest_run(own["complaint"].astype(bool).to_numpy())
        open_share = open_chats / capacity.get(agent_id, math.nan)
        parts = [
            longest / limit("stretch_h_max"),
            in_row / limit("complaints_row_max"),
            open_share / limit("open_chats_high_share"),
        ]
        index = float(np.nanmax(parts))
        rows.append(
            {
                "agent_id": agent_id,
                "hours": hours,
                "longest_h": longest,
                "chats": len(own) if known else math.nan,
                "chats_h": len(own) / hours if hours and known else math.nan,
                "open_chats": open_chats,
                "open_share": open_share,
                "complaints": int(own["complaint"].sum()) if known else math.nan,
                "complaints_row": in_row if known else math.nan,
                "breaks_missed": sum(map(_breaks_missed, _part_shifts(stretches))),
                "load_index": index,
                "relief": parts[0] > 1 or max(parts[1], parts[2]) >= 1,  # a stretch that ends at its limit needs none
            }
        )
    columns = ["agent_id", "hours", "longest_h", "chats", "chats_h", "open_chats", "open_share", "complaints"]
    columns += ["complaints_row", "breaks_missed", "load_index", "relief"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["load_index", "agent_id"], ascending=[False, True], ignore_index=True)


def _no_chats() -> pd.DataFrame:
    """Return the table of a night whose chats nobody exported."""
    moment = pd.Series([], dtype="datetime64[ns, UTC]")
    return pd.DataFrame({"agent": [], "begun": moment, "ended": moment, "complaint": pd.Series([], dtype=bool)})


def _join(segments: pd.DataFrame) -> list[Span]:
    """Join the segments of one agent that touch or overlap."""
    joined: list[Span] = []
    for start, end in sorted(zip(segments["start"], segments["end"], strict=True)):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _part_shifts(stretches: list[Span]) -> list[list[Span]]:
    """Part the stretches of one agent into shifts: a gap as long as may be worked without a break is time off."""
    off = pd.Timedelta(hours=limit("break_after_h"))
    shifts = [[stretches[0]]]
    for before, after in pairwise(stretches):
        if after[0] - before[1] >= off:
            shifts.append([])
        shifts[-1].append(after)
    return shifts


def _breaks_missed(shift: list[Span]) -> int:
    """Return how many of the breaks that are due in a shift were not taken."""
    hours = float((shift[-1][1] - shift[0][0]).total_seconds()) / 3600
    due = max(math.ceil(hours / limit("break_after_h")) - 1, 0)
    return max(due - (len(shift) - 1), 0)


def _longest_run(flags: np.ndarray) -> int:
    """Return the longest run of True.

    >>> _longest_run(np.array([True, True, False, True]))
    2
    """
    longest = run = 0
    for flag in flags:
        run = run + 1 if flag else 0
        longest = max(longest, run)
    return longest


def plan_relief(roster: pd.DataFrame, chats: pd.DataFrame | None = None) -> pd.DataFrame:
    """Plan reliefs by the rotation rule: after hours on chat without a break, or after complaints in a row.

    Returns
    -------
    DataFrame
        agent_id, at (when the limit is reached), until, reason (``stretch`` or ``complaints``), in order of time. After
        a relief both counts begin again. A stretch that ends at its limit needs none.
    """
    rows = []
    chats = _no_chats() if chats is None else chats
    rest = pd.Timedelta(minutes=limit("relief_min"))
    most = pd.Timedelta(hours=limit("stretch_h_max"))
    for agent_id, segments in roster[roster["activity"] == "chat"].groupby("agent_id"):
        own = chats[(chats["agent"] == agent_id)].sort_values("ended", kind="stable")
        for start, end in _join(segments):
            begun, in_row = start, 0
            marks = [(row.ended, bool(row.complaint)) for row in own.itertuples() if start <= row.ended < end]
            for moment, complaint in [*marks, (end, False)]:
                while begun + most < moment:
                    rows.append((agent_id, begun + most, begun + most + rest, "stretch"))
                    begun, in_row = begun + most + rest, 0
                if moment < begun:
                    continue
                in_row = in_row + 1 if complaint else 0
                if in_row >= limit("complaints_row_max"):
                    rows.append((agent_id, moment, moment + rest, "complaints"))
                    begun, in_row = moment + rest, 0
    table = pd.DataFrame(rows, columns=["agent_id", "at", "until", "reason"])
    return table.sort_values(["at", "agent_id"], ignore_index=True)


def find_outliers(agent_day: pd.DataFrame, *, figures: Sequence[str] = WATCHED) -> pd.DataFrame:
    """Find agents whose figures of a day are far from those of their colleagues on that day.

    Parameters
    ----------
    agent_day : DataFrame
        day, agent and any of the figures; one row per agent and day, as the exports give it.

    Returns
    -------
    DataFrame
        day, agent, figure, value, usual (the median of the day), z (modified z-score), the farthest first.

    Notes
    -----
    z = 0.6745 (x - median) / MAD [1]_; where more than half the people have the same value the mean absolute deviation
    takes the place of the MAD. Days with too few people are passed over.

    .. [1] B. Iglewicz and D. Hoaglin, "How to Detect and Handle Outliers", 1993.
    """
    need_columns(agent_day, "day", "agent", name="agent_day")
    rows = []
    for day, people in agent_day.groupby("day"):
        for figure in [name for name in figures if name in people]:
            values = people[figure].dropna().astype(float)
            if len(values) < limit("outlier_people_min"):
                continue
            median = float(values.median())
            away = (values - median).abs()
            scale = float(away.median()) / 0.6745 or float(away.mean()) * 1.253314
            if not scale:
                continue
            z = (values - median) / scale
            for row in z.index[z.abs() > limit("outlier_z")]:
                rows.append((day, people.loc[row, "agent"], figure, values[row], median, float(z[row])))
    table = pd.DataFrame(rows, columns=["day", "agent", "figure", "value", "usual", "z"])
    order = table["z"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def build_daily_board(
    agent_day: pd.DataFrame, *, on_duty_h: pd.DataFrame | None = None, reminders: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Sum the exports up to one row per day: what the lead looks at every day.

    Parameters
    ----------
    agent_day : DataFrame
        day, agent, receptions, inquiries, buyers_ordered, buyers_paid, sales_cny, mean_response_s, chat_s (mean of a
        chat), online_s, unanswered.
    on_duty_h : DataFrame, optional
        day, hours on chat by the roster: for the saturation of days of which nobody exported the time online.
    reminders : DataFrame, optional
        day, reminded, paid_after: who of the unpaid orders was reminded, and paid then.

    Returns
    -------
    DataFrame
        day, agents, receptions, conversion (paid over inquiries), sales_cny, ordered_unpaid (buyers), reminded
        (orders), paid_after_share (of the reminded), mean_response_s (by receptions), unanswered (share of
        receptions), saturation (chat time over time online; above 1 where chats run side by side), unusual (agents
        with an outlier).
    """
    need_columns(agent_day, "day", "agent", name="agent_day")
    needed = ["receptions", "inquiries", "buyers_ordered", "buyers_paid", "sales_cny", "mean_response_s"]
    needed += ["chat_s", "online_s", "unanswered"]
    table = agent_day.reindex(columns=["day", "agent", *needed])
    weight = table["receptions"].where(table["mean_response_s"].notna())
    table = table.assign(weight=weight, response=table["mean_response_s"] * weight)
    table["chat_s"] = table["chat_s"] * table["receptions"]
    table["unpaid"] = (table["buyers_ordered"] - table["buyers_paid"]).clip(lower=0)
    online = table["online_s"].notna() & (table["online_s"] > 0)
    table["chat_online_s"] = table["chat_s"].where(online)
    table["online_s"] = table["online_s"].where(online & table["chat_s"].notna())
    by_day = table.groupby("day")
    sums = by_day[[*needed, "weight", "response", "unpaid", "chat_online_s"]].sum(min_count=1)
    board = pd.DataFrame({"agents": by_day["agent"].nunique(), "receptions": sums["receptions"]})
    board["conversion"] = sums["buyers_paid"] / sums["inquiries"].where(sums["inquiries"] > 0)
    board["sales_cny"] = sums["sales_cny"]
    board["ordered_unpaid"] = sums["unpaid"]
    days = pd.to_datetime(board.index)
    for name in ("reminded", "paid_after_share"):
        board[name] = math.nan
    if reminders is not None:
        sent = sum_reminders(reminders, by="day").set_index("day").reindex(days)
        for name in ("reminded", "paid_after_share"):
            board[name] = sent[name].to_numpy()
    board["mean_response_s"] = sums["response"] / sums["weight"].where(sums["weight"] > 0)
    board["unanswered"] = sums["unanswered"] / sums["receptions"].where(sums["receptions"] > 0)
    board["saturation"] = sums["chat_online_s"] / sums["online_s"]
    if on_duty_h is not None:
        hours = on_duty_h.groupby(pd.to_datetime(on_duty_h["day"]))["hours"].sum().reindex(days)
        board["saturation"] = board["saturation"].fillna(sums["chat_s"] / 3600 / hours.where(hours > 0).to_numpy())
    unusual = find_outliers(agent_day).groupby("day")["agent"].nunique()
    board["unusual"] = unusual.reindex(board.index, fill_value=0)
    return board.reset_index()


def sum_reminders(reminders: pd.DataFrame, *, by: str = "agent") -> pd.DataFrame:
    """Sum up the reminders of unpaid orders, by who sent them or by day.

    Parameters
    ----------
    reminders : DataFrame
        day, agent, reminded (orders), paid_after (of these), sales_cny (of those paid; may be missing).
    by : {"agent", "day"}
        One row per what.

    Returns
    -------
    DataFrame
        agent or day, reminded, paid_after, paid_after_share (nan where nobody was reminded), sales_cny; the agents who
        brought back most first, days in their order.

    Examples
    --------
    >>> sent = pd.DataFrame({"day": "2026-11-01", "agent": ["A01", "A02"], "reminded": [20, 10], "paid_after": [5, 4],
    ...                      "sales_cny": [600.0, 500.0]})
    >>> sum_reminders(sent, by="day")[["reminded", "paid_after_share"]].to_numpy().tolist()
    [[30.0, 0.3]]
    """
    need_columns(reminders, by, "reminded", "paid_after", name="reminders")
    figures = ["reminded", "paid_after", "sales_cny"]
    table = reminders.reindex(columns=[by, *figures]).astype(dict.fromkeys(figures, float))
    if by == "day":
        table["day"] = pd.to_datetime(table["day"])
    summed = table.groupby(by, dropna=False)[figures].sum(min_count=1).reset_index()
    summed.insert(3, "paid_after_share", summed["paid_after"] / summed["reminded"].where(summed["reminded"] > 0))
    if by == "day":
        return summed
    return summed.sort_values(["paid_after", by], ascending=[False, True], kind="stable", ignore_index=True)


def relate_results(people: pd.DataFrame, results: pd.DataFrame) -> pd.DataFrame:
    """Relate exam score and tenure to what people achieved, by rank correlation.

    Parameters
    ----------
    people : DataFrame
        agent_id, and any of exam_score, tenure_days.
    results : DataFrame
        agent_id, and figures (conversion, mean_response_s, satisfied_share ...).

    Returns
    -------
    DataFrame
        trait, figure, people, correlation (Spearman), low, high (95 %, Fisher's z with the variance 1.06 / (n - 3)),
        clear (the band does not hold 0). Pairs with fewer than five people are left out.
    """
    both = people.merge(results, on="agent_id")
    rows = []
    for trait in [name for name in ("exam_score", "tenure_days") if name in people]:
        for figure in results.columns.drop("agent_id"):
            pair = both[[trait, figure]].dropna().astype(float)
            if len(pair) < limit("outlier_people_min") or pair.nunique().min() < 2:
                continue
            ranks = pair.rank()
            r = float(np.corrcoef(ranks[trait], ranks[figure])[0, 1])
            half = 1.959964 * math.sqrt(1.06 / (len(pair) - 3))
            z = math.atanh(min(max(r, -1 + 1e-12), 1 - 1e-12))
            low, high = math.tanh(z - half), math.tanh(z + half)
            rows.append((trait, figure, len(pair), r, low, high, low > 0 or high < 0))
    return pd.DataFrame(rows, columns=["trait", "figure", "people", "correlation", "low", "high", "clear"])


def relief_findings(load: pd.DataFrame) -> list[Message]:
    """Return who needs relief first, in one message, or that nobody does."""
    tired = load[load["relief"]]
    if tired.empty:
        return [Message("retrospective.nobody_tired", people=len(load))]
    names = tuple(str(name) for name in tired["agent_id"].head(3))
    return [Message("retrospective.tired", count=len(tired), people=len(load), names=names)]
