"""A notebook's kernel begins with the plan that the kernels of a test run share, as the notebooks of a rehearsal do."""

import os
import pickle
from pathlib import Path

if os.environ.get("SANDTABLE_SHARED_PLAN"):
    from simlib.planning import sharing

    night, store = pickle.loads(Path(os.environ["SANDTABLE_SHARED_PLAN"]).read_bytes())
    _sharing = sharing(night, of=store)  # kept, for it ends when it is forgotten
    _sharing.__enter__()
    del sharing, night, store
del os, pickle, Path
