"""Two headers exchanged leave every cell sound and every row wrong: the person is asked, and is not asked in vain."""

import pytest

from simlib.messages import HOUSE
from simlib.store import check_store, load_store
from simlib.store.problems import list_problems

ACTUALS = [
    ["start", "queue", "contacts", "answered", "in_time"],
    ["2026-10-31 20:00", "presale", 300, 280, 200],
    ["2026-10-31 20:30", "presale", 250, 250, 250],
    ["2026-10-31 21:00", "presale", 200, 190, 150],
]
PHRASES = [
    ["topic", "zh", "en"],
    ["welcome", "您好，请问想了解哪一款？", "Hello, which model do you mean?"],
    ["invoice", "发票随订单开出", None],
    ["delivery", "页面显示送达日，APP 里也有", "The page shows the day."],
]
SHIFTS = [
    ["code", "start", "end", "meal_from", "meal_to", "meal_min"],
    ["D", "09:00", "18:00", "11:00", "13:00", 60],
    ["N", "18:00", "02:00", "20:00", "00:30", 30],
    ["S", "18:00", "22:00", None, None, 0],
]


@pytest.fixture
def full(sound):
    """A sound store with each pair of columns that can be exchanged unseen."""
    sound["agents"] = [[*row, more] for row, more in zip(sound["agents"], ["cost_cny_h", 25, 40], strict=True)]
    sound["waves"] = [[*row, more] for row, more in zip(sound["waves"], ["day_aov_cny", 150, 160], strict=True)]
    return sound | {"actuals": ACTUALS, "phrases": PHRASES, "shifts": SHIFTS}


def exchange(tables, sheet, one, other):
    """Exchange two headers of a sheet."""
    header = list(tables[sheet][0])
    at, to = header.index(one), header.index(other)
    header[at], header[to] = header[to], header[at]
    return tables | {sheet: [header, *tables[sheet][1:]]}


def asked(path):
    """Return the problems of a store, and what is asked about headers."""
    _, problems, notices = check_store(path)
    return problems, [each for each in notices if each.message == "columns_exchanged"]


@pytest.mark.parametrize(
    ("sheet", "one", "other", "typed"),
    [
        ("agents", "agent_id", "name", ("Ann", "A1")),
        ("agents", "cost_cny_h", "capacity", ("5", "25")),
        ("phrases", "zh", "en", (PHRASES[1][2], PHRASES[1][1])),
        ("waves", "day_gmv_cny", "day_aov_cny", ("150", "1000000")),
        ("shifts", "meal_from", "meal_to", ("13:00:00", "11:00:00")),
        ("actuals", "contacts", "answered", ("280", "300")),
        ("actuals", "answered", "in_time", ("200", "280")),
        ("actuals", "contacts", "in_time", ("200", "300")),
    ],
)
def test_headers_exchanged_without_a_wrong_cell_are_asked_about_once(as_book, full, sheet, one, other, typed):
    """One question names both columns and what stands in the first row that shows it; it is no mistake."""
    problems, [notice] = asked(as_book(exchange(full, sheet, one, other)))
    assert problems == ()
    assert (notice.sheet, notice.row, notice.columns) == (sheet, 2, (one, other))
    assert tuple(value.removesuffix(".0") for value in notice.typed) == typed
    assert "表头是不是写反了？" in notice.text("zh")
    assert "are their headers exchanged?" in notice.text("en")


def test_the_tables_as_they_should_be_are_not_asked_about(as_book, full):
    """Equal figures and blank cells show nothing, and rows that are right show that the headers are."""
    assert asked(as_book(full)) == ((), [])


@pytest.mark.parametrize("store", ["appliances.xlsx", "bodycare"])
def test_the_example_stores_are_not_asked_about(store):
    """What a store of ordinary data holds gives no false alarm."""
    problems, questions = asked(HOUSE / "templates" / "stores" / store)
    assert (problems, questions) == ((), [])


@pytest.mark.parametrize(
    "people",
    [
        [("A1", "A1"), ("A2", "A2")],  # names left out for privacy
        [("shop:小美", "K01"), ("shop:小丽", "K02")],  # accounts of the chat client
        [("ann", "Ann Lee"), ("bo", "Bo Wu")],
        [("Ann", "A1"), ("A2", "Bo")],  # a slip in one row is not the header's
        [("小美", "客服01"), ("小丽", "客服02")],
    ],
)
def test_unusual_ids_are_not_asked_about(as_book, sound, people):
    """Only where all ids are names of people and all names are numbers, the headers are doubted."""
    for row, (agent_id, name) in zip(sound["agents"][1:], people, strict=True):
        row[:2] = agent_id, name
    assert asked(as_book(sound)) == ((), [])


def test_duties_that_miss_every_id_lead_to_the_headers(as_book, sound):
    """The duties are right and the list of people is not: one question, and one line in place of one per person."""
    sound["agents"] += [["A3", "Ann", "own", "presale", 5, 93, "yes"]]
    sound["duties"] = [
        ["duty", "kind", "agent_id", "start", "end"],
        ["Live stream", "live", "A1", "2026-10-31 19:30", "2026-10-31 21:00"],
        ["Live stream, second", "live", "A2", "2026-10-31 19:30", "2026-10-31 21:00"],
    ]
    problems, _ = asked(as_book(exchange(sound, "agents", "agent_id", "name")))
    question, twice, *missed = problems
    assert (question.message, question.columns, question.loss) == ("columns_exchanged", ("agent_id", "name"), "nothing")
    assert twice.message == "stands_twice"
    assert [(each.message, each.row, each.value) for each in missed] == [
        ("in_other_column", 2, "A1"),
        ("in_other_column", 3, "A2"),
    ]
    last = list_problems(problems, "zh").splitlines()
    assert len(last) == 3
    assert "多半是那两列的表头写反了" in last[-1]


def test_names_in_place_of_ids_in_the_duties_are_no_matter_of_headers(as_book, sound):
    """Where the list of people is right and the duties name people, the id is suggested as before."""
    sound["duties"] = [
        ["duty", "kind", "agent_id", "start", "end"],
        ["Live stream", "live", "Ann", "2026-10-31 19:30", "2026-10-31 21:00"],
        ["Live stream, second", "live", "Bo", "2026-10-31 19:30", "2026-10-31 21:00"],
    ]
    problems, questions = asked(as_book(sound))
    assert ([each.message for each in problems], questions) == (["not_in_sheet", "not_in_sheet"], [])
    assert problems[0].nearest == "A1 (Ann)"


def test_two_pairs_of_one_sheet_are_two_questions(as_book, full):
    """Both are asked about in the same row, and neither is put into the other's line."""
    full = exchange(exchange(full, "agents", "agent_id", "name"), "agents", "cost_cny_h", "capacity")
    _, questions = asked(as_book(full))
    assert [each.columns for each in questions] == [("agent_id", "name"), ("cost_cny_h", "capacity")]
    assert len(list_problems(questions, "en").splitlines()) == 2


def test_a_doubt_about_headers_refuses_no_store(as_book, sound):
    """A figure that operations still owe leaves the store loadable, and a doubt beside it does, too."""
    del sound["ratios"][2]
    path = as_book(exchange(sound, "agents", "agent_id", "name"))
    assert [each.loss for each in check_store(path).problems] == ["missing"]
    assert len(load_store(path, figures_open=True).agents) == 2
