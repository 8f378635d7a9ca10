"""S023 to S030, S054, S057, S058, S080, S083, A10: the phrase library is complete, filled, checked, out and in."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pandas as pd
import pytest

from simlib import facts
from simlib.messages import LANGS, Lang, UserError, glossary, placeholders
from simlib.readiness.library import (
    COMPLAINANTS,
    PLATFORMS,
    TEMPERS,
    check_own_phrases,
    fill_library,
    lay_coverage,
    read_library,
    read_topic,
    schedule_chases,
    situations,
    strip_brackets,
)
from simlib.readiness.quick_replies import list_replies, read_quick_replies, write_quick_replies
from simlib.readiness.rules import KINDS, read_promo_sheet
from simlib.readiness.wording import OF_PROMISES, ROLES, check_wording
from simlib.readiness.workbook import read_readiness_beside
from tests.readiness.test_conflicts import act, clean_sheet, day, good
from tests.readiness.test_floor import sheet
from tests.test_messages import CHINESE, NOTATION

ON = dt.date(2026, 9, 27)


def filled(on: dt.date = ON, **changes: object) -> pd.DataFrame:
    """Fill the library from the clean sheet."""
    activities, goods = (pd.DataFrame(part) for part in clean_sheet())
    return fill_library(read_promo_sheet(activities.assign(**changes), goods), store="Lan Wan", on=on)


def test_every_cell_of_the_matrix_has_a_phrase_that_is_ready() -> None:
    """37 situations by stage, channel and platform: covered, or closed by the platform with its reason."""
    cells = lay_coverage(filled())
    assert len(cells) > 500
    assert set(cells["topic"]) == set(situations())
    assert set(cells["platform"]) == set(PLATFORMS)
    assert cells[cells["state"].isin(["cell_open", "cell_blocked"])].empty
    closed = cells[cells["state"] == "cell_closed"]
    assert set(zip(closed["platform"], closed["channel"], strict=True)) == {("pdd", "chat")}
    assert not cells[(cells["platform"] == "pdd") & (cells["channel"] == "sms")].empty


def test_an_empty_library_covers_nothing() -> None:
    """Without phrases every cell is open, and one own phrase covers exactly its own cells."""
    nothing = filled().iloc[:0]
    assert set(lay_coverage(nothing)["state"]) == {"cell_open", "cell_closed"}
    own = sheet("phrases", [{"id": "P1", "topic": "发票", "zh": "可以开发票", "stage": "opening"}])
    cells = lay_coverage(nothing, own=own, platforms=("tmall",))
    assert list(cells[cells["state"] == "cell_covered"]["topic"]) == ["invoice"]


def test_an_own_phrase_with_forbidden_words_covers_nothing() -> None:
    """An own phrase that breaks a rule of wording is held back."""
    own = sheet("phrases", [{"id": "P1", "topic": "invoice", "zh": "加我微信开发票"}])
    cells = lay_coverage(filled().iloc[:0], own=own, platforms=("jd",))
    assert set(cells[cells["topic"] == "invoice"]["state"]) == {"cell_blocked"}


def test_each_language_is_its_own() -> None:
    """Every phrase is there in both languages with the same values; no English text holds Chinese."""
    for template in read_library():
        asked = [placeholders(template.texts[lang]) for lang in LANGS]
        assert asked[0] == asked[1], template.key
        assert CHINESE.search(template.texts["zh"]), template.key
        assert set("".join(CHINESE.findall(template.texts["en"]))) <= NOTATION, template.key
        hands = [len(set(strip_brackets(template.texts[lang]))) for lang in LANGS]
        assert bool(hands[0]) == bool(hands[1]), template.key
    keys = [template.key for template in read_library()]
    assert len(keys) == len(set(keys))


def test_temperaments_complainants_and_chases_are_whole() -> None:
    """Four temperaments of each situation, four complainants in three steps, three slots of each stage, consent."""
    library = read_library()
    for situation in ("guide", "hesitating", "price_differs", "delivery_time"):
        kinds = {one.variant for one in library if one.situation == situation}
        assert set(TEMPERS) <= kinds, situation
    steps = {one.variant for one in library if one.situation == "complaint"}
    assert {f"{kind} step_{step}" for kind in COMPLAINANTS for step in (1, 2, 3)} <= steps
    for stage in situations()["chase_online"]["stages"]:
        slots = {one.slot for one in library if one.situation == "chase_online" and one.stages == (stage,)}
        assert slots == {1, 2, 3}, stage
    asking = [one for one in library if one.situation in ("chase_phone", "chase_sms")]
    assert asking
    assert all(one.consent for one in asking)
    assert all("R" in one.texts["zh"] for one in library if one.channels == ("sms",))


def test_the_bot_has_its_script_for_each_of_three_waves() -> None:
    """Rules, coupons, prices, delivery and handing over in every wave."""
    needed = {"activity_rules", "coupon_unavailable", "price_differs", "delivery_time", "hand_over"}
    for wave in (1, 2, 3):
        assert needed <= {one.situation for one in read_library() if one.wave == wave}, wave


def test_every_rule_gets_its_own_phrase_with_its_own_figures() -> None:
    """One phrase per active rule, of every kind, with threshold and amount of the sheet."""
    activities, goods = (pd.DataFrame(part) for part in clean_sheet())
    read = read_promo_sheet(activities, goods)
    library = filled().set_index("phrase_id")
    assert {activity.kind for activity in read.activities} == set(KINDS)
    for activity in read.activities:
        row = library.loc[f"rule@{activity.id}"]
        assert row["rests_on"] == activity.id
        for lang in LANGS:
            if activity.threshold_cents:
                assert f"{activity.threshold_cents // 100}" in row[lang]
            assert not placeholders(row[lang])


def test_a_changed_threshold_changes_the_phrase() -> None:
    """The phrase is written from the sheet: another threshold, another text."""
    before, after = filled(), filled(threshold_cny=777)
    one = before["zh"][before["phrase_id"] == "rule@C1"].iloc[0]
    other = after["zh"][after["phrase_id"] == "rule@C1"].iloc[0]
    assert "777" not in one
    assert "777" in other


def test_what_the_sheets_lack_is_named_and_not_invented() -> None:
    """Without activities the phrases that need them are held back, with the names of what is missing."""
    library = fill_library(read_promo_sheet(pd.DataFrame(), pd.DataFrame()), store="S", on=ON)
    held = library[library["state"] == "phrase_unfilled"]
    assert "placeholder_deposit" in held.set_index("phrase_id").loc["welcome_deposit", "reason"]
    assert "[定金]" in held.set_index("phrase_id").loc["welcome_deposit", "zh"]
    assert all(reason in glossary() for reasons in held["reason"] for reason in reasons)


@pytest.mark.parametrize(
    ("on", "state", "reason"),
    [
        (ON, "phrase_ready", ()),
        (dt.date(2027, 6, 1), "phrase_fact", ("fact_outdated",)),
        (dt.date(2025, 1, 1), "phrase_fact", ("fact_outdated",)),
    ],
)
def test_a_fact_out_of_date_blocks_the_phrase(on: dt.date, state: str, reason: tuple[str, ...]) -> None:
    """The dispatch time is quoted while it is verified and in force, and not a day longer."""
    row = filled(on).set_index("phrase_id").loc["delivery_now"]
    assert (row["state"], row["reason"]) == (state, reason)


def test_an_unverified_or_unknown_fact_blocks_the_phrase() -> None:
    """A platform whose rule nobody has verified, and one without any, get no phrase that quotes it."""
    from simlib.readiness.library import _read_fact

    assert _read_fact("ship_h", ("tmall",), ON) == ("48", "")
    assert _read_fact("ship_h", ("douyin",), ON)[1] == "fact_unverified"
    assert _read_fact("ship_h", ("jd",), ON)[1] == "fact_unknown"


@pytest.mark.parametrize(
    ("text", "lang", "kinds"),
    [
        ("本店全网最低价", "zh", {"absolute"}),
        ("这是最好的一款", "zh", {"absolute"}),
        ("最晚明天发，最多买两件，最后一天", "zh", set()),
        ("加我微信给您便宜", "zh", {"contact"}),
        ("五星好评返5元红包", "zh", {"review_bribe"}),
        ("您自己看页面", "zh", {"rude"}),
        ("把验证码发我", "zh", {"privacy"}),
        ("明天一定送到", "zh", {"over_promise"}),
        ("补偿您 500 元", "zh", {"beyond_authority"}),
        ("补差价 15 元", "zh", set()),
        ("satisfaction guaranteed, the best price", "en", {"absolute"}),
        ("add me on WeChat", "en", {"contact"}),
        ("we refund 500 yuan", "en", {"beyond_authority"}),
        ("please pay the deposit of 500 yuan", "en", set()),
        ("句" * 161, "zh", {"too_long"}),
    ],
)
def test_wording_is_checked(text: str, lang: str, kinds: set[str]) -> None:
    """Each kind of fault is found, and what only looks alike is not."""
    found = {fault.kind for fault in check_wording(text, channel="chat", lang=lang)}
    assert found == kinds


def test_a_higher_role_may_promise_more() -> None:
    """The same sum is beyond an agent's authority and within the lead's; roles never may less than those below."""
    assert check_wording("补偿您 40 元", channel="chat", lang="zh")
    assert not check_wording("补偿您 40 元", channel="chat", lang="zh", role="lead")
    for action in facts.table("authority")["value"]:
        limits = [action[role] for role in ROLES]
        assert limits == sorted(limits)
    assert {"stop_coupon", *OF_PROMISES} <= set(facts.table("authority")["key"])


def test_a_text_message_fits_one() -> None:
    """Filled in, every text message has at most 70 characters in Chinese and 160 in English."""
    texts = filled()
    messages = texts[[("sms" in channel) for channel in texts["channel"]]]
    assert len(messages) >= 7
    assert messages["zh"].str.len().max() <= 70
    assert messages["en"].str.len().max() <= 160


def test_faults_of_own_phrases_are_named_with_their_words() -> None:
    """The owner, the language, the kind and the words."""
    own = sheet("phrases", [{"id": "P9", "topic": "guide", "zh": "全网最低", "en": "fine", "owner": "Li"}])
    found = check_own_phrases(own).to_dict("records")
    assert found == [
        {"phrase_id": "P9", "owner": "Li", "written_in": "in_zh", "reason": "wording_absolute", "words": "全网最"}
    ]


RULES = [
    act("S1", "store_reduction", threshold_cny=300, amount_cny=50),
    act("S2", "store_reduction", threshold_cny=600, amount_cny=120),
    act("R1", "platform_reduction", threshold_cny=200, amount_cny=20, repeat=True, cap_cny=60),
    act("P1", "pieces", threshold_pieces=2, amount_cny=10),
    act("D1", "deposit", deposit_cny=20, inflate=1.5, end=day(2), final_start=day(3), final_end=day(4)),
    act("L1", "limit", limit_pieces=3),
]


@pytest.mark.parametrize(
    ("text", "lang", "rests_on", "words"),
    [
        ("满 300 元减 40 元", "zh", "S1", "满 300 元减 40 ≠ S1: 300 − 50"),
        ("满299减50，满600减120", "zh", "S1; S2", "满299减50 ≠ S1: 300 − 50"),
        ("每满200减30", "zh", "R1", "满200减30 ≠ R1: 200 − 20"),
        ("满 800 减 80", "zh", "R1", "满 800 减 80 ≠ R1: 200 − 20"),
        ("满2件减15", "zh", "P1", "满2件减15 ≠ P1: 2 − 10"),
        ("定金20元抵40元", "zh", "D1", "定金20元抵40 ≠ D1: 20 → 30"),
        ("一单限购 2 件", "zh", "L1", "限购 2 件 ≠ L1: 3"),
        ("40 yuan off from 300, once", "en", "S1", "40 yuan off from 300 ≠ S1: 300 − 50"),
        ("A deposit of 20 yuan counts 40 yuan", "en", "D1", "deposit of 20 yuan counts 40 ≠ D1: 20 → 30"),
    ],
)
def test_a_figure_that_contradicts_its_rule_is_named_beside_the_rule_s(text, lang, rests_on, words) -> None:
    """A threshold, an amount, a deposit or a limit that no rule has: the phrase's words, then the rule's figures."""
    own = sheet("phrases", [{"id": "P9", "topic": "coupon", lang: text, "owner": "Li", "rests_on": rests_on}])
    found = check_own_phrases(own, read_promo_sheet(pd.DataFrame(RULES), pd.DataFrame([good()])))
    assert found[["phrase_id", "owner", "reason", "words"]].to_numpy().tolist() == [
        ["P9", "Li", "wording_contradicts_rule", words]
    ]


@pytest.mark.parametrize(
    ("text", "lang", "rests_on"),
    [
        ("满 300 元立减 50 元，满 600 减 120", "zh", "S1"),
        ("满300减50.00，每满 200 减 20，满 400 减 40，满 1,000 减 60", "zh", "S1; R1"),
        ("满2件减10，定金20元抵30元，限购3件", "zh", "P1; D1; L1"),
        ("满 300 减 40", "zh", "D1"),
        ("满 300 减 40", "zh", None),
        ("50 yuan off from 300; 20 yuan off for every 200. 50 off from 31 October, 50 off from 8 pm", "en", "S1; R1"),
    ],
)
def test_figures_that_a_rule_bears_out_are_no_fault(text, lang, rests_on) -> None:
    """Other rules than its own, multiples of one that repeats up to its cap, dates and clocks: nothing is flagged."""
    own = sheet("phrases", [{"id": "P9", "topic": "coupon", lang: text, "rests_on": rests_on}])
    assert check_own_phrases(own, read_promo_sheet(pd.DataFrame(RULES), pd.DataFrame([good()]))).empty


@pytest.mark.parametrize("store", ["appliances.xlsx", "bodycare"])
def test_the_phrases_of_the_example_stores_state_what_their_rules_say(store: str) -> None:
    """No false alarm in either example."""
    tables = read_readiness_beside(f"templates/stores/{store}").tables
    assert len(tables["phrases"]) >= 3
    assert check_own_phrases(tables["phrases"], read_promo_sheet(tables["activities"], tables["goods"])).empty


def test_topics_are_read_in_both_languages() -> None:
    """A store writes a topic in its own language."""
    assert (read_topic("发票"), read_topic("Invoice"), read_topic("invoice"), read_topic("别的")) == (
        "invoice",
        "invoice",
        "invoice",
        None,
    )


def test_no_chase_after_the_close_and_no_call_at_night() -> None:
    """Three slots; 22:00 allows chat only; an order that closes at once is not chased after that."""
    late = schedule_chases(ordered_at=dt.datetime(2026, 10, 31, 22), closes_at=dt.datetime(2026, 11, 1, 0))
    assert set(late["slot"]) == {1, 2, 3}
    assert set(late[late["allowed"]]["channel"]) == {"chat"}
    soon = schedule_chases(ordered_at=dt.datetime(2026, 10, 31, 12), closes_at=dt.datetime(2026, 10, 31, 12, 10))
    assert soon[soon["allowed"]]["slot"].tolist() == [1, 1, 1]


@pytest.mark.parametrize("lang", LANGS)
def test_quick_replies_go_out_and_come_back(tmp_path: Path, lang: str) -> None:
    """What was written reads back unchanged; a change, a new one, a forbidden one and a lost one are each named."""
    library = filled()
    path = write_quick_replies(tmp_path / "replies.xlsx", library, lang=lang)
    back = read_quick_replies(path, library, lang=lang)
    assert set(back.replies["state"]) == {"reply_same"}
    assert back.gone == ()
    assert len(list_replies(library, channel="chat", lang=lang)) > 100
    lines = ["Group,Code,Quick reply", "x,welcome_opening,hello there", "x,own1,欢迎", "x,own2,加我微信 add me"]
    folder = tmp_path / "csv"
    folder.mkdir()
    (folder / "replies.csv").write_text("\n".join(lines), "utf-8")
    states = read_quick_replies(folder, library, lang=lang).replies["state"].tolist()
    assert states == ["reply_changed", "reply_new", "reply_wrong"]
    assert "welcome_deposit" in read_quick_replies(folder, library, lang=lang).gone


def test_a_sheet_without_texts_is_refused(tmp_path: Path) -> None:
    """The error names the file and what the column may be called."""
    (tmp_path / "r.csv").write_text("a,b\n1,2\n", "utf-8")
    with pytest.raises(UserError, match="快捷短语"):
        read_quick_replies(tmp_path, filled(), lang="zh")


def test_every_key_of_the_library_has_a_word() -> None:
    """Situations, variants, states and reasons are in the glossary."""
    library = filled()
    keys = (
        set(situations()) | set(library["state"]) | {f"variant_{part}" for cell in library["variant"] for part in cell}
    )
    keys |= {f"placeholder_{name}" for one in read_library() for name in one.asks}
    assert keys <= set(glossary())
    assert not re.search(r"\bTODO\b", "".join(library["zh"]))


@pytest.mark.parametrize(
    ("text", "lang", "kind"),
    [
        ("返现5元好评哦", "zh", "review_bribe"),
        ("平台规定 3 分钟内必须回复，否则罚款 500 元", "zh", "platform_claim"),
        ("Cash back of 5 yuan once the review is up", "en", "review_bribe"),
        ("The platform rules say we must answer in 3 minutes", "en", "platform_claim"),
    ],
)
def test_paid_reviews_and_rules_without_a_source_are_found(text: str, lang: Lang, kind: str) -> None:
    """What a store writes itself is held against both; plain words on cash back or the platform are not."""
    assert kind in {fault.kind for fault in check_wording(text, channel="chat", lang=lang)}
    plain = {
        "zh": "满 399 返现 20 元，按平台页面显示为准。",
        "en": "Cash back of 20 yuan from 399, as the platform shows.",
    }
    assert check_wording(plain[lang], channel="chat", lang=lang) == ()
