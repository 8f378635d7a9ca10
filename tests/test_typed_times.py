"""One reader of a time of the night: the same typed times through repair, tonight, drill and scenarios."""

import pandas as pd
import pytest

from simlib import plan
from simlib.drill.game import read_schedule
from simlib.messages import HOUSE, UserError
from simlib.stress.scenarios import moment_of

SMALL = HOUSE / "templates" / "stores" / "bodycare"
DAY = "2026-10-31"
TYPED = {
    "20:05": f"{DAY} 20:05",
    "8:05": f"{DAY} 08:05",
    "08:05": f"{DAY} 08:05",
    "01:30": "2026-11-01 01:30",
    "1:30": "2026-11-01 01:30",
    "25:30": "2026-11-01 01:30",
    "24:00": "2026-11-01 00:00",
    "10-31 01:30": f"{DAY} 01:30",
    "2026-11-01 01:30": "2026-11-01 01:30",
    "20点05分": f"{DAY} 20:05",
    "次日1:30": "2026-11-01 01:30",
}
WRONG = ("77:00", "soon", "20:61", "", "29:00")


@pytest.fixture(scope="module")
def night():
    """The small example store's evening opening, with an empty roster: no time is read from it."""
    planned = plan(SMALL, seed=7)
    vars(planned)["requirement"] = None
    return planned


def make_night(planned):
    """Return the night without anybody on it."""
    columns = ["agent_id", "queue", "start", "end", "activity"]
    return planned.inputs.make_night(planned.forecast, pd.DataFrame(columns=columns), aov_cny=100.0)


@pytest.mark.parametrize(("typed", "meant"), TYPED.items())
def test_a_typed_time_means_the_same_everywhere(night, typed, meant):
    """A time typed for a repair, for the actuals, for a drill's incident and for a scenario is the same instant."""
    instant = pd.Timestamp(meant, tz="Asia/Shanghai")
    floor = make_night(night)
    assert night.inputs.read_moment(typed) == instant
    assert moment_of(floor, typed) == instant
    if instant < floor.grid.starts[-1]:
        (scenario,) = read_schedule(floor, f"bot_down {typed}")
        assert scenario.start == instant


@pytest.mark.parametrize("typed", WRONG)
def test_what_is_no_time_is_refused_everywhere_with_a_sentence(night, typed):
    """What cannot be read ends nowhere in a traceback."""
    floor = make_night(night)
    with pytest.raises(UserError):
        night.inputs.read_moment(typed)
    with pytest.raises(UserError):
        moment_of(floor, typed)
    with pytest.raises(UserError):
        read_schedule(floor, f"bot_down {typed}" if typed else "bot_down")
