"""What chapter 4 has worked out: the team's targets and each person's share of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from simlib.goals import set_targets, split_targets


@dataclass(frozen=True, kw_only=True)
class GoalsResult:
    """What to aim for.

    Attributes
    ----------
    team : DataFrame
        kpi, floor, stretch.
    people : DataFrame
        agent_id, name, cohort, hours, and each person's share of the team's targets.
    """

    team: pd.DataFrame = field(repr=False)
    people: pd.DataFrame = field(repr=False)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Every table of the chapter, by name."""
        return {"team_targets": self.team, "personal_targets": self.people}


def work_out_goals(*, sales_cny: float, receptions: float, roster: pd.DataFrame, agents: pd.DataFrame) -> GoalsResult:
    """Set the team's targets and split them over the people on the roster."""
    team = set_targets(sales_cny=sales_cny, receptions=receptions)
    return GoalsResult(team=team, people=split_targets(team, roster=roster, agents=agents))
