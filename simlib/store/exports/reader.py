"""Read any number of dropped files into the canonical tables, with a sentence for each and what must be asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simlib.messages import Lang, Message, join_texts
from simlib.store.exports.files import open_files
from simlib.store.exports.formats import fold_word
from simlib.store.exports.part import CANONICAL, METRICS, Part, Question
from simlib.store.exports.people import NOBODY, People, bare_account, read_people
from simlib.store.exports.tables import ROSTER_COUNTS, read_table
from simlib.store.models import Store
from simlib.store.problems import Problem
from simlib.store.reader import read_store

MOMENTS = frozenset({"day", "first_day", "last_day", "created", "paid", "begun", "ended", "sent", "start", "month"})
ACCOUNTS_ASKED = 40


@dataclass(frozen=True, kw_only=True)
class Exports:
    """What a heap of files holds.

    Attributes
    ----------
    tables : dict of str to DataFrame
        orders, agent_day, store_day, store_interval, chat, message, target, roster; every one is there, with its
        canonical columns first, empty where no file has any. Seconds, CNY and shares; missing is nan.
    understood : DataFrame
        One row per sheet: file, sheet, format, rows, first_day, last_day, reconciled, note.
    questions : tuple of Question
        What will not be guessed.
    summaries : DataFrame
        The files' own sums, means and rows of peers, kept apart: kind, the figures, source_file, source_row.
    disagreements : DataFrame
        One row per figure that a file states in two ways: file, figure, stated, worked_out, counted, reason.
    originals : dict of str to DataFrame
        What stood in the cells, by source_file and source_row, before anything was made of it.
    """

    tables: dict[str, pd.DataFrame]
    understood: pd.DataFrame
    questions: tuple[Question, ...]
    summaries: pd.DataFrame
    disagreements: pd.DataFrame
    originals: dict[str, pd.DataFrame] = field(repr=False)

    def text(self, lang: Lang = "zh") -> str:
        """Return a sentence for each sheet, and the questions, one a line."""
        lines = [join_texts(notes, lang) for notes in self.understood.attrs["notes"]]
        return "\n".join([*lines, *(question.text(lang) for question in self.questions)])


def read_exports(
    paths: str | Path | Iterable[str | Path],
    *,
    store: Store | str | Path | None = None,
    lang: Lang = "zh",
    on_file: Callable[[str], None] | None = None,
) -> Exports:
    r"""Read files that platforms export into canonical tables.

    Parameters
    ----------
    paths : path or iterable of paths
        Workbooks, text tables (UTF-8, UTF-16, GBK), zips and folders of them, in any state. A file that cannot be
        read costs itself only. Of one day in two files of one kind the later given counts.
    store : Store or path, optional
        Whose files they are: accounts become its agent_ids, and those that nobody knows are asked about.
    lang : {"zh", "en"}
        Language of ``understood.note``.
    on_file : callable, optional
        Called with the name of each file when it has been read.

    Returns
    -------
    Exports

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "agents_20260420.csv"
    ...     text = "旺旺昵称,接待人数,平均响应时长（秒)\nshop:amy,82,37.8\n汇总值,82,-\n"
    ...     _ = path.write_text(text, encoding="utf-8")
    ...     found = read_exports(path, lang="en")
    >>> found.tables["agent_day"][["agent", "receptions", "mean_response_s"]].values.tolist()
    [['shop:amy', 82.0, 37.8]]
    >>> bool(found.understood.loc[0, "reconciled"])
    True
    """
    listed = [paths] if isinstance(paths, str | Path) else list(paths)
    home = None if store is None or isinstance(store, Store) else Path(store)
    loaded = store if isinstance(store, Store) else None if home is None else read_store(home)
    people = read_people(loaded, home)
    parts: list[Part] = []
    for opened in open_files(listed):
        if opened.refusal is not None:
            part = Part(file=opened.file, sheet="", refused=True)
            refusal = opened.refusal
            part.notes.append(_message_of(refusal) if isinstance(refusal, Problem) else refusal)
            parts.append(part)
        parts += [read_table(raw) for raw in opened.tables]
        if not opened.tables and opened.refusal is None:
            part = Part(file=opened.file, sheet="", refused=True)
            part.note("no_rows")
            parts.append(part)
        if on_file is not None:
            on_file(opened.file)
    _quieten(parts)
    for part in parts:
        _open_with(part)
    tables = _combine(parts)
    questions = [question for part in parts for question in part.questions]
    if loaded is not None:
        questions += _assign_people(tables, people, parts)
        questions += _ask_shop(tables, loaded)
    understood = _understood(parts, lang)
    summaries = [part.summaries for part in parts if len(part.summaries)]
    disagreements = [row for part in parts for row in part.disagreements]
    columns = ["file", "figure", "stated", "worked_out", "counted", "reason"]
    return Exports(
        tables=tables,
        understood=understood,
        questions=tuple(questions),
        summaries=pd.concat(summaries, ignore_index=True) if summaries else pd.DataFrame(),
        disagreements=pd.DataFrame(disagreements, columns=columns),
        originals=_originals(parts),
    )


def _message_of(problem: Problem) -> Message:
    return Message(f"store.{problem.message}", **problem.values)


def _quieten(parts: Sequence[Part]) -> None:
    """Pass over sheets that hold no table beside one that does: a cover sheet is no complaint."""
    good = {part.file for part in parts if not part.refused}
    for part in parts:
        if part.refused and part.file in good:
            kind = "roster_counts" if part.format == ROSTER_COUNTS else "other_sheet"
            part.notes = [Message(f"exports.{kind}")]


def _open_with(part: Part) -> None:
    """Put the sentence that says what the sheet is in front of its notes."""
    if part.refused or not part.table:
        return
    frame = part.frame
    if part.table == "roster" and frame.empty:
        return  # its own note says that no month is known
    span = Message("exports.on_no_day")
    if part.first_day is not None and part.last_day is not None:
        one = part.first_day == part.last_day
        span = Message("exports.from_to", first=part.first_day, last=part.last_day)
        if one:
            span = Message("exports.on_day", first=part.first_day)
    if part.table in ("agent_day", "store_day"):
        count = frame["agent"].nunique() if part.table == "agent_day" else len(frame)
        receptions = frame["receptions"].sum(min_count=1)
        if pd.isna(receptions):
            opening = Message(f"exports.is_{part.table}_uncounted", count=count, span=span)
        else:
            opening = Message(f"exports.is_{part.table}", receptions=f"{receptions:,.0f}", count=count, span=span)
    elif part.table == "roster":
        opening = Message("exports.is_roster", count=frame["agent"].nunique(), span=span)
    else:
        opening = Message(f"exports.is_{part.table}", count=len(frame), span=span)
    part.notes.insert(0, opening)
    if part.final_on is not None:
        fetched = part.fetched
        final = fetched is not None and fetched >= part.final_on
        part.notes.insert(1, Message("exports.final" if final else "exports.not_final", day=part.final_on))


# --- putting files together


def _combine(parts: Sequence[Part]) -> dict[str, pd.DataFrame]:
    tables = {}
    for name, columns in CANONICAL.items():
        frames = [
            part.frame.assign(_part=at, _format=part.format)
            for at, part in enumerate(parts)
            if part.table == name and len(part.frame)
        ]
        if not frames:
            tables[name] = _typed(pd.DataFrame(columns=list(columns)))
            continue
        merged = frames[0] if len(frames) == 1 else pd.concat(_alike(frames), ignore_index=True)
        merged = _MERGES.get(name, _keep_last)(name, merged, parts)
        merged = merged.drop(columns=["_part", "_format"])
        if name in ("agent_day", "store_day"):
            merged = _with_finality(merged, parts)
        tail = [column for column in merged if column not in columns]
        merged = merged[[*columns, *tail]].reset_index(drop=True)
        tables[name] = _typed(merged)
    return tables


def _alike(frames: Sequence[pd.DataFrame]) -> list[pd.DataFrame]:
    """Give frames the same columns, so that none is dropped or retyped where another lacks it."""
    names = list(dict.fromkeys(name for frame in frames for name in frame))
    return [frame.reindex(columns=names) for frame in frames]


def _typed(frame: pd.DataFrame) -> pd.DataFrame:
    for name in frame:
        if name in MOMENTS:
            frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
        elif (
            name in METRICS or name.endswith(("_cny", "_s")) or name in ("contacts", "answered", "in_time", "satisfied")
        ):
            frame[name] = frame[name].astype(float)
    return frame


KEYS: Mapping[str, tuple[str, ...]] = {
    "orders": ("order", "platform"),
    "store_interval": ("start", "queue"),
    "chat": ("chat", "source_file"),
    "roster": ("day", "agent"),
    "target": ("month", "shop", "channel"),
}


def _keep_last(name: str, frame: pd.DataFrame, parts: Sequence[Part]) -> pd.DataFrame:
    """Keep of each key what the file given last says; what it replaces is counted in a note."""
    keys = [key for key in KEYS.get(name, ()) if key in frame]
    if not keys or len(set(frame["_part"])) == 1:
        return frame
    last = frame.groupby(keys, dropna=False, sort=False)["_part"].transform("max")
    replaced = frame["_part"] < last
    if name == "chat":
        known = frame["chat"].notna()
        replaced &= known
    _report_replaced(frame, replaced, last, parts)
    return frame[~replaced]


def _report_replaced(frame: pd.DataFrame, replaced: pd.Series, last: pd.Series, parts: Sequence[Part]) -> None:
    if not replaced.any():
        return
    pairs = pd.DataFrame({"old": frame.loc[replaced, "_part"], "new": last[replaced]}).value_counts()
    for (old, new), count in pairs.items():
        parts[int(old)].note("replaced", count=int(count), file=parts[int(new)].file)


def _merge_days(name: str, frame: pd.DataFrame, parts: Sequence[Part]) -> pd.DataFrame:
    """Make one row per day, agent, platform and shop: a file of the same kind replaces, another kind completes.

    Where two kinds of file give one figure differently the first stands, and the difference is a note.
    """
    frame = _drop_replaced(name, frame, parts)
    keys = ["first_day", "last_day", "platform", *(["agent"] if name == "agent_day" else [])]
    if "shop" in frame:
        frame["shop"] = frame["shop"].fillna("")
        keys.append("shop")
    known = frame["first_day"].notna()
    twice = frame.duplicated(keys, keep=False) & known
    if not twice.any():
        return frame
    several, rest = frame[twice], frame[~twice]
    grouped = several.groupby(keys, sort=False, dropna=False)
    first = grouped.first()
    figures = [c for c in METRICS if c in several]
    spread = grouped[figures].agg(lambda values: values.max() - values.min())
    size = grouped[figures].max()
    differs = (spread > 0.005 * size.abs() + 1e-9).any()
    names = [column for column in figures if differs[column]]
    if names:
        files = tuple(dict.fromkeys(several["source_file"]))
        for at in sorted(set(several["_part"]))[1:2]:
            parts[int(at)].note("sources_differ", figures=tuple(names), files=files)
    merged = first.reset_index()
    return pd.concat(_alike([rest, merged]), ignore_index=True).sort_values(["_part", "source_row"], kind="stable")


def _drop_replaced(name: str, frame: pd.DataFrame, parts: Sequence[Part]) -> pd.DataFrame:
    """Drop the days of a file that a later one of the same kind, platform and shop gives anew, or overlaps."""
    if len(set(frame["_part"])) == 1:
        return frame
    kinds: dict[tuple[Any, ...], list[int]] = {}
    by_part = frame.groupby("_part")
    figures = [name for name in METRICS if name in frame]
    filled = frame[figures].notna().groupby(frame["_part"]).any()
    shops = by_part["shop"].unique() if "shop" in frame else None
    rules = by_part["sales_rule"].unique()
    for at in filled.index:
        part = parts[at]
        shop = () if shops is None else tuple(sorted(name for name in shops[at] if name == name and name is not None))
        own = tuple(filled.columns[filled.loc[at]]) if part.format == "own_report" else ()
        kinds.setdefault((part.format, part.platform, shop, own, tuple(sorted(rules[at]))), []).append(int(at))
    spanned = frame[frame["first_day"].notna() & frame["first_day"].ne(frame["last_day"])]
    spans_of = {int(str(at)): rows for at, rows in spanned.groupby("_part")}
    last = frame["_part"].astype(int).copy()
    for alike in kinds.values():
        if len(alike) > 1:
            rows = frame.loc[frame["_part"].isin(alike)]
            single = rows.loc[rows["first_day"].eq(rows["last_day"])]
            latest = rows.dropna(subset=["day"]).groupby("day")["_part"].max()
            newest = single["first_day"].map(latest).fillna(single["_part"]).astype(int)
            last.loc[single.index] = np.maximum(newest, single["_part"].astype(int))
            _find_overlaps(alike, rows, spans_of, last, parts)
    gone = last > frame["_part"].astype(int)
    _report_replaced(frame, gone, last, parts)
    return frame[~gone]


def _find_overlaps(
    alike: Sequence[int],
    rows: pd.DataFrame,
    spans_of: Mapping[int, pd.DataFrame],
    last: pd.Series,
    parts: Sequence[Part],
) -> None:
    """Raise ``last`` where a later file gives a span of days that a row's days touch."""
    for new in alike:
        if new not in spans_of:
            continue
        earlier = rows[rows["_part"] < new]
        spans = spans_of[new][["first_day", "last_day"]].drop_duplicates()
        for first, until in spans.itertuples(index=False):
            hit = earlier[(earlier["first_day"] <= until) & (earlier["last_day"] >= first)]
            odd = hit[hit["first_day"].ne(hit["last_day"]) & (hit["first_day"].ne(first) | hit["last_day"].ne(until))]
            for old in odd["_part"].unique():
                if not any(note.key == "exports.overlap" for note in parts[int(old)].notes):
                    parts[int(old)].note("overlap", file=parts[new].file)
            last.loc[hit.index] = last.loc[hit.index].clip(lower=new)


_MERGES: Mapping[str, Callable[[str, pd.DataFrame, Sequence[Part]], pd.DataFrame]] = {
    "agent_day": _merge_days,
    "store_day": _merge_days,
}


def _with_finality(frame: pd.DataFrame, parts: Sequence[Part]) -> pd.DataFrame:
    """Return from which day on the payments of each row are final, and whether they were when the file was fetched."""
    lag = {}
    fetched: dict[str, dt.date | None] = {}
    for part in parts:
        if part.final_on is not None and part.last_day is not None:
            lag[part.file] = (part.final_on - part.last_day).days
        fetched[part.file] = part.fetched
    days = frame["source_file"].map(lag)
    frame["final_on"] = pd.to_datetime(frame["last_day"]) + pd.to_timedelta(days, unit="D")
    at = pd.to_datetime(frame["source_file"].map(fetched))
    known = at.notna() & frame["final_on"].notna()
    frame["provisional"] = (at < frame["final_on"]).astype("boolean").where(known, pd.NA)
    return frame


# --- people and shop


def _assign_people(tables: dict[str, pd.DataFrame], people: People, parts: Sequence[Part]) -> list[Question]:
    """Put people in place of accounts, and ask about the accounts that nobody knows, each once."""
    strangers: dict[str, str] = {}
    asked = {bare_account(nick) for nick in people.kept}
    for name in ("agent_day", "chat", "roster"):
        frame = tables[name]
        if frame.empty:
            continue
        frame["account"] = frame["account"].fillna(frame["agent"]) if "account" in frame else frame["agent"]
        found: dict[str, str | None] = {}
        for nick, account, file in zip(frame["agent"], frame["account"], frame["source_file"], strict=True):
            if nick is None or nick in found or nick != nick:
                continue
            person = people.find(str(nick)) or people.find(str(account))
            found[nick] = person
            if person is None and str(nick) not in people.kept and bare_account(str(nick)) not in asked:
                strangers[str(nick)] = str(file)
                asked.add(bare_account(str(nick)))
        nobody = frame["agent"].map(lambda nick, found=found: found.get(nick) == NOBODY)
        frame["agent"] = frame["agent"].map(lambda nick, found=found: found.get(nick) or nick)
        frame["known"] = frame["agent"].isin([person for person in found.values() if person])
        tables[name] = frame[~nobody].reset_index(drop=True)
        if name == "agent_day":
            tables[name] = _add_accounts(tables[name])
    by_file: dict[str, int] = {}
    for file in strangers.values():
        by_file[file] = by_file.get(file, 0) + 1
    for part in parts:
        if by_file.get(part.file):
            part.note("accounts_unknown", count=by_file.pop(part.file))
    return [
        Question(
            kind="agent",
            file=file,
            value=nick,
            candidates=tuple(sorted(set(people.names.values())))[:ACCOUNTS_ASKED],
            message=Message("exports.ask_agent", file=file, sheet="", nick=nick),
        )
        for nick, file in strangers.items()
    ]


ADDED = frozenset(
    {
        "receptions",
        "inquiries",
        "buyers_paid",
        "sales_cny",
        "messages_buyer",
        "messages_agent",
        "characters",
        "unanswered",
    }
)


def _is_added(name: str) -> bool:
    """Return whether a figure of several accounts is their sum; else it is their mean, weighted by receptions."""
    if name in ADDED or name.endswith("_cny"):
        return True
    a_mean = name in METRICS or name.endswith(("_s", "rate", "share"))
    return not a_mean and not name.startswith(("rate", "conversion", "satisfied"))


def _add_accounts(frame: pd.DataFrame) -> pd.DataFrame:
    """Make one row of a person's several accounts on one day: counts add up, means are weighted by receptions.

    One account under two spellings (with its shop in front, and without) is one account, and completes itself.
    """
    keys = ["day", "first_day", "last_day", "agent", "platform"]
    twice = frame.duplicated(keys, keep=False) & frame["day"].notna() & frame["known"]
    if not twice.any():
        return frame
    several = frame[twice].rename_axis("_at").reset_index()
    several["_bare"] = several["account"].astype(str).map(bare_account)
    accounts = several.groupby([*keys, "_bare"], sort=False, dropna=False, as_index=False).first()
    names = accounts.groupby(keys, sort=False, dropna=False)["account"].agg(", ".join)
    grouped = accounts.groupby(keys, sort=False, dropna=False)
    joined = grouped.first()
    weight = accounts["receptions"].fillna(0.0)
    groups = [accounts[key] for key in keys]
    for name in frame.columns[[pd.api.types.is_float_dtype(dtype) for dtype in frame.dtypes]]:
        values = accounts[name]
        if name == "most_chats":
            joined[name] = grouped[name].max()
        elif _is_added(name):
            joined[name] = grouped[name].sum(min_count=1)
        else:
            over = (values * weight).groupby(groups, sort=False, dropna=False).sum(min_count=1)
            under = weight.where(values.notna()).groupby(groups, sort=False, dropna=False).sum(min_count=1)
            joined[name] = (over / under.where(under > 0)).fillna(grouped[name].mean())
    joined["account"] = names
    joined = joined.reset_index().set_index("_at")[list(frame.columns)].astype(frame.dtypes.to_dict())
    return pd.concat([frame[~twice], joined]).sort_index().reset_index(drop=True)


def _ask_shop(tables: Mapping[str, pd.DataFrame], store: Store) -> list[Question]:
    """Ask about files that bear another shop's name than the store's."""
    questions = []
    own = fold_word(store.store.name)
    for name in ("orders", "agent_day", "store_day"):
        frame = tables[name]
        if "shop" not in frame:
            continue
        for shop, rows in frame.groupby("shop"):
            folded = fold_word(str(shop))
            if folded and folded not in own and own not in folded:
                files = rows["source_file"].unique()
                file = str(files[0]) if len(files) == 1 else f"{files[0]} +{len(files) - 1}"
                message = Message("exports.ask_shop", file=file, sheet="", shop=shop, own=store.store.name)
                questions.append(Question(kind="shop", file=file, value=str(shop), message=message))
    return questions


# --- the table of what was understood


def _understood(parts: Sequence[Part], lang: Lang) -> pd.DataFrame:
    rows = [
        {
            "file": part.file,
            "sheet": part.sheet,
            "format": "" if part.refused else part.format,
            "rows": 0 if part.refused else len(part.frame),
            "first_day": part.first_day,
            "last_day": part.last_day,
            "reconciled": part.reconciled,
            "note": join_texts(part.notes, lang),
            "table": part.table,
        }
        for part in parts
    ]
    columns = ["file", "sheet", "format", "rows", "first_day", "last_day", "reconciled", "note", "table"]
    frame = pd.DataFrame(rows, columns=columns)
    for name in ("first_day", "last_day"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    frame["reconciled"] = frame["reconciled"].astype(object)
    frame.attrs["notes"] = [tuple(part.notes) for part in parts]
    return frame


def _originals(parts: Sequence[Part]) -> dict[str, pd.DataFrame]:
    kept: dict[str, list[pd.DataFrame]] = {}
    for part in parts:
        if len(part.originals):
            frame = part.originals.rename_axis("source_row").reset_index()
            frame.insert(0, "source_file", part.file)
            kept.setdefault(part.table, []).append(frame)
    return {
        name: frames[0] if len(frames) == 1 else pd.concat(_alike(frames), ignore_index=True)
        for name, frames in kept.items()
    }
