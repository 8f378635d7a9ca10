"""Fit the chat floor to what a store's exports hold: daily means of its agents, and single chats where there are any.

Three questions, each answered with a band and with what it rests on:

* :func:`fit_floor` fits turns, reply time, think time, patience, busyness and the slow-down by open chats to daily
  aggregates by simulation: parameters are drawn from a wide prior, the compiled floor is run on each, and the draws
  whose figures lie nearest to the exported ones are corrected by a local linear regression (approximate Bayesian
  computation, [1]_).
* :func:`fit_patience` fits patience where buyers leave without a word, by expectation maximisation after [2]_.
* :func:`fit_conversion` fits conversion against response within agents, and refuses too few agent-days.

.. [1] Beaumont, Zhang and Balding, "Approximate Bayesian computation in population genetics", Genetics 162, 2002.
.. [2] "Estimating customer patience with silent abandonment in service systems with messaging", arXiv 2501.08869.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from simlib.intervals import Grid
from simlib.messages import Message, UserError
from simlib.simulator.draw import ChatService, Demand, Spread, slowdown_from_ratio
from simlib.simulator.inputs import Agents, Policy
from simlib.simulator.outcome import Outcome
from simlib.simulator.tables import OUTCOMES
from simlib.streams import stream

PARAMETERS = ("turns", "reply_s", "think_s", "patience_s", "busyness_cv", "switch_cost_pct")
FIGURES = ("turns", "mean_response_s", "chat_s", "unanswered_share", "day_cv", "response_by_load")
# Shown beside the fit and never fitted: as many figures as parameters, so that one that the floor cannot give as it
# is (a first reply from a template, a most at once) spoils none of the others.
SHOWN = (*FIGURES, "first_response_s", "most_chats")
ROUNDS = 3  # the box of the last one is so small that the figures run straight in it
LEAST_AGENT_DAYS = 60
LEAST_FOR_LOAD = 20  # agent-days from which on response against load is a figure
LEAST_DAYS_FOR_SPREAD = 5
LEARNT_BELOW = 0.5  # a posterior this wide against its prior (both as logarithms) has learnt nothing
SAME_ABOVE = 0.9  # two parameters whose draws go together by more than this cannot be distinguished
CHATS_A_DRAW = 6000  # simulated for each draw at most: a shop with fewer keeps its own number, and with it its chance
_FIRST_DAY = pd.Timestamp("2026-01-05 09:00+08:00")
_STEP_S = 1800
_ROOM = 40  # chats that a simulated agent may hold: no shop's habit, so that nobody waits for a place
_PATIENCE_S = (20.0, 1500.0)
_SWITCH_COST_PCT = (0.6, 15.0)  # about the default of the ratio, 3 percent, in the middle of its logarithm


@dataclass(frozen=True, kw_only=True)
class DayFigures:
    """What a store's exports say of its agents on a usual day.

    Attributes
    ----------
    agents : int
        Agents on duty on a day.
    receptions : float
        Receptions of one agent on one day.
    online_s : float
        Seconds online of one agent on one day, breaks taken off.
    turns : float
        Messages that need a reply, per reception.
    first_response_s, mean_response_s, chat_s : float
        Means as exported.
    unanswered_share : float
        Share of the chats that nobody answered; nan where the exports do not count them.
    day_cv : float
        Standard deviation over mean of the shop's receptions from day to day, weekdays taken out; nan where there are
        too few days.
    response_by_load : float
        By how many percent the mean response of an agent is longer on a day with one percent more receptions an
        hour, see :func:`response_by_load`; nan where there are too few agent-days.
    most_chats : float
        The most chats at once, as exported; shown beside the fit and never fitted (see :func:`open_chats`).
    days : int
        Days that the means are of.
    """

    agents: int
    receptions: float
    online_s: float
    turns: float
    first_response_s: float
    mean_response_s: float
    chat_s: float
    unanswered_share: float = math.nan
    day_cv: float = math.nan
    response_by_load: float = math.nan
    most_chats: float = math.nan
    days: int = 1

    def __post_init__(self) -> None:
        for name in ("agents", "receptions", "online_s", "turns", "mean_response_s", "chat_s", "days"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be > 0, got {getattr(self, name)!r}")

    @property
    def used(self) -> tuple[str, ...]:
        """The figures that a fit may rest on."""
        few = {"day_cv"} if self.days < LEAST_DAYS_FOR_SPREAD else set()
        if self.days < LEAST_DAYS_FOR_SPREAD or self.days * self.agents < LEAST_FOR_LOAD:
            few.add("response_by_load")
        return tuple(name for name in FIGURES if math.isfinite(getattr(self, name)) and name not in few)


def open_chats(figures: DayFigures) -> float:
    """Return the chats that an agent has open on average, by Little's law.

    The day's most at once says little of the load: 82 chats of 528 s in 8.6 hours are 1.4 open on average, on a day
    whose most was 12.

    Examples
    --------
    >>> day = DayFigures(agents=1, receptions=82, online_s=8.6 * 3600, turns=6.2, first_response_s=27.8,
    ...                  mean_response_s=37.8, chat_s=528, most_chats=12)
    >>> round(open_chats(day), 1), round(day.most_chats / open_chats(day))
    (1.4, 9)
    """
    return figures.receptions * figures.chat_s / figures.online_s


def response_by_load(agent: np.ndarray, load: np.ndarray, response_s: np.ndarray) -> float:
    """Return how the mean response of an agent goes with the load from day to day: an elasticity, agent effects out.

    Agents wait on their own other chats, so it is above 0 without any slow-down; what a slow-down adds is found by
    simulating both.

    Parameters
    ----------
    agent, load, response_s : array
        One entry per agent-day; the load (receptions an hour) also weighs the day.

    Examples
    --------
    >>> agent, load = np.array([0, 0, 1, 1]), np.array([10.0, 20.0, 5.0, 10.0])
    >>> round(response_by_load(agent, load, np.array([30.0, 60.0, 20.0, 40.0])), 6)
    1.0
    """
    keep = (load > 0) & (response_s > 0)
    codes = pd.factorize(agent[keep])[0]
    weight, x, y = load[keep], np.log(load[keep]), np.log(response_s[keep])
    total = np.maximum(np.bincount(codes, weights=weight), 1e-12)
    x = x - (np.bincount(codes, weights=weight * x) / total)[codes]
    y = y - (np.bincount(codes, weights=weight * y) / total)[codes]
    spread = float((weight * x * x).sum())
    return float((weight * x * y).sum()) / spread if spread > 1e-9 else math.nan


def day_spread(totals: pd.Series) -> float:
    """Return standard deviation over mean of daily totals, weekdays taken out where each was seen three times.

    Examples
    --------
    >>> days = pd.date_range("2026-03-02", periods=28)
    >>> day_spread(pd.Series([100.0, 100, 100, 100, 100, 200, 200] * 4, index=days))
    0.0
    """
    if len(totals) < LEAST_DAYS_FOR_SPREAD:
        return math.nan
    weekday = pd.DatetimeIndex(totals.index).day_of_week
    seen = pd.Series(weekday).value_counts()
    groups = len(seen) if seen.min() >= 3 else 1
    usual = totals.groupby(weekday).transform("mean") if groups > 1 else totals.mean()
    return float(math.sqrt(((totals / usual - 1.0) ** 2).sum() / (len(totals) - groups)))


def read_day_figures(agent_days: pd.DataFrame) -> DayFigures:
    """Return the figures of a usual day from the table ``agent_day`` of the exports.

    Means are weighted by receptions. Without online seconds an agent's day counts eight hours.

    Raises
    ------
    UserError
        No agent-day has receptions, messages, a mean response and the length of a chat.
    """
    rows = agent_days[agent_days["day"].notna() & (agent_days["receptions"] > 0)]
    rows = rows.dropna(subset=["messages_buyer", "mean_response_s", "chat_s"])
    rows = rows[(rows["messages_buyer"] > 0) & (rows["mean_response_s"] > 0) & (rows["chat_s"] > 0)]
    if rows.empty:
        raise UserError(Message("exports.calibrate_no_days"))
    weight = rows["receptions"].to_numpy(float)
    messages = rows["messages_buyer"].to_numpy(float)
    if rows["messages_agent"].notna().all() and (rows["messages_agent"] > 0).all():
        messages = np.minimum(messages, rows["messages_agent"].to_numpy(float))

    def mean(name: str) -> float:
        values = rows[name].to_numpy(float)
        has = ~np.isnan(values)
        return float((values[has] * weight[has]).sum() / weight[has].sum()) if has.any() else math.nan

    online = rows["online_s"] if "online_s" in rows else pd.Series(np.nan, index=rows.index)
    if "break_s" in rows:
        online = online - rows["break_s"].fillna(0.0)
    online = online.where(online > 0)
    hours = online.fillna(8 * 3600.0).to_numpy(float) / 3600.0
    unanswered = math.nan
    if "unanswered" in rows and rows["unanswered"].notna().any():
        known = rows[rows["unanswered"].notna()]
        offered = known["receptions"].where(
            known.get("consultations", known["receptions"]).isna(), known.get("consultations", known["receptions"])
        )
        offered = np.maximum(offered, known["unanswered"])
        unanswered = float(known["unanswered"].sum() / offered.sum()) if offered.sum() else math.nan
    by_day = rows.groupby("day")["receptions"].sum()
    return DayFigures(
        agents=max(round(len(rows) / len(by_day)), 1),
        receptions=float(weight.mean()),
        online_s=float(online.mean()) if online.notna().any() else 8 * 3600.0,
        turns=float(messages.sum() / weight.sum()),
        first_response_s=mean("first_response_s"),
        mean_response_s=mean("mean_response_s"),
        chat_s=mean("chat_s"),
        unanswered_share=unanswered,
        day_cv=day_spread(by_day),
        response_by_load=response_by_load(
            rows["agent"].to_numpy() if "agent" in rows else np.arange(len(rows)),
            weight / hours,
            rows["mean_response_s"].to_numpy(float),
        ),
        most_chats=mean("most_chats") if "most_chats" in rows else math.nan,
        days=len(by_day),
    )


def simulate_figures(
    figures: DayFigures,
    parameters: Mapping[str, float],
    *,
    days: int,
    seed: int,
    replication: int = 0,
    silent_share: float = 0.7,
    trace: bool = True,
) -> dict[str, float]:
    """Return the figures that the compiled floor gives for a shop's days with these parameters.

    The receptions, the agents and their hours are the shop's own; contacts come evenly over the day. A chat whose
    buyer left silently counts as received, as exports count it, and is in no mean of seconds.

    Parameters
    ----------
    figures : DayFigures
        Of which agents, receptions, online_s and unanswered_share are used.
    parameters : mapping of str to float
        Of ``PARAMETERS``; without patience_s nobody leaves, without switch_cost_pct nobody slows down.
    days : int
        Simulated days.
    silent_share : float
        Share of the leavers who say nothing.
    trace : bool
        Whether the most chats at once are counted; else they are nan.

    Returns
    -------
    dict of str to float
        Every figure of ``SHOWN``, ``open_chats`` and ``receptions``.
    """
    from simlib.simulator import run_arrays

    steps = max(round(figures.online_s / _STEP_S), 1)
    lost = figures.unanswered_share if math.isfinite(figures.unanswered_share) else 0.0
    mean = figures.agents * figures.receptions / (1.0 - min(lost, 0.9)) / steps
    busy = np.ones(days)
    if parameters["busyness_cv"] > 0:
        marks = stream(seed, replication, "calibration busyness").random(days)
        busy = Spread("gamma", cv=parameters["busyness_cv"]).draw(marks, mean=1.0)
        busy = busy / busy.mean()  # the receptions are the shop's own: how many came is known, their spread is asked
    day_steps = steps + 4  # hours apart, so that one day's chats are over before the next
    grid = Grid(opens=_FIRST_DAY, n=days * day_steps)
    open_steps = (np.arange(days)[:, None] * day_steps + np.arange(steps)).ravel()
    forecast = pd.DataFrame(
        {"start": grid.starts[open_steps], "queue": "presale", "contacts": np.repeat(mean * busy, steps)}
    )
    service = ChatService(
        replies_mean=max(parameters["turns"], 1.0),
        reply_s=parameters["reply_s"],
        think_s=parameters["think_s"],
        patience_s=parameters.get("patience_s", math.inf),
        silent_share=silent_share,
    )
    contacts = Demand.of(forecast, {"presale": service}, grid=grid).draw(seed=seed, replication=replication)
    day_s, open_s = float(day_steps * _STEP_S), float(steps * _STEP_S)
    shifts = [(agent, day * day_s, day * day_s + open_s) for agent in range(figures.agents) for day in range(days)]
    agents = Agents(capacity=np.full(figures.agents, _ROOM), speed=np.ones(figures.agents), shifts=np.array(shifts))
    slowdown = slowdown_from_ratio(parameters.get("switch_cost_pct", 0.0), capacity_max=_ROOM)
    night = run_arrays(contacts, agents, Policy(slowdown=slowdown), trace=trace)
    return _measure(night, np.asarray(contacts.arrival), agents=figures.agents, days=days, day_s=day_s, open_s=open_s)


def _measure(
    night: Outcome, arrival: np.ndarray, *, agents: int, days: int, day_s: float, open_s: float
) -> dict[str, float]:
    """Return the figures of simulated days as a report of agents would have them."""
    outcome = np.array(OUTCOMES)[night.outcome]
    served, silent, left = (outcome == name for name in ("served", "silent", "abandoned"))
    served &= night.replies > 0
    received = served | silent
    day = np.minimum((arrival // day_s).astype(np.int64), days - 1)
    agent_day = day * agents + np.maximum(night.agent, 0)
    cells = days * agents
    receptions = np.bincount(agent_day[received], minlength=cells).astype(float)
    replies = np.bincount(agent_day[served], weights=night.replies[served], minlength=cells)
    response = np.bincount(agent_day[served], weights=night.response_sum[served], minlength=cells)
    total, answered = max(float(received.sum()), 1.0), max(float(served.sum()), 1.0)
    by_day = receptions.reshape(days, agents).sum(axis=1)
    spread = float(np.std(by_day, ddof=1) / np.mean(by_day)) if days > 1 and by_day.mean() else math.nan
    usable = replies > 0
    elasticity = response_by_load(
        np.tile(np.arange(agents), days)[usable], receptions[usable], (response / np.maximum(replies, 1.0))[usable]
    )
    most = pd.Series(night.changes["open"]).groupby(
        (night.changes["time"] // day_s).astype(np.int64) * agents + night.changes["agent"]
    )
    return {
        "turns": float(replies.sum() + silent.sum()) / total,
        "mean_response_s": float(response.sum()) / max(float(replies.sum()), 1.0),
        "chat_s": float((night.end - night.entry)[served].sum()) / answered,
        "unanswered_share": float(left.sum()) / max(float((received | left).sum()), 1.0),
        "day_cv": spread,
        "response_by_load": elasticity,
        "first_response_s": float((night.first_reply - night.entry)[served].sum()) / answered,
        "most_chats": float(most.max().mean()) if len(night.changes) else math.nan,
        "receptions": total / cells,
        "open_chats": float(night.chat_seconds.sum()) / (agents * days * open_s),
    }


@dataclass(frozen=True, kw_only=True)
class FloorFit:
    """The floor of one shop, fitted.

    Attributes
    ----------
    parameters : DataFrame
        parameter, value, low, high (a 90 % band), rests_on (the figure that moves it most), learnt (whether the
        figures say more of it than the prior did), like (the parameters that it cannot be distinguished from).
    matched : DataFrame
        figure, exported, fitted, used: how well the fitted floor gives each exported figure; first response and
        ``most_chats`` are shown and not fitted.
    confounded : tuple of (str, str)
        Pairs of parameters that these figures cannot distinguish.
    open_chats : float
        Chats that an agent has open on average.
    figures : DayFigures
        What it was fitted to.
    """

    parameters: pd.DataFrame
    matched: pd.DataFrame
    confounded: tuple[tuple[str, str], ...]
    open_chats: float
    figures: DayFigures

    def value(self, parameter: str) -> float:
        """Return the fitted value of one parameter."""
        return float(self.parameters.set_index("parameter").loc[parameter, "value"])


def fit_floor(
    figures: DayFigures,
    *,
    draws: int = 200,
    keep: float = 0.3,
    seed: int = 2026,
    silent_share: float = 0.7,
    on_progress: Callable[[float], object] | None = None,
) -> FloorFit:
    """Fit turns, reply and think time, patience, busyness and the slow-down by open chats to a shop's daily figures.

    Three rounds: the first draws from the wide prior and finds where the shop is, the others draw there only. Each
    draw is simulated for as many days as the exports have (at most ``CHATS_A_DRAW`` chats), so that its figures vary
    by chance as much as the shop's own do and the band holds that chance too.

    Parameters
    ----------
    figures : DayFigures
        What the exports say.
    draws : int
        Parameter draws of each round, >= 60.
    keep : float
        Share of the draws, the nearest ones, that the regression is made on.
    seed : int
        The same seed gives the same fit.
    silent_share : float
        Share of the leavers who say nothing: daily figures count those alone who left openly, so that patience is
        fitted given this share and cannot be separated from it.
    on_progress : callable, optional
        Called with the share done, 0 to 1.

    Returns
    -------
    FloorFit
    """
    used = list(figures.used)
    days = max(min(figures.days, math.floor(CHATS_A_DRAW / (figures.agents * figures.receptions))), 1)
    if {"day_cv", "response_by_load"} & set(used):
        days = max(days, LEAST_DAYS_FOR_SPREAD)
    how: dict[str, Any] = {"days": days, "seed": seed, "silent_share": silent_share}
    exported = {name: getattr(figures, name) for name in FIGURES}
    target = _statistics(exported, used, figures, days=figures.days)
    prior = box = _prior(figures)
    for turn in range(ROUNDS):
        logs = stream(seed, turn, "calibration prior").uniform(box[:, 0], box[:, 1], size=(draws, len(PARAMETERS)))
        seen = np.empty((draws, len(used)))
        for draw, parameters in enumerate(np.exp(logs)):
            named = dict(zip(PARAMETERS, parameters.tolist(), strict=True))
            found = simulate_figures(figures, named, replication=turn * draws + draw, trace=False, **how)
            seen[draw] = _statistics(found, used, figures, days=days)
            if on_progress is not None:
                on_progress((turn * draws + draw + 1) / (ROUNDS * draws))
        known = np.isfinite(seen).all(axis=1)
        posterior, weights, slopes = _adjust(logs[known], seen[known], target, keep)
        box = _narrowed(prior, posterior, weights)
    posterior = np.clip(posterior, prior[:, 0], prior[:, 1])
    values = np.exp((posterior * weights[:, None]).sum(axis=0) / weights.sum())
    bands = np.array([_quantiles(posterior[:, at], weights, (0.05, 0.95)) for at in range(len(PARAMETERS))])
    spread = np.sqrt(np.cov(posterior.T, aweights=weights).diagonal())
    learnt = spread < LEARNT_BELOW * (prior[:, 1] - prior[:, 0]) / math.sqrt(12)
    if "unanswered_share" not in used or figures.unanswered_share <= 0:
        learnt[PARAMETERS.index("patience_s")] = False  # nobody seen to leave says only that patience is long
    moves = np.abs(slopes * seen[known].std(axis=0)[:, None])
    together = np.corrcoef(posterior.T)
    pairs = [
        (PARAMETERS[a], PARAMETERS[b])
        for a in range(len(PARAMETERS))
        for b in range(a + 1, len(PARAMETERS))
        if abs(together[a, b]) > SAME_ABOVE
    ]
    if learnt[PARAMETERS.index("patience_s")]:
        pairs.append(("patience_s", "silent_share"))  # by construction: one figure, their product
    parameters = pd.DataFrame(
        {
            "parameter": PARAMETERS,
            "value": values,
            "low": np.exp(bands[:, 0]),
            "high": np.exp(bands[:, 1]),
            "rests_on": [used[int(moves[:, at].argmax())] if learnt[at] else "" for at in range(len(PARAMETERS))],
            "learnt": learnt,
            "like": [
                ", ".join(other for pair in pairs if name in pair for other in pair if other != name)
                for name in PARAMETERS
            ],
        }
    )
    best = dict(zip(PARAMETERS, values.tolist(), strict=True))
    fitted = simulate_figures(figures, best, replication=ROUNDS * draws, **(how | {"days": max(days, 10)}))
    matched = pd.DataFrame(
        {
            "figure": SHOWN,
            "exported": [getattr(figures, name) for name in SHOWN],
            "fitted": [fitted[name] for name in SHOWN],
            "used": [name in used for name in SHOWN],
        }
    )
    return FloorFit(
        parameters=parameters,
        matched=matched,
        confounded=tuple(pairs),
        open_chats=fitted["open_chats"],
        figures=figures,
    )


def _statistics(found: Mapping[str, float], used: Sequence[str], figures: DayFigures, *, days: int) -> np.ndarray:
    """Return the figures in the form in which they are compared: each close to a straight line in one parameter.

    A regression leans over where its figures bend. So the mean response is compared as the reply time that a queue of
    one server would need for it (M/M/1), the length of a chat as the buyer's part of it, the spread of days without
    what chance alone gives them, the unanswered share by its logarithm with half a chat added; the slope as it is.
    """
    turns, response = max(found["turns"], 1e-6), max(found["mean_response_s"], 1e-6)
    messages_s = turns * figures.receptions / figures.online_s
    chats = figures.agents * figures.receptions
    forms: dict[str, Callable[[], float]] = {
        "turns": lambda: math.log(turns),
        "mean_response_s": lambda: math.log(response / (1.0 + messages_s * response)),
        "chat_s": lambda: math.log(max(found["chat_s"] / turns - response, 1.0)),
        "unanswered_share": lambda: math.log(found["unanswered_share"] + 0.5 / (chats * days)),
        "day_cv": lambda: 0.5 * math.log(max(found["day_cv"] ** 2 - 1.0 / chats, 1e-4)),
        "response_by_load": lambda: found["response_by_load"],
    }
    return np.array([forms[name]() for name in used])


def _prior(figures: DayFigures) -> np.ndarray:
    """Return the logarithms between which each parameter is drawn: wide around what the means alone suggest."""
    gap = max(figures.chat_s / figures.turns - figures.mean_response_s, 5.0)
    response = figures.mean_response_s
    spread = figures.day_cv if math.isfinite(figures.day_cv) and figures.day_cv > 0 else 0.15
    spans = {
        "turns": (figures.turns * 0.7, figures.turns * 1.5),
        "reply_s": (response * 0.12, response * 1.1),
        "think_s": (gap * 0.4, gap * 2.5),
        "patience_s": _PATIENCE_S,
        "busyness_cv": (max(spread / 4, 0.01), max(spread * 3, 0.03)),
        "switch_cost_pct": _SWITCH_COST_PCT,
    }
    return np.asarray(np.log(np.array([spans[name] for name in PARAMETERS])))


def _narrowed(prior: np.ndarray, posterior: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the box of the next round: all of this one's posterior with its width again on either side.

    The data are used once more within the box, so it has to be wide against what they say (here a standard deviation
    of some four times the posterior's), or each round would narrow the band a little.
    """
    box = prior.copy()
    for at in range(len(prior)):
        low, high = _quantiles(posterior[:, at], weights, (0.01, 0.99))
        room = high - low
        low, high = max(low - room, prior[at, 0]), min(high + room, prior[at, 1])
        if high - low > 1e-6:
            box[at] = low, high
    return box


def _adjust(
    logs: np.ndarray, seen: np.ndarray, target: np.ndarray, keep: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Correct the nearest draws by a weighted regression on their figures; return them, weights and slopes."""
    scale = np.maximum(np.median(np.abs(seen - np.median(seen, axis=0)), axis=0) * 1.4826, 1e-6)
    away = np.sqrt((((seen - target) / scale) ** 2).sum(axis=1))
    count = min(max(int(len(away) * keep), 8 * (seen.shape[1] + 1)), len(away))
    near = np.argsort(away)[:count]
    reach = away[near].max() * 1.0001
    weights = 1.0 - (away[near] / reach) ** 2
    design = np.column_stack([np.ones(len(near)), seen[near] - target])
    root = np.sqrt(weights)[:, None]
    slopes, *_ = np.linalg.lstsq(design * root, logs[near] * root, rcond=None)
    left = logs[near] - design @ slopes
    return slopes[0] + left * _room_for_error(design, weights), weights, slopes[1:]


def _room_for_error(design: np.ndarray, weights: np.ndarray) -> float:
    """Return by how much residuals are to be stretched to hold what a regression on few draws does not know.

    The factor of a prediction interval at the target: residuals are too small by the fitted columns, the fit at the
    target (where every figure's column is 0) has an error of its own, and few draws have the tails of Student's t.
    """
    from scipy import special

    count = float(weights.sum() ** 2 / (weights**2).sum())
    free = max(count - design.shape[1], 2.0)
    scaled = weights / weights.sum() * count
    leverage = float(np.linalg.pinv((design * scaled[:, None]).T @ design)[0, 0])
    return math.sqrt(count / free * (1.0 + leverage)) * float(special.stdtrit(free, 0.95) / special.ndtri(0.95))


def _quantiles(values: np.ndarray, weights: np.ndarray, shares: tuple[float, float]) -> tuple[float, float]:
    order = np.argsort(values)
    mass = (np.cumsum(weights[order]) - 0.5 * weights[order]) / weights.sum()
    low, high = np.interp(shares, mass, values[order])
    return float(low), float(high)


@dataclass(frozen=True, kw_only=True)
class PatienceFit:
    """Patience where some leave without a word.

    Attributes
    ----------
    patience_s : float
        Mean seconds that a buyer waits for the first reply, exponential.
    silent_share : float
        Share of buyers who, when they give up, say nothing.
    one_turn_share : float
        Share of answered buyers who write no more although they were there.
    left_silently : float
        Share of all chats whose buyer had gone when the reply came.
    low_s, high_s : float
        90 % band of ``patience_s`` from the observed information.
    rounds : int
        Rounds of expectation maximisation.
    """

    patience_s: float
    silent_share: float
    one_turn_share: float
    left_silently: float
    low_s: float
    high_s: float
    rounds: int


def fit_patience(
    waited_s: np.ndarray, outcome: np.ndarray, *, rounds: int = 5000, tolerance: float = 1e-9
) -> PatienceFit:
    """Fit patience to chats of which some end in silence.

    Parameters
    ----------
    waited_s : float array
        Seconds that each chat waited: until its first reply, or until the buyer left openly.
    outcome : str array
        ``left``: the buyer left openly while waiting; ``talked``: the buyer wrote again after the first reply, so was
        there; ``quiet``: a first reply was sent and nothing came back, from a buyer who had gone or was content.

    Returns
    -------
    PatienceFit

    Raises
    ------
    ValueError
        The arrays differ in length, an outcome is unknown, or nobody was seen to wait.

    Notes
    -----
    With rate r, a chat that was answered after w and went quiet has the likelihood s exp(-rw) + q (1 - exp(-rw)):
    content with one turn, or silently gone before. The split of the two is the hidden variable; both steps are in
    closed form.

    Examples
    --------
    >>> from simlib.streams import stream
    >>> chance = stream(1, 0, "example")
    >>> waits, patience = chance.exponential(80, 4000), chance.exponential(120, 4000)
    >>> outcome = np.where(patience > waits, "talked", np.where(chance.random(4000) < 0.7, "quiet", "left"))
    >>> seen = np.where(outcome == "left", patience, waits)
    >>> 110 < fit_patience(seen, outcome).patience_s < 130
    True
    """
    waited, outcome = np.asarray(waited_s, dtype=float), np.asarray(outcome).astype(str)
    unknown = set(outcome) - {"left", "talked", "quiet"}
    if len(waited) != len(outcome) or unknown:
        raise ValueError(f"outcome must be left, talked or quiet for each wait, got {sorted(unknown)[:3]}")
    if not len(waited) or not (waited >= 0).all() or not waited.sum() > 0:
        raise ValueError("waited_s must be seconds >= 0 of at least one chat that waited")
    left, talked, quiet = (waited[outcome == name] for name in ("left", "talked", "quiet"))
    rate = max(len(left) + 0.5 * len(quiet), 0.5) / waited.sum()
    silent, one_turn = 0.5, 0.5 * len(quiet) / max(len(quiet) + len(talked), 1)
    done = 0
    for turn in range(1, rounds + 1):
        done = turn
        stays = np.exp(-rate * quiet)
        gone = silent * (1.0 - stays)
        both = gone + one_turn * stays
        chance = np.divide(gone, both, out=np.zeros_like(gone), where=both > 0)
        leaves = np.divide(quiet * stays, 1.0 - stays, out=np.ones_like(quiet) / rate, where=stays < 1.0 - 1e-12)
        before = 1.0 / rate - leaves  # mean patience of one who was gone before
        events = len(left) + chance.sum()
        exposure = left.sum() + talked.sum() + ((1.0 - chance) * quiet + chance * before).sum()
        new = (
            max(events, 1e-9) / exposure,
            chance.sum() / events if events > 0 else silent,
            (1.0 - chance).sum() / max((1.0 - chance).sum() + len(talked), 1e-9),
        )
        moved = max(abs(math.log(new[0] / rate)), abs(new[1] - silent), abs(new[2] - one_turn))
        rate, silent, one_turn = (float(part) for part in new)
        if moved < tolerance:
            break
    error = _rate_error(rate, silent, one_turn, left, talked, quiet)
    low, high = rate * math.exp(-1.645 * error), rate * math.exp(1.645 * error)
    return PatienceFit(
        patience_s=1.0 / rate,
        silent_share=silent,
        one_turn_share=one_turn,
        left_silently=float(chance.sum() / len(waited)),
        low_s=1.0 / high,
        high_s=1.0 / low,
        rounds=done,
    )


def read_waits(messages: pd.DataFrame, *, reply_s: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return how long each chat of a chat record waited and what came of it, as :func:`fit_patience` takes them.

    A chat record shows no leaving: a chat whose buyer wrote again after the first human reply is ``talked``, one whose
    buyer did not is ``quiet``; a chat that nobody answered shows no wait and is left out, a bot's reply is no reply.

    Parameters
    ----------
    messages : DataFrame
        The table ``message`` of the exports: chat, sent, side.
    reply_s : float
        Seconds that writing the reply takes; patience ends when it is begun, so that they are no wait.

    Examples
    --------
    >>> record = pd.DataFrame({"chat": ["a", "a", "a", "b", "b"], "side": ["buyer", "agent", "buyer", "buyer", "agent"],
    ...                        "sent": pd.to_datetime([0, 30, 60, 0, 50], unit="s")})
    >>> [column.tolist() for column in read_waits(record, reply_s=10)]
    [[20.0, 40.0], ['talked', 'quiet']]
    """
    rows = messages[messages["sent"].notna() & messages["side"].isin(["buyer", "agent"])]
    buyers, agents = rows[rows["side"] == "buyer"], rows[rows["side"] == "agent"]
    if buyers.empty or agents.empty:
        return np.empty(0), np.empty(0, dtype=str)
    first = buyers.groupby("chat", sort=True)["sent"].min()
    replies = agents[agents["sent"] >= agents["chat"].map(first)]
    reply = replies.groupby("chat", sort=True)["sent"].min()
    last = buyers.groupby("chat", sort=True)["sent"].max().reindex(reply.index)
    waited = (reply - first.reindex(reply.index)).dt.total_seconds().to_numpy(float) - reply_s
    return np.maximum(waited, 0.0), np.where((last > reply).to_numpy(bool), "talked", "quiet")


def _rate_error(
    rate: float, silent: float, one_turn: float, left: np.ndarray, talked: np.ndarray, quiet: np.ndarray
) -> float:
    """Return the standard error of the logarithm of the rate, from the likelihood's curvature in all parameters."""

    def likelihood(point: np.ndarray) -> float:
        r = math.exp(point[0])
        q, s = (1.0 / (1.0 + math.exp(-part)) for part in point[1:])
        stays = np.exp(-r * quiet)
        total = len(left) * (math.log(r) + math.log(1.0 - q)) - r * left.sum()
        total += len(talked) * math.log(1.0 - s) - r * talked.sum()
        return float(total + np.log(s * stays + q * (1.0 - stays) + 1e-300).sum())

    def logit(share: float) -> float:
        share = min(max(share, 1e-4), 1.0 - 1e-4)
        return math.log(share / (1.0 - share))

    at, step = np.array([math.log(rate), logit(silent), logit(one_turn)]), 1e-3
    curve = np.empty((3, 3))
    unit = np.eye(3) * step
    for a in range(3):
        for b in range(3):
            corners = (
                likelihood(at + unit[a] + unit[b])
                - likelihood(at + unit[a] - unit[b])
                - likelihood(at - unit[a] + unit[b])
                + likelihood(at - unit[a] - unit[b])
            )
            curve[a, b] = corners / (4 * step * step)
    variance = np.linalg.pinv(-curve, rcond=1e-8)[0, 0]
    return math.sqrt(variance) if variance > 0 else 1.0


@dataclass(frozen=True, kw_only=True)
class ConversionFit:
    """Conversion against response time, within agents.

    Attributes
    ----------
    per_10_s : float
        Change of the conversion (a share) when the mean response is ten seconds longer.
    low, high : float
        90 % band, errors grouped by agent.
    agent_days, agents : int
        What it rests on.
    """

    per_10_s: float
    low: float
    high: float
    agent_days: int
    agents: int


def fit_conversion(agent_days: pd.DataFrame) -> ConversionFit:
    """Fit how conversion moves with the mean response of the same agent from day to day.

    Each agent has a level of its own, so that a good agent who is also a fast one says nothing; a day weighs as many
    as its inquiries. It is an association within agents, not a proof that seconds cost sales: a busy day is both.

    Parameters
    ----------
    agent_days : DataFrame
        The table ``agent_day`` of the exports: agent, inquiries, buyers_paid, mean_response_s.

    Raises
    ------
    UserError
        There are fewer than 60 usable agent-days, or no agent has two different ones.
    """
    rows = agent_days.dropna(subset=["agent", "inquiries", "buyers_paid", "mean_response_s"])
    rows = rows[rows["inquiries"] > 0]
    if len(rows) < LEAST_AGENT_DAYS:
        raise UserError(Message("exports.conversion_too_few", count=len(rows), least=LEAST_AGENT_DAYS))
    weight = rows["inquiries"].to_numpy(float)
    share = (rows["buyers_paid"] / rows["inquiries"]).to_numpy(float)
    wait = rows["mean_response_s"].to_numpy(float) / 10.0
    agent = pd.factorize(rows["agent"])[0]

    def within(values: np.ndarray) -> np.ndarray:
        level = np.bincount(agent, weights=values * weight) / np.bincount(agent, weights=weight)
        return np.asarray(values - level[agent])

    x, y = within(wait), within(share)
    total = float((weight * x * x).sum())
    if total <= 1e-12:
        raise UserError(Message("exports.conversion_no_spread"))
    slope = float((weight * x * y).sum() / total)
    score = np.bincount(agent, weights=weight * x * (y - slope * x))
    groups = len(score)
    # few agents make grouped errors too small: the correction of Stata, and never less than days taken one by one
    grouped = float((score**2).sum()) * groups / max(groups - 1, 1)
    single = float(((weight * x * (y - slope * x)) ** 2).sum()) * len(rows) / max(len(rows) - groups - 1, 1)
    error = math.sqrt(max(grouped, single)) / total
    return ConversionFit(
        per_10_s=slope,
        low=slope - 1.645 * error,
        high=slope + 1.645 * error,
        agent_days=len(rows),
        agents=groups,
    )


def with_fit(service: ChatService, fit: FloorFit, patience: PatienceFit | None = None) -> ChatService:
    """Return a queue's service with what was fitted in it; what the figures did not teach stays as it was."""
    learnt = fit.parameters.set_index("parameter")
    names = {"turns": "replies_mean", "reply_s": "reply_s", "think_s": "think_s", "patience_s": "patience_s"}
    changes: dict[str, Any] = {
        field: float(learnt.loc[name, "value"]) for name, field in names.items() if learnt.loc[name, "learnt"]
    }
    if patience is not None:
        changes |= {"patience_s": patience.patience_s, "silent_share": patience.silent_share}
    return replace(service, **changes)
