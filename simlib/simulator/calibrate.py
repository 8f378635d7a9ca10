"""Fit the chat floor to what a store's exports hold: daily means of its agents, and single chats where there are any.

Three questions, each answered with a band and with what it rests on:

* :func:`fit_floor` fits turns, reply time, think time and busyness to daily aggregates by simulation: parameters are
  drawn from a wide prior, the compiled floor is run on each, and the draws whose figures lie nearest to the exported
  ones are corrected by a local linear regression (approximate Bayesian computation, [1]_).
* :func:`fit_patience` fits patience where buyers leave without a word, by expectation maximisation after [2]_.
* :func:`fit_conversion` fits conversion against response within agents, and refuses too few agent-days.

.. [1] Beaumont, Zhang and Balding, "Approximate Bayesian computation in population genetics", Genetics 162, 2002.
.. [2] "Estimating customer patience with silent abandonment in service systems with messaging", arXiv 2501.08869.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from simlib.intervals import Grid
from simlib.messages import Message, UserError
from simlib.simulator.draw import ChatService, Demand
from simlib.simulator.inputs import Agents, Policy
from simlib.streams import stream

PARAMETERS = ("turns", "reply_s", "think_s", "busyness_cv")
FIGURES = ("turns", "mean_response_s", "chat_s", "day_cv")
# Shown beside the fit and never fitted: as many figures as parameters, so that one that the floor cannot give as it
# is (a first reply from a template, a most at once) spoils none of the others.
SHOWN = (*FIGURES, "first_response_s", "most_chats")
LEAST_AGENT_DAYS = 60
LEARNT_BELOW = 0.5  # a posterior this wide against its prior (both as logarithms) has learnt nothing
SAME_ABOVE = 0.9  # two parameters whose draws go together by more than this cannot be distinguished
_DAY = pd.Timestamp("2026-01-05 09:00+08:00")
CHATS_A_DRAW = 1000  # simulated for each draw at least, so that chance within a draw stays small
_ROOM = 40  # chats that a simulated agent may hold: no shop's habit, so that nobody waits for a place


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
    day_cv : float
        Standard deviation over mean of the shop's receptions from day to day; nan where there are too few days.
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
    day_cv: float = math.nan
    most_chats: float = math.nan
    days: int = 1

    def __post_init__(self) -> None:
        for name in ("agents", "receptions", "online_s", "turns", "mean_response_s", "chat_s", "days"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be > 0, got {getattr(self, name)!r}")


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
    if rows.empty:
        raise UserError(Message("exports.calibrate_no_days"))
    weight = rows["receptions"].to_numpy(float)
    messages = rows["messages_buyer"].to_numpy(float)
    if rows["messages_agent"].notna().all():
        messages = np.minimum(messages, rows["messages_agent"].to_numpy(float))

    def mean(name: str) -> float:
        values = rows[name].to_numpy(float)
        has = ~np.isnan(values)
        return float((values[has] * weight[has]).sum() / weight[has].sum()) if has.any() else math.nan

    online = rows["online_s"] if "online_s" in rows else pd.Series(np.nan, index=rows.index)
    if "break_s" in rows:
        online = online - rows["break_s"].fillna(0.0)
    by_day = rows.groupby("day")["receptions"].sum()
    return DayFigures(
        agents=max(round(len(rows) / len(by_day)), 1),
        receptions=float(weight.mean()),
        online_s=float(online.mean()) if online.notna().any() else 8 * 3600.0,
        turns=float(messages.sum() / weight.sum()),
        first_response_s=mean("first_response_s"),
        mean_response_s=mean("mean_response_s"),
        chat_s=mean("chat_s"),
        day_cv=float(by_day.std() / by_day.mean()) if len(by_day) >= 5 else math.nan,
        most_chats=float(rows["most_chats"].mean()),
        days=len(by_day),
    )


def simulate_figures(
    figures: DayFigures, parameters: dict[str, float], *, days: int, seed: int, replication: int = 0
) -> dict[str, float]:
    """Return the figures that the compiled floor gives for a shop's day with these parameters.

    The receptions, the agents and their hours are the shop's own; contacts come evenly over the day.

    Returns
    -------
    dict of str to float
        Every figure of ``SHOWN``, and ``open_chats``.
    """
    steps = max(round(figures.online_s / 1800), 1)
    grid = Grid(opens=_DAY, n=steps)
    mean = figures.agents * figures.receptions / steps
    forecast = pd.DataFrame({"start": grid.starts, "queue": "presale", "contacts": mean})
    service = ChatService(
        replies_mean=max(parameters["turns"], 1.0),
        reply_s=parameters["reply_s"],
        think_s=parameters["think_s"],
    )
    demand = Demand.of(forecast, {"presale": service}, grid=grid, busyness_cv=parameters["busyness_cv"])
    shifts = np.array([(agent, 0.0, steps * 1800.0) for agent in range(figures.agents)])
    agents = Agents(capacity=np.full(figures.agents, _ROOM), speed=np.ones(figures.agents), shifts=shifts)
    return _measure(demand, agents, days=days, seed=seed, first=replication * days)


def _measure(demand: Demand, agents: Agents, *, days: int, seed: int, first: int) -> dict[str, float]:
    from simlib.simulator import run_arrays

    received, replies, first_s, response_s, chat_s, most, held = [], 0.0, 0.0, 0.0, 0.0, [], 0.0
    for day in range(days):
        contacts = demand.draw(seed=seed, replication=first + day)
        night = run_arrays(contacts, agents, Policy(), trace=True)
        served = night.replies > 0
        received.append(float(served.sum()))
        replies += float(night.replies[served].sum())
        first_s += float((night.first_reply - night.entry)[served].sum())
        response_s += float(night.response_sum[served].sum())
        chat_s += float((night.end - night.entry)[served].sum())
        held += float(night.chat_seconds.sum() / night.on_duty.sum())
        most.append(float(night.changes["open"].max()) if len(night.changes) else 0.0)
    total = max(sum(received), 1.0)
    spread = float(np.std(received, ddof=1) / np.mean(received)) if days > 1 and np.mean(received) else math.nan
    return {
        "turns": replies / total,
        "first_response_s": first_s / total,
        "mean_response_s": response_s / max(replies, 1.0),
        "chat_s": chat_s / total,
        "day_cv": spread,
        "most_chats": float(np.mean(most)),
        "open_chats": held / days,
    }


@dataclass(frozen=True, kw_only=True)
class FloorFit:
    """The floor of one shop, fitted.

    Attributes
    ----------
    parameters : DataFrame
        parameter, value, low, high (a 90 % band), rests_on (the figure that moves it most), learnt (whether the
        figures say more of it than the prior did).
    matched : DataFrame
        figure, exported, fitted, used: how well the fitted floor gives each exported figure; first response and
        ``most_chats`` are shown and not fitted.
    confounded : tuple of (str, str)
        Pairs of parameters that these figures cannot distinguish.
    open_chats : float
        Chats that an agent has open on average.
    """

    parameters: pd.DataFrame
    matched: pd.DataFrame
    confounded: tuple[tuple[str, str], ...]
    open_chats: float

    def value(self, parameter: str) -> float:
        """Return the fitted value of one parameter."""
        return float(self.parameters.set_index("parameter").loc[parameter, "value"])


def fit_floor(
    figures: DayFigures, *, draws: int = 400, days: int = 4, keep: float = 0.25, seed: int = 2026
) -> FloorFit:
    """Fit turns, reply time, think time and busyness to a shop's daily figures.

    Parameters
    ----------
    figures : DayFigures
        What the exports say.
    draws, days : int
        Parameter draws, and simulated days for each at least; a small shop gets more of them.
    keep : float
        Share of the draws, the nearest ones, that the regression is made on.
    seed : int
        The same seed gives the same fit.

    Returns
    -------
    FloorFit
    """
    days = max(days, math.ceil(CHATS_A_DRAW / (figures.agents * figures.receptions)))
    prior = _prior(figures)
    chance = stream(seed, 0, "calibration prior")
    logs = chance.uniform(prior[:, 0], prior[:, 1], size=(draws, len(PARAMETERS)))
    used = [name for name in FIGURES if math.isfinite(getattr(figures, name)) and getattr(figures, name) > 0]
    if figures.days < 5 and "day_cv" in used:
        used.remove("day_cv")
    rows = []
    for draw, parameters in enumerate(np.exp(logs)):
        named = dict(zip(PARAMETERS, parameters.tolist(), strict=True))
        rows.append(simulate_figures(figures, named, days=days, seed=seed, replication=draw))
    table = pd.DataFrame(rows)
    seen = np.log(table[used].clip(lower=1e-6).to_numpy(float))
    target = np.log([max(getattr(figures, name), 1e-6) for name in used])
    posterior, weights, slopes = _adjust(logs, seen, np.asarray(target), keep)
    posterior = np.clip(posterior, prior[:, 0], prior[:, 1])
    values = np.exp((posterior * weights[:, None]).sum(axis=0) / weights.sum())
    bands = np.array([_quantiles(posterior[:, at], weights, (0.05, 0.95)) for at in range(len(PARAMETERS))])
    spread = np.sqrt(np.cov(posterior.T, aweights=weights).diagonal())
    width = (prior[:, 1] - prior[:, 0]) / math.sqrt(12)
    learnt = spread < LEARNT_BELOW * width
    scale = seen.std(axis=0)
    rests = [used[int(np.abs(slopes[:, at] * scale).argmax())] if learnt[at] else "" for at in range(len(PARAMETERS))]
    parameters = pd.DataFrame(
        {
            "parameter": PARAMETERS,
            "value": values,
            "low": np.exp(bands[:, 0]),
            "high": np.exp(bands[:, 1]),
            "rests_on": rests,
            "learnt": learnt,
        }
    )
    best = dict(zip(PARAMETERS, values.tolist(), strict=True))
    fitted = simulate_figures(figures, best, days=max(4 * days, 10), seed=seed, replication=draws)
    shown = list(SHOWN)
    matched = pd.DataFrame(
        {
            "figure": shown,
            "exported": [getattr(figures, name) for name in shown],
            "fitted": [fitted[name] for name in shown],
            "used": [name in used for name in shown],
        }
    )
    together = np.corrcoef(posterior.T)
    pairs = [
        (PARAMETERS[a], PARAMETERS[b])
        for a in range(len(PARAMETERS))
        for b in range(a + 1, len(PARAMETERS))
        if abs(together[a, b]) > SAME_ABOVE
    ]
    return FloorFit(
        parameters=parameters, matched=matched, confounded=tuple(pairs), open_chats=float(fitted["open_chats"])
    )


def _prior(figures: DayFigures) -> np.ndarray:
    """Return the logarithms between which each parameter is drawn: wide around what the means alone suggest."""
    gap = max(figures.chat_s / figures.turns - figures.mean_response_s, 5.0)
    response = figures.mean_response_s
    spread = figures.day_cv if math.isfinite(figures.day_cv) and figures.day_cv > 0 else 0.15
    spans = [
        (figures.turns * 0.7, figures.turns * 1.4),
        (response * 0.25, response * 1.1),
        (gap * 0.4, gap * 2.5),
        (max(spread / 4, 0.01), spread * 3),
    ]
    return np.log(np.array(spans))


def _adjust(
    logs: np.ndarray, seen: np.ndarray, target: np.ndarray, keep: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Correct the nearest draws by a weighted regression on their figures; return them, weights and slopes."""
    scale = np.maximum(np.median(np.abs(seen - np.median(seen, axis=0)), axis=0) * 1.4826, 1e-6)
    away = np.sqrt((((seen - target) / scale) ** 2).sum(axis=1))
    count = max(int(len(away) * keep), 5 * (seen.shape[1] + 1))
    near = np.argsort(away)[:count]
    reach = away[near].max() * 1.0001
    weights = 1.0 - (away[near] / reach) ** 2
    design = np.column_stack([np.ones(len(near)), seen[near] - target])
    root = np.sqrt(weights)[:, None]
    slopes, *_ = np.linalg.lstsq(design * root, logs[near] * root, rcond=None)
    return logs[near] - (seen[near] - target) @ slopes[1:], weights, slopes[1:]


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
        return values - level[agent]

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
    names = {"turns": "replies_mean", "reply_s": "reply_s", "think_s": "think_s"}
    changes: dict[str, Any] = {
        field: float(learnt.loc[name, "value"]) for name, field in names.items() if learnt.loc[name, "learnt"]
    }
    if patience is not None:
        changes |= {"patience_s": patience.patience_s, "silent_share": patience.silent_share}
    return replace(service, **changes)
