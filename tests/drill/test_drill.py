"""The drill: nothing that is decided changes the past, the log is the game, and good play beats bad play."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from simlib.drill.floor import DARK, Moment, cut_night, simulate_floor
from simlib.drill.game import Drill, DrillError, Rules, draw_schedule, fingerprint, read_schedule
from simlib.drill.log import FolderLock, read_opening
from simlib.drill.play import SCRIPTS, Hindsight, find_best_play, play_badly, play_idle, play_out, play_well
from simlib.messages import UserError
from simlib.report.pages import drill as drill_pages
from simlib.simulator.draw import slowdown_from_curve, slowdown_from_ratio
from simlib.stress import Incident, Lever, Scenario
from tests.conftest import clock

NINE = "21:00"


def scenario(kind, start, end, name="power_cut", card="power_cut", **details):
    """Make a scenario of one incident."""
    incident = Incident(kind=kind, start=clock(start), end=clock(end), **details)
    return Scenario(name=name, incidents=(incident,), cards=(card,))


SCHEDULED = (
    scenario("bot_down", "21:05", "21:45", name="bot_down", card="bot_down"),
    scenario("seats_down", "22:10", "22:40", room="N1", name="network_down", card="network_down"),
)


def opened(night, folder=None, *, teams=2, scenarios=SCHEDULED, **how):
    """Open a drill of three hours in rounds of ten minutes."""
    how = {"minutes": 180, "round_min": 10, "starts": clock(NINE), "seed": 7} | how
    return Drill.open(night, folder=folder, teams=teams, scenarios=scenarios, **how)


def go(drill, rounds):
    """Let some rounds pass."""
    for _ in range(rounds):
        drill.advance()


def seen(drill, team):
    """Return what a team sees as text, its moves and decisions left out: what they change lies ahead."""
    view = drill.view(team)
    tables = [view.queues, view.agents[["agent_id", "room"]], view.course]
    return "\n".join(table.to_csv() for table in tables)


# --- the floor --------------------------------------------------------------------------------------------


def moments(floor, minutes):
    """Say what a floor knows at a minute of the drill."""
    moment = Moment(floor=floor, start_s=3600.0, now_s=3600.0 + 60.0 * minutes)
    return (
        moment.waiting().to_csv(),
        str(moment.lately(600.0)),
        moment.sales(),
        moment.agents().head(12).to_csv(),
        str(moment.platform_rate()),
    )


@pytest.mark.parametrize(
    ("kind", "size"),
    [
        ("call_pool", 3.0),
        ("raise_concurrency", 2.0),
        ("extend_shifts", 60.0),
        ("move_breaks", None),
        ("shift_bot_share", 0.2),
        ("triage_aftersale", None),
        ("hand_over_sites", None),
    ],
)
@pytest.mark.parametrize("minute", [20, 40, 80])
def test_no_lever_changes_the_past(night, kind, size, minute):
    """Whatever is decided at a minute, what was known a second before it stays the same to the last digit."""
    cut = cut_night(night, starts=clock(NINE), minutes=180)
    with_incidents = SCHEDULED[1].apply_to(
        Incident(kind="seats_down", start=clock("21:10"), end=clock("22:20"), room="N2").apply_to(cut)
    )
    first = Lever(kind="raise_concurrency", decided=clock("21:10"), until=clock("21:50"), size=1.0)
    decided = clock(NINE) + pd.Timedelta(minutes=minute)
    with_levers = Lever(kind=kind, decided=decided, until=decided + pd.Timedelta(minutes=65), size=size)
    before = simulate_floor(with_incidents, [first], seed=7, more=2)
    after = simulate_floor(with_incidents, [first, with_levers], seed=7, more=2)
    for earlier in (1 / 60, 7, 19):
        assert moments(before, minute - earlier) == moments(after, minute - earlier)


def test_placeholders_leave_the_floor_as_it_is(night):
    """With room for two chats more that nobody asks for, the night is the plan's own but for who breaks a tie."""
    cut = cut_night(night, starts=clock(NINE), minutes=180)
    outcomes = [simulate_floor(cut, [], seed=seed, more=more).log.contacts for seed in range(4) for more in (0, 2)]
    for plain, held in zip(outcomes[::2], outcomes[1::2], strict=True):
        assert len(plain) == len(held)
        assert (plain["arrival"] == held["arrival"]).all()
        served = [(table["outcome"] == "served").mean() for table in (plain, held)]
        assert abs(served[0] - served[1]) < 0.03
    waits = [np.nanmean([table["first_reply"] - table["asked"]]) for table in outcomes]
    assert abs(np.mean(waits[::2]) - np.mean(waits[1::2])) < 0.1 * np.mean(waits[::2])


def test_a_raised_limit_is_used_and_given_back(night):
    """Nobody holds more than the limit before and well after the raise, and somebody does in between."""
    cut = cut_night(night, starts=clock(NINE), minutes=180)
    crowd = replace(cut, forecast=cut.forecast.assign(contacts=cut.forecast["contacts"] * 3))
    raised = Lever(kind="raise_concurrency", decided=clock("21:30"), until=clock("22:00"), size=2.0)
    floor = simulate_floor(crowd, [raised], seed=7, more=2)

    def most(minutes):
        looks = [Moment(floor=floor, start_s=3600.0, now_s=3600.0 + 60.0 * minute) for minute in minutes]
        return max(look.agents()["open_chats"].dropna().max() for look in looks)

    assert most(range(5, 30)) == 4
    assert most(range(31, 60)) == 6
    assert most(range(80, 120, 5)) == 4


def test_chats_of_a_dark_room_wait_until_somebody_orders_otherwise(night):
    """Without the order nobody else takes the dark room's chats; with it they are handed over two minutes later."""
    cut = cut_night(night, starts=clock(NINE), minutes=180)
    dark = Incident(kind="seats_down", start=clock("21:10"), end=clock("22:30"), room="N1").apply_to(cut)
    order = Lever(kind="hand_over_sites", decided=clock("21:30"), until=clock("22:30"))
    without, ordered = (simulate_floor(dark, levers, seed=7, more=2).log.contacts for levers in ([], [order]))
    assert without["transfers"].sum() == 0
    moved = ordered[ordered["transfers"] > 0]
    assert len(moved) > 0
    assert (moved["end"].fillna(np.inf) > 3600 + 32 * 60).all()


def test_the_phantom_seat_is_played(night):
    """It goes on taking chats until it is logged off and loses buyers; the order to hand over saves some of them."""
    cut = cut_night(night, starts=clock(NINE), minutes=180)
    left = Incident(kind="seat_left", start=clock("21:10"), end=clock("22:30"), size=15.0, seat="seat-00").apply_to(cut)
    order = Lever(kind="hand_over_sites", decided=clock("21:26"), until=clock("22:30"))
    whole = simulate_floor(cut, [], seed=7, more=2).log
    alone, ordered = (simulate_floor(left, levers, seed=7, more=2).log for levers in ([], [order]))
    taken = alone.contacts["assigned"].between(4200.0, 5100.0) & (alone.contacts["agent"] == 0)
    assert taken.any()
    assert not alone.turns.loc[alone.turns["agent"] == 0, "replied"].between(4200.0, 9000.0).any()
    lost = [int((log.contacts["outcome"].isin(["abandoned", "silent", "unserved"])).sum()) for log in (whole, alone)]
    assert lost[1] > lost[0]
    assert alone.contacts["transfers"].sum() == 0
    assert ordered.contacts["transfers"].sum() > 0


@pytest.mark.parametrize(
    "slowdown",
    [slowdown_from_ratio(8, capacity_max=20), slowdown_from_curve({2: 1.02, 4: 1.4, 6: 1.5}, capacity_max=20)],
    ids=["ratio", "curve"],
)
def test_placeholders_are_no_chats_that_slow_anybody_down(night, slowdown):
    """With a slow-down by open chats the held places change nothing but who breaks a tie."""
    slow = replace(night, policy=replace(night.policy, slowdown=slowdown))
    cut = cut_night(slow, starts=clock(NINE), minutes=180)
    plain, held = (simulate_floor(cut, [], seed=7, more=more).log.agents["busy"].sum() for more in (0, 2))
    free = (
        simulate_floor(cut_night(night, starts=clock(NINE), minutes=180), [], seed=7, more=0).log.agents["busy"].sum()
    )
    assert abs(held / plain - 1) < 0.01
    assert plain > free
    crowd = replace(cut, forecast=cut.forecast.assign(contacts=cut.forecast["contacts"] * 3))
    raised = Lever(kind="raise_concurrency", decided=clock("21:30"), until=clock("22:00"), size=2.0)
    with_raise, without = (simulate_floor(crowd, levers, seed=7, more=2).log.turns for levers in ([raised], []))
    later = [turns.loc[turns["sent"].between(5400.0 + 600.0, 7200.0)] for turns in (with_raise, without)]
    per_reply = [float((turns["replied"] - turns["sent"]).median()) for turns in later]
    assert per_reply[0] > per_reply[1]  # two more chats each make everybody's buyers wait longer


def test_a_dark_screen_is_unknown_not_zero(night):
    """Where the network is out the state is dark and the chats are not known; elsewhere they are."""
    drill = opened(night)
    go(drill, 8)
    agents = drill.view(1).agents.set_index("agent_id")
    dark = agents[agents["room"] == "N1"]
    assert (dark.loc[dark["state"] != "off", "state"].isin([DARK, "resting"])).all()
    assert dark.loc[dark["state"] == DARK, "open_chats"].isna().all()
    assert agents.loc[agents["room"] == "S1", "open_chats"].notna().any()


def test_a_floor_all_dark_sees_no_queue(night):
    """While every seat is down nobody knows how many wait."""
    drill = opened(night, scenarios=(scenario("seats_down", "21:35", "22:05", name="tool_down", card="tool_down"),))
    go(drill, 4)
    view = drill.view(1)
    assert view.queues.empty
    assert np.isnan(view.now["platform_rate_so_far"])
    go(drill, 3)
    assert not drill.view(1).queues.empty


# --- the game ---------------------------------------------------------------------------------------------


def test_teams_meet_the_same_night(night):
    """Two teams that do nothing see the same; one that acts sees another night from then on only."""
    drill = opened(night)
    go(drill, 2)
    assert seen(drill, 1) == seen(drill, 2)
    drill.move(1, "command", "call_pool", 6.0)
    assert seen(drill, 1).splitlines()[:5] == seen(drill, 2).splitlines()[:5]
    go(drill, 4)
    assert seen(drill, 1) != seen(drill, 2)


def test_signs_come_after_their_incident(night):
    """Nothing of an incident is shown before it can be noticed, and nothing of what has not begun."""
    drill = opened(night)
    assert drill.view(1).signs == ()
    go(drill, 1)
    assert drill.view(1).signs == ("bot_down",)
    go(drill, 6)
    assert drill.view(1).signs == ("bot_down",)
    go(drill, 1)
    assert drill.view(1).signs == ("bot_down", "network_down")


def test_moves_have_delay_cooldown_and_limits(night):
    """The pool comes ten minutes later, cannot be called again for a quarter of an hour, and is used up at twelve."""
    drill = opened(night)
    drill.move(1, "floor", "call_pool", 6.0)
    assert (drill.levers(1)[0].works_from - clock(NINE)).total_seconds() == 600
    with pytest.raises(DrillError) as refused:
        drill.move(1, "floor", "call_pool", 6.0)
    assert refused.value.key == "cooling_down"
    go(drill, 2)
    drill.move(1, "floor", "call_pool", 6.0)
    go(drill, 2)
    with pytest.raises(DrillError) as refused:
        drill.move(1, "floor", "call_pool", 3.0)
    assert refused.value.key == "none_left"
    assert drill.levers(2) == ()


REFUSED = [
    (lambda d: d.move(9, "command", "call_pool", 6.0), "unknown_team"),
    (lambda d: d.move(1, "king", "call_pool", 6.0), "unknown_role"),
    (lambda d: d.move(1, "command", "pray"), "unknown_move"),
    (lambda d: d.move(1, "aftersale", "call_pool", 6.0), "role_may_not"),
    (lambda d: d.move(1, "command", "call_pool", 7.0), "move_size"),
    (lambda d: d.call_card(1, "floor", "meteor"), "unknown_card"),
    (lambda d: d.advance(5), "round_passed"),
    (lambda d: d.rewind(5), "cannot_rewind"),
    (lambda d: d.inject("meteor"), "unknown_scenario"),
    (lambda d: d.inject("no_shows"), "not_in_the_middle"),
    (lambda d: d.pause(paused=False), "goes_on"),
]


@pytest.mark.parametrize(("step", "key"), REFUSED, ids=[key for _, key in REFUSED])
def test_what_cannot_be_is_a_sentence_and_the_game_goes_on(night, step, key):
    """A step that the rules do not allow is refused in both languages, leaves no trace, and the next one works."""
    drill = opened(night)
    with pytest.raises(DrillError) as refused:
        step(drill)
    assert refused.value.key == key
    for lang in ("zh", "en"):
        assert refused.value.text(lang).endswith("。" if lang == "zh" else ".")
    assert len(drill.log.entries) == 1
    drill.advance()
    assert drill.state.round == 1


def test_cards_and_phrases_are_not_played_twice_at_once(night):
    """A card called a second time within the cooldown is a sentence, later it is allowed."""
    drill = opened(night)
    for play, key in ((drill.call_card, "card_twice"), (drill.use_phrase, "phrase_twice")):
        play(1, "floor", "bot_down")
        with pytest.raises(DrillError) as refused:
            play(1, "floor", "bot_down")
        assert refused.value.key == key
    go(drill, 2)
    drill.call_card(1, "floor", "bot_down")


def test_a_pause_holds_everything(night):
    """Paused, no team decides and no round passes; then both do."""
    drill = opened(night)
    drill.pause()
    for step in (lambda: drill.move(1, "command", "call_pool", 6.0), drill.advance):
        with pytest.raises(DrillError) as refused:
            step()
        assert refused.value.key == "is_paused"
    drill.pause(paused=False)
    drill.move(1, "command", "call_pool", 6.0)
    drill.advance()


def test_the_end_is_the_end(night):
    """After the last round nothing can be decided."""
    drill = opened(night, minutes=60, scenarios=SCHEDULED[:1])
    go(drill, 6)
    with pytest.raises(DrillError) as refused:
        drill.move(1, "command", "call_pool", 6.0)
    assert refused.value.key == "is_over"


def test_rewinding_undoes_what_came_after(night):
    """Back at a round, its decisions and what was injected since are gone; the same steps lead to the same place."""
    drill = opened(night)
    go(drill, 2)
    early = seen(drill, 1)
    drill.move(1, "command", "call_pool", 6.0)
    drill.inject("surge")
    go(drill, 2)
    late = seen(drill, 1)
    drill.rewind(2)
    assert drill.levers(1) == ()
    assert drill.state.injected == ()
    assert seen(drill, 1) == early
    drill.move(1, "command", "call_pool", 6.0)
    drill.inject("surge")
    go(drill, 2)
    assert seen(drill, 1) == late


def test_an_injected_incident_reaches_all_teams_from_now_on(night):
    """What was seen before stays; from now on more buyers come to everybody."""
    drill, calm = opened(night, scenarios=()), opened(night, scenarios=())
    for each in (drill, calm):
        go(each, 6)
    drill.inject("surge")
    assert seen(drill, 2) == seen(calm, 2)
    for each in (drill, calm):
        go(each, 4)
    assert drill.view(2).course["offered"].sum() > calm.view(2).course["offered"].sum()


# --- the log ----------------------------------------------------------------------------------------------


def played(night, folder):
    """Play some rounds of a drill that is kept on the disk."""
    drill = opened(night, folder)
    drill.move(1, "command", "call_pool", 6.0)
    go(drill, 2)
    drill.call_card(2, "floor", "bot_down")
    drill.move(2, "operations", "shift_bot_share", 0.1)
    go(drill, 3)
    return drill


def test_a_crash_loses_nothing(night, tmp_path):
    """A drill read back from its log has the same state, the same screens and the same scores."""
    drill = played(night, tmp_path / "one")
    again = Drill.resume(night, tmp_path / "one")
    assert again.state == drill.state
    assert again.notices == ()
    for team in drill.teams:
        assert seen(again, team) == seen(drill, team)
        assert again.score(team).total == drill.score(team).total
    again.advance()
    assert len((tmp_path / "one" / "log.jsonl").read_bytes().splitlines()) == len(again.log.entries)


def test_the_same_game_is_the_same_bytes(night, tmp_path):
    """The same seed and the same steps write the same log, wherever."""
    logs = []
    for name in ("one", "two"):
        played(night, tmp_path / name)
        logs.append((tmp_path / name / "log.jsonl").read_bytes())
    assert logs[0] == logs[1]


def test_a_log_names_its_store_and_one_of_before_still_fits_its_chain(night, tmp_path):
    """The first line has the store's id and name; a log without them has the bytes it always had, and is read."""
    opened(night, tmp_path / "named", store="lamps", shop="Lamps")
    first = read_opening(tmp_path / "named" / "log.jsonl")
    assert (first.store, first.shop) == ("lamps", "Lamps")
    opened(night, tmp_path / "before")
    line = (tmp_path / "before" / "log.jsonl").read_text()
    assert not {"store", "shop"} & set(json.loads(line)["entry"])
    assert Drill.resume(night, tmp_path / "before").notices == ()


@pytest.mark.parametrize("line", range(1, 9))
def test_an_edited_log_goes_on_from_its_last_good_line(night, tmp_path, line):
    """A line that was edited by hand is set aside with all that follow it, said in a sentence, and the game goes on."""
    drill = played(night, tmp_path)
    path = tmp_path / "log.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == len(drill.log.entries) == 9
    entry = json.loads(lines[line])
    entry["entry"] = {"kind": "advance", "round": 17}
    path.write_bytes(b"".join([*lines[:line], json.dumps(entry).encode() + b"\n", *lines[line + 1 :]]))
    again = Drill.resume(night, tmp_path)
    assert [notice.key for notice in again.notices] == ["set_aside"]
    assert str(line + 1) in again.notices[0].text("en")
    assert path.read_bytes() == b"".join(lines[:line])
    assert len((tmp_path / "set_aside_1.jsonl").read_bytes().splitlines()) == 9 - line
    again.advance()
    assert Drill.resume(night, tmp_path).state == again.state


def test_a_line_that_breaks_off_is_set_aside(night, tmp_path):
    """A power cut in the middle of a write costs that line and no other."""
    drill = played(night, tmp_path)
    path = tmp_path / "log.jsonl"
    path.write_bytes(path.read_bytes()[:-20])
    again = Drill.resume(night, tmp_path)
    assert [notice.key for notice in again.notices] == ["set_aside"]
    assert again.state.round == drill.state.round - 1


def test_a_forged_line_that_breaks_the_rules_is_set_aside(night, tmp_path):
    """A line that fits the chain but that the rules do not allow is no step either."""
    drill = played(night, tmp_path)
    from simlib.drill.log import Advanced

    drill.log.append(Advanced(round=17))
    again = Drill.resume(night, tmp_path)
    assert [notice.key for notice in again.notices] == ["set_aside"]
    assert again.state == drill.state


def test_a_log_of_another_night_is_refused(night, tmp_path):
    """A log is not replayed on another roster; a folder with a drill is not opened twice; an empty one has none."""
    played(night, tmp_path)
    other = replace(night, roster=night.roster.iloc[:-1])
    for step, key in (
        (lambda: Drill.resume(other, tmp_path), "other_night"),
        (lambda: opened(night, tmp_path), "exists"),
        (lambda: Drill.resume(night, tmp_path / "nowhere"), "nothing_there"),
        (lambda: opened(night, teams=9), "teams"),
        (lambda: opened(night, round_min=7), "rounds"),
    ):
        with pytest.raises(DrillError) as refused:
            step()
        assert refused.value.key == key
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"{}\n" + path.read_bytes())
    with pytest.raises(DrillError) as refused:
        Drill.resume(night, tmp_path)
    assert refused.value.key == "no_beginning"
    assert fingerprint(night) != fingerprint(other)


# --- the schedule, and what it is worth ------------------------------------------------------------------


def test_the_schedule_is_the_seed_s(night):
    """The same seed schedules the same; another something else; nothing begins outside the drill or twice."""
    cut = cut_night(night, starts=clock(NINE), minutes=180)
    schedules = [draw_schedule(cut, clock(NINE), 180, seed=seed) for seed in (7, 7, 8, 9, 10)]
    assert schedules[0] == schedules[1]
    assert len({tuple((each.name, each.start) for each in schedule) for schedule in schedules}) > 2
    for schedule in schedules:
        assert len(schedule) == Rules.of_playbook().incidents
        assert len({each.name for each in schedule}) == len(schedule)
        for each in schedule:
            assert clock(NINE) < each.start < clock("23:59")
            each.apply_to(cut)


def test_a_schedule_can_be_written_down(night):
    """Named scenarios begin at the written times; what cannot be read, is not known or lies elsewhere is a sentence."""
    schedule = read_schedule(night, "bot_down 21:05, network_down 22:20，wrong_coupon 22:40")
    assert [each.name for each in schedule] == ["bot_down", "network_down", "wrong_coupon"]
    assert [each.start for each in schedule] == [clock("21:05"), clock("22:20"), clock("22:40")]
    assert read_schedule(night, " ") is None
    for text, key in (
        ("bot_down", "drill.schedule_form"),
        ("bot_down soon", "clock.unread"),
        ("bot_dwn 21:05", "stress.unknown_scenario"),
        ("bot_down 13:05", "clock.outside"),
        ("no_shows 21:05", "drill.not_in_the_middle"),
    ):
        with pytest.raises(UserError) as refused:
            read_schedule(night, text)
        assert refused.value.messages[0].key == key
    (evening,) = read_schedule(night, "bot_down 9pm")
    assert evening.start == clock("21:00")


def test_written_incidents_fit_a_drill_of_any_length(night):
    """Incidents that begin in a short drill are cut to it, however long they last; their own times are kept."""
    schedule = read_schedule(night, "bot_down 21:05, network_down 21:20, wrong_coupon 21:40")
    drill = opened(night, minutes=60, round_min=30, scenarios=schedule)
    assert [each.start for each in drill.state.happens] == [clock("21:05"), clock("21:20"), clock("21:40")]
    closes = drill.night.grid.times(drill.night.grid.edges_s[-1:])[0]
    assert all(incident.end <= closes for each in drill.state.happens for incident in each.incidents)
    go(drill, 2)
    assert len(drill.score(1).by_card) == 3


@pytest.mark.parametrize(("written", "key"), [("22:40", "outside_drill"), ("20:40", "before_drill")])
def test_an_incident_outside_the_drill_is_named_by_the_time_that_was_typed(night, tmp_path, written, key):
    """The message has the typed time and the drill's own ends, and nothing is written."""
    schedule = read_schedule(night, f"bot_down {written}")
    with pytest.raises(DrillError) as refused:
        opened(night, tmp_path / "drill", minutes=60, round_min=30, scenarios=schedule)
    assert refused.value.key == key
    assert all(word in refused.value.text("en") for word in (written, "21:00"))
    assert not (tmp_path / "drill").exists()


def test_one_folder_has_one_holder(tmp_path):
    """A second lock on a drill's folder is refused until the first is released; a leftover file is no lock."""
    first, second = FolderLock(tmp_path), FolderLock(tmp_path)
    assert first.acquire()
    assert not second.acquire()
    first.release()
    assert (tmp_path / "lock").exists()
    assert second.acquire()
    second.release()


def test_a_team_that_does_nothing_has_fifty_points(night):
    """The score is measured against a floor that nobody leads, so that floor has half of all there is."""
    drill = opened(night, minutes=120)
    play_out(drill, {1: play_idle, 2: play_idle})
    score = drill.score(1)
    assert (score.total, score.sales, score.platform_rate, score.fatigue, score.cards) == (50.0,) * 5


def test_cards_are_judged_by_what_they_say(night):
    """Called in time by its role with two of its moves and its phrase, a card is worth all; a wrong one costs."""
    drill = opened(night, scenarios=SCHEDULED[:1])
    go(drill, 1)
    drill.call_card(1, "floor", "bot_down")
    drill.use_phrase(1, "floor", "bot_down")
    drill.move(1, "floor", "call_pool", 6.0)
    drill.move(1, "floor", "move_breaks")
    drill.call_card(2, "logistics", "sold_out")
    go(drill, 1)
    whole = drill.score(1).by_card.iloc[0]
    assert whole["points"] == pytest.approx(100)
    assert drill.score(1).cards == 100
    assert (drill.score(2).cards, drill.score(2).wrong) == (40, 1)
    assert np.isnan(drill.score(2).by_card.iloc[0]["called"])


def judge_scripts(night, *, seeds):
    """Return the mean score of each scripted team over some nights."""
    totals = {name: [] for name in SCRIPTS}
    for seed in seeds:
        drill = opened(night, teams=3, scenarios=None, seed=seed, round_min=30)
        play_out(drill, dict(zip((1, 2, 3), SCRIPTS.values(), strict=True)))
        for team, name in enumerate(SCRIPTS, start=1):
            totals[name].append(drill.score(team).total)
    return {name: np.mean(values) for name, values in totals.items()}


def test_good_play_beats_no_play_beats_bad_play(night):
    """Three nights, each played by three scripted teams: the means stand in this order, well apart.

    tests/prove/prove_play.py plays six.
    """
    means = judge_scripts(night, seeds=range(3))
    assert means["good"] > means["idle"] + 5
    assert means["idle"] == 50
    assert means["bad"] < means["idle"] - 2


@pytest.mark.parametrize(("ahead", "shown"), [(5.0, True), (0.0, False), (-5.0, False)])
def test_a_team_that_beats_the_search_learns_why(night, ahead, shown):
    """Where a team has more points than the best play found, the debrief explains that a search is no proof."""
    score = opened(night).score(1)
    nothing = pd.DataFrame(columns=["clock", "kind", "size", "points", "scenario"])
    best = Hindsight(levers=(), score=replace(score, total=score.total - ahead), gains=nothing)
    html = drill_pages._show_score(score, best, lang="en").html
    assert ("better than the search" in html) == shown


def test_hindsight_is_at_least_as_good_as_any_play(night):
    """The best play found scores above the scripted teams, keeps the rules, and its gains add up."""
    drill = opened(night, teams=2, round_min=30)
    play_out(drill, {1: play_well, 2: play_badly})
    reported: list[float] = []
    best = find_best_play(drill, most=3, on_progress=reported.append)
    assert reported == sorted(reported)
    assert 0 < reported[0] < reported[-1] <= 1
    assert best.score.total >= max(drill.score(1).total, drill.score(2).total) - 1
    assert (best.gains["points"] > 0).all()
    assert len(best.levers) == len(best.gains) <= 3


def test_a_drill_travels_to_another_process_by_its_log(night):
    """What is pickled is the night and the log; every score that follows from them is the same on the other side."""
    drill = opened(night)
    drill.advance()
    again = pickle.loads(pickle.dumps(drill))
    assert again.log.entries == drill.log.entries
    assert [again.score(team).total for team in again.teams] == [drill.score(team).total for team in drill.teams]
    assert again.night.grid == drill.night.grid
