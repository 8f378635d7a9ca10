"""The import of dropped files into a store: figures by hand, old values kept, accounts asked once, saved whole."""

import csv
import datetime as dt
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from simlib.cli import app
from simlib.messages import LANGS, UserError, translate
from simlib.report import write_roster
from simlib.roster import to_sheets
from simlib.store import import_orders, load_store, save_store
from simlib.store.exports import import_exports, people_path, read_exports
from simlib.store.exports.people import People, read_people, write_people

HOUR = pd.Timedelta(hours=1)
HERE = Path(__file__).parents[2] / "stores" / "a1"


@pytest.fixture
def shop(tmp_path):
    """The store of the first story, copied to where it may be changed."""
    save_store(load_store(HERE), tmp_path / "shop.xlsx")
    return tmp_path / "shop.xlsx"


def agent_days(folder, days=5, *, unknown=False):
    """Write a report of two agents for each of some days; the second day's inquiries are by hand 60 of 90."""
    people = load_store(HERE).agents
    paths = []
    for day in range(days):
        date = dt.date(2026, 4, 1) + dt.timedelta(days=day)
        rows = [
            "旺旺昵称,咨询人数,接待人数,询单人数,最终付款人数,买家消息数,客服消息数,平均响应(秒),平均接待时长,未回复人数"
        ]
        for who in (0, 1):
            name = "店:不知是谁" if unknown and who else f"店:{people[who].name}"
            rows.append(f"{name},52,{50 - 10 * who},{30 + day},{15},{300},{330},37.8,528,1")
        path = folder / f"客服绩效_{date:%Y%m%d}.csv"
        path.write_text("\n".join(rows), encoding="utf-8")
        paths.append(path)
    return paths


def test_ratios_by_hand(tmp_path, shop):
    """Shares pool the days, weighted; low and high are quantiles of the days; the note says from what."""
    result = import_exports(agent_days(tmp_path), shop, lang="en")
    ratio = {row.key: row for row in result.store.ratios}
    inquiries = [2 * (30 + day) for day in range(5)]
    assert ratio["inquiries_per_reception"].likely == pytest.approx(sum(inquiries) / 450, abs=1e-4)
    by_day = pd.Series(inquiries) / 90
    assert ratio["inquiries_per_reception"].low == pytest.approx(by_day.quantile(0.1), abs=1e-4)
    assert ratio["conversion"].likely == pytest.approx(150 / sum(inquiries), abs=1e-4)
    assert ratio["presale_replies"].likely == pytest.approx(600 / 90, abs=1e-4)
    turns = 600 / 90
    assert ratio["presale_think_s"].likely == pytest.approx((528 - turns * 37.8) / turns, abs=0.01)
    assert ratio["agent_day_capacity"].likely == 50
    assert {ratio[key].source for key in ("conversion", "presale_replies")} == {"store"}
    assert "客服绩效_20260401.csv" in ratio["conversion"].note
    assert f"{load_store(shop).ratio('conversion').likely:g}" in ratio["conversion"].note


def test_the_field_page_gives_its_own_think_time(tmp_path, shop):
    """82 receptions, 507 and 605 messages, 37.8 s and 528 s give the 48 s that the field page works out."""
    rows = [
        "旺旺昵称,接待人数,买家消息数,客服消息数,首次响应(秒),平均响应(秒),平均接待时长",
        "店:小美,82,507,605,27.8,37.8,528",
    ]
    path = tmp_path / "客服绩效_20260420.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    ratio = {row.key: row for row in import_exports(path, shop).store.ratios}
    assert ratio["presale_think_s"].likely == pytest.approx(47.6, abs=0.1)
    assert ratio["presale_replies"].likely == pytest.approx(6.18, abs=0.01)


def test_nothing_is_written_before_it_is_saved(tmp_path, shop):
    before = shop.read_bytes()
    result = import_exports(agent_days(tmp_path), shop)
    assert shop.read_bytes() == before
    copy = result.save(tmp_path / "copy.xlsx")
    assert shop.read_bytes() == before
    assert load_store(copy).ratios == result.store.ratios
    result.save()
    assert load_store(shop).ratios == result.store.ratios


def test_a_second_import_changes_nothing(tmp_path, shop):
    import_exports(agent_days(tmp_path), shop).save()
    data = shop.read_bytes()
    again = import_exports(sorted(tmp_path.glob("客服绩效*.csv")), shop)
    assert again.changes.empty
    again.save()
    assert shop.read_bytes() == data


def test_history_takes_the_days_and_keeps_what_was_there(tmp_path, shop):
    result = import_exports(agent_days(tmp_path), shop, lang="en")
    result.save()
    rows = {row.start: row.contacts for row in load_store(shop).history}
    assert rows[dt.datetime(2026, 4, 1)] == 104
    later = tmp_path / "later"
    later.mkdir()
    path = later / "客服绩效_20260401.csv"
    text = (tmp_path / "客服绩效_20260401.csv").read_text(encoding="utf-8").replace(",52,", ",60,")
    path.write_text(text, encoding="utf-8")
    again = import_exports(path, shop, lang="en")
    row = next(row for row in again.store.history if row.start == dt.datetime(2026, 4, 1))
    assert row.contacts == 120
    assert "104" in row.note


def test_an_unknown_account_is_asked_once(tmp_path, shop):
    """The answer is kept beside the store; with it the account is a person from then on."""
    files = agent_days(tmp_path, unknown=True)
    first = import_exports(files, shop, lang="en")
    asked = [question.value for question in first.exports.questions if question.kind == "agent"]
    assert asked == ["店:不知是谁"]
    assert "One account" in first.exports.text("en") or "1 account" in first.exports.text("en")
    first.save()
    again = import_exports(files, shop, lang="en")
    assert not [question for question in again.exports.questions if question.kind == "agent"]
    person = load_store(shop).agents[1].agent_id
    import_exports(files, shop, answers={"店:不知是谁": person}).save()
    known = read_exports(files, store=shop).tables["agent_day"]
    assert set(known["agent"]) == {agent.agent_id for agent in load_store(shop).agents[:2]}
    assert people_path(shop).exists()


def test_several_accounts_of_one_person_add_up(tmp_path, shop):
    agents = load_store(shop).agents
    text = "旺旺昵称,接待人数,平均响应(秒)\n店:甲,30,20\n店:乙,10,40\n店:丙,7,9\n"
    path = tmp_path / "客服绩效_20260420.csv"
    path.write_text(text, encoding="utf-8")
    one = agents[0].agent_id
    people = read_people(load_store(shop), None).with_answers({"店:甲": one, "店:乙": one, "店:丙": "-"})
    write_people(people, shop)
    rows = read_exports(path, store=shop).tables["agent_day"]
    assert rows[["agent", "receptions", "mean_response_s"]].to_numpy().tolist() == [[one, 40.0, 25.0]]


def test_kept_answers_that_are_no_map_are_refused(tmp_path, shop):
    people_path(shop).write_text("- a list\n", encoding="utf-8")
    with pytest.raises(UserError):
        import_exports(agent_days(tmp_path), shop)


def test_people_are_found_by_name_behind_the_shop():
    people = People(kept={"x": "-"}, names={"小美": "A1"})
    assert (people.find("店:小美"), people.find("店：小美"), people.find("x"), people.find("y")) == (
        "A1",
        "A1",
        "-",
        None,
    )


def test_orders_give_what_the_old_import_gives(tmp_path, shop):
    """The same export through either door: order value, paid share, refund share and hours agree."""
    rows = []
    for day in range(5):
        for number in range(40):
            created = dt.datetime(2026, 9, 1) + dt.timedelta(days=day, hours=number % 24, minutes=number)
            paid = created + dt.timedelta(minutes=2) if number % 5 else ""
            amount, refund = (100.0 + number, 10.0 if number % 10 == 1 else 0.0) if paid else (0.0, 0.0)
            rows.append([f"N{day}{number}", f"buyer{number}", created, paid, amount, refund])
    path = tmp_path / "o.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["订单编号", "买家会员名", "订单创建时间", "订单付款时间", "买家实际支付金额", "退款金额"])
        writer.writerows(rows)
    new = import_exports(path, shop).store
    old = import_orders(path, shop).store
    for key in ("aov_cny", "paid_share", "refund_share"):
        assert [getattr(new.ratio(key), name) for name in ("low", "likely", "high")] == [
            getattr(old.ratio(key), name) for name in ("low", "likely", "high")
        ]
    assert [row.share for row in new.day_profile] == [row.share for row in old.day_profile]
    assert new.store.month_aov_cny == old.store.month_aov_cny


def test_files_of_another_shop_or_platform_stay_out(tmp_path, shop):
    text = "日期,店铺,客服昵称,接待人数,询单人数\n2026-04-20,别人家的店,小美,10,5\n"
    (tmp_path / "别家.csv").write_text(text, encoding="utf-8")
    result = import_exports(tmp_path / "别家.csv", shop, lang="en")
    assert result.changes.empty
    assert "shop" in {question.kind for question in result.exports.questions}
    assert "别家.csv" in " ".join(message.text("en") for message in result.against)
    assert not import_exports(tmp_path / "别家.csv", shop, own_shops=["别人家的店"]).changes.empty


def test_a_waves_own_order_value_wins_and_says_so(tmp_path, shop):
    store = load_store(shop)
    waves = (store.waves[0].model_copy(update={"day_aov_cny": 222.0}), *store.waves[1:])
    save_store(store.model_copy(update={"waves": waves}), shop)
    rows = [
        f"N{k},2026-09-0{1 + k % 4} {k % 24:02d}:00:00,2026-09-0{1 + k % 4} {k % 24:02d}:01:00,99" for k in range(160)
    ]
    path = tmp_path / "o.csv"
    path.write_text("\n".join(["订单编号,订单创建时间,订单付款时间,买家实际支付金额", *rows]), encoding="utf-8")
    result = import_exports(path, shop, lang="en")
    assert "222.00" in " ".join(message.text("en") for message in result.against)
    assert "refund_share" not in set(result.changes["key"])


def test_the_command_shows_changes_and_writes_a_copy(tmp_path, shop):
    agent_days(tmp_path, unknown=True)
    files = [str(path) for path in sorted(tmp_path.glob("客服绩效*.csv"))]
    before = shop.read_bytes()
    arguments = ["import", *files, "--store", str(shop), "--out", str(tmp_path / "out"), "--lang", "en"]
    dry = CliRunner().invoke(app, [*arguments, "--dry-run"])
    assert dry.exit_code == 0
    assert shop.read_bytes() == before
    done = CliRunner().invoke(app, [*arguments, "--save-as", str(tmp_path / "new.xlsx"), "--who", "店:不知是谁=-"])
    assert done.exit_code == 0
    assert "receptions of" in done.output
    assert shop.read_bytes() == before
    assert load_store(tmp_path / "new.xlsx").ratios != load_store(shop).ratios
    wrong = CliRunner().invoke(app, [*arguments, "--who", "nobody"])
    assert wrong.exit_code == 2
    (tmp_path / "none.csv").write_text("a,b\n1,2\n")
    nothing = CliRunner().invoke(app, ["import", str(tmp_path / "none.csv"), "--store", str(shop), "--lang", "en"])
    assert nothing.exit_code == 1
    assert shop.read_bytes() == before


def test_single_chats_become_a_history_by_half_hour(tmp_path, shop):
    """A list of chats counts each half hour; a day that a report calls three times as large is not taken from it."""
    head = "会话ID,会话开始时间,会话结束时间,接待客服,客服首次响应时长,客服平均响应时长,人工接待时长,是否有效会话\n"
    rows = [
        f"c{k},2026-04-01 {10 + k // 20:02d}:{k % 20 * 3:02d}:00,2026-04-01 {11 + k // 20:02d}:59:00,小甲,"
        f"{'00:00:20' if k % 4 else '00:02:00'},00:00:30,00:08:00,是"
        for k in range(40)
    ]
    path = tmp_path / "会话明细_20260401.csv"
    path.write_text(head + "\n".join(rows), encoding="utf-8")
    result = import_exports(path, shop, lang="en")
    history = {row.start: row.contacts for row in result.store.history}
    assert history[dt.datetime(2026, 4, 1, 10, 0)] == 10
    assert history[dt.datetime(2026, 4, 1, 10, 30)] == 10
    report = tmp_path / "客服绩效_20260401.csv"
    report.write_text("旺旺昵称,咨询人数,接待人数,平均响应(秒)\n店:小甲,130,120,30\n", encoding="utf-8")
    alone = import_exports([path, report], shop, lang="en")
    assert alone.store.history == ()  # the workbook refuses a history of one interval
    assert any("Presale has 2026-04-01 alone" in message.text("en") for message in alone.against)
    assert "history" not in set(alone.changes["sheet"])
    next_day = tmp_path / "客服绩效_20260402.csv"
    next_day.write_text(report.read_text("utf-8").replace("130,120", "90,85"), encoding="utf-8")
    both = import_exports([path, report, next_day], shop, lang="en")
    totals = {dt.datetime(2026, 4, 1): 130, dt.datetime(2026, 4, 2): 90}
    assert {row.start: row.contacts for row in both.store.history} == totals


def test_a_night_of_single_chats_becomes_its_actuals(tmp_path, shop):
    """Chats within a wave are the night that came: contacts, answered, and in time by the store's own seconds."""
    head = "会话ID,会话开始时间,会话结束时间,接待客服,客服首次响应时长,客服平均响应时长,人工接待时长,是否有效会话\n"
    times = ("00:00:20", "00:05:00", "-", "00:00:59")
    rows = [
        f"c{k},2026-10-31 20:0{k}:00,2026-10-31 20:30:00,小甲,{wait},00:00:30,00:08:00,是"
        for k, wait in enumerate(times)
    ]
    path = tmp_path / "会话明细_20261031.csv"
    path.write_text(head + "\n".join(rows), encoding="utf-8")
    (row,) = import_exports(path, shop).store.actuals
    assert (row.contacts, row.answered, row.in_time) == (4, 3, 2)


def test_leave_in_a_roster_goes_to_its_people(tmp_path, shop):
    """Days marked as leave are the person's leave from then on; again they change nothing."""
    agent = load_store(shop).agents[0]
    path = tmp_path / "排班表2026年10月.csv"
    path.write_text(f"姓名,10月29日,10月30日,10月31日\n{agent.name},A,假,假\n", encoding="utf-8")
    result = import_exports(path, shop, lang="en")
    spans = [(span.first, span.last) for span in result.store.agents[0].leave]
    assert (dt.date(2026, 10, 30), dt.date(2026, 10, 31)) in spans
    assert result.changes["sheet"].tolist() == ["agents"]
    result.save()
    assert import_exports(path, shop).changes.empty


def own_roster(folder, agents, lang, days=2):
    """Write the kit's own roster of some people: the first works A, the second rests, the third is on leave."""
    frame = pd.DataFrame([{"agent_id": each.agent_id, "name": each.name, "cohort": "own"} for each in agents])
    start = pd.Timestamp("2026-10-30 18:00", tz="Asia/Shanghai")
    begins = [start + pd.Timedelta(days=day) for day in range(days)]
    rows = pd.DataFrame(
        [
            {"agent_id": agents[0].agent_id, "date": at.date(), "shift": "A", "start": at, "end": at + HOUR}
            | {"activity": "chat", "queue": "presale"}
            for at in begins
        ]
    )
    sheets = to_sheets(rows, frame, lang=lang)
    sheets.matrix.iloc[2, -1] = translate("roster.leave_cells", lang).split("|")[-1]
    write_roster(folder / "roster.xlsx", sheets, lang=lang)
    return folder / "roster.xlsx"


@pytest.mark.parametrize("days", [1, 2, 4])
@pytest.mark.parametrize("lang", LANGS)
def test_the_own_roster_is_read(tmp_path, shop, lang, days):
    """The matrix that the kit writes is a roster; namesakes are told apart, its counts are no complaint."""
    store = load_store(shop)
    first, second, third = store.agents[:3]
    agents = (first, second.model_copy(update={"name": first.name}), third)
    save_store(store.model_copy(update={"agents": (*agents, *store.agents[3:])}), shop)
    result = import_exports(own_roster(tmp_path, agents, lang, days), shop, lang=lang)
    roster = result.exports.tables["roster"]
    assert roster["agent"].tolist() == [each.agent_id for each in agents for _ in range(days)]
    rests = ["rest"] * days
    assert roster["shift"].tolist() == [*["A"] * days, *rests, *rests[1:], "leave"]
    assert result.exports.questions == ()
    notes = result.exports.understood["note"].tolist()
    assert notes[0].startswith(("3 人的班表，2026-10-30", "A roster of 3 people, "))
    assert notes[1:] == [translate("exports.roster_counts", lang)] * 2
    assert any("-p roster_file=" in message.text(lang) for message in result.against)


def test_a_roster_of_nobody_is_none(tmp_path, shop):
    """Without a month a roster says how many it has and asks; without people it is no roster; no slot is empty."""
    path = tmp_path / "roster.csv"
    path.write_text("姓名,10月29日,10月30日,10月31日\n小甲,A,B,休\n", encoding="utf-8")
    found = read_exports(path)
    assert found.text("en").startswith("A roster of 1 person whose month is not known; it was not read.")
    assert [question.kind for question in found.questions] == ["day"]
    for rows in ("日期,姓名,班次\n2026-10-31,,A\n", "班次,10月29日,10月30日,10月31日\nA,1,2,3\n"):
        path.write_text(rows, encoding="utf-8")
        found = read_exports(path)
        assert not found.understood["rows"].any()
        assert not any(word in found.text("en") + found.text("zh") for word in (" 0 ", "0 人", ", .", "，。"))


def test_a_chat_record_gives_turns_and_think_time(tmp_path, shop):
    """250 chats of three turns: what is written in one go is one turn, and the buyer thinks for 40 s."""
    rows = ["客户名,消息序号,发送时间,发送内容,发送账号,账号类型"]
    for chat in range(250):
        clock = pd.Timestamp("2026-04-20 09:00") + pd.Timedelta(minutes=chat)
        for turn in range(3):
            for side, after in (("买家", 0), ("买家", 5), ("客服", 25)):
                at = clock + pd.Timedelta(seconds=65 * turn + after)
                rows.append(f"b{chat},{turn},{at:%Y-%m-%d %H:%M:%S},好,x,{side}")
    path = tmp_path / "聊天记录_2026-04-20.csv"
    path.write_text("\n".join(rows), encoding="utf-8")
    ratio = {row.key: row for row in import_exports(path, shop).store.ratios}
    assert ratio["presale_replies"].likely == pytest.approx(3)
    assert ratio["presale_think_s"].likely == pytest.approx(40)


def test_service_figures_have_their_spread(tmp_path, shop):
    """What no sheet asks for is shown with the quantiles of its days."""
    figures = import_exports(agent_days(tmp_path), shop).figures.set_index("export_figure")
    assert figures.loc["unanswered_share", "likely"] == pytest.approx(2 / 104)
    assert figures.loc["mean_response_s", ["low", "likely", "high"]].tolist() == pytest.approx([37.8] * 3)


def test_two_definitions_of_conversion_are_set_side_by_side(tmp_path, shop):
    """The agents' reports say 49 of 187, the shop's report 29.1 % of the same day: both stand in one sentence."""
    agents = tmp_path / "客服绩效_2026-04-05.csv"
    head = "客服昵称,咨询人数,接待人数,询单人数,询单->最终付款人数,平均响应(秒)\n"
    agents.write_text(head + "小甲,150,148,110,30,38\n小乙,110,107,77,19,38\n", encoding="utf-8")
    advisor = tmp_path / "业绩询单.csv"
    titles = "日期,询单人数,当日询单人数,当日付款人数,最终付款人数,最终付款金额,询单最终付款转化率\n"
    advisor.write_text(titles + "2026-04-05,187,180,45,54,6500,29.10%\n", encoding="utf-8")
    found = import_exports([agents, advisor], shop, lang="zh").against
    both = [message.text("en") for message in found if message.key == "exports.two_definitions"]
    assert len(both) == 1
    assert "26.20%" in both[0]
    assert "29.10%" in both[0]
    assert not any(
        message.key == "exports.two_definitions" for message in import_exports(agents, shop, lang="zh").against
    )
    same = advisor.read_text("utf-8").replace("29.10%", "26.40%")
    advisor.write_text(same, encoding="utf-8")
    again = import_exports([agents, advisor], shop, lang="zh").against
    assert not any(message.key == "exports.two_definitions" for message in again)


@pytest.mark.parametrize("lang", LANGS)
def test_an_answer_that_names_nobody_costs_itself_alone(tmp_path, shop, lang):
    """The wrong id is named with the nearest ones, not all; the account is asked about again, the rest is read."""
    agent_days(tmp_path, unknown=True)
    files = sorted(tmp_path.glob("客服绩效*.csv"))
    ids = [agent.agent_id for agent in load_store(shop).agents]
    plain = import_exports(files, shop, lang=lang)
    result = import_exports(files, shop, lang=lang, answers={"店:不知是谁": f"{ids[0]}9", "店:别的": ids[0]})
    [message] = [each for each in result.against if each.key == "exports.nobody"]
    assert all(word in message.text(lang) for word in ("店:不知是谁", f"{ids[0]}9", ids[0]))
    assert len(message.fields["nearest"]) <= 3
    assert len(result.changes) == len(plain.changes)
    assert "店:不知是谁" in [question.value for question in result.exports.questions]
    assert result.people.kept["店:别的"] == ids[0]
