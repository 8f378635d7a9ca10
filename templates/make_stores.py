"""Make the empty workbook and the two invented stores; every figure in them is drawn here, none is measured.

Run ``python templates/make_stores.py`` from the top of the project. The same seed gives the same bytes.
"""

from __future__ import annotations

import argparse
import datetime as dt
from pathlib import Path

import numpy as np

from simlib.store import Store, save_store, write_template
from simlib.store.models import (
    Actual,
    Agent,
    DateSpan,
    Duty,
    Goal,
    HistoryRow,
    HourShare,
    Incentive,
    Phrase,
    Ratio,
    Rule,
    ScenarioRow,
    Seat,
    Shift,
    StoreInfo,
    Wave,
)
from simlib.streams import stream

SEED = 2026
TODAY = dt.date(2026, 9, 27)  # 34 days before the opening: both stores are always looked at from then
HERE = Path(__file__).resolve().parent
WEEKDAY_LEVEL = np.array([1.04, 1.02, 1.00, 0.99, 0.97, 0.96, 1.02])
GROWTH_A_DAY = 0.0006
DAY_SPREAD_CV = 0.07
STEP_SPREAD_CV = 0.06

SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许邓冯韩曹"
GIVEN = (
    *("子涵", "欣怡", "雨桐", "嘉怡", "思远", "浩然", "晓燕", "丽娜", "志强", "海燕"),
    *("建华", "婷婷", "俊杰", "雪梅", "文静", "佳琪", "明轩", "若曦", "梓萱", "博文"),
    *("春梅", "国栋", "美玲", "鹏飞", "诗雅", "天宇", "秋月", "振华", "可欣", "一鸣"),
)


def bump(hours: np.ndarray, centre: float, width: float) -> np.ndarray:
    """Draw a bell over the day's clock; it wraps round midnight."""
    away = np.abs(hours - centre)
    return np.exp(-((np.minimum(away, 24 - away) / width) ** 2))


def day_shape(kind: str, steps: int) -> np.ndarray:
    """Shape a day of ``steps`` intervals: N normal, E opening at 20:00, L last day; it adds up to 1."""
    hours = (np.arange(steps) + 0.5) * 24 / steps
    shape = 0.04 + 0.9 * bump(hours, 10.8, 2.2) + 0.85 * bump(hours, 15.2, 2.4) + 1.3 * bump(hours, 21.2, 2.1)
    if kind == "E":
        since_opening = np.clip(hours - 20, 0, None)
        shape = 0.8 * shape + 0.5 * bump(hours, 19.8, 1.2) * (hours < 20)
        shape += (hours >= 20) * (1.0 + 2.6 * np.exp(-since_opening / 0.9))
    elif kind == "L":
        shape = shape + 1.3 * np.exp(-hours / 1.1) + 0.5 * bump(hours, 22.5, 1.2)
    return shape / shape.sum()


def draw_history(
    store: str,
    queue: str,
    *,
    level: float,
    first: dt.date,
    last: dt.date,
    steps: int,
    promos: dict[dt.date, tuple[str, str, float]],
) -> list[HistoryRow]:
    """Draw contacts by interval: weekday, growth, busyness, Poisson noise; a promo day has its own shape."""
    chance = stream(SEED, 0, f"{store}.history.{queue}")
    days = [first + dt.timedelta(days=n) for n in range((last - first).days + 1)]
    rows = []
    for day in sorted({*days, *promos}):
        promo, kind, uplift = promos.get(day, (None, "N", 1.0))
        mean = level * WEEKDAY_LEVEL[day.weekday()] * (1 + GROWTH_A_DAY * (day - last).days) * uplift
        mean *= chance.gamma(1 / DAY_SPREAD_CV**2, DAY_SPREAD_CV**2)
        by_step = mean * day_shape(kind, steps) * chance.gamma(1 / STEP_SPREAD_CV**2, STEP_SPREAD_CV**2, steps)
        for step, contacts in enumerate(chance.poisson(by_step)):
            start = dt.datetime.combine(day, dt.time()) + dt.timedelta(days=step / steps)
            rows.append(HistoryRow(start=start, queue=queue, contacts=int(contacts), promo=promo))
    return rows


def own_profile(history: list[HistoryRow]) -> tuple[HourShare, ...]:
    """Count the shares of the hours over the days without a promo."""
    counts = np.zeros(24)
    for row in history:
        if row.promo is None:
            counts[row.start.hour] += row.contacts
    shares = np.round(counts / counts.sum(), 6)
    return tuple(HourShare(hour=hour, share=float(share)) for hour, share in enumerate(shares))


def draw_actuals(store: str, *, day: dt.date, totals: dict[str, float], steps: int) -> tuple[Actual, ...]:
    """Draw what came on an opening day: a little above plan, with replies that slow down after 20:00."""
    chance = stream(SEED, 0, f"{store}.actuals")
    rows = []
    for queue, total in totals.items():
        counts = chance.poisson(total * day_shape("E", steps))
        strain = np.clip(counts / (total * 0.02) - 1, 0, 3)
        human = chance.binomial(counts, 0.61)
        answered = chance.binomial(human, np.clip(0.985 - 0.06 * strain, 0.7, 1))
        in_time = chance.binomial(answered, np.clip(0.93 - 0.16 * strain, 0.3, 1))
        for step in range(steps):
            start = dt.datetime.combine(day, dt.time()) + dt.timedelta(days=step / steps)
            rows.append(
                Actual(
                    start=start,
                    queue=queue,
                    contacts=int(counts[step]),
                    answered=int(answered[step]),
                    in_time=int(in_time[step]),
                )
            )
    return tuple(rows)


def ratio(key: str, low: float, likely: float, high: float, note: str) -> Ratio:
    """State a ratio of the store's own."""
    return Ratio(key=key, low=low, likely=likely, high=high, source="store", note=note)


def shift(code: str, name: str, start: str, end: str, meal_from: str, meal_to: str, meal_min: int = 30) -> Shift:
    """State a shift of the library from its clock times."""
    clock = dt.time.fromisoformat
    return Shift(
        code=code,
        name=name,
        start=clock(start),
        end=clock(end),
        meal_from=clock(meal_from),
        meal_to=clock(meal_to),
        meal_min=meal_min,
    )


# --- an appliances flagship: 116 agents in four cohorts on two sites

# cohort, how many, first skills with their shares, capacity, speed, cost an hour, share who pass the exam, first day
APPLIANCE_COHORTS = (
    ("own", 46, {"presale": 0.5, "aftersale": 0.5}, (6, 9), (1.05, 0.08), 46.0, 0.97, None),
    ("outsourced", 38, {"presale": 0.66, "aftersale": 0.34}, (5, 7), (0.95, 0.08), 32.0, 0.92, dt.date(2026, 10, 8)),
    (
        "student",
        20,
        {"presale": 0.6, "order_change": 0.2, "payment_chasing": 0.2},
        (3, 5),
        (0.8, 0.07),
        22.0,
        0.8,
        dt.date(2026, 10, 12),
    ),
    ("temp", 12, {"aftersale": 0.6, "order_change": 0.4}, (4, 6), (0.85, 0.06), 38.0, 0.9, dt.date(2026, 10, 19)),
)
ID_LETTER = {"own": "A", "outsourced": "B", "student": "S", "temp": "T"}
SECOND_SKILL = {
    "presale": "aftersale",
    "aftersale": "presale",
    "order_change": "aftersale",
    "payment_chasing": "presale",
    "escalation": "aftersale",
}


def appliance_agents(seats: tuple[Seat, ...]) -> tuple[Agent, ...]:
    """Draw the people of the appliances store."""
    chance = stream(SEED, 0, "appliances.agents")
    names = [surname + given for surname in SURNAMES for given in GIVEN]
    chance.shuffle(names)
    usable = [seat.seat for seat in seats if seat.usable]
    agents: list[Agent] = []
    for cohort, count, first_skills, capacity, speed, cost, passes, starts_on in APPLIANCE_COHORTS:
        queues = np.repeat(list(first_skills), np.round(np.array(list(first_skills.values())) * count).astype(int))
        for place in range(count):
            lead = cohort == "own" and place % 8 == 0
            queue = "escalation" if cohort == "own" and place % 12 == 5 else str(queues[min(place, len(queues) - 1)])
            second = SECOND_SKILL[queue] if cohort != "student" or place % 2 else None
            third = "escalation" if lead and queue != "escalation" else None
            passed = chance.random() < passes
            score = chance.uniform(90, 99.5) if passed else chance.uniform(72, 89.5)
            number = len(agents)
            away = place % 15 == 7 and cohort in ("own", "outsourced")
            leave = (DateSpan(first=dt.date(2026, 10, 30), last=dt.date(2026, 11, 1)),) if away else ()
            wish = {3: "2026-10-31 D", 6: "2026-11-01 休", 9: "2026-11-11 C"}.get(place % 14)
            agents.append(
                Agent(
                    agent_id=f"{ID_LETTER[cohort]}{place + 1:03d}",
                    name=names[number],
                    cohort=cohort,
                    skill_1=queue,
                    skill_2=second,
                    skill_3=third,
                    capacity=int(chance.integers(*capacity)),
                    speed=round(float(chance.normal(*speed)), 2),
                    cost_cny_h=cost + 14 if lead else cost,
                    exam_score=round(float(score), 1),
                    qa_pass=bool(passed and chance.random() < 0.97),
                    lead=lead,
                    on_call=cohort == "own" and place % 9 == 4,
                    starts_on=starts_on,
                    seat=usable[number % len(usable)],
                    leave=leave,
                    wishes=wish,
                )
            )
    return tuple(agents)


def appliance_seats() -> tuple[Seat, ...]:
    """Lay out two sites with three rooms; a few machines have not passed their tests."""
    rooms = (("一号职场", "301", 40, "company"), ("一号职场", "302", 32, "company"), ("二号职场", "201", 40, "rented"))
    seats = []
    for site, room, count, machine in rooms:
        for place in range(1, count + 1):
            usable = place % 19 != 0
            seats.append(
                Seat(
                    seat=f"{room}-{place:02d}",
                    site=site,
                    room=room,
                    machine="laptop" if place % 13 == 0 else machine,
                    usable=usable,
                    note=None if usable else "网络测试未通过，待更换",
                )
            )
    return tuple(seats)


def appliances() -> Store:
    """Make the appliances flagship around Double 11 of 2026."""
    opening = dt.date(2026, 10, 31)
    past = {
        dt.date(2025, 10, 31): ("2025双11", "E", 3.7),
        dt.date(2025, 11, 1): ("2025双11", "L", 2.3),
        dt.date(2025, 11, 10): ("2025双11", "E", 2.4),
        dt.date(2025, 11, 11): ("2025双11", "L", 3.1),
        dt.date(2026, 5, 31): ("2026-618", "E", 3.4),
        dt.date(2026, 6, 1): ("2026-618", "L", 2.1),
        dt.date(2026, 6, 17): ("2026-618", "E", 2.0),
        dt.date(2026, 6, 18): ("2026-618", "L", 2.8),
    }
    span = {"first": dt.date(2026, 5, 4), "last": dt.date(2026, 10, 25), "steps": 48, "promos": past}
    history = draw_history("appliances", "presale", level=2200, **span)
    history += draw_history("appliances", "aftersale", level=1080, **span)
    seats = appliance_seats()
    agents = appliance_agents(seats)
    leads = [agent for agent in agents if agent.lead]
    return Store(
        store_id="appliances",
        store=StoreInfo(
            name="示例电器旗舰店（虚构）",
            platform="tmall",
            month_gmv_cny=80_000_000,
            month_aov_cny=1280,
            today=TODAY,
            note="示例店铺，名称、人员和全部数字均为虚构，由 templates/make_stores.py 按固定种子生成。",
        ),
        waves=(
            Wave(
                name="第一波开卖",
                profile="E",
                start=dt.datetime(2026, 10, 31, 20),
                end=dt.datetime(2026, 11, 3, 23, 59),
                day_gmv_cny=10_000_000,
                note="晚八点开卖，当天销售额按 10 月 31 日全天计",
            ),
            Wave(
                name="第二波开卖",
                profile="E",
                start=dt.datetime(2026, 11, 10, 20),
                end=dt.datetime(2026, 11, 10, 23, 59),
                day_gmv_cny=6_400_000,
                note="晚八点开卖",
            ),
            Wave(
                name="最后一天",
                profile="L",
                start=dt.datetime(2026, 11, 11),
                end=dt.datetime(2026, 11, 11, 23, 59),
                month_share=0.11,
                note="按月总GMV的 11% 计",
            ),
        ),
        ratios=(
            ratio("cs_share", 0.25, 0.30, 0.36, "近三个月客服销售占比，大家电咨询多"),
            ratio("conversion", 0.40, 0.45, 0.50, "近三个月询单转化率"),
            ratio("inquiries_per_reception", 0.70, 0.75, 0.80, "近三个月"),
            ratio("presale_share", 0.63, 0.67, 0.71, "近三个月"),
            ratio("bot_share", 0.33, 0.40, 0.46, "上次大促的机器人解决率"),
            ratio("agent_day_capacity", 180, 240, 300, "上次大促人均日接待量"),
            ratio("agent_hour_capacity", 18, 22, 25, "上次大促 20–22 点"),
            ratio("refund_share", 0.09, 0.12, 0.16, "近三个月"),
            ratio("visitors", 115_000, 130_000, 145_000, "运营预估的当天访客"),
            ratio("consult_share", 0.045, 0.055, 0.065, "上次大促"),
            Ratio(key="reserve", low=0.10, likely=0.15, high=0.20, source="field"),
            Ratio(key="occupancy_max", low=0.80, likely=0.85, high=0.90, source="ours"),
            Ratio(key="shrinkage", low=0.05, likely=0.10, high=0.20, source="ours"),
        ),
        history=tuple(history),
        day_profile=own_profile(history),
        agents=agents,
        shifts=(
            shift("A", "早班", "08:00", "16:30", "11:30", "14:00"),
            shift("B", "日班", "10:00", "18:30", "11:30", "14:00"),
            shift("C", "中班", "14:00", "22:00", "17:00", "19:30"),
            shift("D", "晚班", "15:30", "00:00", "17:00", "19:30"),
            shift("E", "大夜衔接班", "18:00", "02:30", "23:00", "01:00"),
            shift("F", "夜班", "23:30", "08:00", "02:00", "05:00"),
        ),
        rules=(
            Rule(key="rest_min_h", value=11, note="两班之间的休息，与默认值相同，写出来便于核对"),
            Rule(key="consecutive_days_max", value=6, note="大促期间也不连续上班超过 6 天"),
        ),
        phrases=appliance_phrases(leads),
        site=seats,
        duties=(
            Duty(
                duty="开卖夜直播间答疑",
                kind="live",
                agent_id=leads[0].agent_id,
                start=dt.datetime(2026, 10, 31, 19, 30),
                end=dt.datetime(2026, 10, 31, 22),
            ),
            Duty(
                duty="开卖夜直播间答疑（副班）",
                kind="live",
                agent_id=agents[3].agent_id,
                start=dt.datetime(2026, 10, 31, 19, 30),
                end=dt.datetime(2026, 10, 31, 22),
            ),
            Duty(
                duty="晚餐订餐与分批就餐",
                kind="logistics",
                owner="行政值班",
                start=dt.datetime(2026, 10, 31, 17),
                end=dt.datetime(2026, 10, 31, 19, 30),
            ),
            Duty(
                duty="设备与网络值守",
                kind="logistics",
                owner="网管值班",
                start=dt.datetime(2026, 10, 31, 18),
                end=dt.datetime(2026, 11, 1, 2),
            ),
        ),
        goals=(
            Goal(kpi="service_level", floor=0.80, stretch=0.90, note="60 秒内首次回复"),
            Goal(kpi="first_response", floor=30, stretch=20, note="秒，越低越好"),
            Goal(kpi="mean_response", floor=25, stretch=18, note="秒，越低越好"),
            Goal(kpi="wangwang_3min", floor=0.95, stretch=0.98, note="平台口径的三分钟人工响应率"),
            Goal(kpi="lost_share", floor=0.05, stretch=0.02, note="等待中流失的比例，越低越好"),
        ),
        incentives=(
            Incentive(
                prize="整点高峰奖",
                basis="20–24 点每小时接待量与平均响应，各占一半",
                selection="每小时第一名，不重复获奖",
                payout="次日班前会公布并随当月工资发放",
                payout_cny=100,
                pay_on=dt.date(2026, 11, 30),
            ),
            Incentive(
                prize="转化冲刺奖",
                basis="售前询单转化率，付款口径，接待不少于 100 人",
                selection="售前组前三名",
                payout="随 11 月工资发放",
                payout_cny=500,
                pay_on=dt.date(2026, 12, 10),
            ),
            Incentive(
                prize="零差错小组奖",
                basis="质检抽检无红线且平均分不低于 95",
                selection="达标小组均可获得",
                payout="团队活动经费",
                payout_cny=800,
                pay_on=dt.date(2026, 12, 10),
            ),
        ),
        actuals=draw_actuals("appliances", day=opening, totals={"presale": 7_500, "aftersale": 3_600}, steps=48),
        scenarios=(
            ScenarioRow(
                name="直播间爆单又停电",
                kind="contacts",
                start=dt.datetime.combine(opening, dt.time(20, 30)),
                end=dt.datetime.combine(opening, dt.time(21, 15)),
                size=1.6,
                queue="presale",
                note="直播间提前上链接，售前咨询多六成",
            ),
            ScenarioRow(
                name="直播间爆单又停电",
                kind="seats_down",
                start=dt.datetime.combine(opening, dt.time(20, 45)),
                end=dt.datetime.combine(opening, dt.time(21, 5)),
                site="二号职场",
            ),
        ),
    )


def appliance_phrases(leads: list[Agent]) -> tuple[Phrase, ...]:
    """Write the quick replies of the appliances store, each with an owner."""
    texts = (
        ("welcome", "presale", "您好，欢迎光临。请告诉我您想了解的型号，我马上为您查。"),
        ("delivery_time", "presale", "您下单时页面会显示预计送达日，大家电以预约配送时间为准。"),
        ("invoice", "presale", "订单完成后可在订单详情里申请电子发票，有疑问我来帮您看。"),
        ("free_shipping", "presale", "页面标注包邮的地区不另收运费，偏远地区请先把地址发我核对。"),
        ("purchase_limit", "presale", "这款活动商品有限购，超出的数量会按页面价格结算。"),
        ("coupon_unavailable", "presale", "请先看优惠券的使用范围和时间，截图发我，我帮您核对原因。"),
        ("price_differs", "presale", "价格以下单页面为准，请把您看到的页面截图发我核对。"),
        ("change_address", "order_change", "未发货的订单可以改地址，请把订单号和新地址发我。"),
        ("same_day_cancel", "aftersale", "我先为您登记取消意愿，核对订单状态后马上回复您。"),
        ("network_down", None, "我们的系统刚才短暂中断，您的问题我已记下，马上按顺序回复。"),
        ("bot_down", None, "现在由人工为您服务，咨询较多，请稍等，我会尽快回复。"),
    )
    return tuple(
        Phrase(topic=topic, queue=queue, zh=text, owner=leads[number % len(leads)].name)
        for number, (topic, queue, text) in enumerate(texts)
    )


# --- a body-care team of twelve, as a folder of tables

BODY_CARE_NAMES = ("Ava", "Ben", "Chloe", "Dan", "Ella", "Finn", "Grace", "Henry", "Iris", "Jack", "Kira", "Leo")


def body_care() -> Store:
    """Make the small body-care team around Double 11 of 2026."""
    chance = stream(SEED, 0, "bodycare.agents")
    past = {
        dt.date(2026, 5, 31): ("618 of 2026", "E", 3.0),
        dt.date(2026, 6, 1): ("618 of 2026", "L", 1.9),
        dt.date(2026, 6, 18): ("618 of 2026", "L", 2.4),
    }
    span = {"first": dt.date(2026, 5, 18), "last": dt.date(2026, 10, 25), "steps": 24, "promos": past}
    history = draw_history("bodycare", "presale", level=330, **span)
    history += draw_history("bodycare", "aftersale", level=170, **span)
    agents = []
    for place, name in enumerate(BODY_CARE_NAMES):
        first = "presale" if place % 3 != 2 else "aftersale"
        agents.append(
            Agent(
                agent_id=f"B{place + 1:02d}",
                name=name,
                cohort="own",
                skill_1=first,
                skill_2=SECOND_SKILL[first],
                skill_3="escalation" if place % 4 == 0 else None,
                capacity=int(chance.integers(5, 8)),
                speed=round(float(chance.normal(1.0, 0.07)), 2),
                cost_cny_h=48.0 if place % 4 == 0 else 36.0,
                exam_score=86.5 if place == 10 else round(float(chance.uniform(90, 99)), 1),
                qa_pass=place != 10,
                lead=place % 4 == 0,
                on_call=place == 7,
                seat=f"S{place + 1:02d}",
                leave=(DateSpan(first=dt.date(2026, 11, 2), last=dt.date(2026, 11, 3)),) if place == 5 else (),
                wishes="2026-11-01 rest" if place == 3 else None,
            )
        )
    return Store(
        store_id="bodycare",
        store=StoreInfo(
            name="Plain Day Body Care (invented example)",
            platform="tmall",
            month_gmv_cny=1_600_000,
            month_aov_cny=96,
            today=TODAY,
            note="Name, people and all figures are invented; templates/make_stores.py draws them with a fixed seed.",
        ),
        waves=(
            Wave(
                name="Evening opening",
                profile="E",
                start=dt.datetime(2026, 10, 31, 20),
                end=dt.datetime(2026, 11, 3, 23, 59),
                day_gmv_cny=125_000,
            ),
            Wave(
                name="Last day",
                profile="L",
                start=dt.datetime(2026, 11, 10, 20),
                end=dt.datetime(2026, 11, 11, 23, 59),
                month_share=0.06,
            ),
        ),
        ratios=(
            ratio("cs_share", 0.20, 0.25, 0.31, "last quarter"),
            ratio("conversion", 0.41, 0.46, 0.51, "last quarter"),
            ratio("bot_share", 0.30, 0.38, 0.45, "the bot's share at the last 618"),
            ratio("agent_hour_capacity", 18, 22, 26, "the last 618, 20:00 to 22:00"),
            Ratio(key="inquiries_per_reception", low=0.65, likely=0.75, high=1.0, source="field"),
            Ratio(key="presale_share", low=0.60, likely=0.67, high=0.75, source="field"),
            Ratio(key="agent_day_capacity", low=100, likely=250, high=400, source="field"),
            Ratio(key="reserve", low=0.10, likely=0.15, high=0.20, source="field"),
            Ratio(key="occupancy_max", low=0.80, likely=0.85, high=0.90, source="ours"),
        ),
        history=tuple(history),
        day_profile=own_profile(history),
        agents=tuple(agents),
        shifts=(
            shift("A", "Early", "08:30", "17:00", "11:30", "14:00"),
            shift("B", "Late", "15:30", "00:00", "17:00", "19:30"),
            shift("C", "Over midnight", "18:00", "02:00", "22:30", "00:30"),
        ),
        rules=(Rule(key="consecutive_days_max", value=5, note="one day less than the default"),),
        phrases=(
            Phrase(
                topic="welcome",
                queue="presale",
                en="Hello! Tell me your skin type and I will find the right size.",
                zh="您好！告诉我您的肤质，我帮您选合适的规格。",
                owner="Ava",
            ),
            Phrase(
                topic="delivery_time",
                queue="presale",
                en="The page shows the day of delivery for your address.",
                zh="页面会按您的地址显示预计送达日。",
                owner="Ella",
            ),
            Phrase(
                topic="change_address",
                queue="order_change",
                en="Before the parcel leaves we can change the address: send me the order number and the new one.",
                zh="发货前可以改地址，请把订单号和新地址发我。",
                owner="Iris",
            ),
        ),
        site=tuple(Seat(seat=f"S{place + 1:02d}", site="Studio", room="Main room") for place in range(12)),
        duties=(
            Duty(
                duty="Answers in the live stream",
                kind="live",
                agent_id="B05",
                start=dt.datetime(2026, 10, 31, 19, 30),
                end=dt.datetime(2026, 10, 31, 21),
            ),
            Duty(
                duty="Dinner in two groups",
                kind="logistics",
                owner="Ava",
                start=dt.datetime(2026, 10, 31, 17),
                end=dt.datetime(2026, 10, 31, 19),
            ),
        ),
        goals=(
            Goal(kpi="service_level", floor=0.80, stretch=0.90, note="first reply within 60 s"),
            Goal(kpi="first_response", floor=30, stretch=20, note="seconds, lower is better"),
        ),
        incentives=(
            Incentive(
                prize="Peak hour prize",
                basis="contacts served from 20:00 to 22:00 with a mean response under 25 s",
                selection="the best of each hour, nobody twice",
                payout="with the November pay",
                payout_cny=100,
                pay_on=dt.date(2026, 12, 10),
            ),
        ),
        actuals=draw_actuals(
            "bodycare", day=dt.date(2026, 10, 31), totals={"presale": 940, "aftersale": 440}, steps=24
        ),
        scenarios=(
            ScenarioRow(
                name="The router dies at the opening",
                kind="seats_down",
                start=dt.datetime(2026, 10, 31, 20, 5),
                end=dt.datetime(2026, 10, 31, 20, 35),
                room="Main room",
            ),
        ),
    )


def main() -> None:
    """Write everything that this folder holds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE, help="folder to write to")
    out = parser.parse_args().out
    write_template(out / "store.xlsx", "zh")
    save_store(appliances(), out / "stores" / "appliances.xlsx", "zh")
    save_store(body_care(), out / "stores" / "bodycare")


if __name__ == "__main__":
    main()
