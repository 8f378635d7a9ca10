"""The room of a drill: one small server on the facilitator's machine, and a page for everybody.

There is one process and one drill; a page holds no state, asks for what it should show, and can be closed and opened
again at any moment. An address contains a key: a team's key shows that team's floor and no other's, and only the
facilitator sees what is going to happen. The server listens on this machine only, unless another address is given.
"""

from simlib.drill_room.room import DrillRoom, open_drill
from simlib.drill_room.screens import BOARD, FACILITATOR, Screens, minutes_seconds
from simlib.drill_room.server import DrillServer

__all__ = ["BOARD", "FACILITATOR", "DrillRoom", "DrillServer", "Screens", "minutes_seconds", "open_drill"]
