"""The night while it runs: heads that the corrected forecast asks for, beside the roster, and the best lever."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from simlib.forecasting.requirement import Targets, require_agents
from simlib.intervals import HALF_HOUR_S
from simlib.simulator import Policy
from simlib.simulator.draw import ChatService

AHEAD_H = 3
BEHIND_H = 2  # so long before now the floor is played again, for what is open now
MORE_CHATS = 2  # what the lever "concurrency" adds to the limit
MORE_BOT = 0.10  # what the lever "bot" adds to its share
SEATED_AFTER = pd.Timedelta(minutes=30)  # called 10 minutes away, counted from the next half hour


@dataclass(frozen=True, kw_only=True)
class Tonight:
    """The next hours.

    Attributes
    ----------
    heads : DataFrame
        start, queue, human, on_chat_planned (heads on chat that the requirement asked for before the night), required
        (heads on chat that are asked for now, with what is open), rostered (mean heads of the roster), on_chat (those
        of them who are expected on chat, after absence and time off chat), shortfall (required less on_chat).
    levers : DataFrame
        lever (glossary key), shortfall_h (agent-hours still short with this lever alone), saved_h, the most saved
        first; ``none`` stands last.
    """

    heads: pd.DataFrame
    levers: pd.DataFrame


def look_ahead(
    forecast: pd.DataFrame,
    roster: pd.DataFrame,
    services: Mapping[str, ChatService],
    targets: Mapping[str, Targets],
    *,
    concurrency: int,
    on_call: Collection[str],
    seed: int,
    requirement: pd.DataFrame,
    behind: pd.DataFrame | None = None,
    policy: Policy | None = None,
    on_chat_share: float = 1.0,
    **drawn: Any,
) -> Tonight:
    """Count the heads of the next three hours and rank what can be done about a shortfall.

    Parameters
    ----------
    forecast : DataFrame
        start, queue, human: what is still to come; :func:`simlib.forecasting.reforecast` gives it.
    roster : DataFrame
        agent_id, queue, start, end, activity.
    services, targets
        By queue.
    concurrency : int
        Chats an agent holds at a time.
    on_call : collection of str
        People who can be called and are not at work.
    seed : int
    requirement : DataFrame
        start, queue, human, on_chat: what the night was planned with.
    behind : DataFrame, optional
        start, queue, human of the intervals that are over. Their last two hours are played with the heads that the
        roster had, so that the floor begins with the chats that are open now.
    policy : Policy, optional
    on_chat_share : float
        Share of the rostered heads that is on chat (:attr:`simlib.night.Shrinkage.on_chat_share`).
    **drawn
        How nights are drawn and judged: minute_profile, busyness_cv, holds_share of
        :func:`simlib.forecasting.require_agents`.

    Returns
    -------
    Tonight
        Levers: ``lever_concurrency`` (two chats more each), ``lever_bot`` (ten points more), ``lever_breaks`` (meals
        and breaks of these hours moved behind them), ``lever_pool`` (everybody on call, seated from the second half
        hour on). Each is tried alone.
    """
    first = forecast["start"].min()
    hours = forecast[forecast["start"] < first + pd.Timedelta(hours=AHEAD_H)].reset_index(drop=True)

    steps = forecast["start"].drop_duplicates().sort_values().diff()
    step = steps.min() if steps.notna().any() else pd.Timedelta(seconds=HALF_HOUR_S)
    chat = roster[roster["activity"] == "chat"]
    past = hours.iloc[:0] if behind is None else behind[behind["start"] >= first - pd.Timedelta(hours=BEHIND_H)]
    stood = past.assign(standing=np.rint(_heads(chat, past, step)))

    def required(table: pd.DataFrame, limit: int) -> np.ndarray:
        asked = pd.concat([stood, table.assign(standing=np.nan)], ignore_index=True)
        how: dict[str, Any] = {"concurrency": limit, "shrinkage": 0.0, "seed": seed, "policy": policy, "banded": False}
        need = require_agents(asked[["start", "queue", "human", "standing"]], services, targets, **how, **drawn)
        return np.asarray(need["on_chat"].to_numpy(dtype=float)[len(stood) :])

    desk = chat.groupby("agent_id")["queue"].agg(lambda queues: queues.mode().iloc[0])
    away = roster[roster["activity"].isin(["meal", "break"])]
    away = away.assign(queue=away["agent_id"].map(desk))
    rostered = _heads(chat, hours, step)
    there = rostered * on_chat_share
    need = required(hours, concurrency)
    bot = hours.assign(
        human=[_with_more_bot(row.human, services[row.queue].bot_net_share) for row in hours.itertuples()]
    )
    pool = (hours["start"] >= first + SEATED_AFTER).to_numpy() * float(len(on_call))
    split = need / np.maximum(hours.groupby("start")["human"].transform("size").to_numpy(), 1)
    share = np.divide(need, _by_start(hours, need), out=split, where=_by_start(hours, need) > 0)
    tried = {
        "lever_concurrency": (required(hours, concurrency + MORE_CHATS), there),
        "lever_bot": (required(bot, concurrency), there),
        "lever_breaks": (need, there + _heads(away, hours, step) * on_chat_share),
        "lever_pool": (need, there + pool * share * on_chat_share),
        "none": (need, there),
    }
    step_h = step.total_seconds() / 3600
    short = {lever: float(np.maximum(asked - heads, 0).sum() * step_h) for lever, (asked, heads) in tried.items()}
    levers = pd.DataFrame({"lever": list(short), "shortfall_h": list(short.values())})
    levers["saved_h"] = short["none"] - levers["shortfall_h"]
    levers = levers.sort_values("saved_h", ascending=False, kind="stable", ignore_index=True)
    known = requirement.set_index(["start", "queue"])["on_chat"]
    heads = hours[["start", "queue", "human"]].assign(
        on_chat_planned=known.reindex(pd.MultiIndex.from_frame(hours[["start", "queue"]])).to_numpy(dtype=float),
        required=need,
        rostered=rostered,
        on_chat=there,
        shortfall=np.maximum(need - there, 0),
    )
    return Tonight(heads=heads, levers=levers)


def _with_more_bot(human: float, share: float) -> float:
    return human * (1 - min(share + MORE_BOT, 1.0)) / (1 - share) if share < 1 else human


def _by_start(hours: pd.DataFrame, values: np.ndarray) -> np.ndarray:
    return np.asarray(pd.Series(values).groupby(hours["start"].to_numpy()).transform("sum").to_numpy())


def _heads(segments: pd.DataFrame, hours: pd.DataFrame, step: pd.Timedelta) -> np.ndarray:
    """Mean heads of the segments in each row's interval and queue."""
    found = []
    for row in hours.itertuples():
        mine = segments[segments["queue"] == row.queue]
        begins = mine["start"].clip(lower=row.start)
        ends = mine["end"].clip(upper=row.start + step)
        found.append((ends - begins).clip(lower=pd.Timedelta(0)).sum() / step)
    return np.array(found, dtype=float)
